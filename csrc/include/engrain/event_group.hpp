// Events on their way to the log, hashed into its chain and packed for one statement of SQL.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "engrain/sha256.hpp"

namespace engrain {

constexpr std::size_t kSaltBytes = 16;

// The newest event of a chain.
struct ChainHead {
    std::uint64_t seq = 0;
    double time = 0.0;
    std::uint8_t hash[kDigestBytes] = {};
};

struct EventFacts {
    std::string_view names;  // type and tenant, end to end
    std::uint8_t type_bytes;
    bool critical;
    std::uint32_t schema;
    std::int64_t epoch;
    double time;
};

// Bytes to commit to. What is salted already has its salt in front, and is kept by the caller.
struct Payload {
    const std::uint8_t* data;
    std::size_t size;
    bool salted;
};

// Consecutive events end to end, and in JSON where each lies: a place is row << 47 | at << 17 |
// size, with rows counted from the first event and bytes from 1; a payload's row is its event's
// << 4 | index.
class EventGroup {
  public:
    // Adds the event after `head` and moves `head` on to it; returns the bytes of its payloads in
    // stored form. Needs kSaltBytes of salt per payload. May throw before anything has changed.
    std::size_t add(ChainHead& head, const EventFacts& facts, const Payload* payloads,
                    std::size_t count, const std::uint8_t* salts);
    void clear() noexcept;

    std::uint64_t first() const noexcept { return first_; }
    std::size_t events() const noexcept { return events_; }
    std::size_t room() const noexcept { return heads_.capacity() + bodies_.capacity(); }

    const std::string& heads() const noexcept { return heads_; }
    const std::string& bodies() const noexcept { return bodies_; }
    std::string event_places() const { return "[" + event_places_ + "]"; }
    std::string payload_places() const { return "[" + payload_places_ + "]"; }

  private:
    void reserve(const EventFacts& facts, const Payload* payloads, std::size_t count);
    void write_header(const ChainHead& next, const EventFacts& facts, std::size_t count);
    std::size_t write_payload(const Payload& payload, const std::uint8_t* salt, std::uint64_t row);

    std::uint64_t first_ = 0;
    std::size_t events_ = 0;
    std::string heads_, bodies_, event_places_, payload_places_;
};

}  // namespace engrain
