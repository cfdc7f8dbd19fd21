#include <cstring>
#include <vector>

#include "check.hpp"
#include "engrain/simd.hpp"
#include "engrain/traces.hpp"

using engrain::Trace;
using engrain::TraceKind;
using engrain::TraceRule;
using engrain::simd::Level;

namespace {

void equal_at_every_level(std::size_t n) {
    std::vector<std::int64_t> handles(n);
    std::vector<float> activity(n), first(n), again(n);
    for (std::size_t i = 0; i < n; ++i) {
        handles[i] = std::int64_t((i * 7) % (n / 2 + 1));  // repeats
        activity[i] = 0.25F * float(i % 5);
    }
    std::vector<Trace> start(n / 2 + 1, Trace{1.0F, 2.0F, 3.0}), reference;
    const TraceRule rule{TraceKind::dutch, 0.1F, 0.7F, 1 / 5.0, 1 / 60.0, 0.05};
    for (Level level : {Level::baseline, Level::avx2, Level::avx512}) {
        engrain::simd::set_level(level);
        std::vector<Trace> traces = start;
        engrain::touch_traces(traces.data(), handles.data(), activity.data(), n, 4.5, rule);
        engrain::touch_traces(traces.data(), handles.data(), activity.data(), n, 9.25, rule);
        engrain::read_traces(traces.data(), handles.data(), n, 20.0, rule, 0.5F, again.data());
        if (level == Level::baseline) reference = traces, first = again;
        CHECK(std::memcmp(traces.data(), reference.data(), traces.size() * sizeof(Trace)) == 0);
        CHECK(first == again);
    }
}

}  // namespace

int main() {
    for (std::size_t n : {0, 1, 7, 8, 9, 15, 16, 17, 1003}) equal_at_every_level(n);
    return 0;
}
