from __future__ import annotations

import math

import pytest
import torch

from engrain.base.errors import ConfigError, ShapeError
from engrain.fabric.conv4d import Conv4D, Fatigue, SeparableConv4D


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_both_layouts_give_the_same_numbers() -> None:
    first = Conv4D(2, 8, layout="channels_first", generator=seeded())
    last = Conv4D(2, 8, generator=seeded())
    x = torch.randn(1, 2, 4, 4, 5, 6)
    torch.testing.assert_close(last(x.movedim(1, -1)), first(x).movedim(1, -1))
    assert last(x.movedim(1, -1)).shape == (1, 4, 4, 5, 6, 8)


def test_initial_weights_follow_he_and_keep_the_variance() -> None:
    layer = Conv4D(4, 64, generator=seeded())
    assert layer.weight.std().item() == pytest.approx(math.sqrt(2 / (4 * 81)), rel=0.02)
    assert tuple(layer.weight.shape) == (64, 4, 3, 3, 3, 3)


def test_causal_layers_see_no_later_frame() -> None:
    for layer in (Conv4D(1, 4, causal=True), SeparableConv4D(1, 4, causal=True)):
        x = torch.randn(1, 4, 4, 4, 8, 1, requires_grad=True)
        (grad,) = torch.autograd.grad(layer(x)[..., 4, :].sum(), x)
        assert grad[..., 5:, :].abs().max() == 0
        assert grad[..., 4, :].abs().max() > 0


def test_separable_convolution_is_the_product_of_its_kernels() -> None:
    layer = SeparableConv4D(2, 3, layout="channels_first")
    whole = Conv4D(2, 3, layout="channels_first")
    with torch.no_grad():
        whole.weight.copy_(
            torch.einsum(
                "omt,mcxyz->ocxyzt",
                layer.temporal.weight[:, :, 0, 0, 0],
                layer.spatial.weight[..., 0],
            )
        )
    x = torch.randn(2, 2, 4, 5, 4, 6)
    torch.testing.assert_close(layer(x), whole(x), rtol=1e-4, atol=1e-4)


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ConfigError, match="groups"):
        Conv4D(3, 4, groups=2)
    with pytest.raises(ConfigError, match="kernel_size"):
        Conv4D(1, 1, kernel_size=(3, 3, 3))
    with pytest.raises(ShapeError, match="2 channels"):
        Conv4D(2, 4)(torch.zeros(1, 3, 3, 3, 3, 1))
    with pytest.raises(ConfigError, match="fatigue"):
        Fatigue(4, tau=0)


def test_fatigue_tires_recovers_and_ignores_the_order_of_samples() -> None:
    x = torch.rand(4, 3, 2, 2, 2, 2)
    tired, shuffled = Fatigue(3, rate=0.1, tau=10), Fatigue(3, rate=0.1, tau=10)
    assert torch.equal(tired(x), x)
    shuffled(x[[2, 0, 3, 1]])
    torch.testing.assert_close(tired.level, shuffled.level)
    before = tired.level.clone()
    assert torch.equal(tired(x)[:, 0], x[:, 0] * (1 - before[0]))
    before = tired.level.clone()
    tired(torch.zeros_like(x), dt=10.0)
    torch.testing.assert_close(tired.level, before * math.exp(-1))
    for _ in range(100):
        tired(10 * x)
    assert tired.level.max() == tired.ceiling
    frozen = tired.level.clone()
    tired.eval()(x)
    assert torch.equal(tired.level, frozen)
