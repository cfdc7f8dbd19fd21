// Nearest rows by inverted lists: int8 codes find candidates, bfloat16 rows rank them in float32.
//
// Integers are exact and floats are summed over 16 logical lanes in one order: results are equal
// bit for bit at every SIMD level and for any number of threads.
#pragma once

#include <cstddef>
#include <cstdint>

namespace engrain {

constexpr std::size_t list_block = 16;  // rows whose codes lie side by side
constexpr std::size_t list_tasks = 96;  // queries that one thread takes at a time

// The upper half of each float32, rounded to nearest, ties to even; and back, exactly.
void to_bfloat16(const float* values, std::size_t n, std::uint16_t* out) noexcept;
void from_bfloat16(const std::uint16_t* values, std::size_t n, float* out) noexcept;

// Rows in places: list l holds the places start[l] <= p < start[l + 1], whole blocks of 16.
struct CodedLists {
    const std::uint16_t* rows;  // bfloat16, row-major, n x dim
    std::size_t dim;
    const std::int32_t* ids;    // row at each place, -1 where there is none
    const std::uint8_t* codes;  // of each block: [width / 4][16][4], each code + 128
    const float* scale;         // value of one code; NaN where there is no row
    const std::int64_t* start;  // lists + 1
    std::size_t lists;
};

// Codes round(row / scale), scale = max |row| / 127, of the rows at `places` places (whole blocks).
// `width` is dim padded to a multiple of 64; `row` and `row_codes` are working memory of that
// width.
void code_rows(const std::uint16_t* rows, std::size_t dim, const std::int32_t* ids,
               std::size_t places, float* row, std::int8_t* row_codes, std::uint8_t* codes,
               float* scale) noexcept;

struct ListSearch {
    const std::uint16_t* queries;  // bfloat16, n x dim
    const std::int32_t* own;       // row that a query must not find, n; or null
    std::size_t n;
    const std::int32_t* probes;  // lists to look into, n x probe_count; -1 for none
    std::size_t probe_count;
    std::size_t candidates;  // by codes, at least k
    std::size_t k;
    std::int32_t* found;  // out: n x k rows, best first, -1 where there are fewer
    float* scores;        // out: n x k inner products
};

// Working memory of one thread, that the caller owns.
struct ListScratch {
    std::int8_t* codes;     // (list_tasks + 6) x width
    std::uint64_t* pairs;   // list_tasks x probe_count
    std::int64_t* places;   // list_tasks x candidates
    float* scores;          // list_tasks x candidates
    std::int64_t* indices;  // k
    float* exact;           // k
    float* row;             // width
};

// scratch[t] belongs to thread t < threads.
void search_lists(const CodedLists& lists, const ListSearch& search, const ListScratch* scratch,
                  std::size_t threads) noexcept;

}  // namespace engrain
