#include "engrain/similarity.hpp"

#include "arrays.hpp"

namespace engrain::bindings {
namespace {

void score_rows_py(const F32Array& rows, const F32Array& query, F32Array& out) {
    check_shape(rows.ndim() == 2, "rows: expected 2 dimensions (n, dim)");
    check_shape(query.ndim() == 1 && extent(query, 0) == extent(rows, 1),
                "query: expected shape (dim,)");
    check_shape(out.ndim() == 1 && extent(out, 0) == extent(rows, 0), "out: expected shape (n,)");
    const std::size_t n = extent(rows, 0), dim = extent(rows, 1);
    const float *r = rows.data(), *q = query.data();
    float* o = out.mutable_data();
    if (n * dim < release_gil_above) {
        score_rows(r, q, n, dim, o);
    } else {
        nb::gil_scoped_release release;
        score_rows(r, q, n, dim, o);
    }
}

void score_queries_py(const F32Array& rows, const F32Array& queries, F32Array& out) {
    check_shape(rows.ndim() == 2 && queries.ndim() == 2 && extent(queries, 1) == extent(rows, 1),
                "rows, queries: expected shapes (n, dim) and (k, dim)");
    const std::size_t n = extent(rows, 0), k = extent(queries, 0), dim = extent(rows, 1);
    check_shape(out.ndim() == 2 && extent(out, 0) == n && extent(out, 1) == k,
                "out: expected shape (n, k)");
    const float *r = rows.data(), *q = queries.data();
    float* o = out.mutable_data();
    if (n * k * dim < release_gil_above) return score_queries(r, q, n, k, dim, o);
    nb::gil_scoped_release release;
    score_queries(r, q, n, k, dim, o);
}

bool compare_rows_py(const F32Array& rows, F32Array& out) {
    check_shape(rows.ndim() == 2, "rows: expected 2 dimensions (n, dim)");
    const std::size_t n = extent(rows, 0), dim = extent(rows, 1);
    check_shape(out.ndim() == 2 && extent(out, 0) == n && extent(out, 1) == n,
                "out: expected shape (n, n)");
    const float* r = rows.data();
    float* o = out.mutable_data();
    if (n * n * dim < 2 * release_gil_above) return compare_rows(r, n, dim, o);
    nb::gil_scoped_release release;
    return compare_rows(r, n, dim, o);
}

}  // namespace

void bind_similarity(nb::module_& m) {
    m.def("compare_rows", &compare_rows_py, nb::arg("rows"), nb::arg("out"));
    m.def("score_queries", &score_queries_py, nb::arg("rows"), nb::arg("queries"), nb::arg("out"));
    m.def("score_rows", &score_rows_py, nb::arg("rows"), nb::arg("query"), nb::arg("out"));
}

}  // namespace engrain::bindings
