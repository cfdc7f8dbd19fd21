"""What keeps learning from doing harm, by tests that hold however often they are looked at.

The *gate*: evidence comes in groups (``e``, ``r``, and one per component that hangs in). For each
list that gets feedback, before it teaches, the shown memories are ranked as they would be with each
group on its other side, in force or not. A group that is proven to hurt is left out, and comes back
once it is proven that it would have helped. With no group in force, the weights are those that were
learned without evidence.

The *keeper*: the weights that were last proven better stay beside the live ones. Live weights that
are proven worse go back to them; what taught in between no longer counts in fits. Weights that are
never worse go back with probability at most `ALPHA` over all time. Weights under which nothing that
helps is shown any more get no lists to be judged by.

Both count a list by the share of a weight step that its principal may cause.

References
----------
Ville, Étude critique de la notion de collectif (1939), for the e-process of the keeper; Shin,
Ramdas & Rinaldo, E-detectors, New England J. Stat. Data Sci. 2 (2024) 229-260, for the gate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from engrain.kernels.safeguard import SafeguardState
from engrain.memory.columns import reorder_arrays
from engrain.memory.ranking import RankingModel

__all__ = ["ALPHA", "Safeguard"]

ALPHA = 0.05
AXES = {"weights": (0,), "scales": (0,), "precision": (0, 1), "moments": (1,), "seen": (0,)}


class Safeguard(SafeguardState):
    """The gate of a model's evidence, and the last proven weights of it and of its control.

    Parameters
    ----------
    names, kinds : sequence of str
        Of the columns.
    model, control : RankingModel
        The full one, and the one that learns static weights alone.

    Attributes
    ----------
    names, groups : tuple of str
    """

    def __init__(
        self,
        names: Sequence[str],
        kinds: Sequence[str],
        model: RankingModel,
        control: RankingModel,
    ) -> None:
        families = [name.partition(":")[0] for name in names]
        learned = [f for f, kind in zip(families, kinds, strict=True) if kind == "evidence"]
        self.names, self.groups = tuple(names), tuple(dict.fromkeys(learned))
        place = {group: at for at, group in enumerate(self.groups)}
        group = [
            place[family] if kind == "evidence" else -1
            for family, kind in zip(families, kinds, strict=True)
        ]
        super().__init__(model, control, group, len(self.groups), ALPHA)

    @property
    def closed(self) -> tuple[str, ...]:
        """The groups that are left out now."""
        return tuple(g for g, stands in zip(self.groups, self.open, strict=True) if not stands)

    def state(self) -> dict[str, np.ndarray[Any, Any]]:
        """Return everything that `load` needs, as named arrays."""
        return {**super().state(), "groups": np.array(self.groups, dtype=np.str_)}

    def reorder(
        self, state: Mapping[str, np.ndarray[Any, Any]], names: Sequence[str]
    ) -> dict[str, np.ndarray[Any, Any]]:
        """Return a state of columns `names` as one of today's; what it lacks is as it is here."""
        own = self.state()
        out = dict(own)
        for at, group in enumerate(state["groups"].tolist()):
            if group in self.groups:
                to = self.groups.index(group)
                out["open"][to], out["wealth"][to] = state["open"][at], state["wealth"][at]
        for part in ("model", "control"):
            held, here = ({k: s[f"{part}/{k}"] for k in AXES} for s in (state, own))
            moved = reorder_arrays(held, here, names, self.names, AXES)
            out |= {f"{part}/{key}": array for key, array in moved.items()}
            out |= {f"{part}/{key}": state[f"{part}/{key}"] for key in ("chapter", "wealth")}
        return out
