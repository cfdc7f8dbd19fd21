// Blocks of 16 lanes of a row: whole ones, and the rest at its end. A kernel writes the body of its
// loop once, over `At`, and runs it for every Whole block and then for the Tail.
#pragma once

#include "engrain/simd.hpp"

namespace engrain {

template <int W>
struct Whole {
    std::size_t i;
    ENGRAIN_INLINE simd::Lanes<W> load(const float* row) const {
        return simd::Lanes<W>::load(row + i);
    }
    ENGRAIN_INLINE void store(const simd::Lanes<W>& lanes, float* row) const {
        lanes.store(row + i);
    }
};

template <int W>
struct Tail {
    std::size_t i, n;
    ENGRAIN_INLINE simd::Lanes<W> load(const float* row) const {
        return simd::Lanes<W>::load_partial(row + i, n);
    }
    ENGRAIN_INLINE void store(const simd::Lanes<W>& lanes, float* row) const {
        lanes.store_partial(row + i, n);
    }
};

// Runs body.at(block) over `dim` floats.
template <int W, class Body>
ENGRAIN_INLINE void for_blocks(std::size_t dim, Body& body) {
    std::size_t i = 0;
    for (; i + 16 <= dim; i += 16) body.at(Whole<W>{i});
    if (i < dim) body.at(Tail<W>{i, dim - i});
}

}  // namespace engrain
