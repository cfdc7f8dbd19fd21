// Rows of one width in one block of memory that grows by doubling.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace engrain {

// Large blocks are aligned to 2 MiB and ask for huge pages: a scan of DRAM is nearly twice as fast.
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
    static constexpr std::size_t huge_page = std::size_t{2} << 20;

    void grow(std::size_t capacity) {
        const std::size_t wanted = std::max<std::size_t>(capacity * width_ * sizeof(T), 64);
        const std::size_t align = wanted >= huge_page ? huge_page : 64;
        const std::size_t bytes = (wanted + align - 1) / align * align;
        T* data = static_cast<T*>(std::aligned_alloc(align, bytes));
        if (data == nullptr) throw std::bad_alloc();
#if defined(__linux__)
        if (align == huge_page) madvise(data, bytes, MADV_HUGEPAGE);
#endif
        if (rows_ > 0) std::memcpy(data, data_, rows_ * width_ * sizeof(T));
        std::free(std::exchange(data_, data));
        capacity_ = capacity;
    }

    std::size_t width_, rows_ = 0, capacity_ = 0;
    T* data_ = nullptr;
};

}  // namespace engrain
