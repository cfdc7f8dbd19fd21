#include "engrain/sum_vector.hpp"

#include <algorithm>
#include <limits>

#include "engrain/fixed.hpp"
#include "engrain/simd.hpp"

namespace engrain {
namespace {

constexpr std::int64_t most = std::numeric_limits<std::int32_t>::max();
constexpr double far_beyond = 0x1p20;  // of 32 bits in Q24

template <int W>
ENGRAIN_INLINE void add_narrow_body(const float* q, double mass, std::int32_t sign, std::size_t dim,
                                    std::int32_t* sum) {
    constexpr double shift = 0x1.8p+52;  // adding and subtracting it rounds to an integer
    const double scaled = mass * fixed_one;
    for (std::size_t j = 0; j < dim; ++j) {
        const double rounded = (scaled * static_cast<double>(q[j]) + shift) - shift;
        sum[j] += sign * static_cast<std::int32_t>(rounded);
    }
}

template <int W>
ENGRAIN_INLINE void add_wide_body(const float* q, double mass, std::int64_t sign, std::size_t dim,
                                  std::int64_t* sum) {
    for (std::size_t j = 0; j < dim; ++j) sum[j] += sign * to_fixed(mass * q[j]);
}

ENGRAIN_DISPATCH(void, add_narrow,
                 (const float* q, double mass, std::int32_t sign, std::size_t dim,
                  std::int32_t* sum),
                 (q, mass, sign, dim, sum))
ENGRAIN_DISPATCH(void, add_wide,
                 (const float* q, double mass, std::int64_t sign, std::size_t dim,
                  std::int64_t* sum),
                 (q, mass, sign, dim, sum))

template <class T>
std::int64_t largest_of(const T* values, std::size_t n) noexcept {
    std::int64_t low = 0, high = 0;
    for (std::size_t j = 0; j < n; ++j) {
        low = std::min<std::int64_t>(low, values[j]);
        high = std::max<std::int64_t>(high, values[j]);
    }
    return std::max(high, -low);
}

}  // namespace

void SumVector::clear(std::size_t dim) {
    narrow_.assign(dim, 0);
    wide_.clear();
    reach_ = 0;
}

void SumVector::assign(const std::int64_t* from, std::size_t dim) {
    clear(dim);
    reach_ = largest_of(from, dim);
    if (reach_ > most)
        wide_.assign(from, from + dim);
    else
        std::transform(from, from + dim, narrow_.begin(),
                       [](std::int64_t x) { return static_cast<std::int32_t>(x); });
}

void SumVector::reserve(double largest) {
    if (!wide_.empty()) return;
    const std::int64_t more = to_fixed(std::min(largest, far_beyond)) + 1;
    if (reach_ + more > most) reach_ = largest_of(narrow_.data(), narrow_.size());
    if (reach_ + more > most)
        widen();
    else
        reach_ += more;
}

void SumVector::widen() { wide_.assign(narrow_.begin(), narrow_.end()); }

void SumVector::add(const float* q, double mass, std::int64_t sign) noexcept {
    if (wide_.empty())
        add_narrow(q, mass, static_cast<std::int32_t>(sign), narrow_.size(), narrow_.data());
    else
        add_wide(q, mass, sign, wide_.size(), wide_.data());
}

}  // namespace engrain
