#include <cmath>
#include <string>
#include <thread>
#include <vector>

#include "check.hpp"
#include "engrain/retrieval.hpp"

using namespace engrain;

static std::vector<float> unit(std::size_t seed, std::size_t dim) {
    std::vector<float> v(dim);
    double squared = 0;
    for (std::size_t j = 0; j < dim; ++j) {
        v[j] = float((seed * 7919 + j * 104729) % 1009) / 504.5F - 1.0F;
        squared += double(v[j]) * v[j];
    }
    for (float& x : v) x = float(x / std::sqrt(squared));
    return v;
}

static void add(RetrievalIndex& index, std::uint32_t handle, const std::string& text) {
    const std::vector<float> vector = unit(handle, 20);
    const float* pointer = vector.data();
    Origin origin;
    origin.sequence = handle / 4;
    origin.source = handle % 2 == 0 ? "ada" : "bob";
    index.add(handle, text.data(), text.size(), &pointer, origin);
}

static Search find(RetrievalIndex& index, const std::string& text, std::size_t seed) {
    const std::vector<float> vector = unit(seed, 20);
    const float* pointer = vector.data();
    Search search;
    index.search(text.data(), text.size(), &pointer, 0, search);
    return search;
}

static void grow_search_and_shrink(std::uint32_t n) {
    RetrievalIndex index({20});
    for (std::uint32_t h = 0; h < n; ++h)
        add(index, h, h % 3 == 0 ? "wing theory" : "drag of wings " + std::to_string(h));
    Search search = find(index, "drag 7", 7);
    CHECK(index.rank(search, 5));
    if (n > 7) CHECK(search.best[0] == 7);
    std::vector<std::uint32_t> all(n);
    for (std::uint32_t h = 0; h < n; ++h) all[h] = h;
    std::vector<float> x(n * index.columns()), fixed(n), centred(n * 20), length(n),
        frequency(n * search.terms.size());
    CHECK(index.gather(search, all.data(), n,
                       {index.columns(), x.data(), fixed.data(), centred.data(), frequency.data(),
                        length.data()}));
    for (const float value : x) CHECK(std::isfinite(value));
    for (std::uint32_t h = 0; h < n; h += 2) index.remove(h);
    CHECK(n == 0 || !index.rank(search, 5));
    CHECK(index.lexical().live() == n / 2);
    search = find(index, "drag", 3);
    CHECK(index.rank(search, n));
    CHECK(search.best.size() == n / 2);
}

static void search_while_growing() {
    RetrievalIndex index({20});
    for (std::uint32_t h = 0; h < 1100; ++h) add(index, h, "wing theory");
    std::thread reader([&index] {
        for (int i = 0; i < 50; ++i) {
            Search search = find(index, "wing", 5);
            if (index.rank(search, 5)) CHECK(search.best.size() == 5);
        }
    });
    for (std::uint32_t h = 1100; h < 1300; ++h) add(index, h, "drag");
    reader.join();
    CHECK(index.lexical().live() == 1300);
}

int main() {
    search_while_growing();
    for (std::uint32_t n : {0, 1, 7, 8, 9, 15, 16, 17, 1003, 2000}) grow_search_and_shrink(n);
    return 0;
}
