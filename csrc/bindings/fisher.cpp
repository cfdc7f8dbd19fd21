#include "engrain/fisher.hpp"

#include <nanobind/stl/optional.h>

#include <optional>

#include "arrays.hpp"
#include "engrain/finite.hpp"

namespace engrain::bindings {
namespace {

bool same_shape(const F32Array& a, const F32Array& b) {
    if (a.ndim() != b.ndim()) return false;
    for (int axis = 0; axis < a.ndim(); ++axis)
        if (a.shape(axis) != b.shape(axis)) return false;
    return true;
}

bool update_fisher_py(F32Array& fisher, const F32Array& gradient, float decay, float gain) {
    check_shape(same_shape(fisher, gradient), "fisher, gradient: expected one shape");
    const std::size_t n = std::size_t(fisher.size());
    float* f = fisher.mutable_data();
    const float* g = gradient.data();
    const auto work = [&] {
        if (!all_finite(g, n)) return false;
        update_fisher(f, g, n, decay, gain);
        return true;
    };
    if (n < release_gil_above) return work();
    nb::gil_scoped_release release;
    return work();
}

double elastic_penalty_py(const F32Array& weights, const F32Array& anchor, const F32Array& fisher,
                          float strength, std::optional<F32Array> gradient) {
    check_shape(same_shape(weights, anchor) && same_shape(weights, fisher) &&
                    (!gradient || same_shape(weights, *gradient)),
                "weights, anchor, fisher, gradient: expected one shape");
    const std::size_t n = std::size_t(weights.size());
    float* g = gradient ? gradient->mutable_data() : nullptr;
    const float *w = weights.data(), *a = anchor.data(), *f = fisher.data();
    if (n < release_gil_above) return elastic_penalty(w, a, f, n, strength, g);
    nb::gil_scoped_release release;
    return elastic_penalty(w, a, f, n, strength, g);
}

}  // namespace

void bind_fisher(nb::module_& m) {
    m.def("update_fisher", &update_fisher_py, nb::arg("fisher"), nb::arg("gradient"),
          nb::arg("decay"), nb::arg("gain"));
    m.def("elastic_penalty", &elastic_penalty_py, nb::arg("weights"), nb::arg("anchor"),
          nb::arg("fisher"), nb::arg("strength"), nb::arg("gradient").none());
}

}  // namespace engrain::bindings
