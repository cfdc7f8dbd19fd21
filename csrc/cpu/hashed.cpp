#include "engrain/hashed.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "engrain/hash.hpp"
#include "engrain/text.hpp"

namespace engrain {
namespace {

constexpr std::size_t shortest = 4, longest = 5;

struct Feature {
    std::uint64_t hash;
    float weight;
};

Feature feature_of(std::string_view bytes, float weight) {
    Hash hash;
    for (const char byte : bytes) hash.add(byte);
    return {hash.value(), weight};
}

// Byte offsets of the letters of #token#, and its end.
void find_letters(std::string_view marked, std::vector<std::size_t>& offsets) {
    offsets.clear();
    for (std::size_t i = 0; i < marked.size(); ++i)
        if ((marked[i] & 0xC0) != 0x80) offsets.push_back(i);
    offsets.push_back(marked.size());
}

class Featurizer {
  public:
    Featurizer(std::size_t dim, float* out) : dim_(dim), out_(out) {}

    void add(std::string_view token, std::size_t letters, std::size_t count) {
        marked_.assign("#").append(token).append("#");
        find_letters(marked_, offsets_);
        const float weight = std::sqrt(static_cast<float>(letters * count));
        const std::size_t n = offsets_.size() - 1;
        if (n < shortest) return put(feature_of(marked_, weight));
        const std::size_t grams = n - shortest + 1 + (n >= longest ? n - longest + 1 : 0);
        const float share = weight / std::sqrt(static_cast<float>(grams));
        for (std::size_t length = shortest; length <= std::min(longest, n); ++length)
            for (std::size_t i = 0; i + length <= n; ++i)
                put(feature_of(gram(i, i + length), share));
    }

  private:
    std::string_view gram(std::size_t first, std::size_t last) const {
        return std::string_view(marked_).substr(offsets_[first], offsets_[last] - offsets_[first]);
    }
    void put(Feature feature) {
        out_[(feature.hash >> 1) % dim_] += feature.hash & 1 ? feature.weight : -feature.weight;
    }

    std::size_t dim_;
    float* out_;
    std::string marked_;
    std::vector<std::size_t> offsets_;
};

}  // namespace

void hash_text(const char* text, std::size_t size, std::size_t dim, float* out) {
    std::vector<Token> tokens;
    append_tokens(text, size, tokens);
    const auto bytes = [](const Token& t) { return std::string_view(t.begin, t.size); };
    std::sort(tokens.begin(), tokens.end(),
              [&](const Token& a, const Token& b) { return bytes(a) < bytes(b); });
    Featurizer featurizer(dim, out);
    for (std::size_t i = 0, next; i < tokens.size(); i = next) {
        for (next = i + 1; next < tokens.size() && bytes(tokens[next]) == bytes(tokens[i]); ++next)
            continue;
        featurizer.add(bytes(tokens[i]), tokens[i].letters, next - i);
    }
}

}  // namespace engrain
