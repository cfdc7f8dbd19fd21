#include "engrain/stdp.hpp"

#include <nanobind/stl/optional.h>

#include <optional>

#include "arrays.hpp"

namespace engrain::bindings {
namespace {

template <class T>
using Maybe = std::optional<Array<T>>;

// Data of a one-dimensional array of n elements, nullptr where there is none.
template <class T>
T* optional_data(Maybe<T>& array, std::size_t n, const char* name) {
    if (!array) return nullptr;
    if (array->ndim() != 1 || extent(*array, 0) != n)
        throw nb::value_error(
            (std::string(name) + ": expected shape (" + std::to_string(n) + ",)").c_str());
    return array->mutable_data();
}

template <class T>
StdpTraces<T> make_traces(Array<T>& x, Array<T>& y, Maybe<T>& x2, Maybe<T>& y2) {
    check_shape(x.ndim() == 1 && y.ndim() == 1, "x, y: expected shapes (n_pre,), (n_post,)");
    const std::size_t n_pre = extent(x, 0), n_post = extent(y, 0);
    return {x.mutable_data(),
            y.mutable_data(),
            optional_data<T>(x2, n_pre, "x2"),
            optional_data<T>(y2, n_post, "y2"),
            n_pre,
            n_post};
}

template <class T>
void dense_py(Array<T>& weights, Array<T>& x, Array<T>& y, Maybe<T>& x2, Maybe<T>& y2,
              const I64Array& pre, const I64Array& post, const StdpRule& rule) {
    const StdpTraces<T> traces = make_traces<T>(x, y, x2, y2);
    check_shape(weights.ndim() == 2 && extent(weights, 0) == traces.n_pre &&
                    extent(weights, 1) == traces.n_post,
                "weights: expected shape (n_pre, n_post)");
    check_shape(pre.ndim() == 1 && post.ndim() == 1, "pre, post: expected one dimension");
    const std::size_t n_pre = extent(pre, 0), n_post = extent(post, 0);
    check_handles(pre.data(), n_pre, traces.n_pre, "pre");
    check_handles(post.data(), n_post, traces.n_post, "post");
    T* w = weights.mutable_data();
    const std::int64_t *p = pre.data(), *q = post.data();
    nb::gil_scoped_release release;
    stdp_dense(w, traces, p, n_pre, q, n_post, rule);
}

SpikeTrain make_train(const I64Array& start, const I32Array& ids, std::size_t steps) {
    check_shape(start.ndim() == 1 && extent(start, 0) == steps + 1 && ids.ndim() == 1,
                "spikes: expected start of steps + 1 and ids");
    const std::int64_t* s = start.data();
    bool rising = s[0] >= 0 && s[steps] <= std::int64_t(extent(ids, 0));
    for (std::size_t i = 0; i < steps; ++i) rising = rising && s[i] <= s[i + 1];
    check_shape(rising, "spikes: start must rise within the ids");
    return {s, ids.data()};
}

// The index of a partition is made by the facade; here only what would be undefined is refused.
void check_index(const U32Array& start, const U16Array& ends, const U32Array* place,
                 std::size_t n_from, std::size_t n_to, std::size_t size) {
    bool fits = start.ndim() == 1 && extent(start, 0) == n_from + 1 && ends.ndim() == 1 &&
                extent(ends, 0) == size && start.data()[0] == 0 && start.data()[n_from] == size;
    for (std::size_t i = 0; fits && i < n_from; ++i) fits = start.data()[i] <= start.data()[i + 1];
    for (std::size_t k = 0; fits && k < size; ++k) fits = ends.data()[k] < n_to;
    if (place != nullptr) {
        fits = fits && place->ndim() == 1 && extent(*place, 0) == size;
        for (std::size_t k = 0; fits && k < size; ++k) fits = place->data()[k] < size;
    }
    check_shape(fits, "the index of the synapses does not fit");
}

// A partition whose index was checked once and whose arrays it keeps alive.
template <class T>
struct Partition {
    Array<T> weight;
    U32Array row, column, place;
    U16Array target, source;
    std::int32_t pre_offset, post_offset;
    std::size_t n_pre, n_post;

    Partition(Array<T> weight_, U32Array row_, U16Array target_, U32Array column_, U16Array source_,
              U32Array place_, std::int32_t pre_offset_, std::int32_t post_offset_)
        : weight(weight_),
          row(row_),
          column(column_),
          place(place_),
          target(target_),
          source(source_),
          pre_offset(pre_offset_),
          post_offset(post_offset_) {
        check_shape(weight.ndim() == 1 && extent(row, 0) > 0 && extent(column, 0) > 0,
                    "the index of the synapses does not fit");
        n_pre = extent(row, 0) - 1;
        n_post = extent(column, 0) - 1;
        check_index(row, target, nullptr, n_pre, n_post, extent(weight, 0));
        check_index(column, source, &place, n_post, n_pre, extent(weight, 0));
    }

