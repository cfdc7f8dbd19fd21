#include "engrain/row_store.hpp"

#if defined(__linux__)
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#endif

namespace engrain {

UnnamedFile::UnnamedFile(UnnamedFile&& other) noexcept { *this = std::move(other); }

UnnamedFile& UnnamedFile::operator=(UnnamedFile&& other) noexcept {
    std::swap(file_, other.file_);
    std::swap(bytes_, other.bytes_);
    std::swap(data_, other.data_);
    return *this;
}

#if defined(__linux__)

UnnamedFile::~UnnamedFile() {
    if (data_ != nullptr) munmap(data_, bytes_);
    if (file_ >= 0) close(file_);
}

bool UnnamedFile::open_in(const std::string& folder) noexcept {
    file_ = open(folder.c_str(), O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    return is_open();
}

bool UnnamedFile::grow(std::size_t bytes) noexcept {
    constexpr std::size_t step = std::size_t{64} << 20;
    if (bytes <= bytes_) return true;
    const std::size_t wanted = (bytes + step - 1) / step * step;
    const auto more = static_cast<off_t>(wanted - bytes_);
    if (posix_fallocate(file_, static_cast<off_t>(bytes_), more) != 0) return false;
    void* data = data_ == nullptr ? mmap(nullptr, wanted, PROT_READ, MAP_SHARED, file_, 0)
                                  : mremap(data_, bytes_, wanted, MREMAP_MAYMOVE);
    if (data == MAP_FAILED) return false;
    data_ = data;
    bytes_ = wanted;
    return true;
}

bool UnnamedFile::write(std::size_t at, const void* from, std::size_t bytes) noexcept {
    return pwrite(file_, from, bytes, static_cast<off_t>(at)) == static_cast<ssize_t>(bytes);
}

#else

UnnamedFile::~UnnamedFile() = default;
bool UnnamedFile::open_in(const std::string&) noexcept { return false; }
bool UnnamedFile::grow(std::size_t) noexcept { return false; }
bool UnnamedFile::write(std::size_t, const void*, std::size_t) noexcept { return false; }

#endif

void RowStore::resize(std::size_t rows) {
    const bool many = !folder_.empty() && bytes(rows) > most_in_memory;
    if (in_file() ? !file_.grow(bytes(rows)) : many && !to_file(rows)) to_memory();
    if (!in_file()) memory_.resize(rows);
    rows_ = rows;
}

void RowStore::write(std::size_t i, const float* row) {
    if (in_file() && !file_.write(bytes(i), row, bytes(1))) to_memory();
    if (!in_file()) std::memcpy(memory_.row(i), row, bytes(1));
}

bool RowStore::to_file(std::size_t rows) noexcept {
    UnnamedFile file;
    if (!file.open_in(folder_) || !file.grow(bytes(rows))) return false;
    if (rows_ > 0 && !file.write(0, memory_.data(), bytes(rows_))) return false;
    file_ = std::move(file);
    memory_ = Arena<float>(width());
    return true;
}

// For good: what failed once is not tried again with every row.
void RowStore::to_memory() {
    if (in_file()) {
        memory_.resize(rows_);
        std::memcpy(memory_.row(0), file_.data(), bytes(rows_));
        file_ = UnnamedFile();
    }
    folder_.clear();
}

}  // namespace engrain
