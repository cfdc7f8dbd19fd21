#include "engrain/utterance.hpp"

#include "engrain/hash.hpp"

namespace engrain {
namespace {

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || static_cast<signed char>(c) < 0;
}

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 28 && c <= 31); }

char at(std::string_view text, std::size_t i) { return i < text.size() ? text[i] : ' '; }

// `size`, unless a letter follows.
std::size_t if_ended(std::string_view text, std::size_t size) {
    const char next = at(text, size);
    return is_letter(next) || next == '_' ? 0 : size;
}

std::size_t question_marks(std::string_view text) {
    std::size_t n = 1;
    while (at(text, n) == '?') ++n;
    if (n == 1) return 0;
    return if_ended(text, n) > 0 ? n : n > 2 ? n - 1 : 0;
}

// The bytes of the emoticon that `text` begins with, or 0.
std::size_t emoticon(std::string_view text) {
    const char first = text[0], second = at(text, 1);
    if (first == '?') return question_marks(text);
    if ((first == '(' && second == ':') || (first == '<' && second == '3') ||
        (first == '^' && second == '^'))
        return if_ended(text, 2);
    std::size_t i = first == '>';
    if (at(text, i) != ':' && at(text, i) != ';') return 0;
    ++i;
    if (at(text, i) == '-' || at(text, i) == 'o') ++i;
    const char mouth = at(text, i);
    const bool whole = mouth == '(' || mouth == ')' || mouth == 'd' || mouth == '/';
    return whole ? if_ended(text, i + 1) : 0;
}

std::size_t letters(std::string_view text) {
    std::size_t n = 1;
    while (is_letter(at(text, n)) || (at(text, n) == '\'' && is_letter(at(text, n + 1)))) ++n;
    return n;
}

}  // namespace

std::uint64_t hash_word(std::string_view word) {
    Hash hash;
    for (const char byte : word) hash.add(byte);
    return hash.value();
}

Utterance::Utterance(std::string_view text) : text_(text) {
    for (char& c : text_)
        if (c >= 'A' && c <= 'Z') c = char(c + 'a' - 'A');
    words_.reserve(text_.size() / 3 + 4);
    std::string_view rest(text_);
    while (!rest.empty()) {
        std::size_t size = 1;
        if (is_letter(rest[0])) {
            size = letters(rest);
        } else if (is_space(rest[0]) || rest[0] == '_') {
            rest.remove_prefix(1);
            continue;
        } else if (const std::size_t face = emoticon(rest)) {
            size = face;
        }
        const std::string_view word = rest.substr(0, size);
        words_.push_back({word, hash_word(word)});
        rest.remove_prefix(size);
    }
}

}  // namespace engrain
