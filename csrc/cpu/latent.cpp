#include "engrain/latent.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engrain/similarity.hpp"
#include "engrain/transcendental.hpp"

namespace engrain {
namespace {

constexpr float log_two = 0.69314718F;

}  // namespace

void LatentSpace::learn(const Term* terms, const float* idf, const float* basis, std::size_t n,
                        std::size_t dim) {
    dim_ = n > 0 ? dim : 0;
    rows_.clear();
    for (std::size_t i = 0; i < n; ++i) rows_[terms[i]] = static_cast<std::uint32_t>(i);
    idf_.assign(idf, idf + n);
    unknown_ = n > 0 ? *std::max_element(idf, idf + n) + log_two : 0.0F;
    basis_.assign(basis, basis + n * dim);
}

void LatentSpace::place(const TermCount* terms, std::size_t n, float* out) const {
    std::fill_n(out, dim_, 0.0F);
    static thread_local std::vector<std::pair<float, const float*>> found;
    found.clear();
    for (const TermCount* own = terms; own != terms + n; ++own) {
        const auto at = rows_.find(own->term);
        if (at == rows_.end()) continue;
        const double spread = own->count == 1.0F ? 1.0 : 1.0 + engrain::log(double(own->count));
        const float* row = basis_.data() + at->second * dim_;
        for (std::size_t j = 0; j < dim_; j += 64 / sizeof(float)) __builtin_prefetch(row + j);
        found.emplace_back(static_cast<float>(spread) * idf_[at->second], row);
    }
    for (const auto& [weight, row] : found)
        for (std::size_t j = 0; j < dim_; ++j) out[j] += weight * row[j];
    float squared = 0.0F;
    if (dim_ > 0) score_rows(out, out, 1, dim_, &squared);
    const float inverse = squared > 1e-12F ? 1.0F / std::sqrt(squared) : 0.0F;
    for (std::size_t j = 0; j < dim_; ++j) out[j] *= inverse;
}

float LatentSpace::rarity(const TermCount* terms, std::size_t n) const noexcept {
    float most[3] = {};
    for (const TermCount* own = terms; own != terms + n; ++own) {
        const auto at = rows_.find(own->term);
        float idf = at == rows_.end() ? unknown_ : idf_[at->second];
        for (float& held : most)
            if (idf > held) std::swap(idf, held);
    }
    return (most[0] + most[1] + most[2]) / 3.0F;
}

}  // namespace engrain
