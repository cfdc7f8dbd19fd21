// A capped set of eligibility traces, addressed by dense handles.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engrain/traces.hpp"

namespace engrain {

// A view of arrays that the caller owns. Slots [0, used) are taken.
struct TraceTableView {
    Trace* traces;          // by slot, capacity long
    std::int64_t* owner;    // handle of each slot, capacity long
    std::int32_t* slot_of;  // slot of each handle or -1, handles long
    std::size_t capacity, handles, used, hand;
    std::int64_t evicted;  // traces given up so far
};

// Touch in order; a handle without a trace takes a free slot or, at the cap, the slot of the
// weakest of the next eight in clock order, in constant time. Handles lie in [0, view.handles).
void touch_table(TraceTableView& view, const std::int64_t* handles, const float* activity,
                 std::size_t n, double now, const TraceRule& rule) noexcept;

// out[i] = scale * e(now), 0 for a handle without a trace. Any handle is allowed.
void read_table(const TraceTableView& view, const std::int64_t* handles, std::size_t n, double now,
                const TraceRule& rule, float scale, float* out) noexcept;

// Drop the traces of handles; unknown ones are passed over.
void forget_traces(TraceTableView& view, const std::int64_t* handles, std::size_t n) noexcept;

}  // namespace engrain
