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
    // By position: bit i is set where there is one at near[i]. Few bytes for what is asked of few.
    std::vector<std::uint8_t> known;
    // Whether those places are also so many positions away; then 1 where there is one, 0 for none.
    bool adjacent = false;
    std::array<std::vector<float>, 4> beside;
};

// Where a member and those around it stand, two before to two after; `none` for one that is no
// member.
struct Around {
    static constexpr std::uint32_t none = 0xFFFFFFFFU;
    std::uint32_t at[5];
    std::uint32_t own() const noexcept { return at[2]; }
};

}  // namespace engrain
