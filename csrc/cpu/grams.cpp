#include "engrain/grams.hpp"

#include <algorithm>
#include <cmath>

#include "engrain/hash.hpp"

namespace engrain {
namespace {

using Words = std::vector<std::string_view>;

void split(std::string_view text, Words& words) {
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(' '), text.size());
        if (end > 0) words.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
}

void add(Hash& hash, std::string_view bytes) {
    for (const char byte : bytes) hash.add(byte);
}

std::uint64_t hash_run(char family, const std::string_view* words, std::size_t n) {
    Hash hash;
    hash.add(family);
    for (std::size_t i = 0; i < n; ++i) {
        hash.add(' ');
        add(hash, words[i]);
    }
    return hash.value();
}

std::uint64_t hash_pair(char family, std::string_view first, std::string_view second) {
    const std::string_view pair[] = {first, second};
    return hash_run(family, pair, 2);
}

void append_runs(const Words& words, std::vector<std::uint64_t>& hashes) {
    for (std::size_t n = 1; n <= 3; ++n)
        for (std::size_t i = 0; i + n <= words.size(); ++i)
            hashes.push_back(hash_run('w', &words[i], n));
    for (std::size_t gap = 2; gap <= 3; ++gap)
        for (std::size_t i = 0; i + gap < words.size(); ++i)
            hashes.push_back(hash_pair(gap == 2 ? 's' : 't', words[i], words[i + gap]));
}

// The byte offset of the code point `count` places from the start or, backwards, from the end.
std::size_t step_letters(std::string_view word, std::size_t count, bool forwards) {
    std::size_t at = forwards ? 0 : word.size();
    for (; count > 0; --count) do {
            at = forwards ? at + 1 : at - 1;
        } while (at > 0 && at < word.size() && (word[at] & 0xC0) == 0x80);
    return at;
}

std::uint64_t hash_letters(std::string_view before, std::string_view letters,
                           std::string_view after) {
    Hash hash;
    hash.add('c');
    for (const std::string_view part : {before, letters, after}) add(hash, part);
    return hash.value();
}

// The first and the last four letters of #word#; of a word of two letters both are #word#.
void append_letters(std::string_view word, std::vector<std::uint64_t>& hashes) {
    std::size_t letters = 0;
    for (const char byte : word) letters += (byte & 0xC0) != 0x80;
    if (letters == 2) hashes.push_back(hash_letters("#", word, "#"));
    if (letters < 3) return;
    hashes.push_back(hash_letters("#", word.substr(0, step_letters(word, 3, true)), ""));
    hashes.push_back(hash_letters("", word.substr(step_letters(word, 3, false)), "#"));
}

void append_classes(const Words& words, std::vector<std::uint64_t>& hashes) {
    const auto is_class = [](std::string_view word) { return word[0] == '\1'; };
    for (std::size_t n = 2; n <= 3; ++n)
        for (std::size_t i = 0; i + n <= words.size(); ++i)
            if (std::any_of(&words[i], &words[i] + n, is_class))
                hashes.push_back(hash_run('k', &words[i], n));
}

Words bordered(std::string_view text) {
    Words words{"\2"};
    split(text, words);
    words.emplace_back("\3");
    return words;
}

}  // namespace

std::vector<std::uint64_t> hash_grams(const Utterance& utterance) {
    std::vector<std::uint64_t> hashes;
    hashes.reserve(4 * utterance.words.size() + 64);
    const Words words = bordered(utterance.words);
    append_runs(words, hashes);
    for (std::size_t i = 1; i + 1 < words.size(); ++i) append_letters(words[i], hashes);
    append_classes(bordered(utterance.classes), hashes);
    Words context;
    split(utterance.context, context);
    for (const std::string_view& word : context) hashes.push_back(hash_run('x', &word, 1));
    std::sort(hashes.begin(), hashes.end());
    hashes.erase(std::unique(hashes.begin(), hashes.end()), hashes.end());
    return hashes;
}

void score_grams(const std::uint64_t* hashes, std::size_t n, const std::int8_t* codes,
                 std::size_t rows, std::size_t kinds, double* out) noexcept {
    std::fill(out, out + kinds, 0.0);
    for (std::size_t i = 0; i < n; ++i) {
        const std::int8_t* row = codes + (hashes[i] & (rows - 1)) * kinds;
        for (std::size_t k = 0; k < kinds; ++k) out[k] += double(row[k]);
    }
    const double scale = n == 0 ? 0.0 : 1 / std::sqrt(double(n));
    for (std::size_t k = 0; k < kinds; ++k) out[k] *= scale;
}

}  // namespace engrain
