from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engrain import kernels
from engrain.base.errors import ConfigError, ShapeError
from engrain.kernels import reference
from engrain.kernels.conv4d import AnyArray, Conv4dSpec, as_four
from tests.strategies import normal


def four(low: int, high: int) -> st.SearchStrategy[tuple[int, ...]]:
    return st.tuples(*[st.integers(low, high)] * 4)


@st.composite
def cases(draw: st.DrawFn) -> tuple[AnyArray, AnyArray, Conv4dSpec]:
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    spec = Conv4dSpec(
        stride=as_four(draw(four(1, 3)), "stride", 1),
        padding=as_four(draw(four(0, 2)), "padding", 0),
        dilation=as_four(draw(four(1, 2)), "dilation", 1),
        groups=groups,
        causal=draw(st.booleans()),
    )
    kernel = draw(four(1, 4))
    extents = [
        max(n, d * (k - 1) + 1)
        for n, d, k in zip(
            draw(st.tuples(*[st.integers(1, n) for n in (4, 4, 9, 35)])),
            spec.dilation,
            kernel,
            strict=True,
        )
    ]
    in_group, out_group = draw(st.integers(1, 3)), draw(st.sampled_from([1, 2, 3, 5, 8, 9]))
    seed = draw(st.integers(0, 1000))
    x = normal(seed, draw(st.integers(1, 3)), groups * in_group, *extents)
    return x, normal(seed + 1, groups * out_group, in_group, *kernel), spec


def call(spec: Conv4dSpec, kernel: tuple[int, ...]) -> tuple[Any, Any, Any, int]:
    return spec.stride, spec.margins(kernel)[0], spec.dilation, spec.groups


def assert_close(got: AnyArray, wanted: AnyArray, tolerance: float) -> None:
    assert got.shape == wanted.shape
    assert np.abs(got - wanted).max() <= tolerance * (1 + np.abs(wanted).max())


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(case=cases(), dtype=st.sampled_from([np.float32, np.float64]), threads=st.integers(1, 2))
def test_conv4d_agrees_with_its_oracle(
    simd: str, case: tuple[AnyArray, AnyArray, Conv4dSpec], dtype: Any, threads: int
) -> None:
    x, weight, spec = case[0].astype(dtype), case[1].astype(dtype), case[2]
    kernel = weight.shape[2:]
    tolerance = 1e-5 if dtype is np.float32 else 1e-13
    out = kernels.conv4d_forward(x, weight, None, spec, threads=threads)
    extents = spec.output_extents(x.shape[2:], kernel)
    assert_close(out, reference.conv4d_forward(x, weight, *call(spec, kernel), extents), tolerance)
    grad = np.random.default_rng(0).standard_normal(out.shape).astype(dtype)
    grad_x = kernels.conv4d_grad_input(grad, weight, x.shape[2:], spec, threads=threads)
    assert_close(
        grad_x,
        reference.conv4d_grad_input(grad, weight, *call(spec, kernel), x.shape[2:]),
        tolerance,
    )
    grad_w = kernels.conv4d_grad_weight(x, grad, kernel, spec, threads=threads)
    assert_close(
        grad_w, reference.conv4d_grad_weight(x, grad, *call(spec, kernel), kernel), tolerance
    )


def test_conv4d_is_linear_and_its_gradients_are_its_adjoints() -> None:
    spec = Conv4dSpec(padding=(1, 1, 1, 1), stride=(1, 2, 1, 1))
    x, other, weight = (
        normal(0, 2, 3, 5, 5, 7, 6),
        normal(1, 2, 3, 5, 5, 7, 6),
        normal(2, 8, 3, 3, 3, 3, 3),
    )
    out = kernels.conv4d_forward(x, weight, None, spec)
    both = kernels.conv4d_forward(x + 2 * other, weight, None, spec)
    assert_close(both, out + 2 * kernels.conv4d_forward(other, weight, None, spec), 1e-5)
    grad = normal(3, *out.shape)
    inner = np.vdot(out, grad)
    by_input = np.vdot(x, kernels.conv4d_grad_input(grad, weight, x.shape[2:], spec))
    by_weight = np.vdot(weight, kernels.conv4d_grad_weight(x, grad, weight.shape[2:], spec))
    scale = np.linalg.norm(out) * np.linalg.norm(grad)
    assert abs(inner - by_input) <= 1e-5 * scale
    assert abs(inner - by_weight) <= 1e-5 * scale


