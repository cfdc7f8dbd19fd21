#include "engrain/inhibition.hpp"

#include "arrays.hpp"

namespace engrain::bindings {
namespace {

std::size_t inhibit_py(F32Array& scores, const py::object& similarity, float strength,
                       float sparsity, float temperature, int rounds, F32Array& scratch) {
    const std::size_t n = extent(scores, 0);
    check_shape(scores.ndim() == 1, "scores: expected shape (n,)");
    check_shape(scratch.ndim() == 1 && extent(scratch, 0) == 2 * n,
                "scratch: expected shape (2 n,)");
    check_finite(scores.data(), n, "scores");
    const float* rows = nullptr;
    if (!similarity.is_none()) {
        if (!F32Array::check_(similarity))
            throw py::type_error("similarity: expected a C-contiguous float32 array");
        const auto matrix = py::reinterpret_borrow<F32Array>(similarity);
        check_shape(matrix.ndim() == 2 && extent(matrix, 0) == n && extent(matrix, 1) == n,
                    "similarity: expected shape (n, n)");
        check_finite(matrix.data(), n * n, "similarity");
        rows = matrix.data();
    }
    const InhibitionRule rule{strength, sparsity, temperature, rounds};
    float *s = scores.mutable_data(), *work = scratch.mutable_data();
    if (n * n * std::size_t(rounds) < release_gil_above) return inhibit(s, rows, n, rule, work);
    py::gil_scoped_release release;
    return inhibit(s, rows, n, rule, work);
}

}  // namespace

void bind_inhibition(py::module_& m) {
    m.def("inhibit", &inhibit_py, py::arg("scores").noconvert(), py::arg("similarity"),
          py::arg("strength"), py::arg("sparsity"), py::arg("temperature"), py::arg("rounds"),
          py::arg("scratch").noconvert());
}

}  // namespace engrain::bindings
