// A sum of vectors in fixed point (Q24): 32 bits an element as long as they hold it, then 64.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace engrain {

class SumVector {
  public:
    // All 0.
    void clear(std::size_t dim);
    void assign(const std::int64_t* from, std::size_t dim);
    // Makes room for an addend of which no element is larger; `add` then needs no memory.
    void reserve(double largest);
    // sum += sign * mass * q, each product rounded to Q24.
    void add(const float* q, double mass, std::int64_t sign) noexcept;

    std::int64_t at(std::size_t j) const noexcept { return wide_.empty() ? narrow_[j] : wide_[j]; }
    // The elements where 32 bits hold them, else null.
    const std::int32_t* narrow() const noexcept { return wide_.empty() ? narrow_.data() : nullptr; }

  private:
    void widen();

    std::vector<std::int32_t> narrow_;
    std::vector<std::int64_t> wide_;  // in place of them
    std::int64_t reach_ = 0;          // no element of `narrow_` is larger
};

}  // namespace engrain
