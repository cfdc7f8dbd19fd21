// Every pass against the definition in double precision, over odd shapes, strides, dilations,
// margins and groups, at every SIMD level and for one and two threads.
#include <cmath>
#include <cstdlib>
#include <vector>

#include "check.hpp"
#include "engrain/conv4d.hpp"
#include "engrain/simd.hpp"

using namespace engrain;
using simd::Level;

namespace {

struct Sizes {
    std::size_t x = 1, out = 1, weight;
    explicit Sizes(const Conv4dGeometry& g) {
        x = std::size_t(g.batch * g.in_channels);
        out = std::size_t(g.batch * g.out_channels);
        weight = std::size_t(g.out_channels * g.in_channels / g.groups);
        for (const ConvAxis& a : g.axis) {
            x *= std::size_t(a.in);
            out *= std::size_t(a.out);
            weight *= std::size_t(a.kernel);
        }
    }
};

// Calls visit(index of x, index of weight, index of out) for every product of the definition.
template <class Visit>
void products(const Conv4dGeometry& g, const Visit& visit) {
    const std::int64_t in_group = g.in_channels / g.groups, out_group = g.out_channels / g.groups;
    const Sizes sizes(g);
    for (std::int64_t i = 0; i < std::int64_t(sizes.out); ++i) {
        std::int64_t at[4], rest = i;
        for (int d = 3; d >= 0; --d) {
            at[d] = rest % g.axis[d].out;
            rest /= g.axis[d].out;
        }
        const std::int64_t o = rest % g.out_channels, n = rest / g.out_channels;
        for (std::int64_t k = 0; k < std::int64_t(sizes.weight) / g.out_channels; ++k) {
            std::int64_t tap[4], left = k, from = 0;
            for (int d = 3; d >= 0; --d) {
                tap[d] = left % g.axis[d].kernel;
                left /= g.axis[d].kernel;
            }
            const std::int64_t c = o / out_group * in_group + left;
            from = n * g.in_channels + c;
            bool inside = true;
            for (int d = 0; d < 4; ++d) {
                const ConvAxis& a = g.axis[d];
                const std::int64_t u = at[d] * a.stride + tap[d] * a.dilation - a.pad;
                inside = inside && u >= 0 && u < a.in;
                from = from * a.in + u;
            }
            if (inside) visit(from, o * (std::int64_t(sizes.weight) / g.out_channels) + k, i);
        }
    }
}

template <class R>
std::vector<R> noise(std::size_t n) {
    std::vector<R> out(n);
    for (R& v : out) v = R(std::rand() % 2001 - 1000) / R(1000);
    return out;
}

template <class R>
void close(const std::vector<R>& got, const std::vector<double>& wanted, double tolerance) {
    for (std::size_t i = 0; i < got.size(); ++i)
        CHECK(std::abs(double(got[i]) - wanted[i]) <= tolerance * (1 + std::abs(wanted[i])));
}

template <class R>
void check(const Conv4dGeometry& g, double tolerance, std::size_t threads) {
    const Sizes sizes(g);
    const auto x = noise<R>(sizes.x), w = noise<R>(sizes.weight), dy = noise<R>(sizes.out);
    const auto bias = noise<R>(std::size_t(g.out_channels));
    std::vector<double> y(sizes.out), dx(sizes.x), dw(sizes.weight);
    const std::size_t per_channel = sizes.out / std::size_t(g.batch * g.out_channels);
    for (std::size_t i = 0; i < y.size(); ++i)
        y[i] = double(bias[i / per_channel % std::size_t(g.out_channels)]);
    products(g, [&](std::int64_t i, std::int64_t k, std::int64_t o) {
        y[std::size_t(o)] += double(x[std::size_t(i)]) * double(w[std::size_t(k)]);
        dx[std::size_t(i)] += double(dy[std::size_t(o)]) * double(w[std::size_t(k)]);
        dw[std::size_t(k)] += double(dy[std::size_t(o)]) * double(x[std::size_t(i)]);
    });
    std::vector<R> out(sizes.out), grad_x(sizes.x), grad_w(sizes.weight);
    const auto memory = [](std::size_t bytes) {
        return std::aligned_alloc(64, (bytes + 63) / 64 * 64);
    };
    void* scratch = memory(conv4d_forward_workspace<R>(g, threads));
    conv4d_forward(g, x.data(), w.data(), bias.data(), out.data(), scratch, threads);
    std::free(scratch);
    scratch = memory(conv4d_grad_input_workspace<R>(g, threads));
    conv4d_grad_input(g, dy.data(), w.data(), grad_x.data(), scratch, threads);
    std::free(scratch);
    scratch = memory(conv4d_grad_weight_workspace<R>(g, threads));
    conv4d_grad_weight(g, x.data(), dy.data(), grad_w.data(), scratch, threads);
    std::free(scratch);
    close(out, y, tolerance);
    close(grad_x, dx, tolerance);
    close(grad_w, dw, tolerance);
}

ConvAxis axis(std::int64_t in, std::int64_t kernel, std::int64_t stride = 1,
              std::int64_t dilation = 1, std::int64_t low = -1, std::int64_t high = -1) {
    const std::int64_t span = dilation * (kernel - 1);
    if (low < 0) low = span / 2;
    if (high < 0) high = span - low;
    return {in, (in + low + high - span - 1) / stride + 1, kernel, stride, dilation, low};
}

}  // namespace

int main() {
    const Conv4dGeometry shapes[] = {
        {1, 1, 1, 1, {axis(1, 1), axis(1, 1), axis(1, 1), axis(1, 1)}},
        {2, 2, 9, 1, {axis(3, 3), axis(4, 3), axis(5, 3), axis(7, 3)}},
        {1, 3, 7, 1, {axis(2, 3), axis(3, 1), axis(17, 3), axis(16, 3)}},
        {3, 1, 8, 1, {axis(4, 3), axis(1, 3), axis(9, 3), axis(17, 3, 1, 1, 2, 0)}},
        {1, 4, 6, 2, {axis(5, 3, 2), axis(4, 2, 1, 2), axis(7, 3, 2), axis(9, 4, 3)}},
        {2, 6, 6, 6, {axis(3, 2), axis(5, 3, 3, 1, 0, 0), axis(6, 3, 1, 2), axis(15, 3, 1, 3)}},
        {1,
         2,
         3,
         1,
         {axis(4, 1, 1, 1, 3, 2), axis(3, 2, 2, 1, 2, 1), axis(4, 1, 1, 1, 2, 2),
          axis(5, 1, 2, 1, 1, 1)}},
        {1,
         1,
         2,
         1,
         {axis(2, 2, 1, 1, 0, 0), axis(2, 2, 1, 1, 0, 0), axis(8, 8, 1, 1, 0, 0),
          axis(40, 5, 2, 2)}},
    };
    for (Level level : {Level::baseline, Level::avx2, Level::avx512}) {
        simd::set_level(level);
        for (const Conv4dGeometry& g : shapes)
            for (std::size_t threads : {1, 2}) {
                check<float>(g, 2e-5, threads);
                check<double>(g, 1e-13, threads);
            }
    }
    return 0;
}
