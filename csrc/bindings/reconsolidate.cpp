#include "engrain/reconsolidate.hpp"

#include "arrays.hpp"
#include "engrain/finite.hpp"

namespace engrain::bindings {
namespace {

bool reconsolidate_py(F32Array& memories, const I64Array& rows, const F32Array& queries,
                      const F32Array& rates, float max_tangent, F32Array& cosine) {
    check_shape(memories.ndim() == 2, "memories: expected 2 dimensions (memories, dim)");
    const std::size_t n = extent(rows, 0), dim = extent(memories, 1);
    check_shape(rows.ndim() == 1 && rates.ndim() == 1 && extent(rates, 0) == n,
                "rows, rates: expected one shape (n,)");
    const bool shared = queries.ndim() == 1 && extent(queries, 0) == dim;
    check_shape(
        shared || (queries.ndim() == 2 && extent(queries, 0) == n && extent(queries, 1) == dim),
        "queries: expected shape (dim,) or (n, dim)");
    check_shape(cosine.ndim() == 1 && extent(cosine, 0) == n, "cosine: expected shape (n,)");
    for (std::size_t i = 0; i < n; ++i) {
        check_shape(rows.data()[i] >= 0 && rows.data()[i] < memories.shape(0),
                    "rows: an index is outside [0, memories)");
        check_shape(rates.data()[i] >= -1.0F && rates.data()[i] <= 1.0F,
                    "rates: expected finite values in [-1, 1]");
    }
    float *m = memories.mutable_data(), *c = cosine.mutable_data();
    const float *q = queries.data(), *r = rates.data();
    const std::int64_t* which = rows.data();
    const std::size_t stride = shared ? 0 : dim, size = shared ? dim : n * dim;
    const auto work = [&] {
        if (!all_finite(q, size)) return false;
        reconsolidate(m, which, q, stride, r, n, dim, max_tangent, c);
        return true;
    };
    if (n * dim < release_gil_above) return work();
    nb::gil_scoped_release release;
    return work();
}

}  // namespace

void bind_reconsolidate(nb::module_& m) {
    m.def("reconsolidate", &reconsolidate_py, nb::arg("memories"), nb::arg("rows"),
          nb::arg("queries"), nb::arg("rates"), nb::arg("max_tangent"), nb::arg("cosine"));
}

}  // namespace engrain::bindings
