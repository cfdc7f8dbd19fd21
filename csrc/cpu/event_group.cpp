#include "engrain/event_group.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace engrain {
namespace {

constexpr int kSizeBits = 17, kKeyShift = 47, kIndexBits = 4;
constexpr std::size_t kPlaceBytes = 21;  // of 64 bits in decimals, and a comma
constexpr std::uint8_t kFormat = 1, kCritical = 1;

// As `storage.chain.FIXED`.
struct __attribute__((packed)) Fixed {
    std::uint8_t format, flags, payloads, type_bytes;
    std::uint16_t tenant_bytes;
    std::uint32_t schema;
    std::uint64_t seq;
    double time;
    std::int64_t epoch;
};
static_assert(sizeof(Fixed) == 34 && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);

void make_room(std::string& text, std::size_t more) {
    if (text.capacity() - text.size() < more)
        text.reserve(std::max(2 * text.capacity(), text.size() + more));
}

void append(std::string& to, const void* data, std::size_t size) {
    to.append(static_cast<const char*>(data), size);
}

const std::uint8_t* bytes_at(const std::string& text, std::size_t at) {
    return reinterpret_cast<const std::uint8_t*>(text.data()) + at;
}

void note_place(std::string& places, std::uint64_t row, std::size_t at, std::size_t size) {
    char digits[kPlaceBytes];
    const std::uint64_t place = row << kKeyShift | std::uint64_t{at + 1} << kSizeBits | size;
    const char* end = std::to_chars(digits, digits + sizeof digits, place).ptr;
    if (!places.empty()) places += ',';
    places.append(digits, static_cast<std::size_t>(end - digits));
}

}  // namespace

void EventGroup::reserve(const EventFacts& facts, const Payload* payloads, std::size_t count) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < count; ++i)
        if (!payloads[i].salted) kept += kSaltBytes + payloads[i].size;
    make_room(bodies_, kept);
    make_room(heads_, kDigestBytes * (1 + count) + sizeof(Fixed) + facts.names.size());
    make_room(event_places_, kPlaceBytes);
    make_room(payload_places_, kPlaceBytes * count);
}

void EventGroup::write_header(const ChainHead& next, const EventFacts& facts, std::size_t count) {
    Fixed fixed{};
    fixed.format = kFormat;
    fixed.flags = facts.critical ? kCritical : 0;
    fixed.payloads = static_cast<std::uint8_t>(count);
    fixed.type_bytes = facts.type_bytes;
    fixed.tenant_bytes = static_cast<std::uint16_t>(facts.names.size() - facts.type_bytes);
    fixed.schema = facts.schema;
    fixed.seq = next.seq;
    fixed.time = next.time;
    fixed.epoch = facts.epoch;
    append(heads_, &fixed, sizeof fixed);
    heads_ += facts.names;
}

std::size_t EventGroup::write_payload(const Payload& payload, const std::uint8_t* salt,
                                      std::uint64_t row) {
    std::uint8_t commitment[kDigestBytes];
    std::size_t size = payload.size;
    if (payload.salted) {
        sha256(payload.data, size, commitment);
    } else {
        const std::size_t at = bodies_.size();
        size += kSaltBytes;
        append(bodies_, salt, kSaltBytes);
        append(bodies_, payload.data, payload.size);
        sha256(bytes_at(bodies_, at), size, commitment);
        note_place(payload_places_, row, at, size);
    }
    append(heads_, commitment, kDigestBytes);
    return size;
}

std::size_t EventGroup::add(ChainHead& head, const EventFacts& facts, const Payload* payloads,
                            std::size_t count, const std::uint8_t* salts) {
    reserve(facts, payloads, count);
    const std::size_t at = heads_.size();
    append(heads_, head.hash, kDigestBytes);  // to be linked to; the event's own takes its place
    ++head.seq;
    head.time = std::max(head.time, facts.time);
    write_header(head, facts, count);
    std::size_t stored = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint64_t row = std::uint64_t{events_} << kIndexBits | i;
        stored += write_payload(payloads[i], salts + kSaltBytes * i, row);
    }
    const std::size_t size = heads_.size() - at;
    sha256(bytes_at(heads_, at), size, head.hash);
    std::memcpy(heads_.data() + at, head.hash, kDigestBytes);
    note_place(event_places_, events_, at, size);
    if (events_++ == 0) first_ = head.seq;
    return stored;
}

void EventGroup::clear() noexcept {
    events_ = 0;
    for (std::string* text : {&heads_, &bodies_, &event_places_, &payload_places_}) text->clear();
}

}  // namespace engrain
