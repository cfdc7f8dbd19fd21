#include "engrain/row_store.hpp"

#include <algorithm>
#include <vector>

#include "check.hpp"

#if defined(__linux__)
#include <sys/resource.h>

#include <csignal>
#endif

using namespace engrain;

static constexpr std::size_t width = std::size_t{64} << 10;  // rows of 256 KiB: few reach the file
static constexpr std::size_t in_memory = RowStore::most_in_memory / (width * sizeof(float));

static std::vector<float> row_of(std::size_t i) {
    std::vector<float> row(width);
    for (std::size_t j = 0; j < width; ++j) row[j] = float(i * 31 + j);
    return row;
}

static void check_rows(const RowStore& store, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
        const std::vector<float> expected = row_of(i);
        CHECK(std::equal(expected.begin(), expected.end(), store.row(i)));
    }
}

// Rows one by one, then many at once; the first is overwritten and set back.
static void fill(RowStore& store, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
        store.resize(i + 1);
        store.write(i, row_of(i).data());
    }
    store.write(0, row_of(7).data());
    CHECK(store.row(0)[1] == row_of(7)[1]);
    store.write(0, row_of(0).data());
    check_rows(store, n);
}

static void check_growth(const std::string& folder, bool file) {
    RowStore store(width, folder);
    fill(store, in_memory);
    CHECK(!store.in_file());
    fill(store, in_memory + 2);
    CHECK(store.in_file() == file);
    store.resize(3 * in_memory);
    check_rows(store, in_memory + 2);
    const float* fresh = store.row(in_memory + 2);
    CHECK(std::all_of(fresh, fresh + width, [](float x) { return x == 0.0F; }));
    RowStore moved = std::move(store);
    CHECK(moved.in_file() == file);
    check_rows(moved, in_memory + 2);
}

#if defined(__linux__)

static bool offered() {
    UnnamedFile probe;
    return probe.open_in(".");
}

// A file that may not grow further, as on a full disk: its rows come back into memory.
static void check_want_of_room() {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit twice = {2 * RowStore::most_in_memory, RLIM_INFINITY};
    CHECK(setrlimit(RLIMIT_FSIZE, &twice) == 0);
    RowStore store(width, ".");
    fill(store, 2 * in_memory);
    CHECK(store.in_file() == offered());
    fill(store, 2 * in_memory + 3);
    CHECK(!store.in_file());
    store.resize(4 * in_memory);
    check_rows(store, 2 * in_memory + 3);
}

#else

static bool offered() { return false; }
static void check_want_of_room() {}

#endif

int main() {
    check_growth(".", offered());
    check_growth("", false);
    check_growth("no/such/folder", false);
    check_want_of_room();
}
