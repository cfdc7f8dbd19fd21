#include "engrain/lora.hpp"

#include "arrays.hpp"
#include "engrain/finite.hpp"

namespace engrain::bindings {
namespace {

struct Batch {
    std::size_t n, rank, dim;
};

Batch check_batch(const F32Array& a, const F32Array& b, const I64Array& adapter,
                  const F32Array& x) {
    check_shape(a.ndim() == 3 && b.ndim() == 3 && extent(a, 0) == extent(b, 0) &&
                    extent(a, 1) == extent(b, 1) && extent(a, 2) == extent(b, 2),
                "a, b: expected one shape (adapters, rank, dim)");
    check_shape(extent(a, 1) <= lora_max_rank, "a, b: rank is above 64");
    check_shape(x.ndim() == 2 && extent(x, 1) == extent(a, 2), "x: expected shape (n, dim)");
    check_shape(adapter.ndim() == 1 && extent(adapter, 0) == extent(x, 0),
                "adapter: expected shape (n,)");
    for (std::size_t i = 0; i < extent(x, 0); ++i)
        check_shape(adapter.data()[i] >= 0 && adapter.data()[i] < a.shape(0),
                    "adapter: an index is outside [0, adapters)");
    return {extent(x, 0), extent(a, 1), extent(a, 2)};
}

void apply_lora_py(const F32Array& a, const F32Array& b, const I64Array& adapter, const F32Array& x,
                   float scale, F32Array& out) {
    const Batch batch = check_batch(a, b, adapter, x);
    check_shape(out.ndim() == 2 && extent(out, 0) == batch.n && extent(out, 1) == batch.dim,
                "out: expected shape (n, dim)");
    const float *pa = a.data(), *pb = b.data(), *px = x.data();
    const std::int64_t* which = adapter.data();
    float* po = out.mutable_data();
    const auto work = [&] {
        apply_lora_batch(pa, pb, which, px, batch.n, batch.rank, batch.dim, scale, po);
    };
    if (batch.n * batch.rank * batch.dim < release_gil_above) return work();
    nb::gil_scoped_release release;
    work();
}

bool update_lora_py(F32Array& a, F32Array& b, const I64Array& adapter, const F32Array& x,
                    const F32Array& gradient, float learning_rate, float scale, float decay,
                    float epsilon, bool normalised) {
    const Batch batch = check_batch(a, b, adapter, x);
    check_shape(
        gradient.ndim() == 2 && extent(gradient, 0) == batch.n && extent(gradient, 1) == batch.dim,
        "gradient: expected shape (n, dim)");
    const LoraStep step{learning_rate, scale, decay, epsilon, normalised};
    float *pa = a.mutable_data(), *pb = b.mutable_data();
    const float *px = x.data(), *pg = gradient.data();
    const std::int64_t* which = adapter.data();
    const std::size_t size = batch.n * batch.dim;
    const auto work = [&] {
        return all_finite(px, size) && all_finite(pg, size) &&
               update_lora_batch(pa, pb, which, px, pg, batch.n, batch.rank, batch.dim, step);
    };
    if (size * batch.rank < release_gil_above) return work();
    nb::gil_scoped_release release;
    return work();
}

}  // namespace

void bind_lora(nb::module_& m) {
    m.def("apply_lora", &apply_lora_py, nb::arg("a"), nb::arg("b"), nb::arg("adapter"),
          nb::arg("x"), nb::arg("scale"), nb::arg("out"));
    m.def("update_lora", &update_lora_py, nb::arg("a"), nb::arg("b"), nb::arg("adapter"),
          nb::arg("x"), nb::arg("gradient"), nb::arg("learning_rate"), nb::arg("scale"),
          nb::arg("decay"), nb::arg("epsilon"), nb::arg("normalised"));
}

}  // namespace engrain::bindings
