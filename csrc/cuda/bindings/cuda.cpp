// The extension module _cuda: arrays on the device and the CUDA twins of kernels. Arguments are
// any objects with __cuda_array_interface__ (DeviceArray, torch, CuPy); nothing is copied.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "../device.hpp"
#include "../kernels.hpp"

namespace engrain::cuda {
namespace {

namespace py = pybind11;

int device_count() noexcept {
    int count = 0;
    return cudaGetDeviceCount(&count) == cudaSuccess ? count : 0;
}

void require_device() {
    int count = 0;
    const cudaError_t status = cudaGetDeviceCount(&count);
    if (status == cudaSuccess && count > 0) return;
    throw Failure(std::string("no usable CUDA device (") +
                  (status == cudaSuccess ? "none present" : cudaGetErrorString(status)) +
                  "): check `nvidia-smi` and install a driver for CUDA 13, or call the kernels of "
                  "engrain.kernels, which run on the CPU");
}

// Memory on the device that a NumPy array was copied to.
class DeviceArray {
  public:
    explicit DeviceArray(const py::array& host)
        : shape_(host.attr("shape")), type_(host.dtype()), bytes_(std::size_t(host.nbytes())) {
        require_device();
        if (!(host.flags() & py::array::c_style))
            throw py::type_error("DeviceArray: expected a C-contiguous array");
        CHECK_CUDA(cudaMalloc(&data_, std::max<std::size_t>(bytes_, 1)));
        CHECK_CUDA(cudaMemcpy(data_, host.data(), bytes_, cudaMemcpyHostToDevice));
    }
    DeviceArray(const DeviceArray&) = delete;
    DeviceArray& operator=(const DeviceArray&) = delete;
    ~DeviceArray() { cudaFree(data_); }

    py::array numpy() const {
        py::array host(type_, shape_.cast<std::vector<py::ssize_t>>());
        CHECK_CUDA(cudaMemcpy(host.mutable_data(), data_, bytes_, cudaMemcpyDeviceToHost));
        return host;
    }
    py::dict interface() const {
        py::dict out;
        out["data"] = py::make_tuple(reinterpret_cast<std::uintptr_t>(data_), false);
        out["shape"] = shape_;
        out["typestr"] = type_.attr("str");
        out["version"] = 3;
        return out;
    }

