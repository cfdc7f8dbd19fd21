#include "engrain/sparse.hpp"

#include "arrays.hpp"

namespace engrain::bindings {
namespace {

void check_rows(const I64Array& starts, const I32Array& columns, const F32Array& values,
                std::size_t height) {
    check_shape(starts.ndim() == 1 && extent(starts, 0) > 0, "starts: expected shape (n + 1,)");
    check_shape(
        columns.ndim() == 1 && values.ndim() == 1 && extent(columns, 0) == extent(values, 0),
        "columns, values: expected one shape (entries,)");
    const std::int64_t* start = starts.data();
    const std::size_t n = extent(starts, 0) - 1;
    for (std::size_t i = 0; i < n; ++i)
        check_shape(start[i] <= start[i + 1], "starts: expected ascending offsets");
    check_shape(start[0] == 0 && start[n] == values.shape(0),
                "starts: expected offsets from 0 to the number of entries");
    const std::int32_t* column = columns.data();
    bool inside = true;
    for (std::size_t e = 0, all = extent(columns, 0); e < all; ++e)
        inside &= column[e] >= 0 && std::size_t(column[e]) < height;
    check_shape(inside, "columns: an index is outside the rows of dense");
}

void multiply_sparse_py(const I64Array& starts, const I32Array& columns, const F32Array& values,
                        const F32Array& dense, F32Array& out) {
    check_shape(dense.ndim() == 2, "dense: expected 2 dimensions (columns, width)");
    check_rows(starts, columns, values, extent(dense, 0));
    const std::size_t n = extent(starts, 0) - 1, width = extent(dense, 1);
    check_shape(out.ndim() == 2 && extent(out, 0) == n && extent(out, 1) == width,
                "out: expected shape (n, width)");
    const auto* s = starts.data();
    const auto* c = columns.data();
    const float *v = values.data(), *d = dense.data();
    float* o = out.mutable_data();
    nb::gil_scoped_release release;
    multiply_sparse(s, c, v, n, d, width, o);
}

}  // namespace

void bind_sparse(nb::module_& m) {
    m.def("multiply_sparse", &multiply_sparse_py, nb::arg("starts"), nb::arg("columns"),
          nb::arg("values"), nb::arg("dense"), nb::arg("out"));
}

}  // namespace engrain::bindings
