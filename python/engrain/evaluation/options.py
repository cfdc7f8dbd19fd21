"""What a run of an evaluation protocol may vary, checked before anything is computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from engrain.base.errors import ConfigError
from engrain.evaluation.clicks import CLICKS, Clicks
from engrain.memory.prior import PRIORS, WITHOUT, Prior

Protocol: TypeAlias = Literal["static", "kfold", "prequential", "repeat"]
Teach: TypeAlias = Literal["judge", "shown"]
LEAVE_OUT = "leave-out"
PROTOCOLS: tuple[str, ...] = get_args(Protocol)
TEACH: tuple[str, ...] = get_args(Teach)


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of one run.

    Attributes
    ----------
    protocol : {"static", "kfold", "prequential", "repeat"}
    teach : {"judge", "shown"}
        kfold only: full judgments of the training questions, or outcomes of the ten shown.
    folds : int
    clicks : {"perfect", "noisy", "position", "seldom", "joint"}
        How the simulated user answers; see `engrain.evaluation.clicks`.
    mechanisms : tuple of str or None
        Those whose own lift is reported, None for all; a name that is no built-in one is loaded
        from the entry points.
    exclude_adversarial : bool
        Leave flagged questions out of training and test.
    poison : float
        Share of requests after which an attacker praises its memory.
    principals : int
        How many names the attacker uses; 0 for none, as the unguarded owner.
    inject : bool
        The attacker brings a memory of its own per conversation, made of three honest questions'
        words, and praises that.
    flip : float
        Share of requests whose outcomes praise one shown memory at random instead.
    drift : bool
        Half-way, other documents become the right ones.
    delay : int
        Feedback arrives so many requests late.
    explore : float
        Share of requests whose last place shows a memory drawn at random; see `Memory`.
    prior : {"base", "fixed", "auto", "leave-out"}
        Weights that the memory starts from. Those that "auto" takes were learned on judged data:
        it is no measure on those. "leave-out" takes weights that were fitted without the data set,
        or, for conversations, without the one that is asked: each is then a memory of its own.
    trees : bool
        kfold: rank by LambdaMART on the static columns too, where lightgbm is installed.
    refit_every : int
        Requests between two refits where feedback teaches.
    seed : int
    """

    protocol: Protocol = "static"
    teach: Teach = "judge"
    folds: int = 5
    clicks: Clicks = "perfect"
    mechanisms: tuple[str, ...] | None = None
    exclude_adversarial: bool = False
    poison: float = 0.0
    principals: int = 1
    inject: bool = False
    flip: float = 0.0
    drift: bool = False
    delay: int = 0
    explore: float = 0.0
    prior: Prior = "auto"
    trees: bool = False
    refit_every: int = 50
    seed: int = 1

    def __post_init__(self) -> None:
        for name, known in (
            ("protocol", PROTOCOLS),
            ("teach", TEACH),
            ("clicks", CLICKS),
            ("prior", (*PRIORS, LEAVE_OUT)),
        ):
            if getattr(self, name) not in known and WITHOUT not in str(getattr(self, name)):
                raise ConfigError(
                    f"{name}: expected one of {', '.join(known)}, got {getattr(self, name)!r}"
                )
        for name in ("poison", "flip", "explore"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ConfigError(f"{name}: expected a share in [0, 1], got {getattr(self, name)}")
        for name, least in (
            ("folds", 2),
            ("delay", 0),
            ("principals", 0),
            ("refit_every", 1),
            ("seed", 0),
        ):
            if getattr(self, name) < least:
                raise ConfigError(f"{name}: expected at least {least}, got {getattr(self, name)}")
        late = self.poison or self.inject or self.drift or self.delay
        if late and not self.is_stream:
            raise ConfigError(
                "poison, inject, drift and delay belong to a stream: --protocol prequential or "
                "repeat"
            )

    @property
    def is_stream(self) -> bool:
        """Whether questions are answered and taught one after the other."""
        return self.protocol in {"prequential", "repeat"}
