"""The last states of the whole policy: all its parts in one file, restored together."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from engrain.base.errors import ConfigError, SnapshotError
from engrain.learning.persistence import Stateful, load_state, save_state
from engrain.policy.nets import ModuleState

_PATTERN = "policy-*.safetensors"


class Checkpoints:
    """A folder with the newest checkpoints of a policy.

    Each is one safetensors file with its JSON in the header and a checksum: it appears whole or not
    at all, so that no part is ever of another step than the rest.

    Parameters
    ----------
    folder : path-like
        Made where it is missing.
    keep : int
        Older checkpoints are deleted.

    Raises
    ------
    ConfigError
        `keep` is below 1.
    """

    def __init__(self, folder: str | os.PathLike[str], keep: int = 5) -> None:
        if keep < 1:
            raise ConfigError(f"keep: expected at least 1, got {keep!r}")
        self.folder, self.keep = Path(folder), keep
        self.folder.mkdir(parents=True, exist_ok=True)

    def steps(self) -> list[int]:
        """Return the steps whose checkpoints are kept, oldest first."""
        return sorted(int(path.stem.partition("-")[2]) for path in self.folder.glob(_PATTERN))

    def save(self, parts: Mapping[str, nn.Module | Stateful], step: int) -> Path:
        """Write all parts and delete what is no longer kept.

        Parameters
        ----------
        parts : mapping of str to nn.Module or Stateful
        step : int
            At least 0; a checkpoint of the same step is replaced.

        Raises
        ------
        ConfigError
            The step is negative.
        """
        if step < 0:
            raise ConfigError(f"step: expected at least 0, got {step!r}")
        path = self._path(step)
        save_state(path, {name: _part(part).state() for name, part in parts.items()})
        for old in self.steps()[: -self.keep]:
            self._path(old).unlink(missing_ok=True)
        return path

    def load(self, parts: Mapping[str, nn.Module | Stateful], step: int | None = None) -> int:
        """Load all parts and return the step they are of.

        Parameters
        ----------
        parts : mapping of str to nn.Module or Stateful
            The names that were saved.
        step : int, optional
            Default: the newest that is not damaged.

        Raises
        ------
        SnapshotError
            None can be read, or it holds other parts or nets; nothing was changed.
        """
        step, state = self._read(step)
        if set(state) != set(parts):
            raise SnapshotError(f"step {step} holds {sorted(state)}, asked for {sorted(parts)}")
        held = {name: _part(part) for name, part in parts.items()}
        for name, part in held.items():
            if isinstance(part, ModuleState):
                part.check(state[name])
        for name, part in held.items():
            part.load(state[name])
        return step

    def _read(self, step: int | None) -> tuple[int, dict[str, Any]]:
        if step is not None:
            return step, load_state(self._path(step))
        damage: list[str] = []
        for kept in reversed(self.steps()):
            try:
                return kept, load_state(self._path(kept))
            except SnapshotError as error:
                damage.append(str(error))
        raise SnapshotError("; ".join(damage) or f"{self.folder} holds no checkpoint")

    def _path(self, step: int) -> Path:
        return self.folder / f"policy-{step:012d}.safetensors"


def _part(part: nn.Module | Stateful) -> Stateful | ModuleState:
    return ModuleState(part) if isinstance(part, nn.Module) else part
