#include "engrain/alarm.hpp"

#include <condition_variable>
#include <mutex>
#include <thread>

#include "check.hpp"

using namespace engrain;

namespace {

// A binary semaphore.
class Bell {
  public:
    void ring() {
        const std::lock_guard<std::mutex> hold(mutex_);
        CHECK(!rung_);  // once per sleep
        rung_ = true;
        changed_.notify_one();
    }
    bool wait(std::int64_t nanoseconds) {
        std::unique_lock<std::mutex> hold(mutex_);
        const auto end = std::chrono::nanoseconds(nanoseconds);
        if (!changed_.wait_for(hold, end, [this] { return rung_; })) return false;
        rung_ = false;
        return true;
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool rung_ = false;
};

constexpr std::int64_t kLong = 60'000'000'000;

void check_alone() {
    Alarm alarm;
    CHECK(alarm.sleep(false) == Alarm::kNever && !alarm.wake());
    CHECK(!alarm.expect(Alarm::now() + kLong));  // nobody sleeps
    CHECK(alarm.sleep(false) > kLong / 2 && alarm.sleep(true) == Alarm::kNever);
    CHECK(!alarm.expect(Alarm::now() + kLong / 2));  // it wakes by itself
    CHECK(alarm.expect(0) && alarm.wake() && alarm.sleep(false) == 0);
    alarm.reset(Alarm::kNever);
    CHECK(alarm.sleep(true) == Alarm::kNever && alarm.expect(Alarm::now()) && alarm.wake());
    CHECK(alarm.sleep(true) == Alarm::kNever && alarm.hurry() && alarm.wake());
    CHECK(alarm.sleep(true) == 0 && !alarm.wake());
    alarm.calm();
    CHECK(alarm.sleep(true) == Alarm::kNever);
}

void gather(Alarm& alarm, Bell& bell) {
    std::int64_t rest = alarm.sleep(false);
    while (rest != 0) {
        if (!bell.wait(rest < kLong ? rest : kLong) && alarm.wake()) CHECK(bell.wait(kLong));
        rest = alarm.sleep(false);
    }
    if (alarm.wake()) CHECK(bell.wait(kLong));
    alarm.calm();
}

// Publishers take turns under a lock, as under the GIL; whoever works it off waits without.
void check_between_threads() {
    constexpr int kTotal = 20'000;
    Alarm alarm;
    Bell bell;
    std::mutex turn;
    int published = 0, seen = 0;
    std::thread publisher([&] {
        for (int i = 0; i < kTotal; ++i) {
            const std::lock_guard<std::mutex> hold(turn);
            if (++published == 1 && alarm.expect(Alarm::now() + i % 5000)) bell.ring();
            if (i % 1000 == 999 && alarm.hurry()) bell.ring();
        }
    });
    while (seen < kTotal) {
        gather(alarm, bell);
        const std::lock_guard<std::mutex> hold(turn);
        seen += published;
        published = 0;
        alarm.reset(Alarm::kNever);
    }
    publisher.join();
}

}  // namespace

int main() {
    check_alone();
    check_between_threads();
}
