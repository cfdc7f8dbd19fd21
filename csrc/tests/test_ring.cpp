// Nothing is lost unaccounted, nothing is torn, order is kept per producer; run under TSan.
#include <atomic>
#include <thread>
#include <vector>

#include "check.hpp"
#include "engrain/queue.hpp"
#include "engrain/ring.hpp"

using namespace engrain;

namespace {

void the_oldest_gives_way() {
    SignalQueue queue(4, 0);
    for (int i = 0; i < 10; ++i) CHECK(queue.push({i, 0, 0, 0, 0, 0}, nullptr));
    Signal signal;
    for (int i = 6; i < 10; ++i) CHECK(queue.pop(signal, nullptr) && signal.trajectory == i);
    CHECK(!queue.pop(signal, nullptr));
    const RingCounts counts = queue.counts();
    CHECK(counts.recorded == 10 && counts.drained == 4);
    CHECK(counts.overwritten == 6 && counts.dropped == 0);
}

// Each vector is one number repeated: a torn one would mix two.
void check_whole(const std::vector<float>& query) {
    for (float value : query) CHECK(value == query[0]);
}

void produce(TrajectoryRing& ring, int producer, int n, std::atomic<int>& dropped) {
    std::vector<float> query(33);
    std::vector<std::int64_t> ids(4);
    for (int i = 0; i < n; ++i) {
        for (float& value : query) value = float(i);
        for (std::int64_t& id : ids) id = producer;
        const TrajectoryFacts facts{double(i), 0.5F, 0.5F, 4};
        if (ring.push(query.data(), ids.data(), facts) < 0) ++dropped;
    }
}

void threads_account_for_everything(int producers, int n) {
    TrajectoryRing ring(16, 33, 8);
    std::atomic<int> running{producers}, dropped{0};
    std::vector<std::thread> threads;
    for (int p = 0; p < producers; ++p)
        threads.emplace_back([&, p] {
            produce(ring, p, n, dropped);
            --running;
        });
    std::vector<double> last(std::size_t(producers), -1.0);
    std::vector<float> query(33);
    std::vector<std::int64_t> ids(8);
    TrajectoryFacts facts;
    std::int64_t number, previous = -1;
    std::uint64_t seen = 0;
    while (running > 0 || ring.size() > 0) {
        if (!ring.pop(query.data(), ids.data(), facts, number)) continue;
        check_whole(query);
        CHECK(facts.retrieved == 4 && query[0] == float(facts.time));
        CHECK(number > previous);
        CHECK(facts.time > last[std::size_t(ids[0])]);
        last[std::size_t(ids[0])] = facts.time;
        previous = number;
        ++seen;
    }
    for (std::thread& thread : threads) thread.join();
    const RingCounts counts = ring.counts();
    CHECK(counts.dropped == std::uint64_t(dropped));
    CHECK(counts.recorded + counts.dropped == std::uint64_t(producers) * std::uint64_t(n));
    CHECK(counts.drained == seen);
    CHECK(counts.recorded == counts.drained + counts.overwritten);
}

}  // namespace

int main() {
    the_oldest_gives_way();
    for (int producers : {1, 2, 4}) threads_account_for_everything(producers, 20000);
    return 0;
}
