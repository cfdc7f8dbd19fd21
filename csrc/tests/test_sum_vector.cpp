#include "engrain/sum_vector.hpp"

#include <cmath>
#include <vector>

#include "check.hpp"
#include "engrain/fixed.hpp"
#include "engrain/simd.hpp"

using engrain::Addend;
using engrain::SumVector;
using engrain::simd::Level;

namespace {

std::vector<float> wave(std::size_t dim, int phase) {
    std::vector<float> out(dim);
    for (std::size_t j = 0; j < dim; ++j) out[j] = std::sin(float(phase) + 0.37F * float(j));
    return out;
}

// What is added is the rounded products, and taking it away again leaves nothing.
void check_against_integers(std::size_t dim, double mass, int times) {
    SumVector sum;
    Addend addend;
    std::vector<std::int32_t> room(dim), other(dim);
    sum.clear(room.data(), dim);
    std::vector<std::int64_t> expected(dim, 0);
    for (int t = 0; t < times; ++t) {
        const std::vector<float> q = wave(dim, t);
        addend.take(q.data(), mass, dim);
        sum.reserve(addend);
        sum.add(addend, 1);
        for (std::size_t j = 0; j < dim; ++j) expected[j] += engrain::to_fixed(mass * q[j]);
    }
    SumVector again;
    again.clear(other.data(), dim);
    again.assign(expected.data());
    for (std::size_t j = 0; j < dim; ++j)
        CHECK(sum.at(j) == expected[j] && again.at(j) == expected[j]);
    for (int t = 0; t < times; ++t) {
        const std::vector<float> q = wave(dim, t);
        addend.take(q.data(), mass, dim);
        sum.reserve(addend);
        sum.add(addend, -1);
    }
    for (std::size_t j = 0; j < dim; ++j) CHECK(sum.at(j) == 0);
}

// 32 bits of Q24 end at 128.
void check_widening() {
    const std::vector<float> ones(3, 1.0F);
    SumVector sum;
    Addend one;
    one.take(ones.data(), 1.0, 3);
    std::int32_t room[3];
    sum.clear(room, 3);
    for (int t = 1; t <= 300; ++t) {
        sum.reserve(one);
        sum.add(one, 1);
        CHECK(sum.at(2) == std::int64_t(t) << 24);
        CHECK(t > 127 ? sum.narrow() == nullptr : sum.narrow() != nullptr || t == 127);
    }
    const std::int64_t large[] = {std::int64_t{1} << 40, -5, 0}, small[] = {7, -5, 0};
    sum.assign(large);
    CHECK(sum.narrow() == nullptr && sum.at(0) == large[0]);
    sum.assign(small);
    CHECK(sum.narrow() != nullptr && sum.at(1) == -5);
}

}  // namespace

int main() {
    for (Level level : {Level::baseline, Level::avx2, Level::avx512}) {
        engrain::simd::set_level(level);
        for (std::size_t dim : {0, 1, 7, 8, 9, 15, 16, 17, 1003})
            for (double mass : {1.0, 0.3, 0x1p-24}) check_against_integers(dim, mass, 5);
        check_against_integers(5, 1.0, 400);
        check_against_integers(5, 1000.0, 3);
    }
    check_widening();
    return 0;
}
