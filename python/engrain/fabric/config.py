"""The settings of training, each of which acts."""

from __future__ import annotations

from dataclasses import dataclass

from engrain.base.errors import ConfigError


@dataclass(slots=True)
class TrainingConfig:
    """Settings of `NeuralFabricTrainer`; they may be changed between steps.

    Random, intentional and bidirectional propagation, the learning drive and the coherence term are
    off by default: on held-out synthetic motion none of them gained at equal work (see
    docs/fabric.md).

    Attributes
    ----------
    learning_rate : float
        Of Adam, before the modulators. The default predicted best in the ablation.
    batch_size : int
        Sequences per forward pass; larger input is split and its gradients are averaged.
    time_steps : int
        Frames per window; longer input is cut into windows.
    spatial_dims : tuple of 3 int
    channels : int
        Hidden channels of the convolutions.
    use_random_prop, use_intentional_prop, use_bidirectional_prop : bool
        Which modes the schedule alternates with normal steps.
    bidirectional_weight : float
        Share of the target-propagated gradient in bidirectional steps, in [0, 1].
    temporal_coherence_weight : float
        Weight of the error of predicted changes beside that of predicted frames.
    dendritic_integration : bool
        Activity reaches the neurons through their dendrites; otherwise through their somas.
    fabric_duration : float
        ms that the neurons are simulated per step.
    som_map_size : tuple of 2 or 3 int
    perturbation : float
        Noise of random steps, relative to the activations.
    goal_step : float
        Relative step of the activations towards the goal in intentional steps.
    use_modulators : bool
        Whether the learning drive scales the learning rate.
    max_epochs : int or None
        Where `train` is given no number of epochs; None trains until interrupted.
    max_buffer : int
        Frames kept for continuous learning.
    seed : int
    """

    learning_rate: float = 1e-2
    batch_size: int = 32
    time_steps: int = 16
    spatial_dims: tuple[int, int, int] = (13, 13, 64)
    channels: int = 8
    use_random_prop: bool = False
    use_intentional_prop: bool = False
    use_bidirectional_prop: bool = False
    bidirectional_weight: float = 0.5
    temporal_coherence_weight: float = 0.0
    dendritic_integration: bool = True
    fabric_duration: float = 5.0
    som_map_size: tuple[int, ...] = (13, 13)
    perturbation: float = 0.1
    goal_step: float = 0.1
    use_modulators: bool = False
    max_epochs: int | None = None
    max_buffer: int = 256
    seed: int = 0

    def __post_init__(self) -> None:
        self.spatial_dims = tuple(int(n) for n in self.spatial_dims)  # type: ignore[assignment]
        self.som_map_size = tuple(int(n) for n in self.som_map_size)
        self.check()

    def check(self) -> None:
        """Raise `ConfigError` if a setting is out of its range."""
        if len(self.spatial_dims) != 3 or min(self.spatial_dims) < 1:
            raise ConfigError(f"spatial_dims: expected three extents >= 1, got {self.spatial_dims}")
        for name in ("batch_size", "channels", "max_buffer"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}: expected an integer >= 1, got {getattr(self, name)}")
        if self.time_steps < 3:
            raise ConfigError(f"time_steps: prediction needs at least 3, got {self.time_steps}")
        for name in ("learning_rate", "temporal_coherence_weight", "perturbation", "goal_step"):
            if not getattr(self, name) >= 0:
                raise ConfigError(f"{name}: expected a number >= 0, got {getattr(self, name)}")
        if not 0 <= self.bidirectional_weight <= 1:
            raise ConfigError("bidirectional_weight: expected a number in [0, 1]")
        if self.max_epochs is not None and self.max_epochs < 1:
            raise ConfigError(f"max_epochs: expected None or >= 1, got {self.max_epochs}")

    def modes(self) -> list[str]:
        """Return the modes that the schedule alternates."""
        chosen = {
            "random": self.use_random_prop,
            "intentional": self.use_intentional_prop,
            "bidirectional": self.use_bidirectional_prop,
        }
        return ["normal", *(mode for mode, on in chosen.items() if on)]
