#include "engrain/value.hpp"

#include "arrays.hpp"

namespace engrain::bindings {
namespace {

void learn_values_py(F32Array& values, const I64Array& handles, const F32Array& outcomes,
                     float alpha, F32Array& errors) {
    const std::size_t n = extent(handles, 0);
    check_shape(values.ndim() == 1, "values: expected shape (n,)");
    check_shape(handles.ndim() == 1, "handles: expected shape (k,)");
    check_shape(outcomes.ndim() == 1 && extent(outcomes, 0) == n, "outcomes: expected shape (k,)");
    check_shape(errors.ndim() == 1 && extent(errors, 0) == n, "errors: expected shape (k,)");
    check_handles(handles.data(), n, extent(values, 0), "handles");
    check_finite(outcomes.data(), n, "outcomes");
    learn_values(values.mutable_data(), handles.data(), outcomes.data(), n, alpha,
                 errors.mutable_data());
}

void check_next(const I64Array& next, std::size_t n_states) {
    for (std::size_t i = 0; i < extent(next, 0); ++i)
        check_shape(next.data()[i] >= -1 && next.data()[i] < std::int64_t(n_states),
                    "next_states: each must be a state, or -1 for the end");
}

void td_lambda_py(F32Array& values, F32Array& traces, F32Array& carry, const I64Array& states,
                  const I64Array& next, const F32Array& rewards, int kind, float alpha, float gamma,
                  float fade, F32Array& errors) {
    const std::size_t n = extent(states, 0), n_states = extent(values, 0);
    check_shape(values.ndim() == 1, "values: expected shape (n,)");
    check_shape(traces.ndim() == 1 && extent(traces, 0) == n_states, "traces: expected shape (n,)");
    check_shape(carry.ndim() == 1 && extent(carry, 0) == 1, "carry: expected shape (1,)");
    check_shape(states.ndim() == 1, "states: expected shape (t,)");
    check_shape(next.ndim() == 1 && extent(next, 0) == n, "next_states: expected shape (t,)");
    check_shape(rewards.ndim() == 1 && extent(rewards, 0) == n, "rewards: expected shape (t,)");
    check_shape(errors.ndim() == 1 && extent(errors, 0) == n, "errors: expected shape (t,)");
    check_handles(states.data(), n, n_states, "states");
    check_next(next, n_states);
    check_finite(rewards.data(), n, "rewards");
    const TdRule rule{static_cast<TdKind>(kind), alpha, gamma, fade};
    float *v = values.mutable_data(), *e = traces.mutable_data(), *c = carry.mutable_data(),
          *out = errors.mutable_data();
    if (n * n_states < release_gil_above) {
        td_lambda(v, e, c, n_states, states.data(), next.data(), rewards.data(), n, rule, out);
    } else {
        nb::gil_scoped_release release;
        td_lambda(v, e, c, n_states, states.data(), next.data(), rewards.data(), n, rule, out);
    }
}

}  // namespace

void bind_value(nb::module_& m) {
    m.def("learn_values", &learn_values_py, nb::arg("values"), nb::arg("handles"),
          nb::arg("outcomes"), nb::arg("alpha"), nb::arg("errors"));
    m.def("td_lambda", &td_lambda_py, nb::arg("values"), nb::arg("traces"), nb::arg("carry"),
          nb::arg("states"), nb::arg("next"), nb::arg("rewards"), nb::arg("kind"), nb::arg("alpha"),
          nb::arg("gamma"), nb::arg("fade"), nb::arg("errors"));
}

}  // namespace engrain::bindings
