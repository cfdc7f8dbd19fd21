"""Background knowledge: what cannot cause what, because it came later or because someone knows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engrain.base.errors import ConfigError


@dataclass(frozen=True, slots=True)
class BackgroundKnowledge:
    """Constraints on the directions of edges.

    Parameters
    ----------
    tiers : sequence of int, optional
        One number per variable; a variable of a later tier never causes one of an earlier tier.
    forbidden : iterable of (cause, effect), optional
    required : iterable of (cause, effect), optional
        Kept and oriented whatever the tests say.
    """

    tiers: Sequence[int] = ()
    forbidden: Iterable[tuple[int, int]] = ()
    required: Iterable[tuple[int, int]] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "forbidden", frozenset(self.forbidden))
        object.__setattr__(self, "required", frozenset(self.required))
        clash = [pair for pair in sorted(self.required) if not self.allows(*pair)]
        if clash:
            raise ConfigError(f"required edges contradict tiers or forbidden edges: {clash}")

    def requires(self, cause: int, effect: int) -> bool:
        """Tell whether the edge cause → effect is required."""
        return (cause, effect) in set(self.required)

    def allows(self, cause: int, effect: int) -> bool:
        """Tell whether cause → effect is possible."""
        if (cause, effect) in set(self.forbidden) or (effect, cause) in set(self.required):
            return False
        return not self.tiers or self.tiers[cause] <= self.tiers[effect]

    def orientation(self, i: int, j: int) -> tuple[int, int] | None:
        """Return the one direction that an edge between i and j can have, if there is only one."""
        forward, backward = self.allows(i, j), self.allows(j, i)
        if forward == backward:
            return None
        return (i, j) if forward else (j, i)

    def separates(self, i: int, j: int) -> bool:
        """Tell whether no edge can stand between i and j."""
        return not self.allows(i, j) and not self.allows(j, i)
