// A bounded queue for many producers and consumers that gives up its oldest entry when full.
//
// Vyukov's bounded queue: a slot's sequence number says whose turn it is, so payloads need no
// atomics. A producer that finds the queue full takes out the oldest entry itself; where that slot
// is still being read it tries again, and after a fixed number of tries the new entry is dropped.
// Every entry is accounted for: recorded = drained + overwritten + size, at rest.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>

#include "engrain/large.hpp"
#include "engrain/prefetch.hpp"

namespace engrain {

struct RingCounts {
    std::uint64_t recorded, drained, overwritten, dropped;
};

class Ring {
  public:
    // The capacity is rounded up to a power of two, at least 2.
    explicit Ring(std::size_t capacity)
        : mask_(power_of_two(capacity) - 1), turn_(new std::atomic<std::uint64_t>[mask_ + 1]) {
        for (std::size_t i = 0; i <= mask_; ++i) turn_[i].store(i, std::memory_order_relaxed);
    }

    std::size_t capacity() const noexcept { return mask_ + 1; }

    // Where the next entry will probably go.
    std::size_t next() const noexcept { return head_.load(std::memory_order_relaxed) & mask_; }

    std::size_t size() const noexcept {
        const std::uint64_t tail = tail_.load(std::memory_order_acquire);
        const std::uint64_t head = head_.load(std::memory_order_acquire);
        const std::uint64_t held = head - tail;
        return held < capacity() ? std::size_t(held) : capacity();
    }

    // Calls write(slot) with the slot to fill; returns the entry's number, or -1 if dropped.
    template <class Write>
    std::int64_t push(Write write) noexcept {
        for (int tries = 0; tries < 64; ++tries) {
            std::uint64_t at = head_.load(std::memory_order_relaxed);
            const std::uint64_t turn = turn_[at & mask_].load(std::memory_order_acquire);
            if (turn == at) {
                if (!head_.compare_exchange_weak(at, at + 1, std::memory_order_relaxed)) continue;
                write(std::size_t(at & mask_));
                turn_[at & mask_].store(at + 1, std::memory_order_release);
                return std::int64_t(at);
            }
            // The slot still holds the entry of one round ago: give up the oldest.
            if (turn < at + 1 && take([](std::size_t, std::uint64_t) {}))
                overwritten_.fetch_add(1, std::memory_order_relaxed);
        }
        dropped_.fetch_add(1, std::memory_order_relaxed);
        return -1;
    }

    // Calls read(slot, number) with the oldest entry; false if there is none.
    template <class Read>
    bool pop(Read read) noexcept {
        if (!take(read)) return false;
        drained_.fetch_add(1, std::memory_order_relaxed);
        return true;
    }

    RingCounts counts() const noexcept {
        return {head_.load(std::memory_order_relaxed), drained_.load(std::memory_order_relaxed),
                overwritten_.load(std::memory_order_relaxed),
                dropped_.load(std::memory_order_relaxed)};
    }

  private:
    static std::size_t power_of_two(std::size_t n) {
        std::size_t size = 2;
        while (size < n) size *= 2;
        return size;
    }

    template <class Read>
    bool take(Read read) noexcept {
        for (;;) {
            std::uint64_t at = tail_.load(std::memory_order_relaxed);
            const std::uint64_t turn = turn_[at & mask_].load(std::memory_order_acquire);
            if (turn < at + 1) return false;
            if (turn > at + 1 ||
                !tail_.compare_exchange_weak(at, at + 1, std::memory_order_relaxed))
                continue;
            read(std::size_t(at & mask_), at);
            turn_[at & mask_].store(at + capacity(), std::memory_order_release);
            return true;
        }
    }

    const std::size_t mask_;
    const std::unique_ptr<std::atomic<std::uint64_t>[]> turn_;
    alignas(64) std::atomic<std::uint64_t> head_{0};
    alignas(64) std::atomic<std::uint64_t> tail_{0};
    alignas(64) std::atomic<std::uint64_t> drained_{0};
    std::atomic<std::uint64_t> overwritten_{0}, dropped_{0};
};

// One request: what was asked, what came back, how well.
struct TrajectoryFacts {
    double time;  // seconds
    float precision, recall;
    std::uint32_t retrieved;  // ids that follow
};

// Trajectories with their query vectors and up to max_ids retrieved handles, allocated once.
class TrajectoryRing {
  public:
    TrajectoryRing(std::size_t capacity, std::size_t dim, std::size_t max_ids)
        : ring_(capacity),
          dim_(dim),
          max_ids_(max_ids),
          facts_(new TrajectoryFacts[ring_.capacity()]),
          query_(large_array<float>(ring_.capacity() * dim, huge_page)),
          ids_(large_array<std::int64_t>(ring_.capacity() * max_ids, huge_page)) {}

    // Asks memory for what the next push will write.
    void prefetch() const noexcept {
        prefetch_apart(query_.get() + ring_.next() * dim_, dim_);
        engrain::prefetch(ids_.get() + ring_.next() * max_ids_);
    }

    // facts.retrieved is at most max_ids. Returns the trajectory's number, or -1 if dropped.
    std::int64_t push(const float* query, const std::int64_t* ids,
                      const TrajectoryFacts& facts) noexcept {
        return ring_.push([&](std::size_t slot) {
            facts_[slot] = facts;
            std::memcpy(query_.get() + slot * dim_, query, dim_ * sizeof(float));
            std::memcpy(ids_.get() + slot * max_ids_, ids, facts.retrieved * sizeof(*ids));
        });
    }

    // Takes out the oldest; ids has room for max_ids.
    bool pop(float* query, std::int64_t* ids, TrajectoryFacts& facts,
             std::int64_t& number) noexcept {
        return ring_.pop([&](std::size_t slot, std::uint64_t at) {
            facts = facts_[slot];
            number = std::int64_t(at);
            std::memcpy(query, query_.get() + slot * dim_, dim_ * sizeof(float));
            std::memcpy(ids, ids_.get() + slot * max_ids_, facts.retrieved * sizeof(*ids));
        });
    }

    std::size_t size() const noexcept { return ring_.size(); }
    std::size_t capacity() const noexcept { return ring_.capacity(); }
    RingCounts counts() const noexcept { return ring_.counts(); }

  private:
    Ring ring_;
    std::size_t dim_, max_ids_;
    std::unique_ptr<TrajectoryFacts[]> facts_;
    std::unique_ptr<float[], Free> query_;
    std::unique_ptr<std::int64_t[], Free> ids_;
};

}  // namespace engrain
