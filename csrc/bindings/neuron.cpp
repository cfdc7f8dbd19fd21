#include "engrain/neuron.hpp"

#include <nanobind/stl/array.h>

#include <algorithm>
#include <array>

#include "arrays.hpp"
#include "engrain/parallel.hpp"

namespace engrain::bindings {
namespace {

constexpr std::size_t chunk = 1024;  // neurons of one task

using Step = void (*)(const HodgkinHuxley&, const NeuronState&, const float*, std::int32_t*,
                      std::size_t, float, std::size_t, float) noexcept;

void check_vector(const AnyArray& array, std::size_t n, const char* message) {
    check_shape(array.ndim() == 1 && extent(array, 0) == n, message);
}

template <Step step>
void step_py(F32Array& v, F32Array& m, F32Array& h, F32Array& n, const F32Array& current,
             I32Array& spikes, const std::array<float, 8>& cell, float dt, std::size_t steps,
             float threshold, std::size_t threads) {
    check_shape(v.ndim() == 1, "v: expected shape (neurons,)");
    const std::size_t count = extent(v, 0);
    for (const F32Array* array : std::initializer_list<const F32Array*>{&m, &h, &n, &current})
        check_vector(*array, count, "m, h, n, current: expected the shape of v");
    check_vector(spikes, count, "spikes: expected the shape of v");
    check_shape(dt > 0 && cell[0] > 0, "dt and the capacitance must be > 0");
    check_shape(threads >= 1, "threads must be >= 1");
    const HodgkinHuxley c{cell[0], cell[1], cell[2], cell[3], cell[4], cell[5], cell[6], cell[7]};
    const NeuronState at{v.mutable_data(), m.mutable_data(), h.mutable_data(), n.mutable_data()};
    const float* input = current.data();
    std::int32_t* out = spikes.mutable_data();
    nb::gil_scoped_release release;
    // A thread costs as much as some thousand neuron-steps.
    const std::size_t useful = std::min(threads, 1 + count * steps / 20000);
    run_tasks((count + chunk - 1) / chunk, useful, [&](std::size_t task, std::size_t) {
        const std::size_t i = task * chunk;
        step(c, {at.v + i, at.m + i, at.h + i, at.n + i}, input + i, out + i,
             std::min(chunk, count - i), dt, steps, threshold);
    });
}

void step_calcium_py(const F32Array& v, F32Array& gate, F32Array& inside, F32Array& current,
                     const std::array<float, 6>& channel, float dt) {
    check_shape(v.ndim() == 1, "v: expected shape (neurons,)");
    const std::size_t count = extent(v, 0);
    for (const F32Array* array : {&gate, &inside, &current})
        check_vector(*array, count, "gate, inside, current: expected the shape of v");
    check_shape(dt > 0, "dt must be > 0");
    const CalciumChannel c{channel[0], channel[1], channel[2], channel[3], channel[4], channel[5]};
    const float* volts = v.data();
    float *g = gate.mutable_data(), *ca = inside.mutable_data(), *out = current.mutable_data();
    nb::gil_scoped_release release;
    step_calcium(c, volts, g, ca, out, count, dt);
}

void deliver_spikes_py(const I32Array& spikes, const I64Array& indptr, const I32Array& targets,
                       const F32Array& weights, const I32Array& delays, F32Array& ring,
                       std::size_t now) {
    check_shape(spikes.ndim() == 1, "spikes: expected shape (neurons,)");
    const std::size_t count = extent(spikes, 0);
    check_vector(indptr, count + 1, "indptr: expected shape (neurons + 1,)");
    check_shape(targets.ndim() == 1, "targets: expected shape (synapses,)");
    const std::size_t synapses = extent(targets, 0);
    check_vector(weights, synapses, "weights: expected the shape of targets");
    check_vector(delays, synapses, "delays: expected the shape of targets");
    check_shape(ring.ndim() == 2 && extent(ring, 0) > now, "ring: expected (slots, targets)");
    const std::int64_t* first = indptr.data();
    const std::int32_t *target = targets.data(), *delay = delays.data(), *fired = spikes.data();
    check_shape(first[0] == 0 && first[count] == std::int64_t(synapses),
                "indptr: must run from 0 to the number of synapses");
    const std::size_t slots = extent(ring, 0), width = extent(ring, 1);
    for (std::size_t i = 0; i < count; ++i) {
        check_shape(first[i] <= first[i + 1], "indptr: must not fall");
        if (fired[i] <= 0) continue;
        for (std::int64_t s = first[i]; s < first[i + 1]; ++s)
            check_shape(target[s] >= 0 && std::size_t(target[s]) < width && delay[s] >= 0 &&
                            std::size_t(delay[s]) < slots,
                        "targets and delays: must lie inside the ring");
    }
    deliver_spikes(fired, count, first, target, weights.data(), delay, ring.mutable_data(), slots,
                   width, now);
}

template <Step step>
void bind_step(nb::module_& m, const char* name) {
    m.def(name, &step_py<step>, nb::arg("v"), nb::arg("m"), nb::arg("h"), nb::arg("n"),
          nb::arg("current"), nb::arg("spikes"), nb::arg("cell"), nb::arg("dt"), nb::arg("steps"),
          nb::arg("threshold"), nb::arg("threads"));
}

}  // namespace

void bind_neuron(nb::module_& m) {
    bind_step<&step_hodgkin_huxley>(m, "step_hodgkin_huxley");
    bind_step<&step_hodgkin_huxley_rk4>(m, "step_hodgkin_huxley_rk4");
    m.def("step_calcium", &step_calcium_py, nb::arg("v"), nb::arg("gate"), nb::arg("inside"),
          nb::arg("current"), nb::arg("channel"), nb::arg("dt"));
    m.def("deliver_spikes", &deliver_spikes_py, nb::arg("spikes"), nb::arg("indptr"),
          nb::arg("targets"), nb::arg("weights"), nb::arg("delays"), nb::arg("ring"),
          nb::arg("now"));
}

}  // namespace engrain::bindings
