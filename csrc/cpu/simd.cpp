#include "engrain/simd.hpp"

#include <atomic>
#include <cstdlib>
#include <cstring>

namespace engrain::simd {
namespace {

Level best() noexcept {
#if ENGRAIN_X86
    __builtin_cpu_init();
    const bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("f16c");
    if (v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return Level::avx512;
    if (v3) return Level::avx2;
#endif
    return Level::baseline;
}

Level lower(Level wanted) noexcept { return wanted < best() ? wanted : best(); }

Level initial() noexcept {
    const char* forced = std::getenv("ENGRAIN_SIMD");
    if (forced == nullptr) return best();
    if (std::strcmp(forced, "baseline") == 0) return Level::baseline;
    if (std::strcmp(forced, "avx2") == 0) return lower(Level::avx2);
    return best();
}

}  // namespace

// Each extension module holds a copy of this file: one symbol of the process keeps them together.
inline __attribute__((visibility("default"))) std::atomic<int> level_in_use{-1};

Level level() noexcept {
    const int level = level_in_use.load(std::memory_order_relaxed);
    return level < 0 ? set_level(initial()) : static_cast<Level>(level);
}

Level set_level(Level wanted) noexcept {
    const Level used = lower(wanted);
    level_in_use.store(static_cast<int>(used), std::memory_order_relaxed);
    return used;
}

}  // namespace engrain::simd
