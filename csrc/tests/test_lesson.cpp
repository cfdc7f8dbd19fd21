// The compiled parts of a learning loop, used by several threads at once in the order and under the
// locks of the loop: what one thread teaches, others read, drain and forget. Run under TSan.
#include <atomic>
#include <cmath>
#include <mutex>
#include <thread>
#include <vector>

#include "check.hpp"
#include "engrain/edges.hpp"
#include "engrain/evidence.hpp"
#include "engrain/fixed.hpp"
#include "engrain/lora.hpp"
#include "engrain/modulators.hpp"
#include "engrain/queue.hpp"
#include "engrain/ranker.hpp"
#include "engrain/reconsolidate.hpp"
#include "engrain/ring.hpp"
#include "engrain/trace_table.hpp"
#include "engrain/value.hpp"

using namespace engrain;

namespace {

constexpr std::size_t dim = 33, memories = 40, shown = 5, columns = 3;
constexpr std::size_t per_node = 8, slots = 1024;
constexpr int lessons = 300;

const TraceRule trace_rule{TraceKind::accumulating, 0.5F, 0.5F, 0.1, 0.01, 0.0};
const TdRule td_rule{TdKind::accumulating, 0.1F, 0.95F, 0.9F};
const ModulatorRule modulator_rule{1.0, 1.5, 0.9, 0.7, 0.5, 0.1,  2.0,
                                   1.2, 1.0, 0.5, 0.1, 4.0, false};
const LoraStep lora_step{0.1F, 1.0F, 1.0F, 1e-3F, true};

struct Request {
    float query[dim], rows[shown * columns], outcomes[shown];
    std::int64_t handles[shown];
    std::int32_t terms[3];
    float counts[3] = {1, 1, 2}, idf[3] = {1, 2, 1};
    double now;

    Request(int thread, int i) : now(i) {
        for (std::size_t j = 0; j < dim; ++j) query[j] = std::sin(float(7 * i + thread) + float(j));
        for (std::size_t j = 0; j < shown; ++j) {
            handles[j] = std::int64_t(std::size_t(3 * i + 11 * thread + int(j)) % memories);
            outcomes[j] = (i + int(j)) % 3 == 0 ? 1.0F : 0.0F;
        }
        for (std::size_t j = 0; j < shown * columns; ++j) rows[j] = std::cos(float(i + int(j)));
        for (int j = 0; j < 3; ++j) terms[j] = (i + 13 * j) % 50;
    }
    TermView view() const { return {terms, counts, idf, 3}; }
};

struct Loop {
    std::mutex guard, table_guard;
    Evidence evidence{dim, 64};
    Ranker ranker;
    TrajectoryRing trajectories{16, dim, 8};
    SignalQueue signals{16, dim};
    std::vector<float> vectors = std::vector<float>(memories * dim, 0.1F), direction, a, b, pull;
    std::vector<Valued> items = std::vector<Valued>(memories, Valued{0.5F, 0, -1, 0});
    std::vector<std::int64_t> active = std::vector<std::int64_t>(8);
    std::vector<float> marks = std::vector<float>(8);
    ValueTableView values{items.data(), active.data(), marks.data(), memories, 0, 8, 0};
    std::vector<Trace> held = std::vector<Trace>(16);
    std::vector<std::int64_t> owner = std::vector<std::int64_t>(16);
    std::vector<std::int32_t> slot_of = std::vector<std::int32_t>(memories, -1);
    TraceTableView traces{held.data(), owner.data(), slot_of.data(), 16, memories, 0, 0, 0};
    std::vector<Edge> edge_slots = std::vector<Edge>(slots, no_edge);
    std::vector<Chain> chains = std::vector<Chain>(slots);
    std::vector<std::uint32_t> lists = std::vector<std::uint32_t>(memories * per_node);
    std::vector<std::uint32_t> incoming = std::vector<std::uint32_t>(memories, no_node);
    std::vector<std::uint16_t> degree = std::vector<std::uint16_t>(memories);
    EdgeTableView edges{edge_slots.data(),
                        chains.data(),
                        lists.data(),
                        incoming.data(),
                        degree.data(),
                        memories,
                        per_node,
                        0,
                        400,
                        0,
                        0,
                        1.0F,
                        54};
    Modulators modulators = initial_modulators(modulator_rule);

    Loop() : direction(dim), a(2 * dim, 0.1F), b(2 * dim), pull(dim) {
        for (std::size_t j = 0; j < columns; ++j) ranker.add_column(0, 1.0, 1.0, true);
    }

    void observe(const Request& request) {
        const std::lock_guard<std::mutex> inside(guard), alone(table_guard);
        const float ones[shown] = {1, 1, 1, 1, 1};
        const double novelty =
            observe_novelty(modulators, modulator_rule, direction.data(), request.query, dim);
        modulate_query(modulators, modulator_rule, novelty, 0, 0, -1);
        touch_table(traces, request.handles, ones, shown, request.now, trace_rule);
    }

