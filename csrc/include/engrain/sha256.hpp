// SHA-256 (FIPS 180-4), by the processor's own instructions where it has them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace engrain {

constexpr std::size_t kDigestBytes = 32;

void sha256(const std::uint8_t* data, std::size_t size, std::uint8_t* digest) noexcept;

}  // namespace engrain
