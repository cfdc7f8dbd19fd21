#include <cstdint>
#include <map>

#include "check.hpp"
#include "engrain/postings.hpp"

using namespace engrain;

static void check(const Postings& postings, const std::map<std::uint32_t, float>& expected) {
    CHECK(postings.size() == expected.size());
    CHECK(postings.list().empty() || postings.counts().empty());
    auto at = expected.begin();
    postings.each([&](std::uint32_t document, float count) {
        CHECK(at != expected.end() && at->first == document && at->second == count);
        ++at;
    });
    CHECK(at == expected.end());
}

// Common at first, then rare, common again and gone: the form follows, what it says does not.
int main() {
    Postings postings;
    std::map<std::uint32_t, float> expected;
    const auto add = [&](std::uint32_t document) {
        const float count = static_cast<float>(document % 7 + 1);
        postings.add(document, count);
        expected[document] = count;
    };
    for (std::uint32_t d = 3; d < 200; ++d) add(d);
    check(postings, expected);
    CHECK(!postings.counts().empty());
    for (std::uint32_t d = 200; d < 4000; d += 40) add(d);
    check(postings, expected);
    CHECK(postings.counts().empty());
    for (std::uint32_t d = 4000; d < 9000; ++d) add(d);
    check(postings, expected);
    CHECK(!postings.counts().empty());
    while (!expected.empty()) {
        const std::uint32_t gone = std::next(expected.begin(), expected.size() / 2)->first;
        postings.remove(gone);
        expected.erase(gone);
        if (expected.size() % 97 == 0) check(postings, expected);
    }
    CHECK(postings.size() == 0);
    return 0;
}
