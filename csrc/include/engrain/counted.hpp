// Counts of a question's words in documents that are looked at again and again.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace engrain {

// How often the question's stems occur in the last documents that were looked at: neighbours of
// neighbours are counted once.
class Counted {
  public:
    // Forgets all; counts are of so many terms.
    void clear(std::size_t room) {
        room_ = room;
        counts_.resize(held * room);
        std::fill(positions_, positions_ + held, nobody);
    }
    // The counts of a member, by `count(member)` where they are not known.
    template <class Count>
    const float* of(std::uint32_t position, Count count) {
        const std::size_t at = position % held;
        float* own = counts_.data() + at * room_;
        if (positions_[at] != position) {
            std::copy_n(count(), room_, own);
            positions_[at] = position;
        }
        return own;
    }

  private:
    static constexpr std::size_t held = 8;
    static constexpr std::uint32_t nobody = 0xFFFFFFFFU;
    std::size_t room_ = 0;
    std::uint32_t positions_[held];
    std::vector<float> counts_;
};

}  // namespace engrain
