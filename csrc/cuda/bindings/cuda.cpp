// The extension module _cuda: arrays on the device and the CUDA twins of kernels. Arguments are
// any objects with __cuda_array_interface__ (DeviceArray, torch, CuPy); nothing is copied.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

#include <memory>
#include <string>

#include "../device.hpp"
#include "../kernels.hpp"

namespace engrain::cuda {
namespace {

namespace nb = nanobind;

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

// The bytes of a C-contiguous array on the host.
class HostBytes {
  public:
    HostBytes(const nb::object& array, int flags) {
        if (PyObject_GetBuffer(array.ptr(), &view_, PyBUF_C_CONTIGUOUS | flags) == 0) return;
        PyErr_Clear();
        throw nb::type_error("DeviceArray: expected a C-contiguous array");
    }
    HostBytes(const HostBytes&) = delete;
    HostBytes& operator=(const HostBytes&) = delete;
    ~HostBytes() { PyBuffer_Release(&view_); }
    void* data() const { return view_.buf; }
    std::size_t size() const { return std::size_t(view_.len); }

  private:
    Py_buffer view_;
};

// Memory on the device that a NumPy array was copied to.
class DeviceArray {
  public:
    explicit DeviceArray(const nb::object& host)
        : shape_(host.attr("shape")), type_(host.attr("dtype")) {
        require_device();
        const HostBytes bytes(host, PyBUF_SIMPLE);
        CHECK_CUDA(cudaMalloc(&data_, std::max<std::size_t>(bytes.size(), 1)));
        CHECK_CUDA(cudaMemcpy(data_, bytes.data(), bytes.size(), cudaMemcpyHostToDevice));
    }
    DeviceArray(const DeviceArray&) = delete;
    DeviceArray& operator=(const DeviceArray&) = delete;
    ~DeviceArray() { cudaFree(data_); }

    nb::object numpy() const {
        nb::object host = nb::module_::import_("numpy").attr("empty")(shape_, type_);
        const HostBytes bytes(host, PyBUF_WRITABLE);
        CHECK_CUDA(cudaMemcpy(bytes.data(), data_, bytes.size(), cudaMemcpyDeviceToHost));
        return host;
    }
    nb::dict interface() const {
        nb::dict out;
        out["data"] = nb::make_tuple(reinterpret_cast<std::uintptr_t>(data_), false);
        out["shape"] = shape_;
        out["typestr"] = type_.attr("str");
        out["version"] = 3;
        return out;
    }

