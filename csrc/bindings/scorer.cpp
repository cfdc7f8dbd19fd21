#include "engrain/scorer.hpp"

#include "arrays.hpp"

namespace engrain::bindings {
namespace {

void check_network(const F32Array& parameters, const F32Array& features) {
    check_shape(features.ndim() == 2, "features: expected shape (n, inputs)");
    check_shape(
        parameters.ndim() == 1 && extent(parameters, 0) == scorer_parameters(extent(features, 1)),
        "parameters: expected 32 inputs + 1121 values, for the inputs of features");
    check_finite(features.data(), std::size_t(features.size()), "features");
}

void score_features_py(const F32Array& parameters, const F32Array& features, F32Array& logits) {
    check_network(parameters, features);
    const std::size_t n = extent(features, 0);
    check_shape(logits.ndim() == 1 && extent(logits, 0) == n, "out: expected shape (n,)");
    const float *p = parameters.data(), *x = features.data();
    float* out = logits.mutable_data();
    if (n < 32) {
        score_features(p, x, n, extent(features, 1), out);
    } else {
        nb::gil_scoped_release release;
        score_features(p, x, n, extent(features, 1), out);
    }
}

void backpropagate_py(const F32Array& parameters, const F32Array& features,
                      const F32Array& upstream, F32Array& gradient) {
    check_network(parameters, features);
    const std::size_t n = extent(features, 0);
    check_shape(upstream.ndim() == 1 && extent(upstream, 0) == n, "upstream: expected shape (n,)");
    check_shape(gradient.ndim() == 1 && gradient.size() == parameters.size(),
                "gradient: expected the shape of parameters");
    check_finite(upstream.data(), n, "upstream");
    const float *p = parameters.data(), *x = features.data(), *u = upstream.data();
    float* g = gradient.mutable_data();
    nb::gil_scoped_release release;
    backpropagate(p, x, u, n, extent(features, 1), g);
}

void adam_step_py(F32Array& parameters, const F32Array& gradient, F32Array& mean, F32Array& square,
                  float learning_rate, float beta1, float beta2, float epsilon, float weight_decay,
                  long long step) {
    const std::size_t n = extent(parameters, 0);
    for (const F32Array* array :
         {static_cast<const F32Array*>(&parameters), &gradient, static_cast<const F32Array*>(&mean),
          static_cast<const F32Array*>(&square)})
        check_shape(array->ndim() == 1 && extent(*array, 0) == n,
                    "gradient, mean, square: expected the shape of parameters");
    check_finite(gradient.data(), n, "gradient");
    check_shape(step >= 1, "step: counts from 1");
    const AdamStep rule{learning_rate, beta1, beta2, epsilon, weight_decay};
    adam_step(parameters.mutable_data(), gradient.data(), mean.mutable_data(),
              square.mutable_data(), n, rule, step);
}

void sgd_step_py(F32Array& parameters, const F32Array& gradient, float learning_rate) {
    const std::size_t n = extent(parameters, 0);
    check_shape(parameters.ndim() == 1, "parameters: expected shape (n,)");
    check_shape(gradient.ndim() == 1 && extent(gradient, 0) == n, "gradient: expected shape (n,)");
    check_finite(gradient.data(), n, "gradient");
    sgd_step(parameters.mutable_data(), gradient.data(), n, learning_rate);
}

}  // namespace

void bind_scorer(nb::module_& m) {
    m.def("score_features", &score_features_py, nb::arg("parameters"), nb::arg("features"),
          nb::arg("logits"));
    m.def("backpropagate", &backpropagate_py, nb::arg("parameters"), nb::arg("features"),
          nb::arg("upstream"), nb::arg("gradient"));
    m.def("adam_step", &adam_step_py, nb::arg("parameters"), nb::arg("gradient"), nb::arg("mean"),
          nb::arg("square"), nb::arg("learning_rate"), nb::arg("beta1"), nb::arg("beta2"),
          nb::arg("epsilon"), nb::arg("weight_decay"), nb::arg("step"));
    m.def("sgd_step", &sgd_step_py, nb::arg("parameters"), nb::arg("gradient"),
          nb::arg("learning_rate"));
}

}  // namespace engrain::bindings
