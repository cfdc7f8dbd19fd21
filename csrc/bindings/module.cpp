// The one place that defines the extension module; each family registers itself below.
#include <pybind11/pybind11.h>

#include "engrain/simd.hpp"

namespace engrain::bindings {
void bind_cable(pybind11::module_& m);
void bind_conv4d(pybind11::module_& m);
void bind_cusum(pybind11::module_& m);
void bind_fastgrnn(pybind11::module_& m);
void bind_fisher(pybind11::module_& m);
void bind_fsrs(pybind11::module_& m);
void bind_grams(pybind11::module_& m);
void bind_kmeans(pybind11::module_& m);
void bind_lists(pybind11::module_& m);
void bind_lora(pybind11::module_& m);
void bind_neuron(pybind11::module_& m);
void bind_patterns(pybind11::module_& m);
void bind_reconsolidate(pybind11::module_& m);
void bind_similarity(pybind11::module_& m);
void bind_som(pybind11::module_& m);
void bind_sparse(pybind11::module_& m);
void bind_stdp(pybind11::module_& m);
void bind_topk(pybind11::module_& m);
void bind_traces(pybind11::module_& m);
void bind_inhibition(pybind11::module_& m);
void bind_scorer(pybind11::module_& m);
void bind_value(pybind11::module_& m);
}  // namespace engrain::bindings

PYBIND11_MODULE(_kernels, m, pybind11::mod_gil_not_used()) {
    using engrain::simd::Level;
    m.doc() = "Stateless array kernels. Import them from engrain.kernels.";
    m.def("simd_level", [] { return static_cast<int>(engrain::simd::level()); });
    m.def("set_simd_level", [](int level) {
        return static_cast<int>(engrain::simd::set_level(static_cast<Level>(level)));
    });
    engrain::bindings::bind_cable(m);
    engrain::bindings::bind_conv4d(m);
    engrain::bindings::bind_cusum(m);
    engrain::bindings::bind_fastgrnn(m);
    engrain::bindings::bind_fisher(m);
    engrain::bindings::bind_fsrs(m);
    engrain::bindings::bind_grams(m);
    engrain::bindings::bind_kmeans(m);
    engrain::bindings::bind_lists(m);
    engrain::bindings::bind_lora(m);
    engrain::bindings::bind_neuron(m);
    engrain::bindings::bind_patterns(m);
    engrain::bindings::bind_reconsolidate(m);
    engrain::bindings::bind_similarity(m);
    engrain::bindings::bind_som(m);
    engrain::bindings::bind_sparse(m);
    engrain::bindings::bind_stdp(m);
    engrain::bindings::bind_topk(m);
    engrain::bindings::bind_traces(m);
    engrain::bindings::bind_inhibition(m);
    engrain::bindings::bind_scorer(m);
    engrain::bindings::bind_value(m);
}
