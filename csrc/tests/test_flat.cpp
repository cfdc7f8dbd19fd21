#include <cmath>
#include <vector>

#include "check.hpp"
#include "engrain/flat.hpp"
#include "engrain/simd.hpp"
#include "engrain/view.hpp"

using namespace engrain;
using simd::Level;

static float pseudo(std::size_t i) { return float((i * 2654435761U) % 2001) / 1000.0F - 1.0F; }

static void check_dots(std::size_t width) {
    const std::size_t n = 17;
    std::vector<std::int8_t> codes(n * width), query(width);
    for (std::size_t i = 0; i < codes.size(); ++i) codes[i] = std::int8_t(int(i * 31 % 255) - 127);
    for (std::size_t i = 0; i < width; ++i) query[i] = i % 3 ? 127 : -127;
    std::vector<std::uint32_t> members(n);
    for (std::size_t i = 0; i < n; ++i) members[i] = std::uint32_t(n - 1 - i);
    std::vector<std::int32_t> out(n);
    for (Level level : {Level::baseline, Level::avx2, Level::avx512}) {
        simd::set_level(level);
        dot_codes(codes.data(), width, members.data(), n, query.data(), out.data());
        for (std::size_t i = 0; i < n; ++i) {
            std::int32_t exact = 0;
            for (std::size_t j = 0; j < width; ++j)
                exact += codes[members[i] * width + j] * query[j];
            CHECK(out[i] == exact);
        }
    }
}

static void check_selection(std::size_t n, std::size_t k, std::size_t values) {
    std::vector<float> x(n);
    for (std::size_t i = 0; i < n; ++i) x[i] = pseudo(i % values);
    std::size_t expected[5];
    for (Level level : {Level::baseline, Level::avx2, Level::avx512}) {
        simd::set_level(level);
        std::vector<std::uint32_t> best;
        select_best(x.data(), n, k, best);
        CHECK(best.size() == (k < n ? k : n));
        for (std::size_t i = 0; i + 1 < best.size(); ++i)
            CHECK(x[best[i]] > x[best[i + 1]] ||
                  (x[best[i]] == x[best[i + 1]] && best[i] < best[i + 1]));
        std::size_t better = 0;
        for (std::size_t i = 0; i < n && !best.empty(); ++i)
            better += x[i] > x[best.back()] || (x[i] == x[best.back()] && i < best.back());
        CHECK(best.empty() || better == best.size() - 1);
        const float bounds[] = {2.0F, best.empty() ? 2.0F : x[best[0]], 0.0F, -2.0F, 0.5F};
        std::size_t counts[5];
        count_above(x.data(), n, bounds, 5, counts);
        for (std::size_t j = 0; j < 5; ++j) {
            const float step = (2.0F + 2.0F) / 32000.0F;  // of the grid, generously
            std::size_t surely = 0, perhaps = 0;
            for (const float value : x) {
                surely += value > bounds[j] + step;
                perhaps += value > bounds[j] - step;
            }
            CHECK(surely <= counts[j] && counts[j] <= perhaps);
            if (level == Level::baseline) expected[j] = counts[j];
            CHECK(counts[j] == expected[j]);
        }
    }
}

static void check_neighbours(std::size_t n) {
    std::vector<float> x(n), floored(n + 1, 0.0F), out(n);
    std::vector<std::uint32_t> near[4];
    for (std::size_t i = 0; i < n; ++i) {
        x[i] = floored[i] = pseudo(i);
        for (std::size_t at = 0; at < 4; ++at)
            near[at].push_back(std::uint32_t((i * 7 + at) % (n + 1)));
    }
    const std::uint32_t* places[] = {near[0].data(), near[1].data(), near[2].data(),
                                     near[3].data()};
    for (Level level : {Level::baseline, Level::avx2, Level::avx512}) {
        simd::set_level(level);
        add_neighbours(x.data(), floored.data(), places, n, {0.6F, 0.3F, 0.5F}, out.data());
        for (std::size_t i = 0; i < n; ++i) {
            const float around = floored[i] + 0.6F * (floored[near[1][i]] + floored[near[2][i]]) +
                                 0.3F * (floored[near[0][i]] + floored[near[3][i]]);
            CHECK(out[i] == x[i] + 0.5F * around);
        }
    }
    // Sequences of five side by side.
    std::vector<float> padded(n + 4, 0.0F), beside[4], side(n);
    std::copy(x.begin(), x.end(), padded.begin() + 2);
    const long steps[] = {-2, -1, 1, 2};
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t at = 0; at < 4; ++at) {
            const long other = long(i) + steps[at];
            const bool held = other >= 0 && other < long(n) && other / 5 == long(i) / 5;
            near[at][i] = std::uint32_t(held ? std::size_t(other) : n);
            beside[at].push_back(held ? 1.0F : 0.0F);
        }
    const float* sides[] = {beside[0].data(), beside[1].data(), beside[2].data(), beside[3].data()};
    for (Level level : {Level::baseline, Level::avx2, Level::avx512}) {
        simd::set_level(level);
        add_neighbours(x.data(), floored.data(), places, n, {0.6F, 0.3F, 0.5F}, out.data());
        add_adjacent(x.data(), padded.data() + 2, sides, n, {0.6F, 0.3F, 0.5F}, side.data());
        CHECK(out == side);
    }
}

static void check_centring(std::size_t dim) {
    VectorView view(dim);
    view.resize(3);
    std::vector<float> row(dim), mean(view.width(), 0.0F), query(view.width(), 0.0F);
    for (std::size_t h = 0; h < 3; ++h) {
        for (std::size_t j = 0; j < dim; ++j) row[j] = pseudo(h * dim + j);
        view.set(h, row.data());
    }
    for (std::size_t j = 0; j < dim; ++j) mean[j] = 0.1F, query[j] = pseudo(j + 77);
    const std::uint32_t members[] = {2, 0};
    std::vector<float> out(2 * dim);
    float cosine[2], inverse[2], first[2];
    for (Level level : {Level::baseline, Level::avx2, Level::avx512}) {
        simd::set_level(level);
        centred_cosines(view.rows(), view.width(), members, 2, mean.data(), query.data(), cosine,
                        inverse);
        centre_rows(view.rows(), view.width(), members, 2, mean.data(), inverse, dim, out.data());
        for (int i = 0; i < 2; ++i) {
            if (level == Level::baseline) first[i] = cosine[i];
            CHECK(cosine[i] == first[i]);
            double exact = 0, length = 0;
            for (std::size_t j = 0; j < dim; ++j) {
                exact += double(out[std::size_t(i) * dim + j]) * query[j];
                length += double(out[std::size_t(i) * dim + j]) * out[std::size_t(i) * dim + j];
            }
            CHECK(std::abs(exact - cosine[i]) < 1e-4 && std::abs(length - 1) < 1e-5);
        }
    }
}

int main() {
    for (std::size_t width : {64, 384, 1024}) check_dots(width);
    for (std::size_t n : {0, 1, 7, 8, 9, 15, 16, 17, 1003, 20000})
        for (std::size_t k : {0, 1, 10, 133})
            for (std::size_t values : {1, 5, 2001}) check_selection(n, k, values);
    for (std::size_t n : {0, 1, 15, 16, 17, 1003}) check_neighbours(n);
    for (std::size_t dim : {1, 7, 16, 17, 384, 1003}) check_centring(dim);
    const Moments spread = moments(nullptr, 0, 0);
    CHECK(spread.mean == 0.0 && spread.deviation == 0.0);
    return 0;
}
