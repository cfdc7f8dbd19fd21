from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from engrain.fabric.conv4d_op import conv4d, conv4d_grad_input_op, conv4d_grad_weight_op, conv4d_op
from engrain.kernels.conv4d import Conv4dSpec

ONE, PAD = (1, 1, 1, 1), (0, 0, 0, 0)


def noise(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(len(shape)))


def sum_of_conv3d(x: Tensor, weight: Tensor) -> Tensor:
    """4-D convolution of 'same' extents as a sum of conv3d over the taps of time."""
    taps = weight.shape[-1]
    x = functional.pad(x, (taps // 2, taps // 2))
    frames = []
    for t in range(x.shape[-1] - taps + 1):
        parts = [
            functional.conv3d(x[..., t + k], weight[..., k], padding="same") for k in range(taps)
        ]
        frames.append(torch.stack(parts).sum(0))
    return torch.stack(frames, -1)


@pytest.mark.parametrize("extents", [(5, 4, 7, 9), (13, 13, 6, 16), (3, 1, 17, 5)])
def test_conv4d_agrees_with_a_sum_of_conv3d(extents: tuple[int, ...]) -> None:
    x, weight = noise(2, 3, *extents), noise(8, 3, 3, 3, 3, 3)
    out = conv4d(x, weight, None, Conv4dSpec(padding=ONE))
    torch.testing.assert_close(out, sum_of_conv3d(x, weight), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "spec",
    [
        Conv4dSpec(padding=ONE),
        Conv4dSpec(stride=(2, 1, 2, 2), padding=(1, 0, 1, 1), groups=2),
        Conv4dSpec(dilation=(1, 1, 1, 2), causal=True),
    ],
)
def test_gradients_are_exact(spec: Conv4dSpec) -> None:
    x = noise(1, 2, 3, 2, 3, 4, dtype=torch.float64).requires_grad_()
    weight = noise(2, 2 // spec.groups, 2, 2, 2, 3, dtype=torch.float64).requires_grad_()
    bias = noise(2, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda a, b, c: conv4d(a, b, c, spec), (x, weight, bias), atol=1e-6, rtol=1e-6
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_the_operators_keep_the_rules_of_pytorch(dtype: torch.dtype) -> None:
    x, weight = noise(1, 2, 3, 3, 4, 5).to(dtype), noise(4, 2, 3, 3, 3, 3).to(dtype)
    at = ([1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1], 1, False)
    x, weight = x.requires_grad_(), weight.requires_grad_()
    torch.library.opcheck(conv4d_op, (x, weight, noise(4).to(dtype), *at))
    grad = conv4d_op(x, weight, None, *at).detach()
    torch.library.opcheck(conv4d_grad_input_op, (grad, weight.detach(), list(x.shape[2:]), *at))
    torch.library.opcheck(conv4d_grad_weight_op, (x.detach(), grad, weight.detach(), *at))


def test_bfloat16_trains_float32_weights() -> None:
    x, weight = noise(2, 1, 4, 4, 4, 6).bfloat16(), noise(8, 1, 3, 3, 3, 3).requires_grad_()
    out = conv4d(x, weight, None, Conv4dSpec(padding=ONE))
    wanted = conv4d(x.float(), weight, None, Conv4dSpec(padding=ONE))
    assert out.dtype == torch.bfloat16
    torch.testing.assert_close(out.float(), wanted, rtol=2.0**-7, atol=1e-2)
    (grad,) = torch.autograd.grad(out.float().square().sum(), weight)
    assert grad.dtype == torch.float32
    assert grad.abs().min() > 0
