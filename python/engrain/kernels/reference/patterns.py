"""Oracle of the bank of patterns."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F64Array, I64Array, NamedArrays


def merge_patterns(
    bank: NamedArrays,
    next: int,
    centroids: npt.ArrayLike,
    confidences: npt.ArrayLike,
    sizes: npt.ArrayLike,
    *,
    level: int = 0,
    cosine: float,
    capacity: int,
) -> tuple[NamedArrays, I64Array, I64Array]:
    """Return the bank (``ids``, ``levels``, ``counts``, ``sums``) after all, `kept` and `gone`.

    One pattern after the other: append it; while its nearest of the same level is at least
    `cosine` near, the older of both becomes the sum of both; the smallest goes beyond `capacity`.
    """
    rows = [dict(zip(bank, row, strict=True)) for row in zip(*bank.values(), strict=True)]
    kept, gone = [], []
    given = (np.asarray(v, dtype=np.float64) for v in (centroids, confidences, sizes))
    for id, (centroid, confidence, size) in enumerate(zip(*given, strict=True), next):
        total = size * confidence * centroid / np.linalg.norm(centroid)
        rows.append({"ids": id, "levels": level, "counts": size, "sums": total})
        row = len(rows) - 1
        while (double := _double(rows, row, cosine)) is not None:
            row, newer = sorted((row, double))
            rows[row]["counts"] += rows[newer]["counts"]
            rows[row]["sums"] = rows[row]["sums"] + rows[newer]["sums"]
            gone.append((rows[row]["ids"], rows.pop(newer)["ids"]))
        kept.append(rows[row]["ids"])
        if len(rows) > capacity:
            fewest = int(np.argmin([r["counts"] for r in rows]))
            gone.append((-1, rows.pop(fewest)["ids"]))
    after = {name: np.array([r[name] for r in rows], dtype=bank[name].dtype) for name in bank}
    return after, np.array(kept, np.int64), np.array(gone, np.int64).reshape(-1, 2)


def _double(rows: list[NamedArrays], row: int, cosine: float) -> int | None:
    own = rows[row]
    near = [-np.inf if r is own or r["levels"] != own["levels"] else _cos(r, own) for r in rows]
    best = int(np.argmax(near))
    return best if near[best] >= cosine else None


def _cos(one: NamedArrays, other: NamedArrays) -> float:
    a: F64Array = one["sums"]
    b: F64Array = other["sums"]
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
