// What outcomes said beyond what the static model expected, one vector per past question.
//
// p = softmax of the scores that the static model gave the memories of question t, y the outcomes
// over their sum: r_t = sum_d e_td d, e_td = y_td - p_td, at least 0 where y_td > 0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engrain/coded_rows.hpp"
#include "engrain/evidence.hpp"

namespace engrain {

// y - p, n > 0; outcomes do not sum to 0.
void surprise(const float* scores, const float* outcomes, std::size_t n, float* out);

// What was told about the memories of one question; vectors are (n, dim).
struct Told {
    std::int64_t scope, number;
    std::int64_t twin;  // by which evidence knows it, -1 where it does not
    const float* query;
    const std::int64_t* handles;
    const float *centred, *scores, *outcomes;
    std::size_t n;
    float share;  // of it that counts
};

// All state as flat arrays, a row per question held.
struct ResidualRows {
    std::int64_t next = 0;
    std::vector<float> asked, toward;  // (rows, dim)
    std::vector<std::int64_t> scope, number;
    std::vector<std::int64_t> about;  // (rows, Residuals::most), -1 for none
};

class Residuals {
  public:
    static constexpr std::size_t most = 24;  // memories of one question that take part

    Residuals(std::size_t dim, std::size_t questions)
        : dim_(dim), questions_(questions), asked_(dim), toward_(dim) {}

    std::size_t dim() const noexcept { return dim_; }
    std::size_t questions() const noexcept { return questions_; }
    std::size_t size() const noexcept;
    // Keeps the memories of highest score, those of largest outcome first.
    void add(const Told& told);
    // out[i] = d_i . sum_t K(q, t) r_t / (sum_t K(q, t) + 0.1), K(q, t) = max(0, q . t), over the
    // questions of the scope but that of number `exclude`; q, t and r_t to 1/127 of their largest
    // element; `centred` (n, dim). What `similar` knows of q . t is not taken again.
    void score(std::int64_t scope, const float* query, const Similar* similar, const float* centred,
               std::size_t n, std::int64_t exclude, float* out) const;
    // Drops every residual that a memory has a part in.
    void forget(std::int64_t handle) noexcept;
    const ResidualRows& rows() const noexcept { return held_; }
    void load(ResidualRows rows);

  private:
    void resize(std::size_t rows);
    void code(std::size_t row);
    void take_likeness(const float* query, const Similar* similar,
                       std::vector<float>& likeness) const;

    std::size_t dim_, questions_;
    ResidualRows held_;
    // What scores are made of; not part of the state.
    CodedRows asked_, toward_;
    std::vector<std::int64_t> twins_;
};

}  // namespace engrain
