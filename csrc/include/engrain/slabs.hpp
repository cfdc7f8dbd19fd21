// Rows of one width in blocks of huge pages: none ever moves, and new ones cost no copy. The first
// block is one of small pages: there are many who hold few rows.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <vector>

#include "engrain/large.hpp"

namespace engrain {

template <class T>
class Slabs {
  public:
    // A row begins at a cache line.
    explicit Slabs(std::size_t width)
        : width_(std::max<std::size_t>(1, (width + line - 1) / line) * line),
          block_(std::max(block, width_)),
          rows_(block_ / width_) {}

    // Makes room for so many rows; new ones are as memory happens to be.
    void reserve(std::size_t rows) {
        while (blocks_.size() * rows_ < rows)
            blocks_.push_back(large_array<T>(block_, blocks_.empty() ? huge_page : 0));
    }
    T* row(std::size_t i) noexcept { return blocks_[i / rows_].get() + i % rows_ * width_; }

  private:
    static constexpr std::size_t line = 64 / sizeof(T), block = (std::size_t{2} << 20) / sizeof(T);

    std::size_t width_, block_, rows_;  // in elements; rows_ of them fit a block
    std::vector<std::unique_ptr<T[], Free>> blocks_;
};

}  // namespace engrain
