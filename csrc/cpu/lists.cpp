#include "engrain/lists.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "engrain/flat.hpp"
#include "engrain/parallel.hpp"
#include "engrain/simd.hpp"
#include "engrain/topk.hpp"
#include "lists_tile.hpp"

namespace engrain {
namespace {

using simd::Lanes;
using simd::Vec;

std::size_t width_of(std::size_t dim) noexcept { return (dim + 63) / 64 * 64; }

template <int W>
struct Words {
    typedef std::uint16_t u16 __attribute__((vector_size(W * 2)));
    typedef std::uint32_t u32 __attribute__((vector_size(W * 4)));
};

template <int W>
ENGRAIN_INLINE Lanes<W> load_bfloat16(const std::uint16_t* p) {
    Lanes<W> out;
    for (int r = 0; r < Lanes<W>::registers; ++r) {
        typename Words<W>::u16 half;
        std::memcpy(&half, p + r * W, sizeof half);
        const auto word = __builtin_convertvector(half, typename Words<W>::u32) << 16;
        out.v[r] = reinterpret_cast<typename Vec<W>::f32>(word);
    }
    return out;
}

// `query` is padded with zeros to whole blocks of 16.
template <int W>
ENGRAIN_INLINE float dot_bfloat16_body(const std::uint16_t* row, const float* query,
                                       std::size_t dim) {
    Lanes<W> total = Lanes<W>::zero();
    std::size_t i = 0;
    for (; i + 16 <= dim; i += 16)
        total = total + load_bfloat16<W>(row + i) * Lanes<W>::load(query + i);
    if (i < dim) {
        std::uint16_t rest[16] = {};
        std::memcpy(rest, row + i, (dim - i) * sizeof(std::uint16_t));
        total = total + load_bfloat16<W>(rest) * Lanes<W>::load(query + i);
    }
    return total.sum();
}

ENGRAIN_DISPATCH(float, dot_bfloat16,
                 (const std::uint16_t* row, const float* query, std::size_t dim), (row, query, dim))

// One thread's queries [first, first + count) of a search.
struct Batch {
    const CodedLists& lists;
    const ListSearch& search;
    const ListScratch& scratch;
    std::size_t first, count, width;
    Best best[list_tasks];
    std::int32_t sums[list_tasks];  // 128 times the sum of a query's codes
};

void code_queries(Batch& b) noexcept {
    const std::size_t dim = b.lists.dim;
    std::memset(b.scratch.row, 0, b.width * sizeof(float));
    for (std::size_t q = 0; q < b.count; ++q) {
        std::int8_t* codes = b.scratch.codes + q * b.width;
        from_bfloat16(b.search.queries + (b.first + q) * dim, dim, b.scratch.row);
        quantize_row(b.scratch.row, b.width, codes);
        std::int32_t sum = 0;
        for (std::size_t j = 0; j < dim; ++j) sum += codes[j];
        b.sums[q] = 128 * sum;
        b.best[q] = {b.scratch.places + q * b.search.candidates,
                     b.scratch.scores + q * b.search.candidates, b.search.candidates, 0};
    }
}

// Which query looks into which list, ordered by list: (list << 32) + query.
std::size_t pair_up(Batch& b) noexcept {
    std::size_t pairs = 0;
    const std::size_t probes = b.search.probe_count;
    for (std::size_t q = 0; q < b.count; ++q)
        for (std::size_t p = 0; p < probes; ++p) {
            const std::int32_t list = b.search.probes[(b.first + q) * probes + p];
            if (list >= 0) b.scratch.pairs[pairs++] = (std::uint64_t(list) << 32) + q;
        }
    std::sort(b.scratch.pairs, b.scratch.pairs + pairs);
    return pairs;
}

void offer_tile(Batch& b, const std::uint64_t* pairs, std::size_t queries, std::size_t place,
                std::size_t rows, const TileProducts& products) noexcept {
    float scores[tile_blocks * list_block];
    const float* scale = b.lists.scale + place;
    for (std::size_t t = 0; t < queries; ++t) {
        const std::size_t q = std::uint32_t(pairs[t]);
        const std::int32_t excess = b.sums[q];
        for (std::size_t r = 0; r < rows; ++r)
            scores[r] = float(products[t][r] - excess) * scale[r];
        offer_scores(b.best[q], scores, rows, std::int64_t(place));
    }
}

// Up to tile_queries queries through all blocks of one list.
void scan_list(Batch& b, const std::uint64_t* pairs, std::size_t queries,
               std::int8_t* interleaved) noexcept {
    const std::size_t list = std::size_t(pairs[0] >> 32);
    for (std::size_t t = 0; t < tile_queries; ++t) {
        const std::size_t q = std::uint32_t(pairs[std::min(t, queries - 1)]);
        const std::int8_t* codes = b.scratch.codes + q * b.width;
        for (std::size_t s = 0; s < b.width / 4; ++s)
            std::memcpy(interleaved + (s * tile_queries + t) * 4, codes + s * 4, 4);
    }
    TileProducts products;
    const std::size_t end = std::size_t(b.lists.start[list + 1]);
    for (std::size_t place = std::size_t(b.lists.start[list]); place < end;) {
        const std::size_t blocks = std::min(tile_blocks, (end - place) / list_block);
        multiply_tile(b.lists.codes + place * b.width, blocks, b.width, interleaved, products);
        offer_tile(b, pairs, queries, place, blocks * list_block, products);
        place += blocks * list_block;
    }
}

void scan_lists(Batch& b, std::int8_t* interleaved) noexcept {
    const std::uint64_t* pairs = b.scratch.pairs;
    const std::size_t n = pair_up(b);
    for (std::size_t i = 0; i < n;) {
        std::size_t end = i + 1;
        while (end < n && end - i < tile_queries && pairs[end] >> 32 == pairs[i] >> 32) ++end;
        scan_list(b, pairs + i, end - i, interleaved);
        i = end;
    }
}

void rank_exactly(Batch& b, std::size_t q) noexcept {
    const ListSearch& s = b.search;
    const std::size_t query = b.first + q, dim = b.lists.dim;
    from_bfloat16(s.queries + query * dim, dim, b.scratch.row);
    Best exact{b.scratch.indices, b.scratch.exact, s.k, 0};
    for (std::size_t i = 0; i < b.best[q].size; ++i) {
        const std::int32_t row = b.lists.ids[b.best[q].index[i]];
        if (s.own != nullptr && row == s.own[query]) continue;
        const std::uint16_t* values = b.lists.rows + std::size_t(row) * dim;
        const float score = dot_bfloat16(values, b.scratch.row, dim);
        offer_scores(exact, &score, 1, row);
    }
    sort_best(exact);
    for (std::size_t i = 0; i < s.k; ++i) {
        const bool held = i < exact.size;
        s.found[query * s.k + i] = held ? std::int32_t(exact.index[i]) : -1;
        s.scores[query * s.k + i] = held ? exact.score[i] : -std::numeric_limits<float>::infinity();
    }
}

template <int W>
ENGRAIN_INLINE void from_bfloat16_body(const std::uint16_t* values, std::size_t n, float* out) {
    std::size_t i = 0;
    for (; i + 16 <= n; i += 16) load_bfloat16<W>(values + i).store(out + i);
    for (; i < n; ++i) {
        const std::uint32_t word = std::uint32_t(values[i]) << 16;
        std::memcpy(out + i, &word, 4);
    }
}

}  // namespace

void to_bfloat16(const float* values, std::size_t n, std::uint16_t* out) noexcept {
    for (std::size_t i = 0; i < n; ++i) {
        std::uint32_t word;
        std::memcpy(&word, values + i, 4);
        out[i] = std::uint16_t((word + 0x7FFFU + ((word >> 16) & 1U)) >> 16);
    }
}

ENGRAIN_DISPATCH(void, from_bfloat16, (const std::uint16_t* values, std::size_t n, float* out),
                 (values, n, out))

void code_rows(const std::uint16_t* rows, std::size_t dim, const std::int32_t* ids,
               std::size_t places, float* row, std::int8_t* row_codes, std::uint8_t* codes,
               float* scale) noexcept {
    const std::size_t width = width_of(dim);
    std::memset(row, 0, width * sizeof(float));
    for (std::size_t place = 0; place < places; ++place) {
        const std::size_t lane = place % list_block;
        std::uint8_t* block = codes + (place - lane) * width + lane * 4;
        const bool held = ids[place] >= 0;
        if (held) from_bfloat16(rows + std::size_t(ids[place]) * dim, dim, row);
        scale[place] = quantize_row(row, width, row_codes);
        if (!held) scale[place] = std::numeric_limits<float>::quiet_NaN();
        for (std::size_t j = 0; j < width; ++j)
            block[j / 4 * 64 + j % 4] = std::uint8_t(row_codes[j] + 128);
    }
}

void search_lists(const CodedLists& lists, const ListSearch& search, const ListScratch* scratch,
                  std::size_t threads) noexcept {
    const std::size_t batches = (search.n + list_tasks - 1) / list_tasks;
    run_tasks(batches, threads, [&](std::size_t batch, std::size_t thread) {
        const std::size_t first = batch * list_tasks;
        Batch b{lists,
                search,
                scratch[thread],
                first,
                std::min(list_tasks, search.n - first),
                width_of(lists.dim),
                {},
                {}};
        code_queries(b);
        scan_lists(b, b.scratch.codes + list_tasks * b.width);
        std::memset(b.scratch.row, 0, b.width * sizeof(float));
        for (std::size_t q = 0; q < b.count; ++q) rank_exactly(b, q);
    });
}

}  // namespace engrain
