#include "engrain/lists.hpp"

#include <cmath>
#include <vector>

#include "check.hpp"
#include "engrain/simd.hpp"

using engrain::simd::Level;

namespace {

void finds_the_row_itself(std::size_t dim) {
    const std::size_t n = 40, places = 48, width = (dim + 63) / 64 * 64, k = 3;
    std::vector<float> values(n * dim);
    for (std::size_t i = 0; i < values.size(); ++i)
        values[i] = std::sin(0.7F * float(i) + float(i / dim * i / dim % 97));
    for (std::size_t i = 0; i < n; ++i) {
        float square = 0.0F;
        for (std::size_t j = 0; j < dim; ++j) square += values[i * dim + j] * values[i * dim + j];
        for (std::size_t j = 0; j < dim; ++j) values[i * dim + j] /= std::sqrt(square);
    }
    std::vector<std::uint16_t> rows(n * dim);
    engrain::to_bfloat16(values.data(), values.size(), rows.data());
    std::vector<std::int32_t> ids(places, -1), probes(n, 0), found(n * k), first;
    for (std::size_t i = 0; i < n; ++i) ids[i] = std::int32_t(n - 1 - i);
    std::vector<std::uint8_t> codes(places * width);
    std::vector<float> scale(places), scores(n * k), row(width), part(2 * 96 * 9 + 2 * k + width);
    std::vector<std::int8_t> row_codes(width), coded(102 * width);
    engrain::code_rows(rows.data(), dim, ids.data(), places, row.data(), row_codes.data(),
                       codes.data(), scale.data());
    const std::vector<std::int64_t> start{0, std::int64_t(places)};
    std::vector<std::uint64_t> pairs(96);
    std::vector<std::int64_t> best(96 * 9), indices(k);
    const engrain::ListScratch scratch{coded.data(),        pairs.data(),   best.data(),
                                       part.data(),         indices.data(), row.data(),
                                       part.data() + 96 * 9};
    const engrain::CodedLists lists{rows.data(),  dim,          ids.data(), codes.data(),
                                    scale.data(), start.data(), 1};
    for (Level level : {Level::baseline, Level::avx2, Level::avx512}) {
        engrain::simd::set_level(level);
        engrain::search_lists(
            lists, {rows.data(), nullptr, n, probes.data(), 1, 9, k, found.data(), scores.data()},
            &scratch, 1);
        if (level == Level::baseline) first = found;
        CHECK(found == first);
        for (std::size_t i = 0; i < n && dim > 4; ++i) CHECK(found[i * k] == std::int32_t(i));
    }
}

}  // namespace

int main() {
    for (std::size_t dim : {1, 7, 8, 9, 15, 16, 17, 64, 100}) finds_the_row_itself(dim);
    return 0;
}
