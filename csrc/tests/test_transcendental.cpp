#include "engrain/transcendental.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "check.hpp"

namespace {

using engrain::simd::Lanes;

// Deterministic 64-bit mixing, enough to scatter test points.
std::uint64_t scatter(std::uint64_t i) {
    i = (i ^ (i >> 31)) * 0x7fb5d329728ea185ULL;
    i = (i ^ (i >> 27)) * 0x81dadef4bc2dd44dULL;
    return i ^ (i >> 33);
}

double uniform(std::uint64_t i, double low, double high) {
    return low + (high - low) * double(scatter(i) >> 11) * 0x1p-53;
}

// Distance in units of the last place of the exact result.
double ulps(double got, long double exact) {
    const double near = std::abs(double(exact));
    const double ulp = std::nextafter(near, INFINITY) - near;
    return std::abs(double((got - exact) / ulp));
}

void check_double() {
    double worst_exp = 0, worst_log = 0, worst_log1p = 0;
    for (std::uint64_t i = 1; i <= 400000; ++i) {
        const double x = uniform(i, -708, 709),
                     y = std::ldexp(uniform(i, 0.5, 1), int(i % 2098) - 1073);
        const double z = (i % 2 ? 1 : -1) * std::ldexp(uniform(i, 0.5, 1), int(i % 60) - 60);
        const double big = std::ldexp(uniform(i, 0.5, 1), int(i % 1000));
        worst_exp = std::max({worst_exp, ulps(engrain::exp(x), std::exp((long double)x)),
                              ulps(engrain::exp(x / 700), std::exp((long double)(x / 700)))});
        worst_log = std::max({worst_log, ulps(engrain::log(y), std::log((long double)y)),
                              ulps(engrain::log(1 + z), std::log((long double)(1 + z)))});
        worst_log1p = std::max({worst_log1p, ulps(engrain::log1p(z), std::log1p((long double)z)),
                                ulps(engrain::log1p(big), std::log1p((long double)big))});
    }
    std::printf("ulp: exp %.3f log %.3f log1p %.3f\n", worst_exp, worst_log, worst_log1p);
    CHECK(worst_exp <= 2 && worst_log <= 2 && worst_log1p <= 2);
}

void check_double_edges() {
    CHECK(engrain::exp(0.0) == 1.0 && engrain::log(1.0) == 0.0 && engrain::log1p(0.0) == 0.0);
    CHECK(engrain::exp(710) == INFINITY && engrain::exp(-750) == 0 && engrain::exp(-INFINITY) == 0);
    CHECK(engrain::exp(-740) > 0 && engrain::log(INFINITY) == INFINITY);
    CHECK(engrain::log(0) == -INFINITY && engrain::log1p(-1) == -INFINITY);
    CHECK(std::isnan(engrain::exp(NAN)) && std::isnan(engrain::log(NAN)));
    CHECK(std::isnan(engrain::log(-1)) && std::isnan(engrain::log1p(-2)));
    CHECK(engrain::log1p(INFINITY) == INFINITY && engrain::log1p(1e-300) == 1e-300);
}

float exp_lane(float x) {
    float out[16];
    engrain::simd::exp(Lanes<4>::splat(x)).store(out);
    return out[x < 0 ? 3 : 12];
}

float log_lane(float x) {
    float out[16];
    engrain::simd::log(Lanes<4>::splat(x)).store(out);
    return out[7];
}

void check_float() {
    double worst_exp = 0, worst_log = 0;
    for (std::uint64_t i = 1; i <= 400000; ++i) {
        const float x = float(uniform(i, -87.3, 88.7)), near = float(uniform(i, -1, 1));
        const float y = float(std::ldexp(uniform(i, 0.5, 1), int(i % 270) - 140));
        const float m = float(uniform(i, 0.5, 2));
        for (float e : {x, near})
            worst_exp = std::max(worst_exp, std::abs(exp_lane(e) / std::exp(double(e)) - 1));
        for (float e : {y, m})
            if (e != 1.0F && e > 0 && std::isfinite(e))
                worst_log = std::max(worst_log, std::abs(log_lane(e) / std::log(double(e)) - 1));
    }
    std::printf("relative: exp %.3e log %.3e\n", worst_exp, worst_log);
    CHECK(worst_exp <= 1e-7 && worst_log <= 1e-7);
    CHECK(exp_lane(0) == 1 && exp_lane(89) == INFINITY && exp_lane(INFINITY) == INFINITY);
    CHECK(exp_lane(-90) == 0 && exp_lane(-INFINITY) == 0 && std::isnan(exp_lane(NAN)));
    CHECK(log_lane(1) == 0 && log_lane(0) == -INFINITY && log_lane(INFINITY) == INFINITY);
    CHECK(std::isnan(log_lane(-1)) && std::isnan(log_lane(NAN)));
}

template <int W>
ENGRAIN_INLINE void both_body(const float* x, float* out) {
    const Lanes<W> e = engrain::simd::exp(Lanes<W>::load(x));
    (e + engrain::simd::log(e + Lanes<W>::splat(0.5F))).store(out);
}

ENGRAIN_DISPATCH(void, both, (const float* x, float* out), (x, out))

void check_levels() {
    using engrain::simd::Level;
    std::vector<float> x(16), out(16), first(16);
    for (std::uint64_t i = 0; i < 20000; ++i) {
        for (int j = 0; j < 16; ++j) x[j] = float(uniform(16 * i + j, -90, 90));
        for (Level level : {Level::baseline, Level::avx2, Level::avx512}) {
            engrain::simd::set_level(level);
            both(x.data(), out.data());
            if (level == Level::baseline) first = out;
            CHECK(std::memcmp(first.data(), out.data(), 64) == 0);
        }
    }
}

}  // namespace

int main() {
    check_double();
    check_double_edges();
    check_float();
    check_levels();
    return 0;
}
