// Learning signals on their way from the request to the background.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>

#include "engrain/large.hpp"
#include "engrain/ring.hpp"

namespace engrain {

struct Signal {
    std::int64_t trajectory;  // number of the trajectory it belongs to, or -1
    float quality;            // in [0, 1]
    float feedback;           // explicit, in [0, 1], or NaN
    float latency_ratio;      // measured / wanted
    std::int32_t model_tier, context_tokens;
};

// Many producers, one or more consumers; overwrites the oldest. With dim > 0 a signal carries its
// query vector.
class SignalQueue {
  public:
    SignalQueue(std::size_t capacity, std::size_t dim)
        : ring_(capacity),
          dim_(dim),
          signals_(new Signal[ring_.capacity()]),
          query_(large_array<float>(ring_.capacity() * dim, huge_page)) {}

    // Asks memory for what the next push will write.
    void prefetch() const noexcept { prefetch_apart(query_.get() + ring_.next() * dim_, dim_); }

    // Returns false if the signal was dropped. query: dim floats, unread where dim is 0.
    bool push(const Signal& signal, const float* query) noexcept {
        return ring_.push([&](std::size_t slot) {
            signals_[slot] = signal;
            if (dim_) std::memcpy(query_.get() + slot * dim_, query, dim_ * sizeof(float));
        }) >= 0;
    }

    bool pop(Signal& signal, float* query) noexcept {
        return ring_.pop([&](std::size_t slot, std::uint64_t) {
            signal = signals_[slot];
            if (dim_) std::memcpy(query, query_.get() + slot * dim_, dim_ * sizeof(float));
        });
    }

    std::size_t size() const noexcept { return ring_.size(); }
    std::size_t capacity() const noexcept { return ring_.capacity(); }
    RingCounts counts() const noexcept { return ring_.counts(); }

  private:
    Ring ring_;
    std::size_t dim_;
    std::unique_ptr<Signal[]> signals_;
    std::unique_ptr<float[], Free> query_;
};

}  // namespace engrain