  private:
    py::tuple shape_;
    py::dtype type_;
    std::size_t bytes_;
    void* data_ = nullptr;
};

// A checked argument: type, contiguity and number of elements.
template <class T>
T* device(const py::object& array, const char* type, std::size_t size, const char* name) {
    if (!py::hasattr(array, "__cuda_array_interface__"))
        throw py::type_error(std::string(name) +
                             ": expected an array on the device, such as "
                             "kernels.cuda.DeviceArray(host)");
    const py::dict view = array.attr("__cuda_array_interface__");
    if (view["typestr"].cast<std::string>() != type)
        throw py::type_error(std::string(name) + ": expected type " + type + ", got " +
                             view["typestr"].cast<std::string>());
    if (view.contains("strides") && !view["strides"].is_none())
        throw py::type_error(std::string(name) + ": expected a C-contiguous array");
    std::size_t elements = 1;
    for (const auto& extent : view["shape"].cast<py::tuple>())
        elements *= extent.cast<std::size_t>();
    if (elements != size)
        throw py::value_error(std::string(name) + ": expected " + std::to_string(size) +
                              " elements, got " + std::to_string(elements));
    return reinterpret_cast<T*>(view["data"].cast<py::tuple>()[0].cast<std::uintptr_t>());
}

std::size_t extent(const py::object& array, std::size_t axis, const char* name) {
    require_device();
    if (!py::hasattr(array, "__cuda_array_interface__"))
        throw py::type_error(std::string(name) +
                             ": expected an array on the device, such as "
                             "kernels.cuda.DeviceArray(host)");
    const py::tuple shape = array.attr("__cuda_array_interface__")["shape"];
    if (axis >= shape.size()) throw py::value_error(std::string(name) + ": has too few dimensions");
    return shape[axis].cast<std::size_t>();
}

void step_traces_py(const py::object& fast, const py::object& slow, const py::object& weights,
                    float decay_fast, float decay_slow, float mix, float reward) {
    const std::size_t n = extent(fast, 0, "fast");
    cuda::step_traces(device<float>(fast, "<f4", n, "fast"), device<float>(slow, "<f4", n, "slow"),
                      device<float>(weights, "<f4", n, "weights"), n, decay_fast, decay_slow, mix,
                      reward);
}

void touch_traces_py(const py::object& traces, const py::object& handles,
                     const py::object& activity, double now, int kind, float dutch, float mix,
                     double rate_fast, double rate_slow, double cascade) {
    const std::size_t n = extent(handles, 0, "handles"), held = extent(traces, 0, "traces");
    const TraceRule rule{TraceKind(kind), dutch, mix, rate_fast, rate_slow, cascade};
    cuda::touch_traces(device<Trace>(traces, "|V16", held, "traces"),
                       device<std::int64_t>(handles, "<i8", n, "handles"),
                       device<float>(activity, "<f4", n, "activity"), n, now, rule);
}

// Spikes as (starts on the host, ids on the device); returns the number of steps.
std::size_t spikes(const py::tuple& spikes, SpikeTrain& host, const std::int32_t*& ids,
                   const char* name) {
    const auto starts = spikes[0].cast<py::array_t<std::int64_t, py::array::c_style>>();
    if (starts.ndim() != 1 || starts.size() < 1 || starts.data()[0] != 0)
        throw py::value_error(std::string(name) + ": expected starts from 0, one more than steps");
    for (py::ssize_t s = 1; s < starts.size(); ++s)
        if (starts.data()[s] < starts.data()[s - 1])
            throw py::value_error(std::string(name) + ": starts must not fall");
    host.start = starts.data();
    const std::size_t n = std::size_t(starts.data()[starts.size() - 1]);
    ids = device<std::int32_t>(spikes[1], "<i4", n, name);
    return std::size_t(starts.size() - 1);
}

void stdp_sparse_py(const py::object& weight, const py::object& row, const py::object& target,
                    const py::object& column, const py::object& source, const py::object& place,
                    const py::object& x, const py::object& y, const py::tuple& pre,
                    const py::tuple& post, double a_plus, double a_minus, double decay_plus,
                    double decay_minus, double w_min, double w_max, double mu, bool nearest) {
    const std::size_t n_pre = extent(x, 0, "x"), n_post = extent(y, 0, "y");
    const std::size_t n = extent(weight, 0, "weight");
    if (n_pre > 65536 || n_post > 65536 || !(w_min < w_max))
        throw py::value_error(
            "x, y, w_min, w_max: expected at most 65536 neurons a side and "
            "w_min < w_max");
    const SynapsePartition<float> synapses{
        device<float>(weight, "<f4", n, "weight"),
        device<std::uint32_t>(row, "<u4", n_pre + 1, "row"),
        device<std::uint16_t>(target, "<u2", n, "target"),
        device<std::uint32_t>(column, "<u4", n_post + 1, "column"),
        device<std::uint16_t>(source, "<u2", n, "source"),
        device<std::uint32_t>(place, "<u4", n, "place"),
        0,
        0,
        nullptr,
        nullptr};
    const StdpTraces<float> traces{device<float>(x, "<f4", n_pre, "x"),
                                   device<float>(y, "<f4", n_post, "y"),
                                   nullptr,
                                   nullptr,
                                   n_pre,
                                   n_post};
    const StdpRule rule{a_plus, a_minus, 0.0,   0.0,   decay_plus, decay_minus,
                        1.0,    1.0,     w_min, w_max, mu,         nearest};
    SpikeTrain host_pre{}, host_post{};
    const std::int32_t *pre_ids, *post_ids;
    const std::size_t steps = spikes(pre, host_pre, pre_ids, "pre");
    if (spikes(post, host_post, post_ids, "post") != steps)
        throw py::value_error("pre, post: expected equally many steps");
    py::gil_scoped_release release;
    cuda::stdp_sparse(synapses, traces, host_pre, pre_ids, host_post, post_ids, steps, rule);
}

struct LoraShape {
    std::size_t size, n, rank, dim;
};

LoraShape lora_shape(const py::object& a, const py::object& x) {
    const LoraShape shape{extent(a, 0, "a") * extent(a, 1, "a") * extent(a, 2, "a"),
                          extent(x, 0, "x"), extent(a, 1, "a"), extent(a, 2, "a")};
    if (shape.rank > lora_max_rank) throw py::value_error("a, b: rank is above 64");
    return shape;
}

void apply_lora_py(const py::object& a, const py::object& b, const py::object& adapter,
                   const py::object& x, float scale, const py::object& out) {
    const LoraShape s = lora_shape(a, x);
    cuda::apply_lora_batch(device<float>(a, "<f4", s.size, "a"),
                           device<float>(b, "<f4", s.size, "b"),
                           device<std::int64_t>(adapter, "<i8", s.n, "adapter"),
                           device<float>(x, "<f4", s.n * s.dim, "x"), s.n, s.rank, s.dim, scale,
                           device<float>(out, "<f4", s.n * s.dim, "out"));
}

std::size_t update_lora_py(const py::object& a, const py::object& b, const py::object& adapter,
                           const py::object& x, const py::object& gradient, float learning_rate,
                           float scale, float decay, float epsilon, bool normalised) {
    const LoraShape s = lora_shape(a, x);
    return cuda::update_lora_batch(
        device<float>(a, "<f4", s.size, "a"), device<float>(b, "<f4", s.size, "b"),
        device<std::int64_t>(adapter, "<i8", s.n, "adapter"),
        device<float>(x, "<f4", s.n * s.dim, "x"),
        device<float>(gradient, "<f4", s.n * s.dim, "gradient"), s.n, s.rank, s.dim,
        LoraStep{learning_rate, scale, decay, epsilon, normalised});
}

std::size_t update_edges_py(const py::object& slots, float scale, const py::object& source,
                            const py::object& target, const py::object& signal, float eta_plus,
                            float eta_minus) {
    const std::size_t held = extent(slots, 0, "slots"), n = extent(source, 0, "source");
    if (held < 2 || (held & (held - 1)) != 0)
        throw py::value_error("slots: expected a power of two of them, as EdgeTable holds");
    int shift = 64;
    for (std::size_t size = held; size > 1; size /= 2) --shift;
    return cuda::update_edges(device<Edge>(slots, "|V16", held, "slots"), shift, scale,
                              device<std::int64_t>(source, "<i8", n, "source"),
                              device<std::int64_t>(target, "<i8", n, "target"),
                              device<float>(signal, "<f4", n, "signal"), n, eta_plus, eta_minus);
}

void topk_py(const py::object& rows, const py::object& queries, const py::object& index,
             const py::object& score) {
    const std::size_t n = extent(rows, 0, "rows"), dim = extent(rows, 1, "rows");
    const std::size_t n_queries = extent(queries, 0, "queries"), k = extent(index, 1, "index");
    if (k > 512 || n_queries == 0 || n_queries > 65535)
        throw py::value_error("index, queries: expected k of at most 512 and 1..65535 queries");
    const float* r = device<float>(rows, "<f4", n * dim, "rows");
    const float* q = device<float>(queries, "<f4", n_queries * dim, "queries");
    std::int64_t* i = device<std::int64_t>(index, "<i8", n_queries * k, "index");
    float* s = device<float>(score, "<f4", n_queries * k, "score");
    py::gil_scoped_release release;
    cuda::topk(r, n, dim, q, n_queries, k, i, s);
}

void translate(std::exception_ptr raised) {
    try {
        if (raised) std::rethrow_exception(raised);
    } catch (const Failure& failure) {
        const py::object error = py::module_::import("engrain.base.errors").attr("CudaError");
        PyErr_SetString(error.ptr(), failure.what());
    }
}

}  // namespace
}  // namespace engrain::cuda