    void learn(const Request& request) {
        const std::lock_guard<std::mutex> inside(guard);
        std::vector<Use> used;
        for (std::size_t i = 0; i < shown; ++i)
            if (request.outcomes[i] > 0) used.push_back({request.handles[i], to_fixed(1.0)});
        float credit[shown];
        Aspect aspects[shown];
        ranker.reserve(shown);
        evidence.enter();
        evidence.approach(request.handles, shown, request.view());
        evidence.fetch(request.handles, shown);
        evidence.prepare(request.query, request.view(), used, {});
        ranker.step(request.rows, request.outcomes, shown, 1.0);
        take_credit(request, credit);
        const float square = survey_rows(vectors.data(), request.handles, request.query, credit,
                                         shown, dim, aspects, pull.data());
        evidence.commit(0, request.query, nullptr);
        evidence.leave();
        update_lora(a.data(), b.data(), request.query, pull.data(), 2, dim, lora_step);
        turn_rows(vectors.data(), request.handles, request.query, square, aspects, credit, shown,
                  dim, 0.05F);
        const std::vector<std::int64_t> anchors(shown, request.handles[0]);
        update_edges(edges, anchors.data() + 1, request.handles + 1, request.outcomes + 1,
                     shown - 1, 0, {0.05F, 0.02F, false});
        const std::int64_t number =
            trajectories.push(request.query, request.handles, {request.now, 1, 1, shown});
        signals.push({number, 1, 1, 1, 0, 0}, request.query);
    }

    void take_credit(const Request& request, float* credit) {
        const std::lock_guard<std::mutex> alone(table_guard);
        float expected[shown], errors[shown], eligibility[shown];
        for (std::size_t i = 0; i < shown; ++i) expected[i] = items[request.handles[i]].value;
        learn_table(values, request.handles, request.outcomes, shown, td_rule, errors);
        read_table(traces, request.handles, shown, request.now, trace_rule, 1, eligibility);
        modulate_outcome(modulators, modulator_rule, request.outcomes, expected, eligibility, shown,
                         NAN, credit);
        for (std::size_t i = 0; i < shown; ++i) credit[i] *= 0.01F;
    }

    void forget(std::int64_t handle) {
        const std::lock_guard<std::mutex> inside(guard);
        evidence.forget(handle);
        const std::lock_guard<std::mutex> alone(table_guard);
        forget_traces(traces, &handle, 1);
        forget_values(values, &handle, 1, 0.5F);
        remove_node(edges, std::uint32_t(handle));
    }

    void read(const Request& request) {
        Similar similar;
        evidence.similarity(0, request.query, request.view(), -1, similar);
        float features[shown * Evidence::columns];
        const float none[shown * 3] = {};
        const CandidateView block{request.handles, none, nullptr, none, request.counts, 2};
        evidence.features(similar, block, request.view(), 3, 1, features, Evidence::columns);
        for (std::size_t i = 0; i < 2 * Evidence::columns; ++i) CHECK(std::isfinite(features[i]));
        CHECK(evidence.mass_of(request.handles[0]) >= 0);
        const std::lock_guard<std::mutex> alone(table_guard);
        const float value = items[request.handles[1]].value;
        CHECK(value >= 0 && value <= 1);
    }

    bool drain() {
        float query[dim];
        std::int64_t ids[8], number;
        TrajectoryFacts facts;
        Signal signal;
        const bool found = trajectories.pop(query, ids, facts, number);
        if (found) CHECK(facts.retrieved == shown);
        return signals.pop(signal, query) || found;
    }
};

void threads_teach_read_drain_and_forget() {
    Loop loop;
    std::atomic<int> teaching{2};
    std::vector<std::thread> threads;
    for (int t = 0; t < 2; ++t)
        threads.emplace_back([&, t] {
            for (int i = 0; i < lessons; ++i) {
                const Request request(t, i);
                loop.observe(request);
                loop.learn(request);
            }
            --teaching;
        });
    threads.emplace_back([&] {
        for (int i = 0; teaching > 0; ++i) loop.read(Request(2, i % lessons));
    });
    threads.emplace_back([&] {
        while (teaching > 0) loop.drain();
    });
    threads.emplace_back([&] {
        for (int i = 0; teaching > 0; ++i) loop.forget(i % int(memories));
    });
    for (std::thread& thread : threads) thread.join();
    while (loop.drain()) {
    }
    for (const RingCounts& counts : {loop.trajectories.counts(), loop.signals.counts()}) {
        CHECK(counts.recorded + counts.dropped == 2 * lessons);
        CHECK(counts.drained + counts.overwritten == counts.recorded);
    }
    for (std::int64_t handle = 0; handle < std::int64_t(memories); ++handle) loop.forget(handle);
    const EvidenceState state = loop.evidence.save();
    CHECK(state.handle.empty() && state.use_handle.empty() && state.next == 2 * lessons);
    CHECK(loop.edges.used == 0 && loop.traces.used == 0 && loop.values.used == 0);
}

}  // namespace

int main() {
    threads_teach_read_drain_and_forget();
    return 0;
}
