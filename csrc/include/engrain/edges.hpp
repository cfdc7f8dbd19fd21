// A table of weighted, typed, directed edges between dense node handles that learns by use.
#pragma once

#include <cstddef>
#include <cstdint>

namespace engrain {

struct Edge {
    std::uint32_t from, to;
    float weight;         // in units of the table's scale
    std::uint8_t kind;    // the caller's type of edge, given when it is inserted
    std::uint8_t unused;  // 0
    std::uint16_t place;  // where the edge stands among the edges of `from`
};
static_assert(sizeof(Edge) == 16, "an edge and its key share a quarter of a cache line");

constexpr std::uint32_t no_node = 0xFFFFFFFFU;
constexpr Edge no_edge{no_node, no_node, 0.0F, 0, 0, 0};

// The neighbours, by slot, of an edge in the chain of those that lead to the same node.
struct Chain {
    std::uint32_t next, previous;  // no_node: none
};

// A view of arrays that the caller owns. Edges lie by open addressing with linear probing; a free
// slot holds no_edge. A node holds at most per_node edges; at that cap the weakest one makes room.
struct EdgeTableView {
    Edge* slots;              // 2^(64 - shift) of them, more than `used`
    Chain* chains;            // by slot
    std::uint32_t* lists;     // slot of each edge of a node, nodes x per_node
    std::uint32_t* incoming;  // slot of an edge to each node, or no_node
    std::uint16_t* degree;    // by node
    std::size_t nodes, per_node, used, max_edges;
    std::int64_t evicted, refused;  // edges given up, and not taken at max_edges, so far
    float scale;                    // true weight = scale * weight, clamped to [0, 1]
    int shift;
};

struct HebbianRule {
    float eta_plus, eta_minus;  // in (0, 1]
    bool oja;  // each gain also shrinks the edges of its node: their norm tends to 1
};

// Asks memory for the edges from one node.
void approach_edges(const EdgeTableView& table, std::uint32_t from, const std::int64_t* to,
                    std::size_t n) noexcept;

// In order, for each edge and its signal s in [-1, 1]:
//   s > 0: w += eta_plus s (1 - w), inserting the edge at w = 0 first where it is missing;
//   s < 0: w -= eta_minus |s| w, nothing where the edge is missing.
// With rule.oja a gain d of edge i takes w_j -= d w_i w_j from every edge j of the node.
// Handles lie in [0, nodes); the table has a free slot left after n insertions.
void update_edges(EdgeTableView& table, const std::int64_t* from, const std::int64_t* to,
                  const float* signal, std::size_t n, std::uint8_t kind,
                  const HebbianRule& rule) noexcept;

// Insert or overwrite edges with weights in [0, 1], in order. The same contract.
void assign_edges(EdgeTableView& table, const std::int64_t* from, const std::int64_t* to,
                  const float* weight, const std::uint8_t* kind, std::size_t n) noexcept;

// out[i] = weight, 0 where the edge is missing. Any handle is allowed.
void read_edges(const EdgeTableView& table, const std::int64_t* from, const std::int64_t* to,
                std::size_t n, float* out) noexcept;

// Returns how many of the edges existed. Any handle is allowed.
std::size_t remove_edges(EdgeTableView& table, const std::int64_t* from, const std::int64_t* to,
                         std::size_t n) noexcept;

// Remove all edges from and to a node, in time of their number.
std::size_t remove_node(EdgeTableView& table, std::uint32_t node) noexcept;

// Remove all edges weaker than a threshold: O(nodes + edges).
std::size_t prune_edges(EdgeTableView& table, float threshold) noexcept;

// Multiply every weight by factor in (0, 1]: O(1), but for one pass each time the scale, a float,
// has lost twenty bits.
void decay_edges(EdgeTableView& table, float factor) noexcept;

// The edges of a node in list order; each out array has room for per_node. Returns how many.
std::size_t read_neighbours(const EdgeTableView& table, std::uint32_t node, std::int64_t* to,
                            float* weight, std::uint8_t* kind) noexcept;

// Enter all edges of `slots` (count of them) into the empty slots of a table that has their lists
// and no incoming ones.
void rehash_edges(EdgeTableView& table, const Edge* slots, std::size_t count) noexcept;

// The true weight of an edge.
inline float weight_of(const EdgeTableView& table, const Edge& edge) noexcept {
    const float weight = edge.weight * table.scale;
    return weight < 1.0F ? weight : 1.0F;
}

}  // namespace engrain
