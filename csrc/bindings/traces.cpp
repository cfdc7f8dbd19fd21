#include "engrain/traces.hpp"

#include "arrays.hpp"

namespace engrain::bindings {

template <>
struct Dtype<Trace> {
    static inline PyArray_Descr* type = nullptr;  // made when the module is imported
    static void make() {
        nb::list fields;
        for (const char* name : {"fast", "slow"}) fields.append(nb::make_tuple(name, "f4"));
        fields.append(nb::make_tuple("last", "f8"));
        if (!PyArray_DescrConverter(fields.ptr(), &type)) throw nb::python_error();
    }
    static bool is(PyArray_Descr* other) noexcept { return PyArray_EquivTypes(type, other); }
    static constexpr auto name = nb::detail::const_name("TRACE");
};

namespace {

using TraceArray = Array<Trace>;

void make_trace_rule(TraceRule* rule, int kind, float dutch, float mix, double tau_fast,
                     double tau_slow, double cascade) {
    new (rule) TraceRule{
        static_cast<TraceKind>(kind), dutch, mix, 1.0 / tau_fast, 1.0 / tau_slow, cascade};
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
        nb::gil_scoped_release release;
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
        nb::gil_scoped_release release;
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
        nb::gil_scoped_release release;
        step_traces(f, s, w, n, decay_fast, decay_slow, mix, reward);
    }
}

}  // namespace

void bind_traces(nb::module_& m) {
    Dtype<Trace>::make();
    nb::class_<TraceRule>(m, "TraceRule").def("__init__", &make_trace_rule);
    m.def("touch_traces", &touch_traces_py, nb::arg("traces"), nb::arg("handles"),
          nb::arg("activity"), nb::arg("now"), nb::arg("rule"));
    m.def("read_traces", &read_traces_py, nb::arg("traces"), nb::arg("handles"), nb::arg("now"),
          nb::arg("rule"), nb::arg("scale"), nb::arg("out"));
    m.def("step_traces", &step_traces_py, nb::arg("fast"), nb::arg("slow"), nb::arg("weights"),
          nb::arg("decay_fast"), nb::arg("decay_slow"), nb::arg("mix"), nb::arg("reward"));
}

}  // namespace engrain::bindings
