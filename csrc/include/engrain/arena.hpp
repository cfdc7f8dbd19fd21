// Rows of one width in one block of memory that grows by doubling.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "engrain/large.hpp"

namespace engrain {

template <class T>
class Arena {
  public:
    explicit Arena(std::size_t width) : width_(width) {}
    Arena(Arena&& other) noexcept
        : width_(other.width_),
          rows_(std::exchange(other.rows_, 0)),
          capacity_(std::exchange(other.capacity_, 0)),
          data_(std::exchange(other.data_, nullptr)) {}
    Arena& operator=(Arena&& other) noexcept {
        std::swap(width_, other.width_);
        std::swap(rows_, other.rows_);
        std::swap(capacity_, other.capacity_);
        std::swap(data_, other.data_);
        return *this;
    }
    ~Arena() { std::free(data_); }

    std::size_t width() const noexcept { return width_; }
    std::size_t rows() const noexcept { return rows_; }
    const T* data() const noexcept { return data_; }
    T* row(std::size_t i) noexcept { return data_ + i * width_; }
    const T* row(std::size_t i) const noexcept { return data_ + i * width_; }

    // New rows are zero.
    void resize(std::size_t rows) {
        if (rows > capacity_) grow(std::max(rows, capacity_ * 2));
        if (rows > rows_) std::memset(row(rows_), 0, (rows - rows_) * width_ * sizeof(T));
        rows_ = rows;
    }

  private:
    void grow(std::size_t capacity) {
        T* data = static_cast<T*>(allocate_large(capacity * width_ * sizeof(T)));
        if (rows_ > 0) std::memcpy(data, data_, rows_ * width_ * sizeof(T));
        std::free(std::exchange(data_, data));
        capacity_ = capacity;
    }

    std::size_t width_, rows_ = 0, capacity_ = 0;
    T* data_ = nullptr;
};

}  // namespace engrain
