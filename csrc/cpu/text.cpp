#include "engrain/text.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>

#include "engrain/hash.hpp"

namespace engrain {
namespace {

enum class Kind : std::uint8_t { separator, letter, ideograph };

struct Range {
    char32_t first, last;
    Kind kind;
};

// Blocks of the Unicode standard in ascending order; what lies between them separates.
constexpr Range ranges[] = {{0xAA, 0xAA, Kind::letter},         {0xB5, 0xB5, Kind::letter},
                            {0xBA, 0xBA, Kind::letter},         {0xC0, 0xD6, Kind::letter},
                            {0xD8, 0xF6, Kind::letter},         {0xF8, 0x2C1, Kind::letter},
                            {0x300, 0x374, Kind::letter},       {0x376, 0x37D, Kind::letter},
                            {0x37F, 0x386, Kind::letter},       {0x388, 0x481, Kind::letter},
                            {0x483, 0x556, Kind::letter},       {0x561, 0x587, Kind::letter},
                            {0x591, 0x5BD, Kind::letter},       {0x5C1, 0x5C2, Kind::letter},
                            {0x5C4, 0x5F2, Kind::letter},       {0x610, 0x61A, Kind::letter},
                            {0x620, 0x669, Kind::letter},       {0x66E, 0x6D3, Kind::letter},
                            {0x6D5, 0x6FF, Kind::letter},       {0x710, 0x963, Kind::letter},
                            {0x966, 0xE3E, Kind::letter},       {0xE40, 0xE4E, Kind::letter},
                            {0xE50, 0xF03, Kind::letter},       {0xF20, 0x1049, Kind::letter},
                            {0x1050, 0x10FA, Kind::letter},     {0x10FC, 0x1360, Kind::letter},
                            {0x1369, 0x13FF, Kind::letter},     {0x1401, 0x166C, Kind::letter},
                            {0x166F, 0x167F, Kind::letter},     {0x1681, 0x169A, Kind::letter},
                            {0x16A0, 0x17D3, Kind::letter},     {0x17E0, 0x1FFE, Kind::letter},
                            {0x2C00, 0x2DFF, Kind::letter},     {0x2E80, 0x2FDF, Kind::ideograph},
                            {0x3005, 0x3007, Kind::ideograph},  {0x3041, 0x3096, Kind::ideograph},
                            {0x309D, 0x309F, Kind::ideograph},  {0x30A1, 0x30FA, Kind::ideograph},
                            {0x30FC, 0x31FF, Kind::ideograph},  {0x3400, 0x4DBF, Kind::ideograph},
                            {0x4E00, 0x9FFF, Kind::ideograph},  {0xA000, 0xA48C, Kind::ideograph},
                            {0xA4D0, 0xA4FD, Kind::letter},     {0xA500, 0xABFF, Kind::letter},
                            {0xAC00, 0xD7A3, Kind::ideograph},  {0xF900, 0xFAFF, Kind::ideograph},
                            {0xFB00, 0xFD3D, Kind::letter},     {0xFD50, 0xFDFB, Kind::letter},
                            {0xFE70, 0xFEFC, Kind::letter},     {0xFF10, 0xFF19, Kind::letter},
                            {0xFF21, 0xFF3A, Kind::letter},     {0xFF41, 0xFF5A, Kind::letter},
                            {0xFF66, 0xFFDC, Kind::ideograph},  {0x10000, 0x1CFFF, Kind::letter},
                            {0x1D400, 0x1D7FF, Kind::letter},   {0x1E000, 0x1EFFF, Kind::letter},
                            {0x20000, 0x3FFFD, Kind::ideograph}};

Kind kind_of(char32_t c) {
    if (c < 0x80)
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')
                   ? Kind::letter
                   : Kind::separator;
    const Range* above = std::upper_bound(std::begin(ranges), std::end(ranges), c,
                                          [](char32_t x, const Range& r) { return x < r.first; });
    if (above == std::begin(ranges)) return Kind::separator;
    const Range& range = *(above - 1);
    return c <= range.last ? range.kind : Kind::separator;
}

// The code point at p, and its end in `next`; a malformed byte is a separator of its own.
char32_t decode(const unsigned char* p, const unsigned char* end, const unsigned char** next) {
    *next = p + 1;
    if (*p < 0x80) return *p;
    const int extra = *p >= 0xF0 ? 3 : *p >= 0xE0 ? 2 : *p >= 0xC0 ? 1 : 0;
    if (extra == 0 || end - p <= extra) return 0;
    char32_t c = *p & (0x3F >> extra);
    for (int i = 1; i <= extra; ++i) {
        if ((p[i] & 0xC0) != 0x80) return 0;
        c = c << 6 | (p[i] & 0x3F);
    }
    *next = p + 1 + extra;
    return c;
}

constexpr const char* stop_words[] = {
    "a",    "an",   "and",  "are",   "as",    "at",    "be",    "but",  "by",   "can",
    "did",  "do",   "does", "for",   "from",  "had",   "has",   "have", "how",  "i",
    "if",   "in",   "into", "is",    "it",    "no",    "not",   "of",   "on",   "or",
    "such", "that", "the",  "their", "then",  "there", "these", "they", "this", "to",
    "was",  "what", "when", "where", "which", "who",   "will",  "with"};

std::uint64_t pack(const char* p, std::size_t n) {
    std::uint64_t word = 0;
    std::memcpy(&word, p, n);
    return word;
}

struct StopList {
    std::vector<std::uint64_t> packed;
    StopList() {
        for (const char* word : stop_words) packed.push_back(pack(word, std::strlen(word)));
        std::sort(packed.begin(), packed.end());
    }
    bool contains(const char* p, std::size_t n) const {
        return n <= 5 && std::binary_search(packed.begin(), packed.end(), pack(p, n));
    }
};

bool sibilant(char c) { return c == 's' || c == 'x' || c == 'z'; }

Term hash_token(const char* p, std::size_t n, std::size_t letters) {
    bool y = false;
    if (letters > 4 && p[n - 1] == 's') {
        if (p[n - 2] == 'e' && p[n - 3] == 'i')
            n -= 3, y = true;
        else if (p[n - 2] == 'e' && sibilant(p[n - 3]))
            n -= 2;
        else if (p[n - 2] != 's')
            n -= 1;
    }
    Hash hash;
    for (std::size_t i = 0; i < n; ++i) hash.add(p[i]);
    if (y) hash.add('y');
    return static_cast<Term>(static_cast<std::uint32_t>(hash.value()));
}

}  // namespace

void append_tokens(const char* text, std::size_t size, std::vector<Token>& tokens) {
    static const StopList stop_list;
    const auto* p = reinterpret_cast<const unsigned char*>(text);
    const unsigned char *end = p + size, *start = p, *next = p;
    std::size_t letters = 0;
    const auto close = [&](const unsigned char* stop) {
        const auto* token = reinterpret_cast<const char*>(start);
        const std::size_t n = static_cast<std::size_t>(stop - start);
        if (letters > 0 && !stop_list.contains(token, n)) tokens.push_back({token, n, letters});
        letters = 0;
    };
    for (; p < end; p = next) {
        const Kind kind = kind_of(decode(p, end, &next));
        if (kind == Kind::letter) {
            if (letters++ == 0) start = p;
            continue;
        }
        close(p);
        if (kind == Kind::ideograph)
            tokens.push_back(
                {reinterpret_cast<const char*>(p), static_cast<std::size_t>(next - p), 1});
    }
    close(end);
}

void append_terms(const char* text, std::size_t size, std::vector<Term>& terms) {
    std::vector<Token> tokens;
    append_tokens(text, size, tokens);
    terms.reserve(terms.size() + tokens.size());
    for (const Token& token : tokens)
        terms.push_back(hash_token(token.begin, token.size, token.letters));
}

}  // namespace engrain
