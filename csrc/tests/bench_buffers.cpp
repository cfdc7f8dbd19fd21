// What recording one request costs within the call: nanoseconds of CPU time, median of 60 batches.
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <vector>

#include "engrain/queue.hpp"

namespace {

double seconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return double(now.tv_sec) + 1e-9 * double(now.tv_nsec);
}

template <class Call>
void print(const char* name, std::size_t dim, Call call) {
    constexpr int batches = 60, calls = 10000;
    std::vector<double> nanoseconds;
    for (int b = 0; b < batches; ++b) {
        const double begin = seconds();
        for (int i = 0; i < calls; ++i) call();
        nanoseconds.push_back(1e9 * (seconds() - begin) / calls);
    }
    std::sort(nanoseconds.begin(), nanoseconds.end());
    std::printf("%-18s dim %4zu  %6.1f ns\n", name, dim, nanoseconds[batches / 2]);
}

}  // namespace

int main() {
    const std::vector<std::int64_t> ids(10, 3);
    for (std::size_t dim : {384, 1024}) {
        const std::vector<float> query(dim, 0.5F);
        engrain::TrajectoryRing ring(4096, dim, 64);
        print("push trajectory", dim, [&] {
            ring.push(query.data(), ids.data(), engrain::TrajectoryFacts{1.0, 0.5F, 0.5F, 10});
        });
    }
    for (std::size_t dim : {0, 384}) {
        const std::vector<float> query(dim, 0.5F);
        engrain::SignalQueue queue(1024, dim);
        const engrain::Signal signal{1, 0.5F, 0.5F, 1.0F, 0, 0};
        print("enqueue signal", dim, [&] { queue.push(signal, query.data()); });
    }
    return 0;
}
