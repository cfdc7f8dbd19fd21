// The vectors of one embedding space, by handle: exact rows and their int8 codes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "engrain/arena.hpp"
#include "engrain/row_store.hpp"

namespace engrain {

class VectorView {
  public:
    // Many rows go into a file in `folder`, see RowStore; none for memory alone.
    explicit VectorView(std::size_t dim, std::string folder = {});

    std::size_t dim() const noexcept { return dim_; }
    std::size_t width() const noexcept { return rows_.width(); }
    const float* rows() const noexcept { return rows_.data(); }
    // Until the next change. What was set last is at hand: sums over it map no page of a file.
    const float* row(std::size_t handle) const noexcept {
        return handle == at_hand_ ? padded_.data() : rows_.row(handle);
    }
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
    static constexpr std::size_t none = ~std::size_t{0};

    std::size_t dim_;
    RowStore rows_;
    Arena<std::int8_t> codes_;
    std::vector<float> scale_, squared_, padded_;
    std::size_t at_hand_ = none;  // whose row is in padded_
    std::unordered_map<std::size_t, std::vector<float>> base_;
};

}  // namespace engrain
