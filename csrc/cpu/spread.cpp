#include "engrain/spread.hpp"

#include <algorithm>

namespace engrain {
namespace {

// Position of a node among those reached; scratch.limit where there is no more room.
std::size_t reach(SpreadScratch& scratch, std::size_t& count, std::uint32_t node) noexcept {
    const std::uint32_t mask = (std::uint32_t{1} << scratch.bits) - 1;
    std::uint32_t slot = (node * 0x9E3779B1U) >> (32 - scratch.bits);
    while (scratch.index[slot] != no_node) {
        if (scratch.nodes[scratch.index[slot]] == node) return scratch.index[slot];
        slot = (slot + 1) & mask;
    }
    if (count == scratch.limit) return scratch.limit;
    scratch.index[slot] = std::uint32_t(count);
    scratch.nodes[count] = node;
    scratch.received[count] = scratch.active[count] = scratch.next[count] = 0.0F;
    return count++;
}

void pass_on(const EdgeTableView& table, std::uint32_t node, float amount, SpreadScratch& scratch,
             std::size_t& count) noexcept {
    if (node >= table.nodes) return;
    const std::uint32_t* list = table.lists + node * table.per_node;
    const std::size_t degree = table.degree[node];
    for (std::size_t i = 0; i < degree; ++i) __builtin_prefetch(&table.slots[list[i]]);
    float sum = 0.0F;
    for (std::size_t i = 0; i < degree; ++i) sum += weight_of(table, table.slots[list[i]]);
    const float share = amount / std::max(1.0F, sum);
    for (std::size_t i = 0; i < degree; ++i) {
        const Edge& edge = table.slots[list[i]];
        const std::size_t at = reach(scratch, count, edge.to);
        if (at < scratch.limit) scratch.next[at] += share * weight_of(table, edge);
    }
}

}  // namespace

std::size_t spread_activation(const EdgeTableView& table, const std::int64_t* seeds,
                              const float* activation, std::size_t n, int hops, float damping,
                              SpreadScratch& scratch) noexcept {
    std::size_t count = 0;
    for (std::size_t i = 0; i < n; ++i) {
        const std::size_t at = reach(scratch, count, std::uint32_t(seeds[i]));
        if (at < scratch.limit) scratch.active[at] += activation[i];
    }
    for (int hop = 0; hop < hops; ++hop) {
        const std::size_t front = count;
        for (std::size_t i = 0; i < front; ++i)
            if (scratch.active[i] > 0.0F)
                pass_on(table, scratch.nodes[i], damping * scratch.active[i], scratch, count);
        for (std::size_t i = 0; i < count; ++i) {
            scratch.received[i] += scratch.next[i];
            scratch.active[i] = scratch.next[i];
            scratch.next[i] = 0.0F;
        }
    }
    std::fill(scratch.index, scratch.index + (std::size_t{1} << scratch.bits), no_node);
    return count;
}

}  // namespace engrain
