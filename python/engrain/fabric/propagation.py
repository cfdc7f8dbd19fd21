"""Ways of propagating activity and error through a stack of layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from engrain.base.errors import ConfigError

Mode = Literal["normal", "random", "intentional", "bidirectional"]
Loss = Callable[[Tensor, Tensor], Tensor]


def mean_squared_error(output: Tensor, target: Tensor) -> Tensor:
    """Return the mean squared difference."""
    return (output - target).square().mean()


class BidirectionalPropagator:
    """Forward passes that may explore or aim, and backward passes that set targets.

    - normal: the plain stack.
    - random: each hidden activation is perturbed by seeded noise of relative size `perturbation`
      (node perturbation; with its annealing, Langevin exploration).
    - intentional: each hidden activation takes a step down the error to the goal,
      ``h <- h - step |h| dE/dh / |dE/dh|``, before it goes on (the inference step of predictive
      coding: Whittington and Bogacz, Neural Comput. 29 (2017) 1229-1262).
    - bidirectional: `gradients` blends back-propagation with the gradients towards such targets
      (target propagation: Lee et al., ECML 2015).

    Parameters
    ----------
    layers : sequence of modules
    loss : callable
        Of (output, goal).
    perturbation, step : float
    weight : float
        Share of the target-propagated part in bidirectional mode, in [0, 1].
    generator : torch.Generator, optional
    """

    def __init__(
        self,
        layers: Sequence[nn.Module],
        loss: Loss = mean_squared_error,
        perturbation: float = 0.1,
        step: float = 0.1,
        weight: float = 0.5,
        generator: torch.Generator | None = None,
    ) -> None:
        if not layers or not 0 <= weight <= 1 or min(perturbation, step) < 0:
            raise ConfigError("a propagator needs layers, weight in [0, 1] and steps >= 0")
        self.layers, self.loss = list(layers), loss
        self.perturbation, self.step, self.weight = perturbation, step, weight
        self.generator = generator or torch.Generator().manual_seed(0)
        self.goal: Tensor | None = None
        self.activations: list[Tensor] = []
        self.targets: list[Tensor] = []
        self.slopes: list[Tensor] = []

    def propagate_forward(self, x: Tensor, mode: Mode = "normal") -> Tensor:
        """Return the output for `x`; the activations of all layers are kept.

        Intentional mode aims at the goal of the last `propagate_backward`; without one it is
        normal.
        """
        _check(mode)
        self.activations = []
        with torch.enable_grad():
            for i, layer in enumerate(self.layers):
                x = layer(x)
                if mode == "random" and i < len(self.layers) - 1:
                    x = x + self._noise(x)
                self.activations.append(x)
        if mode == "intentional" and self.goal is not None:
            return self._aim(self.goal)
        return x

    def propagate_backward(self, target: Tensor, mode: Mode = "normal") -> list[Tensor]:
        """Set `target` as the goal and return a target for the activation of each layer.

        The last is the goal itself; those before lie one step down the error. In random mode they
        are perturbed.

        Raises
        ------
        ConfigError
            Nothing was propagated forward yet.
        """
        _check(mode)
        if not self.activations:
            raise ConfigError("propagate something forward before propagating a target backward")
        self.goal = target
        hidden = self.activations[:-1]
        error = self.loss(self.activations[-1], target)
        found = torch.autograd.grad(error, hidden, retain_graph=True) if hidden else ()
        self.slopes = [slope.detach() for slope in found]
        self.targets = [
            self._stepped(h, slope) for h, slope in zip(hidden, self.slopes, strict=True)
        ]
        if mode == "random":
            self.targets = [t + self._noise(t) for t in self.targets]
        self.targets.append(target)
        return self.targets

    def combine_directions(self) -> list[Tensor]:
        """Return ``(1 - weight) activation + weight target`` per layer.

        Raises
        ------
        ConfigError
            One of the directions is missing.
        """
        if not self.targets:
            raise ConfigError("propagate forward and backward before combining the directions")
        pairs = zip(self.activations, self.targets, strict=True)
        return [(1 - self.weight) * h.detach() + self.weight * t for h, t in pairs]

    def gradients(self, x: Tensor, target: Tensor, mode: Mode = "normal") -> tuple[float, Tensor]:
        """Add the gradients of one mode to the parameters; return the loss and the output."""
        _check(mode)
        forward_mode: Mode = "random" if mode == "random" else "normal"
        output = self.propagate_forward(x, forward_mode)
        error = self.loss(output, target)
        share = {"intentional": 1.0, "bidirectional": self.weight}.get(mode, 0.0)
        if share == 0.0 or len(self.layers) == 1:
            error.backward()  # type: ignore[no-untyped-call]
            return float(error.detach()), output.detach()
        targets = self.propagate_backward(target)
        parameters = [p for layer in self.layers for p in layer.parameters()]
        if share < 1:
            straight = torch.autograd.grad(error, parameters, retain_graph=True)
            _add(parameters, straight, 1 - share)
        local = self._local_error(targets[:-1], target)
        _add(parameters, torch.autograd.grad(local, parameters), share)
        return float(error.detach()), output.detach()

    def _local_error(self, targets: Sequence[Tensor], goal: Tensor) -> Tensor:
        """Return an error whose gradient pulls each layer to its target, at the scale of the loss.

        Each layer starts from the target of the one below.
        """
        total = self.loss(self.layers[-1](targets[-1]), goal)
        below: Tensor | None = None
        for i, (h, aim) in enumerate(zip(self.activations[:-1], targets, strict=True)):
            reached = h if below is None else self.layers[i](below)
            # The pull towards a target, rescaled to the slope that set it.
            total = total + (self.slopes[i] * reached).sum()
            below = aim
        return total

    def _stepped(self, h: Tensor, slope: Tensor) -> Tensor:
        size = slope.norm()
        scale = self.step * h.detach().norm() / size if size > 0 else size
        stepped: Tensor = h.detach() - scale * slope
        return stepped

    def _aim(self, goal: Tensor) -> Tensor:
        targets = self.propagate_backward(goal)[:-1]
        out: Tensor = self.layers[-1](targets[-1]) if targets else self.activations[-1]
        return out

    def _noise(self, x: Tensor) -> Tensor:
        noise = torch.randn(x.shape, generator=self.generator, dtype=x.dtype)
        return noise * (self.perturbation * x.detach().std())


def _check(mode: str) -> None:
    if mode not in get_args(Mode):
        raise ConfigError(f"mode: expected one of {', '.join(get_args(Mode))}, got {mode!r}")


def _add(parameters: Sequence[nn.Parameter], grads: Sequence[Tensor], share: float) -> None:
    for parameter, grad in zip(parameters, grads, strict=True):
        part = share * grad
        parameter.grad = part if parameter.grad is None else parameter.grad + part
