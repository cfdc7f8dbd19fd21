// When one thread wakes that works off what others publish: as rarely as it may.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace engrain {

// The sleeper says that it sleeps, then looks once more; a publisher publishes, then looks whether
// it sleeps: so one of them sees the other. Whoever changes `sleep_` back to awake rings the bell,
// exactly once per sleep. The bell itself, a binary semaphore, is the caller's.
class Alarm {
  public:
    static constexpr std::int64_t kNever = INT64_MAX;

    static std::int64_t now() noexcept {
        return std::chrono::steady_clock::now().time_since_epoch().count();
    }

    // Publishers. Work is due at `time`, or earlier; true: ring the bell.
    bool expect(std::int64_t time) noexcept {
        const std::int64_t before = due_.load();
        if (time >= before) return false;
        due_.store(time);
        // Who sleeps until a time wakes by itself, unless it is to wake at once.
        return (before == kNever || time == 0) && awaken();
    }
    // Work is due whatever failed before; true: ring the bell.
    bool hurry() noexcept {
        urgent_.store(true);
        return awaken();
    }
    // The sleeper took work, and what is left is due at `time`.
    void reset(std::int64_t time) noexcept { due_.store(time); }

    // The sleeper. Nanoseconds to sleep until the bell, kNever without end; 0: there is work.
    std::int64_t sleep(bool failed) noexcept {
        asleep_.store(true);
        if (urgent_.load()) return 0;
        const std::int64_t due = failed ? kNever : due_.load();
        if (due == kNever) return kNever;
        const std::int64_t time = now();
        return due > time ? due - time : 0;
    }
    // Returns whether the bell was or will be rung.
    bool wake() noexcept { return !asleep_.exchange(false); }
    void calm() noexcept { urgent_.store(false); }

  private:
    bool awaken() noexcept { return asleep_.load() && asleep_.exchange(false); }

    std::atomic<std::int64_t> due_{kNever};
    std::atomic<bool> asleep_{false}, urgent_{false};
};

}  // namespace engrain
