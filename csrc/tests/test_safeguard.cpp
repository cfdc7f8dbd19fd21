#include "engrain/safeguard.hpp"

#include <vector>

#include "check.hpp"

namespace {

using engrain::Bets;
using engrain::Gate;
using engrain::Keeper;
using engrain::Ranker;

// Two memories; column 0 points at the used one, column 1 at the other.
const std::vector<float> rows{1.0F, 0.0F, 0.0F, 1.0F}, outcomes{1.0F, 0.0F};

void check_bets() {
    Bets kept, renewed;
    for (int i = 0; i < 200; ++i) CHECK(kept.observe(-0.5, false) < 1.0);
    for (int i = 0; i < 200; ++i) renewed.observe(-0.5, true);
    CHECK(kept.wealth[4] < 1e-30);
    CHECK(renewed.observe(1.0, true) > 1.0);
    for (int i = 0; i < 2000; ++i) renewed.observe(1.0, true);
    CHECK(renewed.wealth[4] == Bets::largest);
}

void check_gate() {
    Gate gate({-1, 0}, 1);
    gate.reserve(2);
    const std::vector<double> full{1.0, 2.0}, control{0.5, 0.0};
    std::vector<double> in_force(2);
    int lists = 0;
    while (gate.open[0] != 0 && lists < 1000) {
        gate.observe(rows.data(), outcomes.data(), 2, full.data(), control.data(), 1.0);
        ++lists;
    }
    CHECK(gate.open[0] == 0);
    CHECK(lists > 5);
    gate.blend(full.data(), control.data(), in_force.data());
    CHECK(in_force == control);
    const std::vector<double> better{1.0, -2.0};
    for (int i = 0; i < 200; ++i)
        gate.observe(rows.data(), outcomes.data(), 2, better.data(), control.data(), 1.0);
    CHECK(gate.open[0] == 1);
}

void check_keeper() {
    Ranker live;
    live.add_column(0, 1.0, 1.0, true);
    live.add_column(0, 0.0, 0.0, true);
    Keeper keeper(live, 0.05);
    keeper.reserve(2);
    const auto until_proven = [&](Keeper::Verdict wanted) {
        for (int i = 0; i < 1000; ++i) {
            const auto verdict = keeper.observe(live, rows.data(), outcomes.data(), 2, 1.0);
            if (verdict != Keeper::Verdict::open) return verdict == wanted;
        }
        return false;
    };
    live.weights = {-1.0, 0.0};
    CHECK(until_proven(Keeper::Verdict::worse));
    CHECK(live.weights[0] == 1.0);
    live.weights = {3.0, -1.0};
    CHECK(until_proven(Keeper::Verdict::better));
    CHECK(keeper.weights[1] == -1.0);
    live.weights = {0.0, 2.0};
    live.learnable[1] = 0;
    CHECK(until_proven(Keeper::Verdict::worse));
    CHECK(live.weights[0] == 3.0);
    CHECK(live.weights[1] == 2.0);
    CHECK(keeper.chapter == 4);
}

}  // namespace

int main() {
    check_bets();
    check_gate();
    check_keeper();
    return 0;
}
