#include "engrain/latent.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engrain/flat.hpp"
#include "engrain/similarity.hpp"
#include "engrain/transcendental.hpp"

namespace engrain {

void LatentSpace::learn(const Term* terms, const float* idf, const float* basis, std::size_t n,
                        std::size_t dim) {
    dim_ = n > 0 ? dim : 0;
    rows_.clear();
    for (std::size_t i = 0; i < n; ++i) rows_[terms[i]] = static_cast<std::uint32_t>(i);
    idf_.assign(idf, idf + n);
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

void LatentRows::set(std::size_t document, const float* vector) {
    if (codes_.rows() <= document) {
        codes_.resize(document + 1);
        scales_.resize(document + 1, 0.0F);
    }
    const LatentCodes own = code(vector);
    std::copy(own.codes.begin(), own.codes.end(), codes_.row(document));
    scales_[document] = own.scale;
}

LatentCodes LatentRows::code(const float* vector) const {
    std::vector<float> padded(codes_.width(), 0.0F);
    std::copy_n(vector, dim_, padded.begin());
    LatentCodes own;
    own.codes.resize(codes_.width());
    own.scale = quantize_row(padded.data(), codes_.width(), own.codes.data());
    return own;
}

float LatentRows::cosine(std::uint32_t document, const LatentCodes& asked) const noexcept {
    std::int32_t dot = 0;
    dot_codes(codes_.data(), codes_.width(), &document, 1, asked.codes.data(), &dot);
    return static_cast<float>(dot) * (scales_[document] * asked.scale);
}

}  // namespace engrain
