// Spreading activation over the edge table.
#pragma once

#include "engrain/edges.hpp"

namespace engrain {

// Working memory that the caller owns, for at most `limit` nodes.
struct SpreadScratch {
    std::uint32_t* nodes;  // out: the nodes reached, in order of discovery; limit long
    float* received;       // out: what each of them received in all hops; limit long
    float *active, *next;  // limit long
    std::uint32_t* index;  // 2^bits long, more than limit; all no_node before and after the call
    std::size_t limit;
    int bits;
};

// Each hop, every active node u passes damping * activation_u * w_uv / max(1, sum_v w_uv) to its
// neighbours v (Collins & Loftus 1975; divided among the links as in the fan effect of Anderson
// 1974): what is received in one hop never exceeds damping times what was active before it. Seeds
// count as reached, repeated ones add up; neighbours beyond `limit` are passed over. Returns how
// many nodes were reached.
std::size_t spread_activation(const EdgeTableView& table, const std::int64_t* seeds,
                              const float* activation, std::size_t n, int hops, float damping,
                              SpreadScratch& scratch) noexcept;

}  // namespace engrain
