#include "engrain/inhibition.hpp"

#include <nanobind/stl/optional.h>

#include <optional>

#include "arrays.hpp"

namespace engrain::bindings {
namespace {

std::size_t inhibit_py(F32Array& scores, const std::optional<F32Array>& similarity, float strength,
                       float sparsity, float temperature, int rounds, F32Array& scratch) {
    const std::size_t n = extent(scores, 0);
    check_shape(scores.ndim() == 1, "scores: expected shape (n,)");
    check_shape(scratch.ndim() == 1 && extent(scratch, 0) == 2 * n,
                "scratch: expected shape (2 n,)");
    check_finite(scores.data(), n, "scores");
    const float* rows = nullptr;
    if (similarity) {
        check_shape(
            similarity->ndim() == 2 && extent(*similarity, 0) == n && extent(*similarity, 1) == n,
            "similarity: expected shape (n, n)");
        rows = similarity->data();
        check_finite(rows, n * n, "similarity");
    }
    const InhibitionRule rule{strength, sparsity, temperature, rounds};
    float *s = scores.mutable_data(), *work = scratch.mutable_data();
    if (n * n * std::size_t(rounds) < release_gil_above) return inhibit(s, rows, n, rule, work);
    nb::gil_scoped_release release;
    return inhibit(s, rows, n, rule, work);
}

}  // namespace

void bind_inhibition(nb::module_& m) {
    m.def("inhibit", &inhibit_py, nb::arg("scores"), nb::arg("similarity").none(),
          nb::arg("strength"), nb::arg("sparsity"), nb::arg("temperature"), nb::arg("rounds"),
          nb::arg("scratch"));
}

}  // namespace engrain::bindings
