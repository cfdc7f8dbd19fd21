// The one place that defines the extension module; each family registers itself below.
#include <nanobind/nanobind.h>

#include "engrain/simd.hpp"

namespace engrain::bindings {
void import_numpy();
void bind_cable(nanobind::module_& m);
void bind_conv4d(nanobind::module_& m);
void bind_cusum(nanobind::module_& m);
void bind_fastgrnn(nanobind::module_& m);
void bind_fisher(nanobind::module_& m);
void bind_fsrs(nanobind::module_& m);
void bind_grams(nanobind::module_& m);
void bind_kmeans(nanobind::module_& m);
void bind_lists(nanobind::module_& m);
void bind_lora(nanobind::module_& m);
void bind_neuron(nanobind::module_& m);
void bind_patterns(nanobind::module_& m);
void bind_reconsolidate(nanobind::module_& m);
void bind_similarity(nanobind::module_& m);
void bind_som(nanobind::module_& m);
void bind_sparse(nanobind::module_& m);
void bind_stdp(nanobind::module_& m);
void bind_topk(nanobind::module_& m);
void bind_traces(nanobind::module_& m);
void bind_inhibition(nanobind::module_& m);
void bind_scorer(nanobind::module_& m);
void bind_value(nanobind::module_& m);
}  // namespace engrain::bindings

NB_MODULE(_kernels, m) {
    using engrain::simd::Level;
    // Rules live in module globals: that they outlive the interpreter is no leak.
    nanobind::set_leak_warnings(false);
    engrain::bindings::import_numpy();
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
