#include "engrain/som.hpp"

#include <nanobind/stl/array.h>

#include <array>

#include "arrays.hpp"

namespace engrain::bindings {
namespace {

void train_online_py(const F32Array& x, F32Array& weights, const std::array<std::size_t, 3>& grid,
                     const F32Array& rate, const F32Array& sigma, float cutoff, I64Array& best,
                     F32Array& distance) {
    check_shape(x.ndim() == 2 && weights.ndim() == 2, "x and weights: expected 2 dimensions");
    const std::size_t n = extent(x, 0), dim = extent(x, 1);
    const Grid g{grid[0], grid[1], grid[2]};
    for (const std::size_t side : grid)
        check_shape(side >= 1 && side <= Grid::largest, "grid: every extent must lie in 1..256");
    check_shape(extent(weights, 0) == g.units() && extent(weights, 1) == dim && g.units() > 0,
                "weights: expected shape (units, dim)");
    for (const AnyArray& array : std::initializer_list<AnyArray>{rate, sigma, best, distance})
        check_shape(array.ndim() == 1 && extent(array, 0) == n,
                    "rate, sigma, best, distance: expected shape (n,)");
    const float *r = rate.data(), *s = sigma.data(), *input = x.data();
    for (std::size_t i = 0; i < n; ++i)
        check_shape(r[i] >= 0 && r[i] <= 1 && s[i] > 0, "need 0 <= rate <= 1 and sigma > 0");
    float *w = weights.mutable_data(), *d = distance.mutable_data();
    std::int64_t* b = best.mutable_data();
    nb::gil_scoped_release release;
    train_som_online(input, w, g, n, dim, r, s, cutoff, b, d);
}

void best_units_py(const F32Array& dots, const F32Array& squared_norms, I64Array& best,
                   I64Array& second) {
    check_shape(dots.ndim() == 2, "dots: expected shape (n, units)");
    const std::size_t n = extent(dots, 0), units = extent(dots, 1);
    check_shape(units >= 2, "a map needs at least two units");
    check_shape(squared_norms.ndim() == 1 && extent(squared_norms, 0) == units,
                "squared_norms: expected shape (units,)");
    check_shape(
        best.ndim() == 1 && extent(best, 0) == n && second.ndim() == 1 && extent(second, 0) == n,
        "best and second: expected shape (n,)");
    const float *d = dots.data(), *norms = squared_norms.data();
    std::int64_t *b = best.mutable_data(), *s = second.mutable_data();
    nb::gil_scoped_release release;
    best_som_units(d, norms, n, units, b, s);
}

void accumulate_py(const F32Array& x, const I64Array& best, F32Array& sums, F32Array& counts) {
    check_shape(x.ndim() == 2 && sums.ndim() == 2 && extent(x, 1) == extent(sums, 1),
                "x and sums: expected shapes (n, dim) and (units, dim)");
    const std::size_t n = extent(x, 0), units = extent(sums, 0);
    check_shape(best.ndim() == 1 && extent(best, 0) == n, "best: expected shape (n,)");
    check_shape(counts.ndim() == 1 && extent(counts, 0) == units, "counts: expected (units,)");
    const std::int64_t* b = best.data();
    for (std::size_t i = 0; i < n; ++i)
        check_shape(b[i] >= 0 && std::size_t(b[i]) < units, "best: a unit outside the map");
    const float* input = x.data();
    float *s = sums.mutable_data(), *c = counts.mutable_data();
    nb::gil_scoped_release release;
    accumulate_som(input, b, n, extent(x, 1), s, c);
}

}  // namespace

void bind_som(nb::module_& m) {
    m.def("train_som_online", &train_online_py, nb::arg("x"), nb::arg("weights"), nb::arg("grid"),
          nb::arg("rate"), nb::arg("sigma"), nb::arg("cutoff"), nb::arg("best"),
          nb::arg("distance"));
    m.def("best_som_units", &best_units_py, nb::arg("dots"), nb::arg("squared_norms"),
          nb::arg("best"), nb::arg("second"));
    m.def("accumulate_som", &accumulate_py, nb::arg("x"), nb::arg("best"), nb::arg("sums"),
          nb::arg("counts"));
}

}  // namespace engrain::bindings
