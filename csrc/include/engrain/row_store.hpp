// Rows of floats of which few are read at a time: small ones in memory, many in a mapped file.
#pragma once

#include <cstddef>
#include <string>

#include "engrain/arena.hpp"

namespace engrain {

// A file without a name, gone with the process, mapped for reading. Writing goes past the mapping,
// so that only what is read counts as the process's, and the kernel may take any of it back.
class UnnamedFile {
  public:
    UnnamedFile() = default;
    UnnamedFile(UnnamedFile&& other) noexcept;
    UnnamedFile& operator=(UnnamedFile&& other) noexcept;
    ~UnnamedFile();

    bool is_open() const noexcept { return file_ >= 0; }
    const void* data() const noexcept { return data_; }
    // All false where the file system cannot: nothing has changed then.
    bool open_in(const std::string& folder) noexcept;
    // To at least so many bytes, new ones 0 and with their place on disk, so that no read of the
    // mapping fails for want of it.
    bool grow(std::size_t bytes) noexcept;
    bool write(std::size_t at, const void* from, std::size_t bytes) noexcept;

  private:
    int file_ = -1;
    std::size_t bytes_ = 0;
    void* data_ = nullptr;
};

// Beyond `most_in_memory` bytes rows stand in a file without a name in `folder`, if one is given;
// where that cannot be, for want of room or of such files, they stay in memory.
class RowStore {
  public:
    static constexpr std::size_t most_in_memory = std::size_t{64} << 20;

    RowStore(std::size_t width, std::string folder) : memory_(width), folder_(std::move(folder)) {}

    std::size_t width() const noexcept { return memory_.width(); }
    bool in_file() const noexcept { return file_.is_open(); }
    const float* data() const noexcept {
        return in_file() ? static_cast<const float*>(file_.data()) : memory_.data();
    }
    const float* row(std::size_t i) const noexcept { return data() + i * width(); }

    // New rows are zero.
    void resize(std::size_t rows);
    void write(std::size_t i, const float* row);

  private:
    std::size_t bytes(std::size_t rows) const noexcept { return rows * width() * sizeof(float); }
    bool to_file(std::size_t rows) noexcept;
    void to_memory();

    Arena<float> memory_;
    std::string folder_;
    UnnamedFile file_;
    std::size_t rows_ = 0;
};

}  // namespace engrain
