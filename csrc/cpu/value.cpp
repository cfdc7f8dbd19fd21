#include "engrain/value.hpp"

#include "engrain/prefetch.hpp"
#include "engrain/simd.hpp"

namespace engrain {
namespace {

constexpr float faintest = 1e-4F;

ENGRAIN_INLINE float clip(float x, float low, float high) {
    return x < low ? low : x > high ? high : x;
}

ENGRAIN_INLINE float learn(float& value, float outcome, float alpha) {
    const float error = clip(outcome - value, -1.0F, 1.0F);
    value += alpha * error;
    return error;
}

template <int W>
ENGRAIN_INLINE void scale(float* __restrict x, std::size_t n, float factor) {
    for (std::size_t i = 0; i < n; ++i) x[i] *= factor;
}

template <int W>
ENGRAIN_INLINE void add_scaled(float* __restrict y, const float* __restrict x, std::size_t n,
                               float factor) {
    for (std::size_t i = 0; i < n; ++i) y[i] += factor * x[i];
}

ENGRAIN_INLINE void mark(float& trace, const TdRule& rule) {
    switch (rule.kind) {
        case TdKind::accumulating:
            trace += 1.0F;
            break;
        case TdKind::replacing:
            trace = 1.0F;
            break;
        default:  // dutch
            trace = (1.0F - rule.alpha) * trace + 1.0F;
    }
}

template <int W>
ENGRAIN_INLINE void td_lambda_body(float* values, float* traces, float* carry, std::size_t n_states,
                                   const std::int64_t* states, const std::int64_t* next,
                                   const float* rewards, std::size_t n, const TdRule& rule,
                                   float* errors) {
    const bool online = rule.kind == TdKind::true_online;
    for (std::size_t t = 0; t < n; ++t) {
        const float value = values[states[t]];
        const float value_next = next[t] < 0 ? 0.0F : values[next[t]];
        const float error = rewards[t] + rule.gamma * value_next - value;
        const float change = online ? value - *carry : 0.0F;
        scale<W>(traces, n_states, rule.gamma * rule.fade);
        mark(traces[states[t]], rule);
        add_scaled<W>(values, traces, n_states, rule.alpha * (error + change));
        values[states[t]] -= rule.alpha * change;
        *carry = online ? value_next : 0.0F;
        errors[t] = error;
        if (next[t] < 0) {
            scale<W>(traces, n_states, 0.0F);
            *carry = 0.0F;
        }
    }
}

// The position of a handle among the marks; a new one starts at trace 0.
std::size_t mark_position(ValueTableView& view, std::int64_t handle) {
    if (view.items[handle].position >= 0) return std::size_t(view.items[handle].position);
    std::size_t position = view.used;
    if (view.used < view.max_active) {
        ++view.used;
    } else {
        position = view.hand;
        view.hand = (view.hand + 1) % view.max_active;
        view.items[view.active[position]].position = -1;
    }
    view.active[position] = handle;
    view.items[handle].position = std::int32_t(position);
    view.trace[position] = 0.0F;
    return position;
}

void drop(ValueTableView& view, std::size_t position) {
    const std::size_t last = --view.used;
    view.items[view.active[position]].position = -1;
    if (position == last) return;
    view.active[position] = view.active[last];
    view.trace[position] = view.trace[last];
    view.items[view.active[position]].position = std::int32_t(position);
}

}  // namespace

void learn_values(float* values, const std::int64_t* handles, const float* outcomes, std::size_t n,
                  float alpha, float* errors) noexcept {
    for (std::size_t i = 0; i < n; ++i) errors[i] = learn(values[handles[i]], outcomes[i], alpha);
}

ENGRAIN_DISPATCH(void, td_lambda,
                 (float* values, float* traces, float* carry, std::size_t n_states,
                  const std::int64_t* states, const std::int64_t* next, const float* rewards,
                  std::size_t n, const TdRule& rule, float* errors),
                 (values, traces, carry, n_states, states, next, rewards, n, rule, errors))

void approach_values(const ValueTableView& view, const std::int64_t* handles,
                     std::size_t n) noexcept {
    for (std::size_t i = 0; i < n; ++i) prefetch(&view.items[handles[i]]);
    if (view.used < view.max_active) return;
    std::size_t position = view.hand;
    for (std::size_t i = 0; i < n; ++i) {
        prefetch(&view.items[view.active[position]]);
        position = position + 1 < view.max_active ? position + 1 : 0;
    }
}

void learn_table(ValueTableView& view, const std::int64_t* handles, const float* outcomes,
                 std::size_t n, const TdRule& rule, float* errors) noexcept {
    for (std::size_t i = 0; i < n; ++i) {
        const std::int64_t handle = handles[i];
        errors[i] = learn(view.items[handle].value, outcomes[i], rule.alpha);
        if (view.items[handle].count != UINT32_MAX) ++view.items[handle].count;
        mark(view.trace[mark_position(view, handle)], rule);
    }
}

void mark_table(ValueTableView& view, const std::int64_t* handles, std::size_t n,
                const TdRule& rule) noexcept {
    for (std::size_t i = 0; i < n; ++i) mark(view.trace[mark_position(view, handles[i])], rule);
}

void forget_values(ValueTableView& view, const std::int64_t* handles, std::size_t n,
                   float fresh) noexcept {
    for (std::size_t i = 0; i < n; ++i) {
        view.items[handles[i]].value = fresh;
        view.items[handles[i]].count = 0;
        const std::int32_t position = view.items[handles[i]].position;
        if (position >= 0) drop(view, std::size_t(position));
    }
    if (view.hand >= view.used) view.hand = 0;
}

void credit_table(ValueTableView& view, float delta, const TdRule& rule) noexcept {
    const float fade = rule.gamma * rule.fade;
    for (std::size_t i = 0; i < view.used;) {
        float& value = view.items[view.active[i]].value;
        value = clip(value + rule.alpha * delta * view.trace[i], 0.0F, 1.0F);
        view.trace[i] *= fade;
        if (view.trace[i] < faintest)
            drop(view, i);
        else
            ++i;
    }
    if (view.hand >= view.used) view.hand = 0;
}

}  // namespace engrain
