#include "engrain/edges.hpp"

#include <cmath>
#include <map>
#include <random>
#include <utility>
#include <vector>

#include "check.hpp"
#include "engrain/spread.hpp"

using engrain::Chain;
using engrain::Edge;
using engrain::EdgeTableView;
using engrain::HebbianRule;

namespace {

struct Table {
    std::vector<Edge> slots;
    std::vector<Chain> chains;
    std::vector<std::uint32_t> lists, incoming;
    std::vector<std::uint16_t> degree;
    EdgeTableView view;
    Table(std::size_t nodes, std::size_t per_node, int bits, std::size_t max_edges)
        : slots(std::size_t{1} << bits, engrain::no_edge),
          chains(slots.size()),
          lists(nodes * per_node),
          incoming(nodes, engrain::no_node),
          degree(nodes),
          view{slots.data(),
               chains.data(),
               lists.data(),
               incoming.data(),
               degree.data(),
               nodes,
               per_node,
               0,
               max_edges,
               0,
               0,
               1.0F,
               64 - bits} {}
    float weight(std::int64_t from, std::int64_t to) {
        float out;
        engrain::read_edges(view, &from, &to, 1, &out);
        return out;
    }
    // Follows every chain both ways.
    std::size_t sum_of_incoming() {
        std::size_t total = 0;
        for (std::size_t node = 0; node < incoming.size(); ++node) {
            std::uint32_t previous = engrain::no_node;
            for (std::uint32_t at = incoming[node]; at != engrain::no_node; at = chains[at].next) {
                CHECK(slots[at].to == node && chains[at].previous == previous);
                previous = at;
                ++total;
            }
        }
        return total;
    }
    std::size_t sum_of_degrees() {
        std::size_t total = 0;
        for (std::uint16_t d : degree) total += d;
        return total;
    }
};

// Random updates, removals and decay of a crowded table agree with a plain map.
void agrees_with_a_map() {
    Table table(40, 40, 11, 2000);
    std::map<std::pair<std::int64_t, std::int64_t>, double> exact;
    std::mt19937 random(1);
    const HebbianRule rule{0.05F, 0.02F, false};
    for (int step = 0; step < 200000; ++step) {
        const std::int64_t from = random() % 40, to = random() % 40;
        const float signal = float(int(random() % 21) - 10) / 10.0F;
        if (random() % 8 == 0) {
            CHECK(engrain::remove_edges(table.view, &from, &to, 1) == exact.erase({from, to}));
        } else {
            engrain::update_edges(table.view, &from, &to, &signal, 1, 0, rule);
            auto found = exact.find({from, to});
            if (found == exact.end() && signal > 0)
                found = exact.emplace(std::pair{from, to}, 0.0).first;
            if (found != exact.end())
                found->second += signal > 0 ? 0.05 * double(signal) * (1 - found->second)
                                            : 0.02 * double(signal) * found->second;
        }
        if (step % 500 == 0) {
            engrain::decay_edges(table.view, 0.9F);
            for (auto& entry : exact) entry.second *= double(0.9F);
        }
    }
    CHECK(table.view.used == exact.size() && table.sum_of_degrees() == exact.size());
    CHECK(table.sum_of_incoming() == exact.size());
    for (const auto& entry : exact)
        CHECK(std::abs(table.weight(entry.first.first, entry.first.second) - entry.second) < 1e-4);
}

void caps_hold_and_the_newest_edge_stays() {
    Table table(4, 3, 5, 7);
    const HebbianRule rule{0.5F, 0.5F, false};
    for (std::int64_t to = 0; to < 4; ++to)
        for (std::int64_t from = 0; from < 3; ++from) {
            const float signal = 1.0F - 0.1F * float(to);
            engrain::update_edges(table.view, &from, &to, &signal, 1, 0, rule);
            CHECK(table.view.used <= 7 && table.weight(from, to) > 0.0F);
        }
    CHECK(table.view.evicted == 5 && table.view.refused == 0);
    const std::int64_t from = 3, to = 0;
    const float signal = 1.0F;
    engrain::update_edges(table.view, &from, &to, &signal, 1, 0, rule);
    CHECK(table.view.refused == 1 && table.view.used == 7);
}

void spreads_no_more_than_there_was() {
    Table table(64, 8, 10, 500);
    std::vector<std::int64_t> from, to;
    for (std::int64_t i = 0; i < 64; ++i)
        for (std::int64_t j = 1; j <= 8; ++j) from.push_back(i), to.push_back((i * j + j) % 64);
    const std::vector<float> weight(from.size(), 0.6F);
    const std::vector<std::uint8_t> kind(from.size(), 3);
    engrain::assign_edges(table.view, from.data(), to.data(), weight.data(), kind.data(), 400);
    std::vector<std::uint32_t> nodes(20), index(64, engrain::no_node);
    std::vector<float> received(20), active(20), next(20);
    engrain::SpreadScratch scratch{
        nodes.data(), received.data(), active.data(), next.data(), index.data(), 20, 6};
    const std::int64_t seed = 5;
    const float one = 1.0F;
    for (int repeat = 0; repeat < 2; ++repeat) {
        const std::size_t n =
            engrain::spread_activation(table.view, &seed, &one, 1, 2, 0.5F, scratch);
        CHECK(n > 1 && n <= 20);
        float total = 0;
        for (std::size_t i = 0; i < n; ++i) total += received[i];
        CHECK(total > 0.3F && total <= 0.75001F);
    }
}

}  // namespace

int main() {
    agrees_with_a_map();
    caps_hold_and_the_newest_edge_stays();
    spreads_no_more_than_there_was();
    return 0;
}
