// Low-rank residual adapters y = x + scale * sum_k b_k (a_k . x), kept factored.
//
// a and b hold `rank` rows of `dim` floats each; the dim x dim product is never formed.
#pragma once

#include <cstddef>
#include <cstdint>

namespace engrain {

constexpr std::size_t lora_max_rank = 64;

struct LoraStep {
    float learning_rate;
    float scale;
    float decay;      // factor on b before each step, in (0, 1]
    float epsilon;    // added to the normaliser, > 0
    bool normalised;  // divide by the output's squared sensitivity (NLMS)
};

// y may be x itself, but not overlap it otherwise. rank <= lora_max_rank.
void apply_lora(const float* a, const float* b, const float* x, std::size_t rank, std::size_t dim,
                float scale, float* y) noexcept;

// One exact gradient step of both factors on the loss whose gradient at y is g:
//   b_k <- decay b_k - rho scale z_k g,   a_k <- a_k - rho scale w_k x,
// with z_k = a_k . x and w_k = b_k . g both taken before the step. rho = learning_rate, or, when
// normalised, learning_rate / (epsilon + scale^2 (|z|^2 + |x|^2 |w|^2 / |g|^2)): the output at x
// then moves by learning_rate |g| along -g, whatever the scale of x. False, and nothing
// written, when x or g is not finite (or so large that its square is not).
bool update_lora(float* a, float* b, const float* x, const float* g, std::size_t rank,
                 std::size_t dim, const LoraStep& step) noexcept;

// The same step on the ranking loss -advantage log sigmoid(y . towards) of one request, y its
// output for x: the gradient at y is -advantage sigmoid(-y . towards) towards.
bool follow_lora(float* a, float* b, const float* x, const float* towards, float advantage,
                 std::size_t rank, std::size_t dim, const LoraStep& step) noexcept;

// apply_lora and update_lora for n requests, row i with adapter[i] of m adapters laid out as (m,
// rank, dim), in order. The caller has checked the indices; update stops at the first row that is
// not finite.
void apply_lora_batch(const float* a, const float* b, const std::int64_t* adapter, const float* x,
                      std::size_t n, std::size_t rank, std::size_t dim, float scale,
                      float* y) noexcept;
bool update_lora_batch(float* a, float* b, const std::int64_t* adapter, const float* x,
                       const float* g, std::size_t n, std::size_t rank, std::size_t dim,
                       const LoraStep& step) noexcept;

// Shrinks b so that the Frobenius norm of scale * sum_k b_k a_k^T is at most `radius`; returns the
// norm as it was. The product is never formed: |B^T A|^2 = sum_kl (a_k . a_l)(b_k . b_l).
float project_lora(const float* a, float* b, std::size_t rank, std::size_t dim, float scale,
                   float radius) noexcept;

}  // namespace engrain
