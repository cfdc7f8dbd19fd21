from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from engrain.base.errors import ConfigError
from engrain.fabric.propagation import BidirectionalPropagator, Mode, mean_squared_error


def stack() -> list[nn.Module]:
    torch.manual_seed(0)
    return [
        nn.Sequential(nn.Linear(6, 12), nn.Tanh()),
        nn.Sequential(nn.Linear(12, 12), nn.Tanh()),
        nn.Linear(12, 3),
    ]


def data() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(20, 6, generator=generator), torch.randn(20, 3, generator=generator)


def gradient(mode: Mode, **settings: float) -> Tensor:
    layers = stack()
    BidirectionalPropagator(layers, **settings).gradients(*data(), mode)  # type: ignore[arg-type]
    grads = [p.grad for layer in layers for p in layer.parameters()]
    return torch.cat([g.flatten() for g in grads if g is not None])


def cosine(a: Tensor, b: Tensor) -> float:
    return float(torch.nn.functional.cosine_similarity(a, b, dim=0))


def test_forward_backward_combine() -> None:
    x, target = data()
    propagator = BidirectionalPropagator(stack(), weight=0.25)
    output = propagator.propagate_forward(x)
    targets = propagator.propagate_backward(target)
    combined = propagator.combine_directions()
    torch.testing.assert_close(combined[-1], 0.75 * output + 0.25 * target)
    assert [c.shape for c in combined] == [t.shape for t in targets]


def test_targets_lower_the_error_of_the_layers_above() -> None:
    x, target = data()
    propagator = BidirectionalPropagator(stack())
    before = mean_squared_error(propagator.propagate_forward(x), target)
    first, second, _ = propagator.propagate_backward(target)
    top = propagator.layers[2](second)
    both = propagator.layers[2](propagator.layers[1](first))
    assert mean_squared_error(top, target) < before
    assert mean_squared_error(both, target) < before


def test_intentional_passes_come_nearer_to_the_goal_and_need_one() -> None:
    x, target = data()
    propagator = BidirectionalPropagator(stack())
    plain = propagator.propagate_forward(x)
    assert torch.equal(propagator.propagate_forward(x, "intentional"), plain)
    propagator.propagate_backward(target)
    aimed = propagator.propagate_forward(x, "intentional")
    assert mean_squared_error(aimed, target) < mean_squared_error(plain, target)


def test_random_passes_are_seeded_and_scaled() -> None:
    x, _ = data()
    outputs = [BidirectionalPropagator(stack()).propagate_forward(x, "random") for _ in range(2)]
    plain = BidirectionalPropagator(stack()).propagate_forward(x)
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.equal(outputs[0], plain)
    none = BidirectionalPropagator(stack(), perturbation=0.0).propagate_forward(x, "random")
    torch.testing.assert_close(none, plain)


def test_local_gradients_point_where_backpropagation_does() -> None:
    normal = gradient("normal")
    assert cosine(gradient("intentional", step=1e-4), normal) > 0.999
    assert cosine(gradient("intentional", step=0.1), normal) > 0.9
    blend = gradient("bidirectional", weight=0.5)
    torch.testing.assert_close(blend, 0.5 * normal + 0.5 * gradient("intentional"))
    assert cosine(gradient("random"), normal) > 0.8


def test_misuse_is_refused() -> None:
    propagator = BidirectionalPropagator(stack())
    with pytest.raises(ConfigError, match="mode"):
        propagator.propagate_forward(data()[0], "sideways")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="forward"):
        propagator.propagate_backward(data()[1])
    with pytest.raises(ConfigError, match="combining"):
        propagator.combine_directions()
