#include "engrain/patterns.hpp"

#include <nanobind/stl/tuple.h>

#include <tuple>

#include "arrays.hpp"

namespace engrain::bindings {
namespace {

using Merged = std::tuple<std::size_t, std::size_t>;

// Rows held afterwards, and how many pairs of `gone` were written.
Merged merge_patterns_py(I64Array& ids, I64Array& levels, F64Array& counts, F64Array& sums,
                         F64Array& units, std::size_t held, std::int64_t next,
                         const F32Array& centroids, const F64Array& confidences,
                         const F64Array& sizes, std::int64_t level, double cosine,
                         std::size_t capacity, I64Array& kept, I64Array& gone) {
    check_shape(centroids.ndim() == 2, "centroids: expected shape (n, dim)");
    const std::size_t n = extent(centroids, 0), dim = extent(centroids, 1);
    check_shape(confidences.ndim() == 1 && sizes.ndim() == 1 && extent(confidences, 0) == n &&
                    extent(sizes, 0) == n && kept.ndim() == 1 && extent(kept, 0) == n,
                "confidences, sizes, kept: expected shape (n,)");
    const std::size_t room = extent(ids, 0);
    check_shape(held + n <= room && ids.ndim() == 1 && levels.ndim() == 1 && counts.ndim() == 1 &&
                    extent(levels, 0) == room && extent(counts, 0) == room,
                "ids, levels, counts: expected shape (room,), room for all");
    check_shape(sums.ndim() == 2 && units.ndim() == 2 && extent(sums, 0) == room &&
                    extent(units, 0) == room && extent(sums, 1) == dim && extent(units, 1) == dim,
                "sums, units: expected shape (room, dim)");
    check_shape(gone.ndim() == 2 && extent(gone, 0) >= held + n && extent(gone, 1) == 2,
                "gone: expected shape (held + n, 2)");
    PatternTable table{ids.mutable_data(),
                       levels.mutable_data(),
                       counts.mutable_data(),
                       sums.mutable_data(),
                       units.mutable_data(),
                       dim,
                       held,
                       next};
    const PatternsAdded added{centroids.data(), confidences.data(), sizes.data(), n, level};
    std::int64_t *k = kept.mutable_data(), *g = gone.mutable_data();
    nb::gil_scoped_release release;
    const std::size_t went = merge_patterns(table, added, {cosine, capacity}, k, g);
    return {table.held, went};
}

}  // namespace

void bind_patterns(nb::module_& m) {
    m.def("merge_patterns", &merge_patterns_py, nb::arg("ids"), nb::arg("levels"),
          nb::arg("counts"), nb::arg("sums"), nb::arg("units"), nb::arg("held"), nb::arg("next"),
          nb::arg("centroids"), nb::arg("confidences"), nb::arg("sizes"), nb::arg("level"),
          nb::arg("cosine"), nb::arg("capacity"), nb::arg("kept"), nb::arg("gone"));
}

}  // namespace engrain::bindings
