// A sum of vectors in fixed point (Q24): 32 bits an element as long as they hold it, then 64.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace engrain {

// mass * q, each product rounded to Q24: taken once for all sums that it is added to.
class Addend {
  public:
    // q is kept, not copied. Takes memory where `dim` grows.
    void take(const float* q, double mass, std::size_t dim);

    const float* q() const noexcept { return q_; }
    double mass() const noexcept { return mass_; }
    const std::int32_t* narrow() const noexcept { return narrow_.data(); }
    // No element is larger; one that 32 bits may not hold counts as beyond them.
    std::int64_t largest() const noexcept { return largest_; }

  private:
    const float* q_ = nullptr;
    double mass_ = 0;
    std::int64_t largest_ = 0;
    std::vector<std::int32_t> narrow_;
};

class SumVector {
  public:
    // All 0, in `room` for dim elements, which is kept.
    void clear(std::int32_t* room, std::size_t dim);
    void assign(const std::int64_t* from);
    // Makes room for an addend; adding or subtracting it then needs no memory.
    void reserve(const Addend& addend);
    // sum += sign * addend, for a sign of 1 or -1.
    void add(const Addend& addend, std::int64_t sign) noexcept;

    std::int64_t at(std::size_t j) const noexcept { return wide_.empty() ? narrow_[j] : wide_[j]; }
    // The elements where 32 bits hold them, else null.
    const std::int32_t* narrow() const noexcept { return wide_.empty() ? narrow_ : nullptr; }

  private:
    void widen();

    std::int32_t* narrow_ = nullptr;
    std::size_t dim_ = 0;
    std::vector<std::int64_t> wide_;  // in place of them
    std::int64_t reach_ = 0;          // the largest element of `narrow_`
};

}  // namespace engrain
