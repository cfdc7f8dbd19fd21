#include "engrain/traces.hpp"

#include "arrays.hpp"

namespace engrain::bindings {
namespace {

using TraceArray = py::array_t<Trace, py::array::c_style>;

TraceRule make_trace_rule(int kind, float dutch, float mix, double tau_fast, double tau_slow,
                          double cascade) {
    return {static_cast<TraceKind>(kind), dutch, mix, 1.0 / tau_fast, 1.0 / tau_slow, cascade};
}

void touch_traces_py(TraceArray& traces, const I64Array& handles, const F32Array& activity,
                     double now, const TraceRule& rule) {
    const std::size_t n = extent(handles, 0);
    check_shape(traces.ndim() == 1, "traces: expected shape (n,)");
    check_shape(handles.ndim() == 1, "handles: expected shape (k,)");
    check_shape(activity.ndim() == 1 && extent(activity, 0) == n, "activity: expected shape (k,)");
    check_handles(handles.data(), n, extent(traces, 0), "handles");
    check_finite(activity.data(), n, "activity");
    check_finite(now, "now");
    Trace* t = traces.mutable_data();
    const std::int64_t* h = handles.data();
    const float* a = activity.data();
    if (n * 16 < release_gil_above) {
        touch_traces(t, h, a, n, now, rule);
    } else {
        py::gil_scoped_release release;
        touch_traces(t, h, a, n, now, rule);
    }
}

void read_traces_py(const TraceArray& traces, const I64Array& handles, double now,
                    const TraceRule& rule, float scale, F32Array& out) {
    const std::size_t n = extent(handles, 0);
    check_shape(traces.ndim() == 1, "traces: expected shape (n,)");
    check_shape(handles.ndim() == 1, "handles: expected shape (k,)");
    check_shape(out.ndim() == 1 && extent(out, 0) == n, "out: expected shape (k,)");
    check_handles(handles.data(), n, extent(traces, 0), "handles");
    check_finite(now, "now");
    check_finite(scale, "reward");
    const Trace* t = traces.data();
    const std::int64_t* h = handles.data();
    float* o = out.mutable_data();
    if (n * 16 < release_gil_above) {
        read_traces(t, h, n, now, rule, scale, o);
    } else {
        py::gil_scoped_release release;
        read_traces(t, h, n, now, rule, scale, o);
    }
}

void step_traces_py(F32Array& fast, F32Array& slow, F32Array& weights, float decay_fast,
                    float decay_slow, float mix, float reward) {
    const std::size_t n = extent(fast, 0);
    check_shape(fast.ndim() == 1, "fast: expected shape (n,)");
    check_shape(slow.ndim() == 1 && extent(slow, 0) == n, "slow: expected shape (n,)");
    check_shape(weights.ndim() == 1 && extent(weights, 0) == n, "weights: expected shape (n,)");
    check_finite(reward, "reward");
    float *f = fast.mutable_data(), *s = slow.mutable_data(), *w = weights.mutable_data();
    if (n < release_gil_above) {
        step_traces(f, s, w, n, decay_fast, decay_slow, mix, reward);
    } else {
        py::gil_scoped_release release;
        step_traces(f, s, w, n, decay_fast, decay_slow, mix, reward);
    }
}

}  // namespace

void bind_traces(py::module_& m) {
    PYBIND11_NUMPY_DTYPE(Trace, fast, slow, last);
    py::class_<TraceRule>(m, "TraceRule").def(py::init(&make_trace_rule));
    m.def("touch_traces", &touch_traces_py, py::arg("traces").noconvert(),
          py::arg("handles").noconvert(), py::arg("activity").noconvert(), py::arg("now"),
          py::arg("rule"));
    m.def("read_traces", &read_traces_py, py::arg("traces").noconvert(),
          py::arg("handles").noconvert(), py::arg("now"), py::arg("rule"), py::arg("scale"),
          py::arg("out").noconvert());
    m.def("step_traces", &step_traces_py, py::arg("fast").noconvert(), py::arg("slow").noconvert(),
          py::arg("weights").noconvert(), py::arg("decay_fast"), py::arg("decay_slow"),
          py::arg("mix"), py::arg("reward"));
}

}  // namespace engrain::bindings
