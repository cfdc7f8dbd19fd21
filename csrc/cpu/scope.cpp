#include "engrain/scope.hpp"

#include <algorithm>
#include <cmath>

#include "engrain/flat.hpp"

namespace engrain {
namespace {

// The prior of the query mean: so many queries at the document mean.
constexpr double prior_queries = 16.0;

// Where code and mean nearly cancel, the int8 estimate of the length is noise: measure it exactly.
constexpr float too_short = 1.0F / 16.0F;

}  // namespace

void VectorSum::add(const float* vector, int sign) {
    for (std::size_t j = 0; j < sum_.size(); ++j)
        sum_[j] += sign * static_cast<std::int64_t>(std::llrint(double(vector[j]) * one));
    count_ += sign;
}

void ScopeView::refresh_mean() {
    if (!mean_stale) return;
    const double count = double(std::max<std::int64_t>(1, documents.count()));
    for (std::size_t j = 0; j < documents.sum().size(); ++j)
        mean[j] = static_cast<float>(documents.value(j) / count);
    mean_stale = false;
}

void ScopeView::refresh_gains(const VectorView& view, const std::vector<std::uint32_t>& members) {
    if (!gains_stale) return;
    const std::size_t n = members.size();
    gain.resize(n);
    inverse.resize(n);
    std::vector<std::int8_t> codes(view.width());
    std::vector<std::int32_t> dots(n);
    const float step = quantize_row(mean.data(), view.width(), codes.data());
    dot_codes(view.codes(), view.width(), members.data(), n, codes.data(), dots.data());
    float own = 0.0F;
    for (const float x : mean) own += x * x;
    for (std::size_t i = 0; i < n; ++i) {
        const float scale = view.scale(members[i]);
        const float along = static_cast<float>(dots[i]) * (scale * step);
        float squared = view.squared_length(members[i]) - 2.0F * along + own;
        if (squared < too_short)
            squared = squared_distance(view.row(members[i]), mean.data(), view.width());
        inverse[i] = scale > 0.0F && squared > 1e-8F ? 1.0F / std::sqrt(squared) : 0.0F;
        gain[i] = scale * inverse[i];
    }
    gains_stale = false;
}

void ScopeView::centre(const float* query, std::size_t dim, float* centred) const {
    const double count = double(queries.count() + 1) + prior_queries;
    double squared = 0.0;
    for (std::size_t j = 0; j < dim; ++j) {
        const double m = (queries.value(j) + query[j] + prior_queries * mean[j]) / count;
        centred[j] = static_cast<float>(query[j] - m);
        squared += double(centred[j]) * centred[j];
    }
    const float inverse_length =
        squared > 1e-8 ? static_cast<float>(1.0 / std::sqrt(squared)) : 0.0F;
    for (std::size_t j = 0; j < dim; ++j) centred[j] *= inverse_length;
}

Scope::Scope(const std::vector<VectorView>& views) {
    for (const VectorView& view : views) views_.emplace_back(view);
}

std::int64_t Scope::search(std::uint32_t handle) const noexcept {
    const auto at = std::lower_bound(members_.begin(), members_.end(), handle);
    return at != members_.end() && *at == handle ? at - members_.begin() : -1;
}

void Scope::touch() noexcept {
    ++version_;
    sessions_.stale = true;
    ++roll_;
    for (ScopeView& view : views_) view.mean_stale = view.gains_stale = true;
}

void Scope::count(std::uint32_t handle, std::size_t i, const VectorView& view, int sign) {
    if (view.has(handle)) views_[i].documents.add(view.row(handle), sign);
}

void Scope::insert(std::uint32_t handle, const std::vector<VectorView>& views,
                   std::uint32_t source) {
    members_.insert(std::lower_bound(members_.begin(), members_.end(), handle), handle);
    for (std::size_t i = 0; i < views.size(); ++i) count(handle, i, views[i], 1);
    ++sources_[source];
    touch();
}

void Scope::erase(std::uint32_t handle, const std::vector<VectorView>& views,
                  std::uint32_t source) {
    const std::int64_t at = position(handle);
    if (at < 0) return;
    members_.erase(members_.begin() + at);
    for (std::size_t i = 0; i < views.size(); ++i) count(handle, i, views[i], -1);
    const auto heard = sources_.find(source);
    if (--heard->second == 0) sources_.erase(heard);
    touch();
}

void Scope::clear(const std::vector<VectorView>& views) {
    for (const std::uint32_t handle : members_)
        for (std::size_t i = 0; i < views.size(); ++i) count(handle, i, views[i], -1);
    members_ = {};
    sources_.clear();
    touch();
}

void Scope::before_move(std::uint32_t handle, std::size_t i, const VectorView& view) {
    if (position(handle) >= 0) count(handle, i, view, -1);
}

void Scope::after_move(std::uint32_t handle, std::size_t i, const VectorView& view) {
    if (position(handle) < 0) return;
    count(handle, i, view, 1);
    ++version_;
    views_[i].mean_stale = views_[i].gains_stale = true;
}

void Scope::replace_view(std::size_t i, const VectorView& view) {
    views_[i] = ScopeView(view);
    for (const std::uint32_t handle : members_) count(handle, i, view, 1);
    ++version_;
}

}  // namespace engrain
