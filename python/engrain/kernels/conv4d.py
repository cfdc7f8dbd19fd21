"""Dense 4-D convolution over (x, y, z, t) on NumPy arrays, with its two gradients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from engrain import _kernels
from engrain.base.errors import ConfigError, ShapeError

Four: TypeAlias = tuple[int, int, int, int]
AnyArray: TypeAlias = npt.NDArray[Any]


def as_four(value: int | Sequence[int], name: str, least: int) -> Four:
    """Return `value` for the axes x, y, z and t; one number serves all of them."""
    four = (value,) * 4 if isinstance(value, int) else tuple(int(v) for v in value)
    if len(four) != 4 or min(four) < least:
        raise ConfigError(f"{name}: expected one or four integers >= {least}, got {value!r}")
    return four


@dataclass(frozen=True, slots=True)
class Conv4dSpec:
    """How a 4-D convolution is laid over its input.

    ``out[o] = sum_k w[k] in[o * stride + k * dilation - margin]``, with zeros outside the input.

    Attributes
    ----------
    stride, padding, dilation : tuple of 4 int
        For x, y, z and t. `padding` is added at both ends.
    groups : int
        Number of independent blocks of channels.
    causal : bool
        Time is padded before its start only, by ``dilation * (kernel - 1)``, so that no output sees
        a later input; the padding of t is then not used.
    """

    stride: Four = (1, 1, 1, 1)
    padding: Four = (0, 0, 0, 0)
    dilation: Four = (1, 1, 1, 1)
    groups: int = 1
    causal: bool = False

    def __post_init__(self) -> None:
        as_four(self.stride, "stride", 1)
        as_four(self.padding, "padding", 0)
        as_four(self.dilation, "dilation", 1)
        if self.groups < 1:
            raise ConfigError(f"groups: expected an integer >= 1, got {self.groups}")

    def margins(self, kernel: Sequence[int]) -> tuple[Four, Four]:
        """Return the zeros before and after each axis for a kernel of these extents."""
        low, high = list(self.padding), list(self.padding)
        if self.causal:
            low[3], high[3] = self.dilation[3] * (kernel[3] - 1), 0
        return as_four(low, "margin", 0), as_four(high, "margin", 0)

    def output_extents(self, extents: Sequence[int], kernel: Sequence[int]) -> Four:
        """Return the extents (x, y, z, t) of the output.

        Raises
        ------
        ShapeError
            The kernel does not fit into the padded input.
        """
        low, high = self.margins(kernel)
        out = [
            (extents[i] + low[i] + high[i] - self.dilation[i] * (kernel[i] - 1) - 1)
            // self.stride[i]
            + 1
            for i in range(4)
        ]
        if min(out) < 1:
            raise ShapeError(
                f"a kernel of extents {tuple(kernel)} does not fit into the input "
                f"{tuple(extents)}; add padding or shrink the kernel"
            )
        return as_four(out, "output", 1)

    def placement(self, kernel: Sequence[int], threads: int) -> tuple[Four, Four, Four, int, int]:
        """Return the trailing arguments of the compiled kernels."""
        return self.stride, self.margins(kernel)[0], self.dilation, self.groups, threads


PLAIN = Conv4dSpec()


def _real(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype of weights beside this storage dtype: bfloat16 travels as uint16."""
    return np.dtype(np.float32) if dtype == np.uint16 else dtype