  private:
    nb::object shape_, type_;
    void* data_ = nullptr;
};

[[noreturn]] void refuse_type(const char* name, const std::string& why) {
    throw nb::type_error((name + (": " + why)).c_str());
}

[[noreturn]] void refuse_value(const char* name, const std::string& why) {
    throw nb::value_error((name + (": " + why)).c_str());
}

nb::dict interface_of(const nb::object& array, const char* name) {
    if (!nb::hasattr(array, "__cuda_array_interface__"))
        refuse_type(name,
                    "expected an array on the device, such as kernels.cuda.DeviceArray(host)");
    return nb::dict(array.attr("__cuda_array_interface__"));
}

// A checked argument: type, contiguity and number of elements.
template <class T>
T* device(const nb::object& array, const char* type, std::size_t size, const char* name) {
    const nb::dict view = interface_of(array, name);
    const auto held = nb::cast<std::string>(view["typestr"]);
    if (held != type) refuse_type(name, std::string("expected type ") + type + ", got " + held);
    if (view.contains("strides") && !view["strides"].is_none())
        refuse_type(name, "expected a C-contiguous array");
    std::size_t elements = 1;
    for (const nb::handle extent : nb::tuple(view["shape"]))
        elements *= nb::cast<std::size_t>(extent);
    if (elements != size)
        refuse_value(name, "expected " + std::to_string(size) + " elements, got " +
                               std::to_string(elements));
    return reinterpret_cast<T*>(nb::cast<std::uintptr_t>(nb::tuple(view["data"])[0]));
}

std::size_t extent(const nb::object& array, std::size_t axis, const char* name) {
    require_device();
    const nb::tuple shape(interface_of(array, name)["shape"]);
    if (axis >= shape.size()) refuse_value(name, "has too few dimensions");
    return nb::cast<std::size_t>(shape[axis]);
}

void step_traces_py(const nb::object& fast, const nb::object& slow, const nb::object& weights,
                    float decay_fast, float decay_slow, float mix, float reward) {
    const std::size_t n = extent(fast, 0, "fast");
    cuda::step_traces(device<float>(fast, "<f4", n, "fast"), device<float>(slow, "<f4", n, "slow"),
                      device<float>(weights, "<f4", n, "weights"), n, decay_fast, decay_slow, mix,
                      reward);
}

void touch_traces_py(const nb::object& traces, const nb::object& handles,
                     const nb::object& activity, double now, int kind, float dutch, float mix,
                     double rate_fast, double rate_slow, double cascade) {
    const std::size_t n = extent(handles, 0, "handles"), held = extent(traces, 0, "traces");
    const TraceRule rule{TraceKind(kind), dutch, mix, rate_fast, rate_slow, cascade};
    cuda::touch_traces(device<Trace>(traces, "|V16", held, "traces"),
                       device<std::int64_t>(handles, "<i8", n, "handles"),
                       device<float>(activity, "<f4", n, "activity"), n, now, rule);
}

// Spikes as (starts on the host, ids on the device); returns the number of steps.
std::size_t spikes(const nb::tuple& spikes, SpikeTrain& host, const std::int32_t*& ids,
                   const char* name) {
    const auto starts =
        nb::cast<nb::ndarray<const std::int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>>(
            spikes[0]);
    if (starts.size() < 1 || starts.data()[0] != 0)
        refuse_value(name, "expected starts from 0, one more than steps");
    for (std::size_t s = 1; s < starts.size(); ++s)
        if (starts.data()[s] < starts.data()[s - 1]) refuse_value(name, "starts must not fall");
    host.start = starts.data();
    const std::size_t n = std::size_t(starts.data()[starts.size() - 1]);
    ids = device<std::int32_t>(spikes[1], "<i4", n, name);
    return starts.size() - 1;
}

void stdp_sparse_py(const nb::object& weight, const nb::object& row, const nb::object& target,
                    const nb::object& column, const nb::object& source, const nb::object& place,
                    const nb::object& x, const nb::object& y, const nb::tuple& pre,
                    const nb::tuple& post, double a_plus, double a_minus, double decay_plus,
                    double decay_minus, double w_min, double w_max, double mu, bool nearest) {
    const std::size_t n_pre = extent(x, 0, "x"), n_post = extent(y, 0, "y");
    const std::size_t n = extent(weight, 0, "weight");
    if (n_pre > 65536 || n_post > 65536 || !(w_min < w_max))
        throw nb::value_error(
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
        throw nb::value_error("pre, post: expected equally many steps");
    nb::gil_scoped_release release;
    cuda::stdp_sparse(synapses, traces, host_pre, pre_ids, host_post, post_ids, steps, rule);
}

struct LoraShape {
    std::size_t size, n, rank, dim;
};

LoraShape lora_shape(const nb::object& a, const nb::object& x) {
    const LoraShape shape{extent(a, 0, "a") * extent(a, 1, "a") * extent(a, 2, "a"),
                          extent(x, 0, "x"), extent(a, 1, "a"), extent(a, 2, "a")};
    if (shape.rank > lora_max_rank) throw nb::value_error("a, b: rank is above 64");
    return shape;
}

void apply_lora_py(const nb::object& a, const nb::object& b, const nb::object& adapter,
                   const nb::object& x, float scale, const nb::object& out) {
    const LoraShape s = lora_shape(a, x);
    cuda::apply_lora_batch(device<float>(a, "<f4", s.size, "a"),
                           device<float>(b, "<f4", s.size, "b"),
                           device<std::int64_t>(adapter, "<i8", s.n, "adapter"),
                           device<float>(x, "<f4", s.n * s.dim, "x"), s.n, s.rank, s.dim, scale,
                           device<float>(out, "<f4", s.n * s.dim, "out"));
}

std::size_t update_lora_py(const nb::object& a, const nb::object& b, const nb::object& adapter,
                           const nb::object& x, const nb::object& gradient, float learning_rate,
                           float scale, float decay, float epsilon, bool normalised) {
    const LoraShape s = lora_shape(a, x);
    return cuda::update_lora_batch(
        device<float>(a, "<f4", s.size, "a"), device<float>(b, "<f4", s.size, "b"),
        device<std::int64_t>(adapter, "<i8", s.n, "adapter"),
        device<float>(x, "<f4", s.n * s.dim, "x"),
        device<float>(gradient, "<f4", s.n * s.dim, "gradient"), s.n, s.rank, s.dim,
        LoraStep{learning_rate, scale, decay, epsilon, normalised});
}

std::size_t update_edges_py(const nb::object& slots, float scale, const nb::object& source,
                            const nb::object& target, const nb::object& signal, float eta_plus,
                            float eta_minus) {
    const std::size_t held = extent(slots, 0, "slots"), n = extent(source, 0, "source");
    if (held < 2 || (held & (held - 1)) != 0)
        throw nb::value_error("slots: expected a power of two of them, as EdgeTable holds");
    int shift = 64;
    for (std::size_t size = held; size > 1; size /= 2) --shift;
    return cuda::update_edges(device<Edge>(slots, "|V16", held, "slots"), shift, scale,
                              device<std::int64_t>(source, "<i8", n, "source"),
                              device<std::int64_t>(target, "<i8", n, "target"),
                              device<float>(signal, "<f4", n, "signal"), n, eta_plus, eta_minus);
}

void topk_py(const nb::object& rows, const nb::object& queries, const nb::object& index,
             const nb::object& score) {
    const std::size_t n = extent(rows, 0, "rows"), dim = extent(rows, 1, "rows");
    const std::size_t n_queries = extent(queries, 0, "queries"), k = extent(index, 1, "index");
    if (k > 512 || n_queries == 0 || n_queries > 65535)
        throw nb::value_error("index, queries: expected k of at most 512 and 1..65535 queries");
    const float* r = device<float>(rows, "<f4", n * dim, "rows");
    const float* q = device<float>(queries, "<f4", n_queries * dim, "queries");
    std::int64_t* i = device<std::int64_t>(index, "<i8", n_queries * k, "index");
    float* s = device<float>(score, "<f4", n_queries * k, "score");
    nb::gil_scoped_release release;
    cuda::topk(r, n, dim, q, n_queries, k, i, s);
}

void translate(const std::exception_ptr& raised, void*) {
    try {
        std::rethrow_exception(raised);
    } catch (const Failure& failure) {
        const nb::object error = nb::module_::import_("engrain.base.errors").attr("CudaError");
        PyErr_SetString(error.ptr(), failure.what());
    }
}

}  // namespace
}  // namespace engrain::cuda

NB_MODULE(_cuda, m) {
    namespace nb = nanobind;
    using namespace engrain::cuda;
    m.doc() = "CUDA twins of the kernels. Import them from engrain.kernels.cuda.";
    nb::set_leak_warnings(false);
    nb::register_exception_translator(&translate);
    m.def("device_count", &device_count);
    nb::class_<DeviceArray>(m, "DeviceArray")
        .def(nb::init<const nb::object&>(), nb::arg("host"))
        .def("numpy", &DeviceArray::numpy)
        .def_prop_ro("__cuda_array_interface__", &DeviceArray::interface);
    m.def("step_traces", &step_traces_py, nb::arg("fast"), nb::arg("slow"), nb::arg("weights"),
          nb::arg("decay_fast"), nb::arg("decay_slow"), nb::arg("mix"), nb::arg("reward"));
    m.def("touch_traces", &touch_traces_py, nb::arg("traces"), nb::arg("handles"),
          nb::arg("activity"), nb::arg("now"), nb::arg("kind"), nb::arg("dutch"), nb::arg("mix"),
          nb::arg("rate_fast"), nb::arg("rate_slow"), nb::arg("cascade"));
    m.def("stdp_sparse", &stdp_sparse_py, nb::arg("weight"), nb::arg("row"), nb::arg("target"),
          nb::arg("column"), nb::arg("source"), nb::arg("place"), nb::arg("x"), nb::arg("y"),
          nb::arg("pre"), nb::arg("post"), nb::arg("a_plus"), nb::arg("a_minus"),
          nb::arg("decay_plus"), nb::arg("decay_minus"), nb::arg("w_min"), nb::arg("w_max"),
          nb::arg("mu"), nb::arg("nearest"));
    m.def("apply_lora", &apply_lora_py, nb::arg("a"), nb::arg("b"), nb::arg("adapter"),
          nb::arg("x"), nb::arg("scale"), nb::arg("out"));
    m.def("update_lora", &update_lora_py, nb::arg("a"), nb::arg("b"), nb::arg("adapter"),
          nb::arg("x"), nb::arg("gradient"), nb::arg("learning_rate"), nb::arg("scale"),
          nb::arg("decay"), nb::arg("epsilon"), nb::arg("normalised"));
    m.def("update_edges", &update_edges_py, nb::arg("slots"), nb::arg("scale"), nb::arg("source"),
          nb::arg("target"), nb::arg("signal"), nb::arg("eta_plus"), nb::arg("eta_minus"));
    m.def("topk", &topk_py, nb::arg("rows"), nb::arg("queries"), nb::arg("index"),
          nb::arg("score"));
}
