// Vectors in 8 bits a dimension: a quarter of what would have to be read of floats.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engrain/arena.hpp"
#include "engrain/prefetch.hpp"

namespace engrain {

// A vector as `flat.hpp` codes it, padded to a multiple of 64.
struct Codes {
    std::vector<std::int8_t> codes;
    float scale = 0.0F;
};

// Rows of one width. A product of unit vectors is off by about .001.
class CodedRows {
  public:
    explicit CodedRows(std::size_t dim) : dim_(dim), codes_((dim + 63) / 64 * 64) {}

    std::size_t rows() const noexcept { return scales_.size(); }
    std::size_t width() const noexcept { return codes_.width(); }  // of a row's codes
    // New rows are zero.
    void resize(std::size_t rows);
    void set(std::size_t row, const float* vector) noexcept;
    Codes code(const float* vector) const;

    const std::int8_t* codes(std::size_t row) const noexcept { return codes_.row(row); }
    float scale(std::size_t row) const noexcept { return scales_[row]; }
    float dot(std::uint32_t row, const Codes& asked) const noexcept;
    // out[i] = dot(rows[i], asked)
    void dots(const std::uint32_t* rows, std::size_t n, const Codes& asked, float* out) const;
    ENGRAIN_INLINE void prefetch(std::size_t row) const noexcept {
        prefetch_all(codes_.row(row), dim_);
    }

  private:
    std::size_t dim_;
    Arena<std::int8_t> codes_;
    std::vector<float> scales_;
};

}  // namespace engrain
