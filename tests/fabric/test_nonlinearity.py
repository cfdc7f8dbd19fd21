from __future__ import annotations

import pytest
import torch

from engrain.base.errors import ConfigError
from engrain.fabric.network import PredictiveNetwork
from engrain.fabric.nonlinearity import BiologicalNonlinearity


def test_the_backward_pass_is_exact() -> None:
    x = torch.randn(2, 3, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert torch.autograd.gradcheck(BiologicalNonlinearity(), (x.requires_grad_(),), atol=1e-6)


def test_a_strong_input_leaves_the_unit_refractory_and_it_recovers() -> None:
    layer = BiologicalNonlinearity(adaptation=0.0)
    pulse = torch.zeros(12)
    pulse[2] = 3.0
    probe = torch.full((12,), 0.3)
    probe[2] = 3.0
    y = layer(probe)
    fresh = torch.tanh(torch.tensor(0.3))
    assert y[3] < 0.85 * fresh
    assert torch.all(y[4:].diff() > 0)
    assert y[11] > 0.95 * fresh * (1 - 0.5 * torch.sigmoid(torch.tensor(-2.0)))
    assert layer(pulse)[:2].abs().max() == 0


def test_repeated_stimulation_adapts_towards_its_limit() -> None:
    layer = BiologicalNonlinearity(refractory=0.0, adaptation=0.4, adaptation_decay=0.8)
    y = layer(torch.ones(200))
    z = torch.tanh(torch.tensor(1.0))
    assert y[0] == z
    assert torch.all(y[:30].diff() < 0)
    assert y[-1].item() == pytest.approx((z * (1 - 0.4 * z)).item(), rel=1e-4)


def test_nothing_leaks_between_samples_or_into_the_past() -> None:
    x = torch.randn(4, 9, generator=torch.Generator().manual_seed(0)).requires_grad_()
    y = BiologicalNonlinearity()(x)
    (slope,) = torch.autograd.grad(y[1, :5].sum(), x)
    assert slope[1, :5].abs().min() > 0
    slope[1, :5] = 0
    assert torch.count_nonzero(slope) == 0
    torch.testing.assert_close(y[1:2], BiologicalNonlinearity()(x[1:2]))


def test_activity_keeps_its_variance_over_three_layers() -> None:
    network = PredictiveNetwork(8, torch.Generator().manual_seed(0))
    third = type(network.layers[1])(8, 8, torch.Generator().manual_seed(1))
    x = torch.randn(2, 1, 8, 8, 8, 8, generator=torch.Generator().manual_seed(2))
    variances = []
    with torch.no_grad():
        for layer in (network.layers[0], network.layers[1], third):
            x = layer(x)
            variances.append(float(x.var()))
    assert max(variances) <= 2 * min(variances)


def test_constants_out_of_range_are_refused() -> None:
    with pytest.raises(ConfigError, match="refractory"):
        BiologicalNonlinearity(refractory=1.0)
