// The hash by which terms and features are known: it depends on the bytes alone.
#pragma once

#include <cstdint>

namespace engrain {

// FNV-1a with a finalizer (Fowler, Noll, Vo; Stafford's mix13).
class Hash {
  public:
    void add(char byte) { state_ = (state_ ^ static_cast<unsigned char>(byte)) * 0x100000001B3ULL; }
    std::uint64_t value() const {
        std::uint64_t z = state_;
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ULL;
        z = (z ^ z >> 27) * 0x94D049BB133111EBULL;
        return z ^ z >> 31;
    }

  private:
    std::uint64_t state_ = 0xCBF29CE484222325ULL;
};

}  // namespace engrain
