// The vectors of one embedding space, by handle: exact rows and their int8 codes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "engrain/arena.hpp"

namespace engrain {

class VectorView {
  public:
    explicit VectorView(std::size_t dim);

    std::size_t dim() const noexcept { return dim_; }
    std::size_t width() const noexcept { return rows_.width(); }
    const float* rows() const noexcept { return rows_.data(); }
    const float* row(std::size_t handle) const noexcept { return rows_.row(handle); }
    const std::int8_t* codes() const noexcept { return codes_.data(); }
    // Value of one code; 0 where the handle has no vector.
    float scale(std::size_t handle) const noexcept { return scale_[handle]; }
    bool has(std::size_t handle) const noexcept { return scale_[handle] > 0.0F; }
    float squared_length(std::size_t handle) const noexcept { return squared_[handle]; }

    // The vector before it was first moved.
    const float* base(std::size_t handle) const noexcept;

    void resize(std::size_t handles);
    // Null or all zero: no vector.
    void set(std::size_t handle, const float* vector);
    // As set, keeping the base.
    void move(std::size_t handle, const float* vector);
    void clear(std::size_t handle);

  private:
    std::size_t dim_;
    Arena<float> rows_;
    Arena<std::int8_t> codes_;
    std::vector<float> scale_, squared_;
    std::unordered_map<std::size_t, std::vector<float>> base_;
};

}  // namespace engrain