def conv4d_forward(
    x: AnyArray,
    weight: AnyArray,
    bias: AnyArray | None = None,
    spec: Conv4dSpec = PLAIN,
    *,
    threads: int = 1,
) -> AnyArray:
    """Return the 4-D convolution of `x` with `weight`.

    ``out[n, o, p] = bias[o] + sum_{c, k} weight[o, c, k] x[n, c, p * stride + k * dilation - low]``
    with p and k over (x, y, z, t). A dense form of the convolution of Choy, Gwak and Savarese, "4D
    Spatio-Temporal ConvNets", CVPR 2019.

    Parameters
    ----------
    x : ndarray of float32, float64 or uint16 (bfloat16 bits), shape (batch, in, x, y, z, t)
    weight : ndarray, shape (out, in / groups, kx, ky, kz, kt)
        Of the dtype of `x`; float32 beside bfloat16.
    bias : ndarray, shape (out,), optional
    spec : Conv4dSpec
    threads : int
        The result is the same for any number.

    Returns
    -------
    ndarray of the dtype of `x`, shape (batch, out, x', y', z', t')

    Raises
    ------
    TypeError
        Another dtype or layout: nothing is converted or copied.
    ValueError
        Shapes do not agree.
    """
    _check_rank(x, weight)
    extents = spec.output_extents(x.shape[2:], weight.shape[2:])
    out = np.empty((x.shape[0], weight.shape[0], *extents), dtype=x.dtype)
    _kernels.conv4d_forward(x, weight, bias, out, *spec.placement(weight.shape[2:], threads))
    return out


def conv4d_grad_input(
    grad_out: AnyArray,
    weight: AnyArray,
    extents: Sequence[int],
    spec: Conv4dSpec = PLAIN,
    *,
    threads: int = 1,
) -> AnyArray:
    """Return the gradient with respect to the input, the exact adjoint of the convolution.

    Parameters
    ----------
    grad_out : ndarray, shape (batch, out, x', y', z', t')
    weight : ndarray, shape (out, in / groups, kx, ky, kz, kt)
    extents : sequence of 4 int
        Extents (x, y, z, t) of the input.
    spec, threads
        As in `conv4d_forward`.

    Returns
    -------
    ndarray of the dtype of `grad_out`, shape (batch, in, x, y, z, t)

    Raises
    ------
    TypeError, ValueError
        As `conv4d_forward`; `grad_out` has other extents than the output of that input.
    """
    _check_rank(grad_out, weight)
    _check_extents(grad_out, spec.output_extents(extents, weight.shape[2:]))
    shape = (grad_out.shape[0], weight.shape[1] * spec.groups, *extents)
    grad_x = np.empty(shape, dtype=grad_out.dtype)
    _kernels.conv4d_grad_input(grad_out, weight, grad_x, *spec.placement(weight.shape[2:], threads))
    return grad_x


def conv4d_grad_weight(
    x: AnyArray,
    grad_out: AnyArray,
    kernel: Sequence[int],
    spec: Conv4dSpec = PLAIN,
    *,
    threads: int = 1,
) -> AnyArray:
    """Return the gradient with respect to the weights.

    Parameters
    ----------
    x : ndarray, shape (batch, in, x, y, z, t)
    grad_out : ndarray of the same dtype, shape (batch, out, x', y', z', t')
    kernel : sequence of 4 int
        Extents (kx, ky, kz, kt) of the kernel.
    spec, threads
        As in `conv4d_forward`.

    Returns
    -------
    ndarray, shape (out, in / groups, kx, ky, kz, kt)
        Of the dtype of `x`; float32 beside bfloat16.

    Raises
    ------
    TypeError, ValueError
        As `conv4d_grad_input`.
    """
    _check_rank(x, grad_out)
    _check_extents(grad_out, spec.output_extents(x.shape[2:], kernel))
    shape = (grad_out.shape[1], x.shape[1] // spec.groups, *kernel)
    grad_weight = np.empty(shape, dtype=_real(x.dtype))
    _kernels.conv4d_grad_weight(x, grad_out, grad_weight, *spec.placement(kernel, threads))
    return grad_weight


def _check_rank(first: AnyArray, second: AnyArray) -> None:
    for array in (first, second):
        if array.ndim != 6:
            raise ShapeError(f"expected an array of 6 dimensions, got shape {array.shape}")


def _check_extents(grad_out: AnyArray, wanted: Four) -> None:
    if grad_out.shape[2:] != wanted:
        raise ShapeError(f"grad_out: expected extents {wanted}, got {grad_out.shape[2:]}")
