// Integer products of a tile: a few queries with blocks of 16 coded rows.
#pragma once

#include <cstddef>
#include <cstdint>

namespace engrain {

constexpr std::size_t tile_queries = 6;
constexpr std::size_t tile_blocks = 4;

// out[t][r] = sum_j (code_rj + 128) query_tj for r < 16 blocks, blocks <= tile_blocks. `queries`
// holds four codes of every query after each other: [width / 4][tile_queries][4].
using TileProducts = std::int32_t[tile_queries][tile_blocks * 16];
void multiply_tile(const std::uint8_t* codes, std::size_t blocks, std::size_t width,
                   const std::int8_t* queries, TileProducts& out) noexcept;

}  // namespace engrain
