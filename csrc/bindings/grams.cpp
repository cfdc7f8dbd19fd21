#include "engrain/grams.hpp"

#include <pybind11/stl.h>

#include <algorithm>

#include "arrays.hpp"

namespace engrain::bindings {
namespace {

using U64Array = py::array_t<std::uint64_t, py::array::c_style>;

U64Array hash_grams_py(const std::string& words, const std::string& classes,
                       const std::string& context) {
    const auto hashes = hash_grams({words, classes, context});
    U64Array out(static_cast<py::ssize_t>(hashes.size()));
    std::copy(hashes.begin(), hashes.end(), out.mutable_data());
    return out;
}

std::vector<double> score_grams_py(const std::string& words, const std::string& classes,
                                   const std::string& context, const I8Array& codes) {
    check_shape(codes.ndim() == 2, "codes: expected 2 dimensions (rows, kinds)");
    const std::size_t rows = extent(codes, 0), kinds = extent(codes, 1);
    check_shape(rows > 0 && (rows & (rows - 1)) == 0, "codes: rows must be a power of two");
    const auto hashes = hash_grams({words, classes, context});
    std::vector<double> out(kinds);
    score_grams(hashes.data(), hashes.size(), codes.data(), rows, kinds, out.data());
    return out;
}

}  // namespace

void bind_grams(py::module_& m) {
    m.def("hash_grams", &hash_grams_py, py::arg("words"), py::arg("classes"), py::arg("context"));
    m.def("score_grams", &score_grams_py, py::arg("words"), py::arg("classes"), py::arg("context"),
          py::arg("codes").noconvert());
}

}  // namespace engrain::bindings
