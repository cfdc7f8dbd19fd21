// Latent semantic vectors of texts: tf-idf of their stems times a learned basis.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "engrain/arena.hpp"
#include "engrain/lexical.hpp"
#include "engrain/prefetch.hpp"

namespace engrain {

// What a corpus taught: how rare each term is and where it lies (Deerwester et al., JASIS 41,
// 1990). Without a basis every text lies at the origin.
class LatentSpace {
  public:
    std::size_t dim() const noexcept { return dim_; }
    bool known() const noexcept { return dim_ > 0; }

    // `terms` (n) distinct, `idf` (n), `basis` (n, dim).
    void learn(const Term* terms, const float* idf, const float* basis, std::size_t n,
               std::size_t dim);
    // Unit vector sum_t (1 + ln tf) idf_t basis_t of n terms; 0 where none of them is known.
    void place(const TermCount* terms, std::size_t n, float* out) const;

  private:
    std::size_t dim_ = 0;
    std::unordered_map<Term, std::uint32_t> rows_;
    std::vector<float> idf_, basis_;
};

// A vector in 8 bits a dimension, padded as `flat.hpp` says.
struct LatentCodes {
    std::vector<std::int8_t> codes;
    float scale = 0.0F;
};

// Where documents lie. A cosine of codes is off by about .001.
class LatentRows {
  public:
    explicit LatentRows(std::size_t dim) : dim_(dim), codes_((dim + 63) / 64 * 64) {}

    // `vector` (dim).
    void set(std::size_t document, const float* vector);
    LatentCodes code(const float* vector) const;
    // Of a document that was set.
    float cosine(std::uint32_t document, const LatentCodes& asked) const noexcept;
    ENGRAIN_INLINE void prefetch(std::size_t document) const noexcept {
        prefetch_all(codes_.row(document), dim_);
    }

  private:
    std::size_t dim_;
    Arena<std::int8_t> codes_;
    std::vector<float> scales_;
};

}  // namespace engrain
