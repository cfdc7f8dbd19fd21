#include "engrain/cable.hpp"

#include "arrays.hpp"

namespace engrain::bindings {
namespace {

void solve_cable_py(const I32Array& parent, const F64Array& axial, F64Array& diagonal,
                    F64Array& rhs) {
    check_shape(diagonal.ndim() == 2 && rhs.ndim() == 2 && extent(diagonal, 0) == extent(rhs, 0) &&
                    extent(diagonal, 1) == extent(rhs, 1),
                "diagonal and rhs: expected one shape (nodes, cells)");
    const std::size_t nodes = extent(rhs, 0), cells = extent(rhs, 1);
    check_shape(parent.ndim() == 1 && extent(parent, 0) == nodes,
                "parent: expected shape (nodes,)");
    check_shape(axial.ndim() == 1 && extent(axial, 0) == nodes, "axial: expected shape (nodes,)");
    const std::int32_t* p = parent.data();
    for (std::size_t i = 1; i < nodes; ++i)
        check_shape(p[i] >= 0 && static_cast<std::size_t>(p[i]) < i,
                    "parent: every node but the first needs a parent before it");
    const double* a = axial.data();
    double *d = diagonal.mutable_data(), *r = rhs.mutable_data();
    nb::gil_scoped_release release;
    solve_cable(p, a, d, r, nodes, cells);
}

}  // namespace

void bind_cable(nb::module_& m) {
    m.def("solve_cable", &solve_cable_py, nb::arg("parent"), nb::arg("axial"), nb::arg("diagonal"),
          nb::arg("rhs"));
}

}  // namespace engrain::bindings
