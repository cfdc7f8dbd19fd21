#include "engrain/patterns.hpp"

#include <cmath>
#include <vector>

#include "check.hpp"
#include "engrain/simd.hpp"

using engrain::simd::Level;

namespace {

struct Bank {
    std::vector<std::int64_t> ids, levels, kept, gone;
    std::vector<double> counts, sums, units;
    std::size_t dim, held = 0;
    std::int64_t next = 0;

    Bank(std::size_t room, std::size_t dim_)
        : ids(room), levels(room), counts(room), sums(room * dim_), units(room * dim_), dim(dim_) {}

    void add(const std::vector<float>& centroids, std::size_t capacity) {
        const std::size_t n = centroids.size() / dim;
        const std::vector<double> confidences(n, 0.5), sizes(n, 4.0);
        kept.assign(n, 0);
        gone.assign(2 * (held + n), 0);
        engrain::PatternTable table{ids.data(),   levels.data(), counts.data(), sums.data(),
                                    units.data(), dim,           held,          next};
        const std::size_t went = engrain::merge_patterns(
            table, {centroids.data(), confidences.data(), sizes.data(), n, 0}, {0.9, capacity},
            kept.data(), gone.data());
        held = table.held;
        next = table.next;
        gone.resize(2 * went);
    }
};

void is_equal_at_every_level(std::size_t dim) {
    std::vector<float> centroids(30 * dim);
    for (std::size_t i = 0; i < centroids.size(); ++i)
        centroids[i] = std::sin(1.3F * float(i)) + (i / dim % 3 == i % dim % 3 ? 3.0F : 0.0F);
    Bank first(40, dim);
    for (Level level : {Level::baseline, Level::avx2, Level::avx512}) {
        engrain::simd::set_level(level);
        Bank bank(40, dim);
        bank.add(centroids, 5);
        if (level == Level::baseline) first = bank;
        CHECK(bank.sums == first.sums && bank.ids == first.ids && bank.gone == first.gone);
        CHECK(bank.held >= 1 && bank.held <= 5);
    }
}

}  // namespace

int main() {
    for (std::size_t dim : {3, 7, 8, 15, 16, 17, 130}) is_equal_at_every_level(dim);
    Bank bank(8, 2);
    bank.add({1, 0, 0, 1, 1, 0.1F}, 2);
    CHECK(bank.held == 2 && bank.kept == std::vector<std::int64_t>({0, 1, 0}));
    CHECK(bank.gone == std::vector<std::int64_t>({0, 2}) && bank.counts[0] == 8.0);
    bank.add({-1, 0}, 2);
    CHECK(bank.gone == std::vector<std::int64_t>({-1, 1}) && bank.ids[1] == 3);
    return 0;
}