def test_conv4d_commutes_with_shifts() -> None:
    x, weight = normal(0, 1, 2, 8, 8, 9, 10), normal(1, 4, 2, 3, 3, 3, 3)
    out = kernels.conv4d_forward(x, weight)
    rolled = np.ascontiguousarray(np.roll(x, (1, 2, 1, 3), axis=(2, 3, 4, 5)))
    moved = kernels.conv4d_forward(rolled, weight)
    assert_close(moved[:, :, 1:, 2:, 1:, 3:], out[:, :, :-1, :-2, :-1, :-3], 1e-5)


def test_causal_output_never_sees_the_future() -> None:
    spec = Conv4dSpec(padding=(1, 1, 1, 0), causal=True)
    x, weight = normal(0, 1, 1, 4, 4, 4, 9), normal(1, 2, 1, 3, 3, 3, 3)
    later = x.copy()
    later[..., 5:] += 1
    out, changed = (kernels.conv4d_forward(v, weight, None, spec) for v in (x, later))
    assert np.array_equal(out[..., :5], changed[..., :5])
    assert not np.array_equal(out[..., 5], changed[..., 5])


def test_conv4d_is_the_same_for_any_number_of_threads() -> None:
    x, weight = normal(0, 3, 4, 7, 6, 9, 16), normal(1, 8, 4, 3, 3, 3, 3)
    spec = Conv4dSpec(padding=(1, 1, 1, 1))
    outs = [kernels.conv4d_forward(x, weight, None, spec, threads=n) for n in (1, 2, 5)]
    grads = [
        kernels.conv4d_grad_weight(x, outs[0], weight.shape[2:], spec, threads=n) for n in (1, 2, 5)
    ]
    assert all(np.array_equal(outs[0], out) for out in outs)
    assert all(np.array_equal(grads[0], grad) for grad in grads)


def test_bfloat16_storage_rounds_and_nothing_else() -> None:
    x = normal(0, 2, 3, 4, 4, 5, 7)
    bits = (x.view(np.uint32) >> 16).astype(np.uint16)
    kept = (bits.astype(np.uint32) << 16).view(np.float32)
    weight, spec = normal(1, 8, 3, 3, 3, 3, 3), Conv4dSpec(padding=(1, 1, 1, 1))
    out = kernels.conv4d_forward(bits, weight, None, spec)
    wanted = kernels.conv4d_forward(kept, weight, None, spec)
    assert out.dtype == np.uint16
    got = (out.astype(np.uint32) << 16).view(np.float32)
    assert np.all(np.abs(got - wanted) <= np.abs(wanted) * 2.0**-8)
    grad = kernels.conv4d_grad_weight(bits, out, weight.shape[2:], spec)
    assert_close(grad, kernels.conv4d_grad_weight(kept, got, weight.shape[2:], spec), 1e-6)


def test_conv4d_refuses_what_does_not_fit() -> None:
    x, weight = normal(0, 1, 2, 4, 4, 4, 4), normal(1, 2, 2, 3, 3, 3, 3)
    with pytest.raises(TypeError):
        kernels.conv4d_forward(x, weight.astype(np.float64))
    with pytest.raises(TypeError):
        kernels.conv4d_forward(x[..., ::2], weight, spec=Conv4dSpec(padding=(1, 1, 1, 1)))
    with pytest.raises(ShapeError, match="does not fit"):
        kernels.conv4d_forward(x, normal(1, 2, 2, 5, 3, 3, 3))
    with pytest.raises(ValueError, match="weight"):
        kernels.conv4d_forward(x, normal(1, 2, 1, 3, 3, 3, 3))
    with pytest.raises(ValueError, match="bias"):
        kernels.conv4d_forward(x, weight, normal(0, 3))
    with pytest.raises(ConfigError, match="stride"):
        Conv4dSpec(stride=(0, 1, 1, 1))
    with pytest.raises(ShapeError, match="grad_out"):
        kernels.conv4d_grad_input(normal(0, 1, 2, 4, 4, 4, 4), weight, (4, 4, 4, 4))
