#include "engrain/event_group.hpp"

#include <cstring>
#include <string>
#include <vector>

#include "check.hpp"

using namespace engrain;

namespace {

constexpr std::uint8_t kSalts[2 * kSaltBytes] = {1, 2, 3};

Payload payload(const std::string& text, bool salted = false) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size(), salted};
}

std::size_t add(EventGroup& group, ChainHead& head, const std::vector<Payload>& payloads,
                double time = 1.0) {
    const EventFacts facts{"kindtenant", 4, true, 7, -3, time};
    return group.add(head, facts, payloads.data(), payloads.size(), kSalts);
}

std::string digest(const std::string& text) {
    std::string out(kDigestBytes, '\0');
    sha256(reinterpret_cast<const std::uint8_t*>(text.data()), text.size(),
           reinterpret_cast<std::uint8_t*>(out.data()));
    return out;
}

std::string hash_of(const ChainHead& head) {
    return std::string(reinterpret_cast<const char*>(head.hash), kDigestBytes);
}

}  // namespace

int main() {
    EventGroup group;
    ChainHead head;
    head.seq = 41;
    const std::string salt(reinterpret_cast<const char*>(kSalts), kSaltBytes), large = "salted";
    CHECK(add(group, head, {payload("one"), payload(large, true)}, 5.0) == 16 + 3 + 6);
    CHECK(head.seq == 42 && head.time == 5.0 && group.first() == 42 && group.events() == 1);
    CHECK(group.bodies() == salt + "one");
    const std::size_t size = 32 + 34 + 10 + 2 * 32;
    const std::string first = group.heads();
    CHECK(first.size() == size && first.substr(0, 32) == hash_of(head));
    CHECK(first.substr(66, 10) == "kindtenant");
    CHECK(first.substr(76, 32) == digest(salt + "one") && first.substr(108) == digest(large));
    CHECK(digest(std::string(32, '\0') + first.substr(32)) == hash_of(head));
    CHECK(group.payload_places() == "[" + std::to_string(1 << 17 | 19) + "]");

    const std::string before = hash_of(head);
    CHECK(add(group, head, {payload("")}, 2.0) == 16);
    CHECK(head.time == 5.0 && group.events() == 2 && group.first() == 42);
    CHECK(digest(before + group.heads().substr(size + 32)) == hash_of(head));
    const std::uint64_t row = 1ULL << 47, second = row << 4 | 20 << 17 | 16;
    const std::uint64_t place = row | (size + 1) << 17 | (32 + 34 + 10 + 32);
    CHECK(group.payload_places() ==
          "[" + std::to_string(1 << 17 | 19) + "," + std::to_string(second) + "]");
    CHECK(group.event_places() ==
          "[" + std::to_string(1 << 17 | size) + "," + std::to_string(place) + "]");

    const std::size_t room = group.room();
    group.clear();
    CHECK(group.events() == 0 && group.heads().empty() && group.event_places() == "[]");
    add(group, head, {});
    CHECK(group.first() == 44 && group.room() == room && group.bodies().empty());
}
