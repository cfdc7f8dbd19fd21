// First of the bindings in their alphabet: one unit that holds them all begins with NumPy's table.
#define ENGRAIN_IMPORTS_NUMPY
#include "arrays.hpp"

namespace engrain::bindings {

void import_numpy() {
    if (PyArray_ImportNumPyAPI() < 0) throw nb::python_error();
}

}  // namespace engrain::bindings
