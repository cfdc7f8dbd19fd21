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

std::atomic<Level>& current() noexcept {
    static std::atomic<Level> value{initial()};
    return value;
}

}  // namespace

Level level() noexcept { return current().load(std::memory_order_relaxed); }

Level set_level(Level wanted) noexcept {
    current().store(lower(wanted), std::memory_order_relaxed);
    return level();
}

}  // namespace engrain::simd
