"""CUDA twins of kernels whose work is worth a launch: traces, sparse STDP, adapters, edges, top-k.

They take arrays that already lie on the device: `DeviceArray`, or whatever has
``__cuda_array_interface__`` (torch, CuPy). Results agree with the CPU kernels to rounding, not bit
for bit: sums run in another order. Build with ``ENGRAIN_CUDA=1 pip install .``; a wheel built so
imports without a GPU, and every function here then raises `CudaError`.
"""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import I64Array
from engrain.base.errors import CudaError, NonFiniteError

if TYPE_CHECKING:
    from engrain._cuda import DeviceArray


def device_count() -> int:
    """Return how many CUDA devices can be used: 0 without a GPU, a driver or the CUDA build."""
    try:
        return int(_module().device_count())
    except CudaError:
        return 0


def to_device(host: npt.NDArray[Any]) -> DeviceArray:
    """Copy a C-contiguous array to the device; its `numpy` method copies it back.

    Raises
    ------
    CudaError
        No CUDA build, no usable device, or no memory left on it.
    TypeError
        The array is not C-contiguous.
    """
    array: DeviceArray = _module().DeviceArray(host)
    return array


def step_traces(
    fast: Any, slow: Any, weights: Any, *, decay: tuple[float, float], mix: float, reward: float
) -> None:
    """Decay dense traces and credit weights: the twin of `kernels.step_traces`, in place.

    Raises
    ------
    CudaError
        No CUDA build, no usable device, or the call failed.
    TypeError, ValueError
        Type, layout or size of an argument is wrong; nothing was changed.
    """
    _module().step_traces(fast, slow, weights, *decay, mix, reward)


def touch_traces(
    traces: Any,
    handles: Any,
    activity: Any,
    now: float,
    *,
    kind: int = 0,
    dutch: float = 0.1,
    mix: float = 0.7,
    tau: tuple[float, float] = (5.0, 60.0),
    cascade: float = 0.0,
) -> None:
    """Touch traces at distinct handles: the twin of `kernels.touch_traces`, in place.

    Raises
    ------
    CudaError, TypeError, ValueError
        As in `step_traces`. Handles on the device are not checked.
    """
    rates = 1 / tau[0], 1 / tau[1]
    _module().touch_traces(traces, handles, activity, now, kind, dutch, mix, *rates, cascade)


def stdp_sparse(
    synapses: tuple[Any, Any, Any, Any, Any, Any],
    x: Any,
    y: Any,
    pre: tuple[I64Array, Any],
    post: tuple[I64Array, Any],
    *,
    a: tuple[float, float],
    decay: tuple[float, float],
    bounds: tuple[float, float] = (0.0, 1.0),
    mu: float = 0.0,
    nearest: bool = False,
) -> None:
    """Run pair STDP over many steps of spikes on sparse synapses, in place.

    Parameters
    ----------
    synapses : tuple of device arrays
        weight (f32), row (u32), target (u16), column (u32), source (u16), place (u32), as in
        `kernels.stdp`.
    x, y : device arrays of float32
        Traces of the pre- and postsynaptic neurons, at most 65,536 a side.
    pre, post : tuple
        Starts of each step's spikes (int64, on the host, one more than steps) and their neurons
        (int32, on the device).
    a, decay : tuple of float
        (a_plus, a_minus), and the factors of x and y per step.
    bounds : tuple of float
    mu : float
        Exponent of the weight dependence: 0 additive, 1 multiplicative.
    nearest : bool

    Raises
    ------
    CudaError, TypeError, ValueError
        As in `step_traces`. Indices on the device are not checked.
    """
    _module().stdp_sparse(*synapses, x, y, pre, post, *a, *decay, *bounds, mu, nearest)


def apply_lora(a: Any, b: Any, adapter: Any, x: Any, out: Any, *, scale: float = 1.0) -> None:
    """Write what each row's adapter makes of it to `out`: the twin of `kernels.apply_lora`.

    Raises
    ------
    CudaError, TypeError, ValueError
        As in `step_traces`. Indices on the device are not checked.
    """
    _module().apply_lora(a, b, adapter, x, scale, out)


def update_lora(
    a: Any,
    b: Any,
    adapter: Any,
    x: Any,
    gradient: Any,
    *,
    learning_rate: float = 0.1,
    scale: float = 1.0,
    decay: float = 1.0,
    epsilon: float = 1e-3,
    normalised: bool = True,
) -> None:
    """Take one step of distinct adapters: the twin of `kernels.update_lora`, in place.

    Raises
    ------
    CudaError, TypeError, ValueError
        As in `step_traces`. Indices on the device are not checked.
    NonFiniteError
        Some requests are not finite: their adapters were left as they were.
    """
    refused = _module().update_lora(
        a, b, adapter, x, gradient, learning_rate, scale, decay, epsilon, normalised
    )
    if refused:
        raise NonFiniteError(f"x, gradient: {refused} request(s) contain NaN or infinity")


def update_edges(
    slots: Any,
    source: Any,
    target: Any,
    signal: Any,
    *,
    scale: float = 1.0,
    eta_plus: float = 0.05,
    eta_minus: float = 0.02,
) -> int:
    """Strengthen or weaken edges of `EdgeTable.copy_slots` on the device, in any order.

    Returns
    -------
    int
        How many of the batch the table does not hold; `EdgeTable.update` inserts those.

    Raises
    ------
    CudaError, TypeError, ValueError
        As in `step_traces`.
    """
    missing: int = _module().update_edges(slots, scale, source, target, signal, eta_plus, eta_minus)
    return missing


def topk(rows: Any, queries: Any, k: int) -> tuple[DeviceArray, DeviceArray]:
    """Return indices and scores of the k <= 512 best rows of each query, on the device.

    Parameters
    ----------
    rows, queries : device arrays of float32, shapes (n, dim) and (queries, dim)
    k : int

    Returns
    -------
    indices : DeviceArray of int64, shape (queries, k)
        Best first, ties to the smaller index; -1 where there are no more rows.
    scores : DeviceArray of float32, shape (queries, k)

    Raises
    ------
    CudaError, TypeError, ValueError
        As in `step_traces`.
    """
    module = _module()
    view = getattr(queries, "__cuda_array_interface__", {"shape": (1,)})
    shape = (view["shape"][0], k)
    index = to_device(np.full(shape, -1, dtype=np.int64))
    score = to_device(np.full(shape, -np.inf, dtype=np.float32))
    module.topk(rows, queries, index, score)
    return index, score


def _module() -> ModuleType:
    try:
        from engrain import _cuda
    except ImportError as error:
        raise CudaError(
            "this engrain was built without CUDA: install nvcc and rebuild with "
            "`ENGRAIN_CUDA=1 pip install .`, or call the kernels of engrain.kernels"
        ) from error
    return _cuda
