"""Oracles of the 4-D convolution: the definition as a sum over taps, and its two adjoints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F64Array


def conv4d_forward(
    x: npt.ArrayLike,
    weight: npt.ArrayLike,
    stride: Sequence[int],
    low: Sequence[int],
    dilation: Sequence[int],
    groups: int,
    extents: Sequence[int],
) -> F64Array:
    """Return sum_{c, k} weight[o, c, k] x[n, c, p * stride + k * dilation - low] in float64.

    `extents` are those of the output. Definition after Choy, Gwak and Savarese, CVPR 2019, with
    zeros outside of `x`.
    """
    x, weight = np.asarray(x, dtype=np.float64), np.asarray(weight, dtype=np.float64)
    out = np.zeros((x.shape[0], groups, weight.shape[0] // groups, *extents))
    for tap, source, target in _taps(x, weight.shape[2:], stride, low, dilation, extents):
        w = weight[(..., *tap)].reshape(groups, -1, weight.shape[1])
        part = _grouped(x, groups)[(slice(None),) * 3 + source]
        out[(slice(None),) * 3 + target] += np.einsum("goc,ngcxyzt->ngoxyzt", w, part)
    return out.reshape(x.shape[0], weight.shape[0], *extents)


def conv4d_grad_input(
    grad_out: npt.ArrayLike,
    weight: npt.ArrayLike,
    stride: Sequence[int],
    low: Sequence[int],
    dilation: Sequence[int],
    groups: int,
    extents: Sequence[int],
) -> F64Array:
    """Return the adjoint of `conv4d_forward` in its input; `extents` are those of the input."""
    grad_out, weight = np.asarray(grad_out, np.float64), np.asarray(weight, np.float64)
    x = np.zeros((grad_out.shape[0], weight.shape[1] * groups, *extents))
    out_extents = grad_out.shape[2:]
    for tap, source, target in _taps(x, weight.shape[2:], stride, low, dilation, out_extents):
        w = weight[(..., *tap)].reshape(groups, -1, weight.shape[1])
        part = _grouped(grad_out, groups)[(slice(None),) * 3 + target]
        _grouped(x, groups)[(slice(None),) * 3 + source] += np.einsum(
            "goc,ngoxyzt->ngcxyzt", w, part
        )
    return x


def conv4d_grad_weight(
    x: npt.ArrayLike,
    grad_out: npt.ArrayLike,
    stride: Sequence[int],
    low: Sequence[int],
    dilation: Sequence[int],
    groups: int,
    kernel: Sequence[int],
) -> F64Array:
    """Return the adjoint of `conv4d_forward` in its weights; `kernel` are their extents."""
    x, grad_out = np.asarray(x, np.float64), np.asarray(grad_out, np.float64)
    in_group = x.shape[1] // groups
    weight = np.zeros((grad_out.shape[1], in_group, *kernel))
    for tap, source, target in _taps(x, kernel, stride, low, dilation, grad_out.shape[2:]):
        part = _grouped(x, groups)[(slice(None),) * 3 + source]
        grad = _grouped(grad_out, groups)[(slice(None),) * 3 + target]
        product_ = np.einsum("ngoxyzt,ngcxyzt->goc", grad, part)
        weight[(..., *tap)] = product_.reshape(-1, in_group)
    return weight


def _grouped(x: F64Array, groups: int) -> F64Array:
    return x.reshape(x.shape[0], groups, -1, *x.shape[2:])


def _taps(
    x: F64Array,
    kernel: Sequence[int],
    stride: Sequence[int],
    low: Sequence[int],
    dilation: Sequence[int],
    extents: Sequence[int],
) -> Iterator[tuple[Any, Any, Any]]:
    """Yield each tap with the slices of input and output that it connects."""
    for tap in product(*map(range, kernel)):
        source, target = [], []
        for i, k in enumerate(tap):
            shift = k * dilation[i] - low[i]
            first = max(0, -(shift // stride[i]))
            last = min(extents[i] - 1, (x.shape[2 + i] - 1 - shift) // stride[i])
            count = max(0, last - first + 1)
            begin = first * stride[i] + shift
            source.append(slice(begin, begin + count * stride[i], stride[i]))
            target.append(slice(first, first + count))
        if all(s.stop > s.start for s in target):
            yield tap, tuple(source), tuple(target)