    void run(Array<T>& x, Array<T>& y, Maybe<T>& x2, Maybe<T>& y2, const I64Array& pre_start,
             const I32Array& pre_ids, const I64Array& post_start, const I32Array& post_ids,
             const StdpRule& rule, Maybe<T>& tag, Maybe<T>& pairs, Maybe<double>& fade,
             Maybe<double>& total) {
        const StdpTraces<T> traces = make_traces<T>(x, y, x2, y2);
        check_shape(traces.n_pre == n_pre && traces.n_post == n_post,
                    "x, y: expected one trace per neuron of the partition");
        check_shape(pre_start.size() > 0, "spikes: expected start of steps + 1");
        const std::size_t steps = extent(pre_start, 0) - 1, size = extent(weight, 0);
        const SpikeTrain pre = make_train(pre_start, pre_ids, steps);
        const SpikeTrain post = make_train(post_start, post_ids, steps);
        const SynapsePartition<T> synapses{weight.mutable_data(),
                                           row.data(),
                                           target.data(),
                                           column.data(),
                                           source.data(),
                                           place.data(),
                                           pre_offset,
                                           post_offset,
                                           optional_data<T>(tag, size, "tag"),
                                           optional_data<T>(pairs, 2 * size, "pairs")};
        const Dopamine<T> dopamine{optional_data<double>(fade, steps + 1, "fade"),
                                   optional_data<double>(total, steps + 1, "total")};
        const bool told = synapses.tag != nullptr;
        check_shape(told == (synapses.pairs != nullptr) && told == (dopamine.fade != nullptr) &&
                        told == (dopamine.total != nullptr),
                    "tag, pairs, fade and total belong together");
        nb::gil_scoped_release release;
        stdp_sparse(synapses, traces, pre, post, steps, rule, dopamine);
    }
};

template <class T>
void bind_partition(nb::module_& m, const char* name) {
    nb::class_<Partition<T>>(m, name)
        .def(nb::init<Array<T>, U32Array, U16Array, U32Array, U16Array, U32Array, std::int32_t,
                      std::int32_t>(),
             nb::arg("weight"), nb::arg("row"), nb::arg("target"), nb::arg("column"),
             nb::arg("source"), nb::arg("place"), nb::arg("pre_offset"), nb::arg("post_offset"))
        .def("run", &Partition<T>::run, nb::arg("x"), nb::arg("y"), nb::arg("x2").none(),
             nb::arg("y2").none(), nb::arg("pre_start"), nb::arg("pre_ids"), nb::arg("post_start"),
             nb::arg("post_ids"), nb::arg("rule"), nb::arg("tag").none(), nb::arg("pairs").none(),
             nb::arg("fade").none(), nb::arg("total").none());
}

std::size_t poisson_spikes_py(std::size_t n, double probability, std::uint64_t seed,
                              I64Array& start, I32Array& ids) {
    check_shape(start.ndim() == 1 && start.size() > 0 && ids.ndim() == 1,
                "start, ids: expected one dimension");
    check_shape(probability >= 0.0 && probability < 1.0, "probability: must be in [0, 1)");
    const std::size_t steps = extent(start, 0) - 1, capacity = extent(ids, 0);
    std::int64_t* s = start.mutable_data();
    std::int32_t* i = ids.mutable_data();
    nb::gil_scoped_release release;
    return poisson_spikes(n, steps, probability, seed, s, i, capacity);
}

}  // namespace

void bind_stdp(nb::module_& m) {
    nb::class_<StdpRule>(m, "StdpRule")
        .def(nb::init<double, double, double, double, double, double, double, double, double,
                      double, double, bool>());
    m.def("step_stdp", &dense_py<float>, nb::arg("weights"), nb::arg("x"), nb::arg("y"),
          nb::arg("x2").none(), nb::arg("y2").none(), nb::arg("pre"), nb::arg("post"),
          nb::arg("rule"));
    m.def("step_stdp", &dense_py<double>, nb::arg("weights"), nb::arg("x"), nb::arg("y"),
          nb::arg("x2").none(), nb::arg("y2").none(), nb::arg("pre"), nb::arg("post"),
          nb::arg("rule"));
    bind_partition<float>(m, "SynapsesF32");
    bind_partition<double>(m, "SynapsesF64");
    m.def("poisson_spikes", &poisson_spikes_py, nb::arg("n"), nb::arg("probability"),
          nb::arg("seed"), nb::arg("start"), nb::arg("ids"));
}

}  // namespace engrain::bindings
