#include "engrain/view.hpp"

#include <algorithm>

#include "engrain/flat.hpp"
#include "engrain/similarity.hpp"

namespace engrain {

VectorView::VectorView(std::size_t dim, std::string folder)
    : dim_(dim),
      rows_((dim + 63) / 64 * 64, std::move(folder)),
      codes_((dim + 63) / 64 * 64),
      padded_(width(), 0.0F) {}

void VectorView::resize(std::size_t handles) {
    rows_.resize(handles);
    codes_.resize(handles);
    scale_.resize(handles, 0.0F);
    squared_.resize(handles, 0.0F);
}

void VectorView::set(std::size_t handle, const float* vector) {
    if (vector != nullptr)
        std::copy(vector, vector + dim_, padded_.begin());
    else
        std::fill(padded_.begin(), padded_.end(), 0.0F);
    at_hand_ = none;
    rows_.write(handle, padded_.data());
    scale_[handle] = quantize_row(padded_.data(), width(), codes_.row(handle));
    score_rows(padded_.data(), padded_.data(), 1, width(), &squared_[handle]);
    at_hand_ = handle;
}

void VectorView::move(std::size_t handle, const float* vector) {
    if (base_.find(handle) == base_.end())
        base_.emplace(handle, std::vector<float>(row(handle), row(handle) + dim_));
    set(handle, vector);
}

void VectorView::clear(std::size_t handle) {
    base_.erase(handle);
    set(handle, nullptr);
}

const float* VectorView::base(std::size_t handle) const noexcept {
    const auto found = base_.find(handle);
    return found == base_.end() ? row(handle) : found->second.data();
}

}  // namespace engrain
