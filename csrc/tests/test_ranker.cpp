#include "engrain/ranker.hpp"

#include <cmath>
#include <vector>

#include "check.hpp"
#include "engrain/ledger.hpp"
#include "engrain/simd.hpp"

namespace {

using engrain::Ranker;

float value(std::size_t seed) { return float((seed * 2654435761U >> 7) % 2001) / 1000.0F - 1.0F; }

std::vector<float> list(std::size_t n, std::size_t columns, std::size_t seed) {
    std::vector<float> rows(n * columns);
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = value(seed * 977 + i);
    return rows;
}

std::vector<float> outcomes(std::size_t n, std::size_t seed) {
    std::vector<float> y(n, 0.0F);
    y[seed % n] = 1.0F;
    return y;
}

Ranker ranker(std::size_t columns) {
    Ranker made;
    for (std::size_t j = 0; j < columns; ++j)
        made.add_column(j % 3 == 2 ? 1 : 0, j == 0 ? 1.0 : 0.0, j == 0 ? 0.5 : 0.0, j % 5 != 4);
    return made;
}

void check_warm_up_and_steps(std::size_t columns) {
    Ranker made = ranker(columns);
    for (std::size_t i = 0; i < 60; ++i) {
        const std::size_t n = 2 + i % 14;
        made.reserve(n);
        const auto rows = list(n, columns, i);
        const bool learned =
            !std::isnan(made.step(rows.data(), outcomes(n, i).data(), n, 1.0).loss);
        CHECK(learned == (i + 1 >= Ranker::warm_up));
        CHECK(made.settled() == learned);
    }
    for (std::size_t j = 0; j < columns; ++j) {
        if (made.signs[j] > 0) CHECK(made.weights[j] >= 0.0);
        if (!made.learnable[j]) CHECK(made.weights[j] == 0.0 || j == 0);
    }
    const std::vector<float> none(4, 0.0F);
    made.reserve(4);
    CHECK(std::isnan(made.step(list(4, columns, 1).data(), none.data(), 4, 1.0).loss));
}

void check_constant_column() {
    Ranker made = ranker(4);
    for (std::size_t i = 0; i < 2 * Ranker::warm_up; ++i) {
        auto rows = list(6, 4, i);
        if (i < Ranker::warm_up)
            for (std::size_t row = 0; row < 6; ++row) rows[4 * row + 1] = 0.25F;
        made.reserve(6);
        made.step(rows.data(), outcomes(6, i).data(), 6, 1.0);
        CHECK(made.seen[1] == (i < Ranker::warm_up ? 0 : std::int64_t(i) - Ranker::warm_up + 1));
    }
    CHECK(made.scales[1] > 0.3);
}

void check_stiffness() {
    Ranker loose, firm;
    for (std::size_t j = 0; j < 3; ++j) {
        loose.add_column(0, j == 0 ? 1.0 : 0.0, 0.0, true);
        firm.add_column(0, j == 0 ? 1.0 : 0.0, 0.0, true, j == 1 ? 100.0 : 1.0);
    }
    for (std::size_t i = 0; i < 40; ++i)
        for (Ranker* made : {&loose, &firm}) {
            made->reserve(6);
            made->step(list(6, 3, i).data(), outcomes(6, i).data(), 6, 1.0);
        }
    CHECK(std::fabs(firm.weights[1]) < 0.1 * std::fabs(loose.weights[1]));
    CHECK(std::fabs(firm.weights[2]) > 0.5 * std::fabs(loose.weights[2]));
}

void check_later_column() {
    Ranker made = ranker(5);
    for (std::size_t i = 0; i < 10; ++i) {
        made.reserve(6);
        made.step(list(6, 5, i).data(), outcomes(6, i).data(), 6, 1.0);
    }
    made.add_column(0, 0.0, 0.0, true);
    for (std::size_t i = 10; i < 50; ++i) {
        made.reserve(6);
        made.step(list(6, 6, i).data(), outcomes(6, i).data(), 6, 1.0);
    }
    CHECK(made.settled() && made.weights.back() != 0.0);
}

void check_ledger(std::size_t n, std::size_t m, std::size_t columns) {
    std::vector<double> sequences(engrain::ledger_size(columns)), weights(columns, 0.3);
    std::vector<double> scratch(engrain::ledger_scratch(n + m, columns)), fixed(columns, 0.1);
    std::vector<std::uint8_t> evidence(columns, 1);
    for (std::size_t i = 0; i < 5; ++i)
        engrain::ledger_update(list(n, columns, i).data(), outcomes(n, i).data(), n,
                               list(m, columns, i + 9).data(), m, columns, weights.data(),
                               fixed.data(), evidence.data(), 1 + int(i % 2), 0.05,
                               sequences.data(), scratch.data());
    const std::size_t part = sequences.size() / engrain::ledger_parts;
    CHECK(sequences[0] == 5 && sequences[part] == 3 && sequences[2 * part] == 2);
    for (const double sum : sequences) CHECK(std::isfinite(sum));
}

}  // namespace

int main() {
    for (std::size_t columns : {1, 2, 7, 8, 9, 15, 16, 17, 45}) {
        check_warm_up_and_steps(columns);
        for (std::size_t n : {1, 2, 10, 11, 140})
            for (std::size_t m : {0, 1, 5}) check_ledger(n, m, columns);
    }
    check_constant_column();
    check_stiffness();
    check_later_column();
    return 0;
}
