// Independent tasks on a few threads. Which thread runs a task never changes its result.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <system_error>
#include <thread>

namespace engrain {

constexpr std::size_t max_threads = 64;

// Calls task(index, thread) for every index < count on at most `threads` threads, the caller's
// included; `thread` < min(threads, max_threads) names private memory. Where no thread can be
// started the caller does the work.
template <class Task>
void run_tasks(std::size_t count, std::size_t threads, const Task& task) noexcept {
    std::atomic<std::size_t> next{0};
    const auto work = [&](std::size_t thread) {
        for (std::size_t i = next.fetch_add(1); i < count; i = next.fetch_add(1)) task(i, thread);
    };
    std::thread helpers[max_threads];
    const std::size_t wanted = std::min({threads, count, max_threads});
    std::size_t started = 1;
    try {
        for (; started < wanted; ++started) helpers[started] = std::thread(work, started);
    } catch (const std::system_error&) {
        // The caller and those already started share what is left.
    }
    work(0);
    for (std::size_t i = 1; i < started; ++i) helpers[i].join();
}

}  // namespace engrain
