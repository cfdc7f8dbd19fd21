#include "engrain/edges.hpp"

#include <algorithm>
#include <cstring>

#include "engrain/prefetch.hpp"

namespace engrain {
namespace {

constexpr std::size_t ahead = 32;  // edges whose cache lines are asked for together

std::size_t mask_of(const EdgeTableView& table) noexcept {
    return (std::size_t{1} << (64 - table.shift)) - 1;
}

std::uint64_t key_of(std::uint32_t from, std::uint32_t to) noexcept {
    return (std::uint64_t(to) << 32) | from;
}

std::uint64_t key_at(const Edge& edge) noexcept { return key_of(edge.from, edge.to); }

std::size_t home_of(const EdgeTableView& table, std::uint64_t key) noexcept {
    key *= 0x9E3779B97F4A7C15ULL;
    key ^= key >> 32;
    return (key * 0xD6E8FEB86659FD93ULL) >> table.shift;
}

// The slot of the edge, or the free slot where its probing ends.
std::size_t probe(const EdgeTableView& table, std::uint64_t key, std::size_t home) noexcept {
    const std::size_t mask = mask_of(table);
    std::size_t slot = home;
    while (key_at(table.slots[slot]) != key && table.slots[slot].from != no_node)
        slot = (slot + 1) & mask;
    return slot;
}

std::uint32_t* list_of(const EdgeTableView& table, std::uint32_t node) noexcept {
    return table.lists + node * table.per_node;
}

void leave_list(EdgeTableView& table, const Edge& edge) noexcept {
    std::uint32_t* list = list_of(table, edge.from);
    const std::uint32_t last = list[--table.degree[edge.from]];
    list[edge.place] = last;
    table.slots[last].place = edge.place;
}

// What points at an edge in its chain: an edge before it, or its node.
std::uint32_t& pointer_to(EdgeTableView& table, std::size_t slot) noexcept {
    const std::uint32_t previous = table.chains[slot].previous;
    return previous == no_node ? table.incoming[table.slots[slot].to] : table.chains[previous].next;
}

void join_chain(EdgeTableView& table, std::size_t slot) noexcept {
    std::uint32_t& first = table.incoming[table.slots[slot].to];
    table.chains[slot] = {first, no_node};
    if (first != no_node) table.chains[first].previous = std::uint32_t(slot);
    first = std::uint32_t(slot);
}

void leave_chain(EdgeTableView& table, std::size_t slot) noexcept {
    const Chain chain = table.chains[slot];
    pointer_to(table, slot) = chain.next;
    if (chain.next != no_node) table.chains[chain.next].previous = chain.previous;
}

// Move an edge to a free slot, and all that points at it.
void relocate(EdgeTableView& table, std::size_t from, std::size_t to) noexcept {
    const Edge edge = table.slots[from];
    pointer_to(table, from) = std::uint32_t(to);
    table.chains[to] = table.chains[from];
    if (table.chains[to].next != no_node)
        table.chains[table.chains[to].next].previous = std::uint32_t(to);
    table.slots[to] = edge;
    list_of(table, edge.from)[edge.place] = std::uint32_t(to);
}

// Free a slot and close the gap in the probe sequences that ran over it.
void erase(EdgeTableView& table, std::size_t hole) noexcept {
    leave_list(table, table.slots[hole]);
    leave_chain(table, hole);
    const std::size_t mask = mask_of(table);
    for (std::size_t slot = (hole + 1) & mask; table.slots[slot].from != no_node;
         slot = (slot + 1) & mask) {
        const std::size_t home = home_of(table, key_at(table.slots[slot]));
        if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
        relocate(table, slot, hole);
        hole = slot;
    }
    table.slots[hole] = no_edge;
    --table.used;
}

void evict_weakest(EdgeTableView& table, std::uint32_t node) noexcept {
    const std::uint32_t* list = list_of(table, node);
    const std::uint32_t* weakest = std::min_element(
        list, list + table.degree[node], [&table](std::uint32_t a, std::uint32_t b) {
            return table.slots[a].weight < table.slots[b].weight;
        });
    erase(table, *weakest);
    ++table.evicted;
}

// The edge at weight 0, or null where the table is full and the node has nothing to give up.
Edge* insert(EdgeTableView& table, std::uint32_t from, std::uint32_t to, std::size_t home,
             std::uint8_t kind) noexcept {
    const bool full = table.used >= table.max_edges;
    if (full && table.degree[from] == 0) {
        ++table.refused;
        return nullptr;
    }
    if (full || table.degree[from] == table.per_node) evict_weakest(table, from);
    const std::size_t slot = probe(table, key_of(from, to), home);
    const std::uint16_t place = table.degree[from]++;
    table.slots[slot] = Edge{from, to, 0.0F, kind, 0, place};
    list_of(table, from)[place] = std::uint32_t(slot);
    join_chain(table, slot);
    ++table.used;
    return &table.slots[slot];
}

// Calls use(i, key, home) for every edge of the batch, its cache line being under way.
template <class Use>
void for_each_edge(const EdgeTableView& table, const std::int64_t* from, const std::int64_t* to,
                   std::size_t n, const Use& use) noexcept {
    std::uint64_t keys[ahead];
    std::size_t homes[ahead];
    for (std::size_t start = 0; start < n; start += ahead) {
        const std::size_t count = std::min(ahead, n - start);
        for (std::size_t i = 0; i < count; ++i) {
            keys[i] = key_of(std::uint32_t(from[start + i]), std::uint32_t(to[start + i]));
            homes[i] = home_of(table, keys[i]);
            __builtin_prefetch(&table.slots[homes[i]]);
        }
        for (std::size_t i = 0; i < count; ++i) use(start + i, keys[i], homes[i]);
    }
}

// Oja's rule: the normalisation of w + gain e_i to first order in the gain.
void shrink_node(EdgeTableView& table, std::uint32_t node, float gain, float weight) noexcept {
    const float factor = 1.0F - gain * weight;
    const std::uint32_t* list = list_of(table, node);
    for (std::size_t i = 0; i < table.degree[node]; ++i) table.slots[list[i]].weight *= factor;
}

bool valid(std::int64_t handle) noexcept { return handle >= 0 && handle < std::int64_t(no_node); }

}  // namespace

void approach_edges(const EdgeTableView& table, std::uint32_t from, const std::int64_t* to,
                    std::size_t n) noexcept {
    for (std::size_t i = 0; i < n; ++i)
        prefetch(&table.slots[home_of(table, key_of(from, std::uint32_t(to[i])))]);
}

void update_edges(EdgeTableView& table, const std::int64_t* from, const std::int64_t* to,
                  const float* signal, std::size_t n, std::uint8_t kind,
                  const HebbianRule& rule) noexcept {
    const float inverse = 1.0F / table.scale;
    for_each_edge(table, from, to, n, [&](std::size_t i, std::uint64_t key, std::size_t home) {
        const float s = signal[i];
        Edge* edge = &table.slots[probe(table, key, home)];
        if (edge->from == no_node) {
            if (!(s > 0.0F)) return;
            edge = insert(table, std::uint32_t(from[i]), std::uint32_t(to[i]), home, kind);
            if (edge == nullptr) return;
        }
        const float weight = weight_of(table, *edge);
        const float gain =
            s > 0.0F ? rule.eta_plus * s * (1.0F - weight) : rule.eta_minus * s * weight;
        edge->weight = (weight + gain) * inverse;
        if (rule.oja && s > 0.0F) shrink_node(table, edge->from, gain, weight);
    });
}

void assign_edges(EdgeTableView& table, const std::int64_t* from, const std::int64_t* to,
                  const float* weight, const std::uint8_t* kind, std::size_t n) noexcept {
    for_each_edge(table, from, to, n, [&](std::size_t i, std::uint64_t key, std::size_t home) {
        Edge* edge = &table.slots[probe(table, key, home)];
        if (edge->from == no_node)
            edge = insert(table, std::uint32_t(from[i]), std::uint32_t(to[i]), home, kind[i]);
        if (edge == nullptr) return;
        edge->weight = weight[i] / table.scale;
        edge->kind = kind[i];
    });
}

void read_edges(const EdgeTableView& table, const std::int64_t* from, const std::int64_t* to,
                std::size_t n, float* out) noexcept {
    for_each_edge(table, from, to, n, [&](std::size_t i, std::uint64_t key, std::size_t home) {
        const Edge& edge = table.slots[probe(table, key, home)];
        const bool held = edge.from != no_node && valid(from[i]) && valid(to[i]);
        out[i] = held ? weight_of(table, edge) : 0.0F;
    });
}

std::size_t remove_edges(EdgeTableView& table, const std::int64_t* from, const std::int64_t* to,
                         std::size_t n) noexcept {
    const std::size_t before = table.used;
    for_each_edge(table, from, to, n, [&](std::size_t i, std::uint64_t key, std::size_t home) {
        const std::size_t slot = probe(table, key, home);
        if (table.slots[slot].from != no_node && valid(from[i]) && valid(to[i])) erase(table, slot);
    });
    return before - table.used;
}

std::size_t remove_node(EdgeTableView& table, std::uint32_t node) noexcept {
    if (node >= table.nodes) return 0;
    const std::size_t before = table.used;
    while (table.degree[node] > 0) erase(table, list_of(table, node)[table.degree[node] - 1]);
    while (table.incoming[node] != no_node) erase(table, table.incoming[node]);
    return before - table.used;
}

std::size_t prune_edges(EdgeTableView& table, float threshold) noexcept {
    const std::size_t before = table.used;
    for (std::uint32_t node = 0; node < table.nodes; ++node)
        for (std::size_t place = table.degree[node]; place-- > 0;) {
            const std::uint32_t slot = list_of(table, node)[place];
            if (weight_of(table, table.slots[slot]) < threshold) erase(table, slot);
        }
    return before - table.used;
}

void decay_edges(EdgeTableView& table, float factor) noexcept {
    table.scale *= factor;
    if (table.scale > 0x1p-20F) return;
    for (std::size_t slot = 0; slot <= mask_of(table); ++slot)
        table.slots[slot].weight *= table.scale;
    table.scale = 1.0F;
}

std::size_t read_neighbours(const EdgeTableView& table, std::uint32_t node, std::int64_t* to,
                            float* weight, std::uint8_t* kind) noexcept {
    if (node >= table.nodes) return 0;
    const std::uint32_t* list = list_of(table, node);
    for (std::size_t i = 0; i < table.degree[node]; ++i) {
        const Edge& edge = table.slots[list[i]];
        to[i] = edge.to;
        weight[i] = weight_of(table, edge);
        kind[i] = edge.kind;
    }
    return table.degree[node];
}

void rehash_edges(EdgeTableView& table, const Edge* slots, std::size_t count) noexcept {
    for (std::size_t i = 0; i < count; ++i) {
        if (slots[i].from == no_node) continue;
        const std::uint64_t key = key_at(slots[i]);
        const std::size_t slot = probe(table, key, home_of(table, key));
        table.slots[slot] = slots[i];
        list_of(table, slots[i].from)[slots[i].place] = std::uint32_t(slot);
        join_chain(table, slot);
    }
}

}  // namespace engrain
