// Tabular values: reward prediction errors and TD(lambda).
//
//   delta = r + gamma V(s') - V(s), V(terminal) = 0;  e <- gamma lambda e + mark(s);
//   V <- V + alpha delta e.
// Sutton & Barto (2018), ch. 12; true online: van Seijen et al., JMLR 17 (2016).
#pragma once

#include <cstddef>
#include <cstdint>

namespace engrain {

enum class TdKind : int { accumulating = 0, replacing = 1, dutch = 2, true_online = 3 };

struct TdRule {
    TdKind kind;
    float alpha, gamma;
    float fade;  // lambda
};

// errors[i] = clip(outcomes[i] - values[h], -1, 1), then values[h] += alpha errors[i], in order;
// handles may repeat. Schultz, Dayan & Montague (1997).
void learn_values(float* values, const std::int64_t* handles, const float* outcomes, std::size_t n,
                  float alpha, float* errors) noexcept;

// Run n transitions states[i] -> next[i] (-1: terminal, which also clears the traces) with
// rewards[i] over n_states values and traces. carry holds one float between calls, 0 at first.
void td_lambda(float* values, float* traces, float* carry, std::size_t n_states,
               const std::int64_t* states, const std::int64_t* next, const float* rewards,
               std::size_t n, const TdRule& rule, float* errors) noexcept;

// What is known of one handle, in a quarter of a cache line.
struct Valued {
    float value;
    std::uint32_t count;
    std::int32_t position;  // in active, or -1
    std::int32_t unused;    // 0
};

// Values by dense handle with eligibility marks on at most max_active of them. Arrays are owned by
// the caller: items is `handles` long, active and trace max_active.
struct ValueTableView {
    Valued* items;
    std::int64_t* active;
    float* trace;  // by position
    std::size_t handles, used, max_active, hand;
};

// Asks memory for what `learn_table` will change: these handles, and those that give way to them.
void approach_values(const ValueTableView& view, const std::int64_t* handles,
                     std::size_t n) noexcept;

// As learn_values, and counts and marks each handle (replacing sets 1, the others add 1). When
// max_active are marked, the mark under the clock hand gives way.
void learn_table(ValueTableView& view, const std::int64_t* handles, const float* outcomes,
                 std::size_t n, const TdRule& rule, float* errors) noexcept;

// Mark each handle as visited, without an outcome.
void mark_table(ValueTableView& view, const std::int64_t* handles, std::size_t n,
                const TdRule& rule) noexcept;

// Give each handle the value `fresh`, no count and no mark. Handles are in range.
void forget_values(ValueTableView& view, const std::int64_t* handles, std::size_t n,
                   float fresh) noexcept;

// value += alpha delta e for every mark, clipped to [0, 1]; then e *= gamma lambda, and marks below
// 1e-4 are dropped.
void credit_table(ValueTableView& view, float delta, const TdRule& rule) noexcept;

}  // namespace engrain
