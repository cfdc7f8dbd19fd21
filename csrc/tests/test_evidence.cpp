#include "engrain/evidence.hpp"

#include <cmath>
#include <thread>
#include <vector>

#include "check.hpp"
#include "engrain/fixed.hpp"

namespace {

using engrain::Evidence;
using engrain::TermView;
using engrain::Use;

constexpr std::size_t dim = 9;

struct Asked {
    float query[dim];
    std::int32_t terms[3];
    float counts[3] = {1, 2, 1}, idf[3] = {1.5F, 0.5F, 2};
    explicit Asked(int seed) {
        double squares = 0;
        for (std::size_t j = 0; j < dim; ++j) {
            query[j] = float((seed * 37 + int(j) * 11) % 23) - 11;
            squares += double(query[j]) * query[j];
        }
        for (float& q : query) q = float(q / std::sqrt(squares));
        for (int i = 0; i < 3; ++i) terms[i] = (seed * 5 + i * 7) % 40 - 20;
    }
    TermView view() const { return {terms, counts, idf, 3}; }
};

std::int64_t teach(Evidence& evidence, int seed) {
    const Asked asked(seed);
    const std::vector<Use> used{{seed % 5, engrain::to_fixed(0.3)}, {5 + seed % 3, 1 << 24}};
    return evidence.add(seed % 2, asked.query, asked.view(), used, {}, nullptr);
}

bool same_sums(const Evidence& a, const Evidence& b) {
    const auto x = a.save(), y = b.save();
    return x.handle == y.handle && x.mass == y.mass && x.length == y.length && x.sum == y.sum &&
           x.count_term == y.count_term && x.count_value == y.count_value;
}

void check_removal_and_eviction() {
    Evidence full(dim, 8), part(dim, 8);
    for (int i = 0; i < 6; ++i) {
        const std::int64_t number = teach(full, i);
        if (i == 3) CHECK(full.remove(number) && !full.remove(number));
        if (i != 3) teach(part, i);
    }
    CHECK(same_sums(full, part));
    for (int i = 0; i < 30; ++i) teach(full, i);
    CHECK(!full.holds(0) && full.holds(35) && !full.remove(5));
    full.forget(2);
    CHECK(full.mass_of(2) == 0 && full.mass_of(1) > 0);
    Evidence again(dim, 8);
    again.load(full.save());
    CHECK(same_sums(full, again) && again.save().vector == full.save().vector);
}

// What a memory was used for leaves the ring with it, whichever of its questions went before.
void check_forgetting() {
    Evidence evidence(dim, 16), again(dim, 16);
    for (int i = 0; i < 40; ++i) teach(evidence, i);
    for (std::int64_t number : {39, 25, 29, 34}) CHECK(evidence.remove(number));
    again.load(evidence.save());
    evidence.forget(4);
    again.forget(4);
    for (const Evidence* each : {&evidence, &again}) {
        const auto state = each->save();
        for (std::int64_t handle : state.use_handle) CHECK(handle != 4);
        for (std::int64_t handle : state.handle) CHECK(handle != 4);
        CHECK(state.use_handle.size() == 2 * 12 - 1);  // question 24 used it, too
    }
    for (int i = 40; i < 60; ++i) CHECK(teach(evidence, i) == teach(again, i));
    for (int i = 44; i < 60; ++i) CHECK(evidence.remove(i) && again.remove(i));
    CHECK(same_sums(evidence, again) && evidence.save().use_handle.empty());
}

void check_readers_beside_a_writer() {
    Evidence evidence(dim, 16);
    std::thread writer([&] {
        for (int i = 0; i < 400; ++i) teach(evidence, i);
    });
    std::thread reader([&] {
        const Asked asked(3);
        for (int i = 0; i < 400; ++i) {
            engrain::Similar similar;
            evidence.similarity(1, asked.query, asked.view(), -1, similar);
            CHECK(evidence.propose(similar, 3).size() <= 6);
        }
    });
    writer.join();
    reader.join();
    CHECK(evidence.holds(399));
}

}  // namespace

int main() {
    check_removal_and_eviction();
    check_forgetting();
    check_readers_beside_a_writer();
    return 0;
}
