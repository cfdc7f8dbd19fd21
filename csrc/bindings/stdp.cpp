#include "engrain/stdp.hpp"

#include "arrays.hpp"

namespace engrain::bindings {
namespace {

using U16Array = py::array_t<std::uint16_t, py::array::c_style>;
using U32Array = py::array_t<std::uint32_t, py::array::c_style>;

template <class T>
using Array = py::array_t<T, py::array::c_style>;

StdpRule make_rule(double a_plus, double a_minus, double a3_plus, double a3_minus,
                   double decay_plus, double decay_minus, double decay_x, double decay_y,
                   double w_min, double w_max, double mu, bool nearest) {
    return {a_plus,  a_minus, a3_plus, a3_minus, decay_plus, decay_minus,
            decay_x, decay_y, w_min,   w_max,    mu,         nearest};
}

// Data of an optional one-dimensional array of n elements, nullptr for None.
template <class T>
T* optional_data(const py::object& object, std::size_t n, const char* name) {
    if (object.is_none()) return nullptr;
    if (!Array<T>::check_(object))
        throw py::type_error(std::string(name) + ": wrong dtype or layout");
    auto array = py::reinterpret_borrow<Array<T>>(object);
    check_shape(array.ndim() == 1 && extent(array, 0) == n, "an array has the wrong shape");
    return array.mutable_data();
}

template <class T>
StdpTraces<T> make_traces(Array<T>& x, Array<T>& y, const py::object& x2, const py::object& y2) {
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
void dense_py(Array<T>& weights, Array<T>& x, Array<T>& y, const py::object& x2,
              const py::object& y2, const I64Array& pre, const I64Array& post,
              const StdpRule& rule) {
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
    py::gil_scoped_release release;
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

    void run(Array<T>& x, Array<T>& y, const py::object& x2, const py::object& y2,
             const I64Array& pre_start, const I32Array& pre_ids, const I64Array& post_start,
             const I32Array& post_ids, const StdpRule& rule, const py::object& tag,
             const py::object& pairs, const py::object& fade, const py::object& total) {
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
        py::gil_scoped_release release;
        stdp_sparse(synapses, traces, pre, post, steps, rule, dopamine);
    }
};

template <class T>
void bind_partition(py::module_& m, const char* name) {
    py::class_<Partition<T>>(m, name)
        .def(py::init<Array<T>, U32Array, U16Array, U32Array, U16Array, U32Array, std::int32_t,
                      std::int32_t>(),
             py::arg("weight").noconvert(), py::arg("row").noconvert(),
             py::arg("target").noconvert(), py::arg("column").noconvert(),
             py::arg("source").noconvert(), py::arg("place").noconvert(), py::arg("pre_offset"),
             py::arg("post_offset"))
        .def("run", &Partition<T>::run, py::arg("x").noconvert(), py::arg("y").noconvert(),
             py::arg("x2"), py::arg("y2"), py::arg("pre_start").noconvert(),
             py::arg("pre_ids").noconvert(), py::arg("post_start").noconvert(),
             py::arg("post_ids").noconvert(), py::arg("rule"), py::arg("tag"), py::arg("pairs"),
             py::arg("fade"), py::arg("total"));
}

std::size_t poisson_spikes_py(std::size_t n, double probability, std::uint64_t seed,
                              I64Array& start, I32Array& ids) {
    check_shape(start.ndim() == 1 && start.size() > 0 && ids.ndim() == 1,
                "start, ids: expected one dimension");
    check_shape(probability >= 0.0 && probability < 1.0, "probability: must be in [0, 1)");
    const std::size_t steps = extent(start, 0) - 1, capacity = extent(ids, 0);
    std::int64_t* s = start.mutable_data();
    std::int32_t* i = ids.mutable_data();
    py::gil_scoped_release release;
    return poisson_spikes(n, steps, probability, seed, s, i, capacity);
}

}  // namespace

void bind_stdp(py::module_& m) {
    py::class_<StdpRule>(m, "StdpRule").def(py::init(&make_rule));
    m.def("step_stdp", &dense_py<float>, py::arg("weights").noconvert(), py::arg("x").noconvert(),
          py::arg("y").noconvert(), py::arg("x2"), py::arg("y2"), py::arg("pre").noconvert(),
          py::arg("post").noconvert(), py::arg("rule"));
    m.def("step_stdp", &dense_py<double>, py::arg("weights").noconvert(), py::arg("x").noconvert(),
          py::arg("y").noconvert(), py::arg("x2"), py::arg("y2"), py::arg("pre").noconvert(),
          py::arg("post").noconvert(), py::arg("rule"));
    bind_partition<float>(m, "SynapsesF32");
    bind_partition<double>(m, "SynapsesF64");
    m.def("poisson_spikes", &poisson_spikes_py, py::arg("n"), py::arg("probability"),
          py::arg("seed"), py::arg("start").noconvert(), py::arg("ids").noconvert());
}

}  // namespace engrain::bindings
