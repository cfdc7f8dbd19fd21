#include "engrain/sum_vector.hpp"

#include <algorithm>
#include <limits>

#include "engrain/fixed.hpp"
#include "engrain/simd.hpp"

namespace engrain {
namespace {

constexpr std::int64_t most = std::numeric_limits<std::int32_t>::max();

// Of finite floats: their bits without the sign are in the order of their size.
template <int W>
ENGRAIN_INLINE float largest_float_body(const float* q, std::size_t dim) {
    std::int32_t largest = 0;
    for (std::size_t j = 0; j < dim; ++j) {
        std::int32_t bits;
        std::memcpy(&bits, q + j, sizeof(bits));
        largest = std::max(largest, bits & 0x7FFFFFFF);
    }
    float out;
    std::memcpy(&out, &largest, sizeof(out));
    return out;
}

template <int W>
ENGRAIN_INLINE void quantise_body(const float* q, double mass, std::size_t dim, std::int32_t* out) {
    constexpr double shift = 0x1.8p+52;  // adding and subtracting it rounds to an integer
    const double scaled = mass * fixed_one;
    for (std::size_t j = 0; j < dim; ++j) {
        const double rounded = (scaled * static_cast<double>(q[j]) + shift) - shift;
        out[j] = static_cast<std::int32_t>(rounded);
    }
}

// Returns the largest element of the sum as it then is. flip: 0, or -1 to subtract.
template <int W>
ENGRAIN_INLINE std::int64_t add_narrow_body(const std::int32_t* __restrict addend,
                                            std::int32_t flip, std::size_t dim,
                                            std::int32_t* __restrict sum) {
    std::int32_t low = 0, high = 0;
    for (std::size_t j = 0; j < dim; ++j) {
        sum[j] += (addend[j] ^ flip) - flip;
        low = std::min(low, sum[j]);
        high = std::max(high, sum[j]);
    }
    return std::max<std::int64_t>(high, -static_cast<std::int64_t>(low));
}

template <int W>
ENGRAIN_INLINE void add_wide_body(const std::int32_t* addend, std::int64_t sign, std::size_t dim,
                                  std::int64_t* sum) {
    for (std::size_t j = 0; j < dim; ++j) sum[j] += sign * addend[j];
}

ENGRAIN_DISPATCH(float, largest_float, (const float* q, std::size_t dim), (q, dim))
ENGRAIN_DISPATCH(void, quantise, (const float* q, double mass, std::size_t dim, std::int32_t* out),
                 (q, mass, dim, out))
ENGRAIN_DISPATCH(std::int64_t, add_narrow,
                 (const std::int32_t* addend, std::int32_t flip, std::size_t dim,
                  std::int32_t* sum),
                 (addend, flip, dim, sum))
ENGRAIN_DISPATCH(void, add_wide,
                 (const std::int32_t* addend, std::int64_t sign, std::size_t dim,
                  std::int64_t* sum),
                 (addend, sign, dim, sum))

std::int64_t largest_of(const std::int64_t* values, std::size_t n) noexcept {
    std::int64_t low = 0, high = 0;
    for (std::size_t j = 0; j < n; ++j) {
        low = std::min(low, values[j]);
        high = std::max(high, values[j]);
    }
    return std::max(high, -low);
}

}  // namespace

void Addend::take(const float* q, double mass, std::size_t dim) {
    narrow_.resize(dim);
    q_ = q;
    mass_ = mass;
    const double bound = mass * largest_float(q, dim) * fixed_one + 1.0;
    largest_ = bound < static_cast<double>(most) ? static_cast<std::int64_t>(bound) : most + 1;
    if (largest_ <= most) quantise(q, mass, dim, narrow_.data());
}

void SumVector::clear(std::int32_t* room, std::size_t dim) {
    std::fill_n(room, dim, 0);
    narrow_ = room;
    dim_ = dim;
    wide_.clear();
    reach_ = 0;
}

void SumVector::assign(const std::int64_t* from) {
    wide_.clear();
    reach_ = largest_of(from, dim_);
    if (reach_ > most)
        wide_.assign(from, from + dim_);
    else
        std::transform(from, from + dim_, narrow_,
                       [](std::int64_t x) { return static_cast<std::int32_t>(x); });
}

void SumVector::reserve(const Addend& addend) {
    if (wide_.empty() && reach_ + addend.largest() > most) widen();
}

void SumVector::widen() { wide_.assign(narrow_, narrow_ + dim_); }

void SumVector::add(const Addend& addend, std::int64_t sign) noexcept {
    if (wide_.empty())
        reach_ = add_narrow(addend.narrow(), sign < 0 ? -1 : 0, dim_, narrow_);
    else if (addend.largest() <= most)
        add_wide(addend.narrow(), sign, wide_.size(), wide_.data());
    else
        for (std::size_t j = 0; j < wide_.size(); ++j)
            wide_[j] += sign * to_fixed(addend.mass() * addend.q()[j]);
}

}  // namespace engrain
