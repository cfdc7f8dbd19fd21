// A bank of patterns: directions that many questions share, each the sum of its members.
#pragma once

#include <cstddef>
#include <cstdint>

namespace engrain {

// One row each, in the order in which they came. The arrays hold `held` rows and have room for
// those that are added.
struct PatternTable {
    std::int64_t *ids, *levels;
    double* counts;
    double *sums, *units;  // (room, dim): units are the sums at length 1
    std::size_t dim, held;
    std::int64_t next;  // id of the next pattern
};

// Patterns of one level: their sum is size * confidence * centroid / |centroid|.
struct PatternsAdded {
    const float* centroids;  // (n, dim)
    const double *confidences, *sizes;
    std::size_t n;
    std::int64_t level;
};

struct MergeRule {
    double cosine;
    std::size_t capacity;
};

// Adds patterns, whose centroids have a length, one after the other. A new row whose cosine with
// another one of its level is at least rule.cosine is merged with the nearest: sums and counts add
// up, the older row stays, and what it has become is compared again. Beyond the capacity the row of
// the smallest count goes. kept[i] = id of the row that pattern i was part of when it had been
// added. gone: pairs (id that stays or -1, id that went), in order, at most table.held + added.n;
// returns how many.
std::size_t merge_patterns(PatternTable& table, const PatternsAdded& added, const MergeRule& rule,
                           std::int64_t* kept, std::int64_t* gone) noexcept;

}  // namespace engrain
