#include "engrain/windows.hpp"

#include <algorithm>

#include "engrain/simd.hpp"

namespace engrain {
namespace {

using simd::Lanes;

// Counts of a window's documents, added up by their weights, in sixteen columns.
template <int W>
ENGRAIN_INLINE Lanes<W> window_counts(const float* counts, const std::uint32_t* rows,
                                      std::size_t width, std::size_t terms) {
    Lanes<W> sum = Lanes<W>::zero();
    for (std::size_t place = 0; place < width; ++place)
        if (rows[place] != Around::none)
            sum = sum + Lanes<W>::splat(window_weights[place]) *
                            Lanes<W>::load(counts + rows[place] * terms);
    return sum;
}

template <int W>
ENGRAIN_INLINE void score_windows_body(const float* counts, const float* weights, std::size_t terms,
                                       const std::uint32_t* rows, std::size_t width,
                                       const float* beside, std::size_t n, float* out) {
    for (std::size_t i = 0; i < n; ++i, rows += width) {
        Lanes<W> sum = Lanes<W>::zero();
        const Lanes<W> other = Lanes<W>::splat(beside[i]);
        for (std::size_t t = 0; t < terms; t += 16) {
            const Lanes<W> count = window_counts<W>(counts + t, rows, width, terms);
            sum = sum + Lanes<W>::load(weights + t) * count / (count + other);
        }
        out[i] = sum.sum();
    }
}

ENGRAIN_DISPATCH(void, score_windows,
                 (const float* counts, const float* weights, std::size_t terms,
                  const std::uint32_t* rows, std::size_t width, const float* beside, std::size_t n,
                  float* out),
                 (counts, weights, terms, rows, width, beside, n, out))

}  // namespace

void Windows::clear(std::size_t most) {
    std::fill_n(seen_, held, Around::none);
    windows_ = 0;
    opened_ = 0;
    if (lengths_.size() >= most) return;
    documents_.resize(most * width);
    rows_.resize(most * width);
    lengths_.resize(most);
    scores_.resize(most);
}

const float* Windows::score(const Sought& question, double average_length) {
    float windows = 0.0F;
    for (const float weight : window_weights) windows += weight;
    const float slope = Bm25::slope(average_length * windows);
    const std::size_t counts = opened_ * question.room();
    if (counts_.size() < counts) counts_.resize(counts);
    question.count(documents_.data(), opened_, counts_.data());
    for (std::size_t i = 0; i < windows_; ++i) lengths_[i] = Bm25::beside(slope, lengths_[i]);
    score_windows(counts_.data(), question.weights(), question.room(), rows_.data(), width,
                  lengths_.data(), windows_, scores_.data());
    return scores_.data();
}

}  // namespace engrain
