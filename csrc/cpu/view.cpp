#include "engrain/view.hpp"

#include "engrain/flat.hpp"
#include "engrain/similarity.hpp"

namespace engrain {

VectorView::VectorView(std::size_t dim)
    : dim_(dim), rows_((dim + 63) / 64 * 64), codes_((dim + 63) / 64 * 64) {}

void VectorView::resize(std::size_t handles) {
    rows_.resize(handles);
    codes_.resize(handles);
    scale_.resize(handles, 0.0F);
    squared_.resize(handles, 0.0F);
}

void VectorView::set(std::size_t handle, const float* vector) {
    float* row = rows_.row(handle);
    if (vector != nullptr)
        std::memcpy(row, vector, dim_ * sizeof(float));
    else
        std::memset(row, 0, dim_ * sizeof(float));
    scale_[handle] = quantize_row(row, width(), codes_.row(handle));
    score_rows(row, row, 1, width(), &squared_[handle]);
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
