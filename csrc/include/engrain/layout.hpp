// How the members of a scope lie in their sequences, by position.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace engrain {

struct Layout {
    std::uint64_t members = 0, links = 0;  // what it was made of; see `RetrievalIndex::layout`
    bool sequential = false;               // some member belongs to a sequence
    // Positions two and one places before, one and two after; the number of members for none.
    std::array<std::vector<std::uint32_t>, 4> near;
};

}  // namespace engrain
