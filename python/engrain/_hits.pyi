from typing import Any

from engrain.base.arrays import F32Array, I64Array
from engrain.base.ids import Id
from engrain.base.protocols import Record

class Hit:
    id: Id
    score: float
    @property
    def text(self) -> str: ...
    @property
    def metadata(self) -> dict[str, Any]: ...
    @property
    def components(self) -> dict[str, float]: ...

def list_hits(
    ids: list[Any],
    records: list[Record | None],
    handles: I64Array,
    scores: F32Array,
    names: tuple[str, ...],
    addends: F32Array,
) -> tuple[Hit, ...]:
    """Present memories by their handles: `ids` and `records` are those of all handles.

    `addends`, shape (n, columns), are what each column adds to a score.
    """

def take_best(
    handles: I64Array, rows: F32Array, scores: F32Array, k: int
) -> tuple[I64Array, F32Array, F32Array]: ...
def list_beside(
    handles: I64Array,
    rows: F32Array,
    scores: F32Array,
    shown: I64Array,
    listed: F32Array,
    most: int,
    runners: int = ...,
) -> tuple[F32Array, int]:
    """Return `listed`, the rows of `shown`, and below them those of up to `most` other handles.

    Handles ascend. The others are taken at equal distances from a start that the CRC-32 of the
    scores decides. Last stand the rows of up to `runners` others with the best scores, and how many
    these are comes beside.
    """
