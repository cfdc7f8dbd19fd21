// Latent semantic vectors of texts: tf-idf of their stems times a learned basis.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "engrain/coded_rows.hpp"
#include "engrain/lexical.hpp"

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
    // Mean idf of the three rarest terms; one that is not known counts as twice as rare as any that
    // is.
    float rarity(const TermCount* terms, std::size_t n) const noexcept;

  private:
    std::size_t dim_ = 0;
    float unknown_ = 0.0F;  // idf of terms without a row
    std::unordered_map<Term, std::uint32_t> rows_;
    std::vector<float> idf_, basis_;
};

}  // namespace engrain
