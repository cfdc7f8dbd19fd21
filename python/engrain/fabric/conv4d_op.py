"""The 4-D convolution as PyTorch operators with fake tensors and autograd.

`engrain::conv4d` and its two gradients run the compiled kernels on CPU tensors; `torch.compile`
sees them as opaque operators of known shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from engrain.kernels.conv4d import (
    PLAIN,
    Conv4dSpec,
    as_four,
    conv4d_forward,
    conv4d_grad_input,
    conv4d_grad_weight,
)


def _spec(
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
    causal: bool,
) -> Conv4dSpec:
    return Conv4dSpec(
        as_four(tuple(stride), "stride", 1),
        as_four(tuple(padding), "padding", 0),
        as_four(tuple(dilation), "dilation", 1),
        groups,
        causal,
    )


def _array(tensor: Tensor) -> npt.NDArray[Any]:
    tensor = tensor.detach().contiguous()
    bits = tensor.view(torch.uint16) if tensor.dtype == torch.bfloat16 else tensor
    return np.asarray(bits.numpy())


def _weight_array(weight: Tensor, x: Tensor) -> npt.NDArray[Any]:
    """Weights in the precision of the sums: float32 beside bfloat16 activations."""
    return _array(weight.float() if x.dtype == torch.bfloat16 else weight)


def _tensor(array: npt.NDArray[Any], dtype: torch.dtype) -> Tensor:
    tensor = torch.from_numpy(array)
    if tensor.dtype == torch.uint16:
        tensor = tensor.view(torch.bfloat16)
    return tensor.to(dtype)


@torch.library.custom_op("engrain::conv4d", mutates_args=(), device_types="cpu")
def conv4d_op(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
    causal: bool,
) -> Tensor:
    """Return the 4-D convolution of channels-first `x`."""
    shift = None if bias is None else _weight_array(bias, x)
    out = conv4d_forward(
        _array(x),
        _weight_array(weight, x),
        shift,
        _spec(stride, padding, dilation, groups, causal),
        threads=torch.get_num_threads(),
    )
    return _tensor(out, x.dtype)


@torch.library.custom_op("engrain::conv4d_grad_input", mutates_args=(), device_types="cpu")
def conv4d_grad_input_op(
    grad: Tensor,
    weight: Tensor,
    extents: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
    causal: bool,
) -> Tensor:
    """Return the gradient in the input, whose extents are `extents`."""
    spec = _spec(stride, padding, dilation, groups, causal)
    threads = torch.get_num_threads()
    weights = _weight_array(weight, grad)
    out = conv4d_grad_input(_array(grad), weights, tuple(extents), spec, threads=threads)
    return _tensor(out, grad.dtype)


@torch.library.custom_op("engrain::conv4d_grad_weight", mutates_args=(), device_types="cpu")
def conv4d_grad_weight_op(
    x: Tensor,
    grad: Tensor,
    weight: Tensor,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
    causal: bool,
) -> Tensor:
    """Return the gradient in the weights, of the shape and dtype of `weight`."""
    spec = _spec(stride, padding, dilation, groups, causal)
    threads = torch.get_num_threads()
    kernel = tuple(weight.shape[2:])
    out = conv4d_grad_weight(_array(x), _array(grad), kernel, spec, threads=threads)
    return _tensor(out, weight.dtype)


@conv4d_op.register_fake
def _fake(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
    causal: bool,
) -> Tensor:
    kernel = weight.shape[2:]
    extents = []
    for i in range(4):
        span = dilation[i] * (kernel[i] - 1)
        margin = span if causal and i == 3 else 2 * padding[i]
        extents.append((x.shape[2 + i] + margin - span - 1) // stride[i] + 1)
    return x.new_empty((x.shape[0], weight.shape[0], *extents))


@conv4d_grad_input_op.register_fake
def _fake_grad_input(
    grad: Tensor,
    weight: Tensor,
    extents: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
    causal: bool,
) -> Tensor:
    return grad.new_empty((grad.shape[0], weight.shape[1] * groups, *extents))


@conv4d_grad_weight_op.register_fake
def _fake_grad_weight(
    x: Tensor,
    grad: Tensor,
    weight: Tensor,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
    causal: bool,
) -> Tensor:
    return torch.empty_like(weight, memory_format=torch.contiguous_format)


def _setup(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    x, weight, bias, *ctx.placement = inputs
    ctx.bias_dtype = None if bias is None else bias.dtype
    ctx.save_for_backward(x, weight)


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    x, weight = ctx.saved_tensors
    grad_x = grad_weight = grad_bias = None
    if ctx.needs_input_grad[0]:
        grad_x = conv4d_grad_input_op(grad, weight, x.shape[2:], *ctx.placement)
    if ctx.needs_input_grad[1]:
        grad_weight = conv4d_grad_weight_op(x, grad, weight, *ctx.placement)
    if ctx.needs_input_grad[2]:
        grad_bias = grad.sum((0, 2, 3, 4, 5), dtype=ctx.bias_dtype)
    return grad_x, grad_weight, grad_bias, None, None, None, None, None


conv4d_op.register_autograd(_backward, setup_context=_setup)


def conv4d(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, spec: Conv4dSpec = PLAIN
) -> Tensor:
    """Return the differentiable 4-D convolution of channels-first `x`.

    Parameters
    ----------
    x : Tensor of float32, float64 or bfloat16, shape (batch, in, x, y, z, t)
    weight : Tensor, shape (out, in / groups, kx, ky, kz, kt)
        Of the dtype of `x`, or float32 beside bfloat16.
    bias : Tensor, shape (out,), optional
    spec : Conv4dSpec
        Stride, padding, dilation, groups and causality.

    Returns
    -------
    Tensor of the dtype of `x`, shape (batch, out, x', y', z', t')

    Raises
    ------
    TypeError, ValueError
        As `engrain.kernels.conv4d_forward`.
    """
    placement = (spec.stride, spec.padding, spec.dilation, spec.groups, spec.causal)
    out: Tensor = conv4d_op(x, weight, bias, *placement)
    return out
