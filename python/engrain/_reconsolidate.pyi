from engrain.base.arrays import F32Array

def reconsolidate_one(
    memories: F32Array,
    row: int,
    query: F32Array,
    rate: float,
    max_tangent: float,
    min_mismatch: float = ...,
) -> float | None: ...
