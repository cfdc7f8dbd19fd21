#include "engrain/kmeans.hpp"

#include <vector>

#include "arrays.hpp"

namespace engrain::bindings {
namespace {

void seed_centres_py(const F32Array& rows, const F64Array& uniforms, I64Array& chosen,
                     F32Array& distance, I64Array& nearest) {
    check_shape(rows.ndim() == 2 && extent(rows, 0) > 0, "rows: expected shape (n, dim), n > 0");
    const std::size_t n = extent(rows, 0), dim = extent(rows, 1), k = extent(chosen, 0);
    check_shape(uniforms.ndim() == 1 && chosen.ndim() == 1 && extent(uniforms, 0) == k && k > 0,
                "uniforms, chosen: expected one shape (k,), k > 0");
    check_shape(distance.ndim() == 1 && extent(distance, 0) == n && nearest.ndim() == 1 &&
                    extent(nearest, 0) == n,
                "distance, nearest: expected shape (n,)");
    for (std::size_t c = 0; c < k; ++c)
        check_shape(uniforms.data()[c] >= 0.0 && uniforms.data()[c] < 1.0,
                    "uniforms: expected values in [0, 1)");
    const std::size_t width = (dim + 63) / 64 * 64;
    std::vector<std::int8_t> codes(n * width);
    std::vector<float> scale(n), length(n), error(n), reach(n), padded(width);
    std::vector<double> sums(n / seed_block + 1);
    const SeedScratch scratch{distance.mutable_data(),
                              nearest.mutable_data(),
                              codes.data(),
                              scale.data(),
                              length.data(),
                              error.data(),
                              reach.data(),
                              padded.data(),
                              sums.data()};
    const float* r = rows.data();
    const double* u = uniforms.data();
    std::int64_t* out = chosen.mutable_data();
    py::gil_scoped_release release;
    seed_centres(r, n, dim, k, u, scratch, out);
}

void assign_rows_py(const F32Array& scores, const F32Array& bias, I64Array& label,
                    F32Array& least) {
    check_shape(scores.ndim() == 2 && bias.ndim() == 1 && extent(bias, 0) == extent(scores, 1),
                "scores, bias: expected shapes (n, k) and (k,)");
    const std::size_t n = extent(scores, 0), k = extent(scores, 1);
    check_shape(
        label.ndim() == 1 && extent(label, 0) == n && least.ndim() == 1 && extent(least, 0) == n,
        "label, least: expected shape (n,)");
    const float *s = scores.data(), *b = bias.data();
    std::int64_t* l = label.mutable_data();
    float* d = least.mutable_data();
    py::gil_scoped_release release;
    assign_rows(s, b, n, k, l, d);
}

void sum_rows_py(const F32Array& rows, const I64Array& label, F64Array& sums, I64Array& counts) {
    check_shape(rows.ndim() == 2 && label.ndim() == 1 && extent(label, 0) == extent(rows, 0),
                "rows, label: expected shapes (n, dim) and (n,)");
    const std::size_t n = extent(rows, 0), dim = extent(rows, 1);
    check_shape(sums.ndim() == 2 && extent(sums, 1) == dim && counts.ndim() == 1 &&
                    extent(counts, 0) == extent(sums, 0),
                "sums, counts: expected shapes (k, dim) and (k,)");
    for (std::size_t i = 0; i < n; ++i)
        check_shape(label.data()[i] >= 0 && label.data()[i] < sums.shape(0),
                    "label: an index is outside [0, k)");
    const float* r = rows.data();
    const std::int64_t* l = label.data();
    double* s = sums.mutable_data();
    std::int64_t* c = counts.mutable_data();
    py::gil_scoped_release release;
    sum_rows(r, l, n, dim, s, c);
}

}  // namespace

void bind_kmeans(py::module_& m) {
    m.def("seed_centres", &seed_centres_py, py::arg("rows").noconvert(),
          py::arg("uniforms").noconvert(), py::arg("chosen").noconvert(),
          py::arg("distance").noconvert(), py::arg("nearest").noconvert());
    m.def("assign_rows", &assign_rows_py, py::arg("scores").noconvert(),
          py::arg("bias").noconvert(), py::arg("label").noconvert(), py::arg("least").noconvert());
    m.def("sum_rows", &sum_rows_py, py::arg("rows").noconvert(), py::arg("label").noconvert(),
          py::arg("sums").noconvert(), py::arg("counts").noconvert());
}

}  // namespace engrain::bindings
