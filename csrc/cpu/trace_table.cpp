#include "engrain/trace_table.hpp"

namespace engrain {
namespace {

constexpr std::size_t window = 8, block = 64;

std::size_t weakest_slot(const TraceTableView& view, double now, const TraceRule& rule) {
    std::int64_t slots[window];
    float strength[window];
    const std::size_t n = view.used < window ? view.used : window;
    for (std::size_t i = 0; i < n; ++i) slots[i] = std::int64_t((view.hand + i) % view.used);
    read_traces(view.traces, slots, n, now, rule, 1.0F, strength);
    std::size_t best = 0;
    for (std::size_t i = 1; i < n; ++i)
        if (strength[i] < strength[best]) best = i;
    return std::size_t(slots[best]);
}

std::size_t take_slot(TraceTableView& view, double now, const TraceRule& rule) {
    if (view.used < view.capacity) return view.used++;
    const std::size_t slot = weakest_slot(view, now, rule);
    view.slot_of[view.owner[slot]] = -1;
    view.hand = (slot + 1) % view.capacity;
    ++view.evicted;
    return slot;
}

std::int64_t find_or_add(TraceTableView& view, std::int64_t handle, double now,
                         const TraceRule& rule) {
    if (view.slot_of[handle] < 0) {
        const std::size_t slot = take_slot(view, now, rule);
        view.traces[slot] = Trace{0.0F, 0.0F, now};
        view.owner[slot] = handle;
        view.slot_of[handle] = std::int32_t(slot);
    }
    return view.slot_of[handle];
}

}  // namespace

void touch_table(TraceTableView& view, const std::int64_t* handles, const float* activity,
                 std::size_t n, double now, const TraceRule& rule) noexcept {
    for (std::size_t start = 0; start < n; start += block) {
        const std::size_t count = n - start < block ? n - start : block;
        std::int64_t slots[block];
        bool all_held = true;
        for (std::size_t i = 0; i < count; ++i) {
            slots[i] = view.slot_of[handles[start + i]];
            all_held = all_held && slots[i] >= 0;
            __builtin_prefetch(view.traces + slots[i]);  // any address is safe to prefetch
        }
        if (all_held) {
            touch_traces(view.traces, slots, activity + start, count, now, rule);
            continue;
        }
        // One by one: an eviction may take the slot of an earlier handle of this block.
        for (std::size_t i = start; i < start + count; ++i) {
            const std::int64_t slot = find_or_add(view, handles[i], now, rule);
            touch_traces(view.traces, &slot, activity + i, 1, now, rule);
        }
    }
}

void read_table(const TraceTableView& view, const std::int64_t* handles, std::size_t n, double now,
                const TraceRule& rule, float scale, float* out) noexcept {
    for (std::size_t start = 0; start < n; start += block) {
        const std::size_t count = n - start < block ? n - start : block;
        std::int64_t slots[block];
        std::size_t held[block], found = 0;
        for (std::size_t i = start; i < start + count; ++i) {
            const std::int64_t handle = handles[i];
            const bool known = handle >= 0 && std::size_t(handle) < view.handles;
            out[i] = 0.0F;
            if (!known || view.slot_of[handle] < 0) continue;
            slots[found] = view.slot_of[handle];
            held[found++] = i;
        }
        float values[block];
        read_traces(view.traces, slots, found, now, rule, scale, values);
        for (std::size_t i = 0; i < found; ++i) out[held[i]] = values[i];
    }
}

void forget_traces(TraceTableView& view, const std::int64_t* handles, std::size_t n) noexcept {
    for (std::size_t i = 0; i < n; ++i) {
        const std::int64_t handle = handles[i];
        if (handle < 0 || std::size_t(handle) >= view.handles || view.slot_of[handle] < 0) continue;
        const std::size_t slot = std::size_t(view.slot_of[handle]), last = --view.used;
        view.slot_of[handle] = -1;
        if (slot != last) {
            view.traces[slot] = view.traces[last];
            view.owner[slot] = view.owner[last];
            view.slot_of[view.owner[slot]] = std::int32_t(slot);
        }
        if (view.hand >= view.used) view.hand = 0;
    }
}

}  // namespace engrain
