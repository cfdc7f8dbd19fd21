#include "engrain/conv4d.hpp"

#include <array>
#include <memory>
#include <new>
#include <optional>

#include <nanobind/stl/array.h>
#include <nanobind/stl/optional.h>

#include "arrays.hpp"

namespace engrain::bindings {
namespace {

using Four = std::array<std::int64_t, 4>;

// How Bf16 travels through NumPy: as its 16 bits.
template <class Stored>
struct Carrier {
    using type = Stored;
};
template <>
struct Carrier<Bf16> {
    using type = std::uint16_t;
};
template <class Stored>
using StoredArray = Array<typename Carrier<Stored>::type>;

struct Placement {
    Four stride, pad, dilation;
    std::int64_t groups;
    std::size_t threads;
};

template <class Stored>
Conv4dGeometry geometry(const StoredArray<Stored>& x, const Array<Real<Stored>>& weight,
                        const StoredArray<Stored>& out, const Placement& at) {
    check_shape(x.ndim() == 6, "x: expected 6 dimensions (batch, channels, x, y, z, t)");
    check_shape(out.ndim() == 6, "out: expected 6 dimensions (batch, channels, x, y, z, t)");
    check_shape(weight.ndim() == 6, "weight: expected 6 dimensions (out, in / groups, kernel...)");
    Conv4dGeometry g{x.shape(0), x.shape(1), out.shape(1), at.groups, {}};
    check_shape(x.size() > 0 && weight.size() > 0 && out.size() > 0, "every extent must be >= 1");
    check_shape(at.groups >= 1 && g.in_channels % at.groups == 0 && g.out_channels % at.groups == 0,
                "groups must divide the input and the output channels");
    check_shape(weight.shape(0) == g.out_channels && weight.shape(1) * at.groups == g.in_channels,
                "weight: expected shape (out channels, in channels / groups, kernel...)");
    check_shape(out.shape(0) == g.batch, "out: the batch differs from that of x");
    check_shape(at.threads >= 1, "threads must be >= 1");
    for (std::size_t d = 0; d < 4; ++d) {
        check_shape(at.stride[d] >= 1 && at.dilation[d] >= 1, "stride and dilation must be >= 1");
        g.axis[d] = {x.shape(2 + d), out.shape(2 + d), weight.shape(2 + d),
                     at.stride[d],   at.dilation[d],   at.pad[d]};
    }
    return g;
}

struct Aligned {
    void operator()(std::byte* p) const { ::operator delete[](p, std::align_val_t{64}); }
};

std::unique_ptr<std::byte[], Aligned> allocate(std::size_t bytes) {
    return std::unique_ptr<std::byte[], Aligned>(new (std::align_val_t{64}) std::byte[bytes]);
}

template <class Stored, class A>
const Stored* view(const A& array) {
    return reinterpret_cast<const Stored*>(array.data());
}
template <class Stored, class A>
Stored* mutable_view(A& array) {
    return reinterpret_cast<Stored*>(array.mutable_data());
}

template <class Stored>
void forward_py(const StoredArray<Stored>& x, const Array<Real<Stored>>& weight,
                const std::optional<Array<Real<Stored>>>& bias, StoredArray<Stored>& out,
                const Four& stride, const Four& pad, const Four& dilation, std::int64_t groups,
                std::size_t threads) {
    const Conv4dGeometry g =
        geometry<Stored>(x, weight, out, {stride, pad, dilation, groups, threads});
    check_shape(!bias || (bias->ndim() == 1 && bias->shape(0) == g.out_channels),
                "bias: expected shape (out channels,)");
    const Real<Stored>* b = bias ? bias->data() : nullptr;
    Stored* target = mutable_view<Stored>(out);
    nb::gil_scoped_release release;
    const auto memory = allocate(conv4d_forward_workspace<Stored>(g, threads));
    conv4d_forward(g, view<Stored>(x), weight.data(), b, target, memory.get(), threads);
}

template <class Stored>
void grad_input_py(const StoredArray<Stored>& grad_out, const Array<Real<Stored>>& weight,
                   StoredArray<Stored>& grad_x, const Four& stride, const Four& pad,
                   const Four& dilation, std::int64_t groups, std::size_t threads) {
    const Conv4dGeometry g =
        geometry<Stored>(grad_x, weight, grad_out, {stride, pad, dilation, groups, threads});
    Stored* target = mutable_view<Stored>(grad_x);
    nb::gil_scoped_release release;
    const auto memory = allocate(conv4d_grad_input_workspace<Stored>(g, threads));
    conv4d_grad_input(g, view<Stored>(grad_out), weight.data(), target, memory.get(), threads);
}

template <class Stored>
void grad_weight_py(const StoredArray<Stored>& x, const StoredArray<Stored>& grad_out,
                    Array<Real<Stored>>& grad_weight, const Four& stride, const Four& pad,
                    const Four& dilation, std::int64_t groups, std::size_t threads) {
    const Conv4dGeometry g =
        geometry<Stored>(x, grad_weight, grad_out, {stride, pad, dilation, groups, threads});
    Real<Stored>* target = grad_weight.mutable_data();
    nb::gil_scoped_release release;
    const auto memory = allocate(conv4d_grad_weight_workspace<Stored>(g, threads));
    conv4d_grad_weight(g, view<Stored>(x), view<Stored>(grad_out), target, memory.get(), threads);
}

template <class Stored>
void bind_stored(nb::module_& m) {
    m.def("conv4d_forward", &forward_py<Stored>, nb::arg("x"), nb::arg("weight"),
          nb::arg("bias").none(), nb::arg("out"), nb::arg("stride"), nb::arg("pad"),
          nb::arg("dilation"), nb::arg("groups"), nb::arg("threads"));
    m.def("conv4d_grad_input", &grad_input_py<Stored>, nb::arg("grad_out"), nb::arg("weight"),
          nb::arg("grad_x"), nb::arg("stride"), nb::arg("pad"), nb::arg("dilation"),
          nb::arg("groups"), nb::arg("threads"));
    m.def("conv4d_grad_weight", &grad_weight_py<Stored>, nb::arg("x"), nb::arg("grad_out"),
          nb::arg("grad_weight"), nb::arg("stride"), nb::arg("pad"), nb::arg("dilation"),
          nb::arg("groups"), nb::arg("threads"));
}

}  // namespace

void bind_conv4d(nb::module_& m) {
    bind_stored<float>(m);
    bind_stored<double>(m);
    bind_stored<Bf16>(m);
}

}  // namespace engrain::bindings
