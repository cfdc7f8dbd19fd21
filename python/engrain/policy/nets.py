"""What the nets of the policy share: seeded starts, pure inference, states as arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from engrain.base.arrays import NamedArrays
from engrain.base.errors import SnapshotError

Rows = TypeVar("Rows", bound=tuple[Tensor, ...])
BATCH = 64


def reset(module: nn.Module, seed: int) -> None:
    """Start every linear layer at Xavier's uniform weights and zero bias (Glorot & Bengio 2010)."""
    generator = torch.Generator().manual_seed(seed)
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight, generator=generator)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def zero(layer: nn.Module) -> None:
    """Start a layer at zero, so that it is silent until it has learned."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)


@contextmanager
def mode(training: bool, *modules: nn.Module) -> Iterator[None]:
    """Switch modules to training or inference, and back."""
    before = [module.training for module in modules]
    for module in modules:
        module.train(training)
    try:
        yield
    finally:
        for module, training in zip(modules, before, strict=True):
            module.train(training)


def fit_until_worse(
    net: nn.Module,
    loss: Callable[[Rows], Tensor],
    train: Rows,
    held: Rows,
    *,
    lr: float,
    epochs: int,
    patience: int,
    seed: int,
    constrain: Callable[[], None] = lambda: None,
) -> float:
    """Train in mini-batches until the held-out loss stops falling; leave the best weights.

    Parameters
    ----------
    net : nn.Module
    loss : callable
        Mean loss of rows.
    train, held : named tuple of Tensor
        Rows that teach, rows that stop the training; equal lengths within each.
    lr : float
        Of Adam (Kingma & Ba 2015).
    epochs : int
        At most.
    patience : int
        Epochs without a better held-out loss after which it ends.
    seed : int
        Of the batches and of dropout; the global generator is left as it was.
    constrain : callable, optional
        Called after every step.

    Returns
    -------
    float
        The held-out loss of the weights it leaves, which may be the first ones.
    """
    optimizer = torch.optim.Adam(net.parameters(), lr=lr)
    best, kept, since = _measured(loss, held), _copied(net), 0
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for _ in range(epochs):
            order = torch.randperm(len(train[0]))
            for start in range(0, len(order), BATCH):
                rows = order[start : start + BATCH]
                _step(net, partial(loss, type(train)(*(part[rows] for part in train))), optimizer)
                constrain()
            found = _measured(loss, held)
            since = 0 if found < best else since + 1
            if found < best:
                best, kept = found, _copied(net)
            if since == patience:
                break
    net.load_state_dict(kept)
    return best


def _step(net: nn.Module, loss: Callable[[], Tensor], optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad(set_to_none=True)
    with mode(True, net):
        found = loss()
    torch.autograd.backward(found)
    optimizer.step()


@torch.no_grad()
def _measured(loss: Callable[[Rows], Tensor], rows: Rows) -> float:
    return float(loss(rows))


def _copied(net: nn.Module) -> dict[str, Tensor]:
    return {name: part.detach().clone() for name, part in net.state_dict().items()}


class ModuleState:
    """A module as a part of a checkpoint.

    Parameters
    ----------
    module : nn.Module
    """

    def __init__(self, module: nn.Module) -> None:
        self.module = module

    def state(self) -> NamedArrays:
        """Return copies of all parameters and buffers."""
        tensors = self.module.state_dict()
        return {name: tensor.detach().cpu().numpy().copy() for name, tensor in tensors.items()}

    def load(self, state: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Take over a state returned by `state`.

        Raises
        ------
        SnapshotError
            The state is of another net; nothing was changed.
        """
        self.check(state)
        tensors = {name: torch.from_numpy(np.array(value)) for name, value in state.items()}
        self.module.load_state_dict(tensors)

    def check(self, state: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Raise a `SnapshotError` unless `state` fits."""
        own = {name: tuple(t.shape) for name, t in self.module.state_dict().items()}
        given = {name: tuple(value.shape) for name, value in state.items()}
        if own != given:
            wrong = sorted(
                name for name in own.keys() | given.keys() if own.get(name) != given.get(name)
            )
            raise SnapshotError(f"state is of another {type(self.module).__name__}: {wrong}")


class AdamState:
    """The moments of an Adam optimizer as a part of a checkpoint.

    Parameters
    ----------
    optimizer : torch.optim.Adam
    """

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self.optimizer = optimizer

    def state(self) -> dict[str, NamedArrays]:
        """Return the moments by the parameter's place."""
        held = self.optimizer.state_dict()["state"]
        return {
            str(place): {name: value.cpu().numpy().copy() for name, value in moments.items()}
            for place, moments in held.items()
        }

    def load(self, state: Mapping[str, NamedArrays]) -> None:
        """Take over a state returned by `state`."""
        moments = {
            int(place): {name: torch.from_numpy(np.array(value)) for name, value in held.items()}
            for place, held in state.items()
        }
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": moments, "param_groups": groups})
