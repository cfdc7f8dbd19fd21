#include "engrain/fastgrnn.hpp"

#include <nanobind/stl/optional.h>

#include <optional>
#include <vector>

#include "arrays.hpp"

namespace engrain::bindings {
namespace {

CellShape cell_of(const F32Array& weights, const F32Array& x, std::size_t models,
                  std::size_t hidden, float gain) {
    check_shape(x.ndim() == 2, "x: expected shape (n, dim)");
    const CellShape shape{extent(x, 1), hidden, models, gain};
    check_shape(weights.ndim() == 1 && extent(weights, 0) == shape.weights(),
                "weights: do not fit the width of x, hidden and models");
    return shape;
}

void forward_fastgrnn_py(const F32Array& weights, const F32Array& x, F32Array& logits,
                         std::size_t hidden, float gain) {
    check_shape(logits.ndim() == 2 && extent(logits, 0) == extent(x, 0),
                "logits: expected shape (n, models)");
    const CellShape shape = cell_of(weights, x, extent(logits, 1), hidden, gain);
    const std::size_t n = extent(x, 0);
    std::vector<float> scratch(6 * hidden);
    const float *w = weights.data(), *rows = x.data();
    float* out = logits.mutable_data();
    if (n * hidden * shape.dim < release_gil_above) {
        forward_fastgrnn(w, shape, rows, n, out, scratch.data());
        return;
    }
    nb::gil_scoped_release release;
    forward_fastgrnn(w, shape, rows, n, out, scratch.data());
}

double descend_fastgrnn_py(F32Array& weights, const F32Array& x, const F32Array& targets,
                           const I64Array& order, std::size_t hidden, float gain, std::size_t batch,
                           float rate, std::optional<F32Array> kept,
                           std::optional<F32Array> added) {
    check_shape(targets.ndim() == 2 && extent(targets, 0) == extent(x, 0),
                "targets: expected shape (n, models)");
    check_shape(order.ndim() == 2, "order: expected shape (epochs, n)");
    check_shape(batch > 0, "batch: expected at least 1");
    const CellShape shape = cell_of(weights, x, extent(targets, 1), hidden, gain);
    const std::size_t epochs = extent(order, 0), n = extent(order, 1);
    check_handles(order.data(), epochs * n, extent(x, 0), "order");
    check_shape(bool(kept) == bool(added), "kept, added: expected both or neither");
    for (const auto& pull : {kept, added})
        check_shape(!pull || (pull->ndim() == 1 && extent(*pull, 0) == shape.weights()),
                    "kept, added: expected the shape of weights");
    const DescentRule rule{batch, rate, kept ? kept->data() : nullptr,
                           added ? added->data() : nullptr};
    std::vector<float> scratch(shape.scratch());
    float* w = weights.mutable_data();
    const float *rows = x.data(), *told = targets.data();
    const std::int64_t* places = order.data();
    double loss = 0.0;
    nb::gil_scoped_release release;
    for (std::size_t epoch = 0; epoch < epochs; ++epoch, places += n)
        loss = descend_fastgrnn(w, shape, rows, told, places, n, rule, scratch.data());
    return loss;
}

void fisher_fastgrnn_py(const F32Array& weights, const F32Array& x, const I64Array& actions,
                        F32Array& fisher, std::size_t hidden, float gain) {
    check_shape(weights.ndim() == 1 && x.ndim() == 2 && hidden > 0,
                "weights, x: expected 1 and 2 dimensions");
    const std::size_t n = extent(x, 0), dim = extent(x, 1), count = extent(weights, 0);
    const std::size_t cell = hidden * (dim + hidden + 2) + 2;
    const CellShape shape{dim, hidden, count > cell ? (count - cell) / (hidden + 1) : 0, gain};
    check_shape(shape.models > 0 && shape.weights() == count,
                "weights: do not fit the width of x and hidden");
    check_shape(n > 0 && actions.ndim() == 1 && extent(actions, 0) == n,
                "actions: expected shape (n,), n > 0");
    check_handles(actions.data(), n, shape.models, "actions");
    check_shape(fisher.ndim() == 1 && extent(fisher, 0) == count,
                "fisher: expected the shape of weights");
    std::vector<float> scratch(shape.scratch());
    const float *w = weights.data(), *rows = x.data();
    const std::int64_t* which = actions.data();
    float* out = fisher.mutable_data();
    nb::gil_scoped_release release;
    fisher_fastgrnn(w, shape, rows, which, n, out, scratch.data());
}

}  // namespace

void bind_fastgrnn(nb::module_& m) {
    m.def("forward_fastgrnn", &forward_fastgrnn_py, nb::arg("weights"), nb::arg("x"),
          nb::arg("logits"), nb::arg("hidden"), nb::arg("gain"));
    m.def("descend_fastgrnn", &descend_fastgrnn_py, nb::arg("weights"), nb::arg("x"),
          nb::arg("targets"), nb::arg("order"), nb::arg("hidden"), nb::arg("gain"),
          nb::arg("batch"), nb::arg("rate"), nb::arg("kept").none(), nb::arg("added").none());
    m.def("fisher_fastgrnn", &fisher_fastgrnn_py, nb::arg("weights"), nb::arg("x"),
          nb::arg("actions"), nb::arg("fisher"), nb::arg("hidden"), nb::arg("gain"));
}

}  // namespace engrain::bindings