PYBIND11_MODULE(_cuda, m) {
    namespace py = pybind11;
    using namespace engrain::cuda;
    m.doc() = "CUDA twins of the kernels. Import them from engrain.kernels.cuda.";
    py::register_local_exception_translator(&translate);
    m.def("device_count", &device_count);
    py::class_<DeviceArray>(m, "DeviceArray")
        .def(py::init<const py::array&>(), py::arg("host"))
        .def("numpy", &DeviceArray::numpy)
        .def_property_readonly("__cuda_array_interface__", &DeviceArray::interface);
    m.def("step_traces", &step_traces_py, py::arg("fast"), py::arg("slow"), py::arg("weights"),
          py::arg("decay_fast"), py::arg("decay_slow"), py::arg("mix"), py::arg("reward"));
    m.def("touch_traces", &touch_traces_py, py::arg("traces"), py::arg("handles"),
          py::arg("activity"), py::arg("now"), py::arg("kind"), py::arg("dutch"), py::arg("mix"),
          py::arg("rate_fast"), py::arg("rate_slow"), py::arg("cascade"));
    m.def("stdp_sparse", &stdp_sparse_py, py::arg("weight"), py::arg("row"), py::arg("target"),
          py::arg("column"), py::arg("source"), py::arg("place"), py::arg("x"), py::arg("y"),
          py::arg("pre"), py::arg("post"), py::arg("a_plus"), py::arg("a_minus"),
          py::arg("decay_plus"), py::arg("decay_minus"), py::arg("w_min"), py::arg("w_max"),
          py::arg("mu"), py::arg("nearest"));
    m.def("apply_lora", &apply_lora_py, py::arg("a"), py::arg("b"), py::arg("adapter"),
          py::arg("x"), py::arg("scale"), py::arg("out"));
    m.def("update_lora", &update_lora_py, py::arg("a"), py::arg("b"), py::arg("adapter"),
          py::arg("x"), py::arg("gradient"), py::arg("learning_rate"), py::arg("scale"),
          py::arg("decay"), py::arg("epsilon"), py::arg("normalised"));
    m.def("update_edges", &update_edges_py, py::arg("slots"), py::arg("scale"), py::arg("source"),
          py::arg("target"), py::arg("signal"), py::arg("eta_plus"), py::arg("eta_minus"));
    m.def("topk", &topk_py, py::arg("rows"), py::arg("queries"), py::arg("index"),
          py::arg("score"));
}
