#include "engrain/sha256.hpp"

#include <cstring>
#include <string>

#include "check.hpp"
#include "engrain/simd.hpp"

using namespace engrain;

namespace {

std::string digest_of(const std::string& text) {
    std::uint8_t digest[kDigestBytes];
    sha256(reinterpret_cast<const std::uint8_t*>(text.data()), text.size(), digest);
    std::string hex;
    for (const std::uint8_t byte : digest) {
        char pair[3];
        std::snprintf(pair, sizeof pair, "%02x", byte);
        hex += pair;
    }
    return hex;
}

// The examples of FIPS 180-4.
void check_examples() {
    CHECK(digest_of("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(digest_of("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(digest_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    CHECK(digest_of(std::string(1'000'000, 'a')) ==
          "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

}  // namespace

int main() {
    const simd::Level best = simd::level();
    check_examples();
    std::string text;
    for (int size = 0; size < 300; ++size, text += static_cast<char>(size * 37)) {
        simd::set_level(best);
        const std::string fast = digest_of(text);
        simd::set_level(simd::Level::baseline);
        CHECK(digest_of(text) == fast);
    }
    check_examples();
}
