#include "engrain/slabs.hpp"

#include <cstdint>
#include <vector>

#include "check.hpp"

// Rows begin at a cache line and stay where they are while others come.
void check_rows(std::size_t width, std::size_t n) {
    engrain::Slabs<std::int32_t> slabs(width);
    std::vector<std::int32_t*> rows;
    for (std::size_t i = 0; i < n; ++i) {
        slabs.reserve(i + 1);
        rows.push_back(slabs.row(i));
        CHECK(reinterpret_cast<std::uintptr_t>(rows[i]) % 64 == 0);
        for (std::size_t j = 0; j < width; ++j) rows[i][j] = std::int32_t(i * width + j);
    }
    for (std::size_t i = 0; i < n; ++i) {
        CHECK(slabs.row(i) == rows[i]);
        for (std::size_t j = 0; j < width; ++j) CHECK(rows[i][j] == std::int32_t(i * width + j));
    }
}

int main() {
    for (const std::size_t width : {0, 1, 15, 16, 17, 384, 1003}) check_rows(width, 3000);
    check_rows(600'000, 3);  // wider than a block
    return 0;
}
