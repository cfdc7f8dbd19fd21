#include "engrain/grams.hpp"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <iterator>
#include <string>

#include "engrain/hash.hpp"

namespace engrain {
namespace {

using Views = std::vector<std::string_view>;
using Words = std::vector<Word>;
using Hashes = std::vector<std::uint64_t>;

constexpr std::array<std::string_view, 10> kDigits = {"0", "1", "2", "3", "4",
                                                      "5", "6", "7", "8", "9"};
constexpr std::array<std::string_view, kCues> kMarkedCues = {
    "\1positive", "\1negative", "\1correction", "\1confusion", "\1softened",
    "\1asked",    "\1hedge",    "\1neutral",    "\1negator",   "\1contrast",
    "\1about",    "\1degree",   "\1judgement"};

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

void append_runs(const Views& words, Hashes& hashes) {
    for (std::size_t n = 1; n <= 3; ++n)
        for (std::size_t i = 0; i + n <= words.size(); ++i)
            hashes.push_back(hash_run('w', &words[i], n));
    for (std::size_t gap = 2; gap <= 3; ++gap)
        for (std::size_t i = 0; i + gap < words.size(); ++i) {
            const std::string_view pair[] = {words[i], words[i + gap]};
            hashes.push_back(hash_run(gap == 2 ? 's' : 't', pair, 2));
        }
}

std::size_t letters(std::string_view word) {
    return std::size_t(
        std::count_if(word.begin(), word.end(), [](char byte) { return (byte & 0xC0) != 0x80; }));
}

// The byte offset of the code point `count` places from the start or, backwards, from the end.
std::size_t step_letters(std::string_view word, std::size_t count, bool forwards) {
    std::size_t at = forwards ? 0 : word.size();
    for (; count > 0; --count) do {
            at = forwards ? at + 1 : at - 1;
        } while (at > 0 && at < word.size() && (word[at] & 0xC0) == 0x80);
    return at;
}

std::uint64_t hash_letters(std::string_view before, std::string_view middle,
                           std::string_view after) {
    Hash hash;
    hash.add('c');
    for (const std::string_view part : {before, middle, after}) add(hash, part);
    return hash.value();
}

// A feature that stands for itself, in parts.
void append_context(std::initializer_list<std::string_view> parts, Hashes& hashes) {
    Hash hash;
    hash.add('x');
    hash.add(' ');
    for (const std::string_view part : parts) add(hash, part);
    hashes.push_back(hash.value());
}

// Runs of 2 to 4 words in which those that judge are alike, with one of them.
void append_judgements(const PhraseTable& table, const Words& words, Hashes& hashes) {
    Views alike{"^"};
    std::size_t count = 0;
    for (const Word& word : words) {
        const bool judging = table.is_judging(word);
        alike.push_back(judging ? "E" : word.text);
        count += judging;
    }
    alike.emplace_back("$");
    const auto is_judging = [](std::string_view word) { return word == "E"; };
    for (std::size_t n = 2; n <= 4; ++n)
        for (std::size_t i = 0; i + n <= alike.size(); ++i)
            if (std::any_of(&alike[i], &alike[i] + n, is_judging))
                hashes.push_back(hash_run('e', &alike[i], n));
    append_context({"judging:", kDigits[std::min<std::size_t>(count, 3)]}, hashes);
    append_context({"judging:length:", kDigits[std::min<std::size_t>(words.size(), 12) / 2],
                    count > 0 ? ":True" : ":False"},
                   hashes);
}

// The first and the last four letters of #word#; of a word of two letters both are #word#.
void append_letters(std::string_view word, Hashes& hashes) {
    const std::size_t count = letters(word);
    if (count == 2) hashes.push_back(hash_letters("#", word, "#"));
    if (count < 3) return;
    hashes.push_back(hash_letters("#", word.substr(0, step_letters(word, 3, true)), ""));
    hashes.push_back(hash_letters("", word.substr(step_letters(word, 3, false)), "#"));
}

void append_classes(const Views& words, Hashes& hashes) {
    const auto is_class = [](std::string_view word) { return word[0] == '\1'; };
    for (std::size_t n = 2; n <= 3; ++n)
        for (std::size_t i = 0; i + n <= words.size(); ++i)
            if (std::any_of(&words[i], &words[i] + n, is_class))
                hashes.push_back(hash_run('k', &words[i], n));
}

Views bordered(const Words& words) {
    Views views{"\2"};
    views.reserve(words.size() + 2);
    for (const Word& word : words) views.push_back(word.text);
    views.emplace_back("\3");
    return views;
}

Views with_classes(const Words& words, const std::vector<Phrase>& phrases) {
    Views views{"\2"};
    std::size_t at = 0;
    for (const Phrase& phrase : phrases) {
        for (; at < phrase.start; ++at) views.push_back(words[at].text);
        views.push_back(kMarkedCues[std::size_t(phrase.cue)]);
        at = phrase.start + phrase.length;
    }
    for (; at < words.size(); ++at) views.push_back(words[at].text);
    views.emplace_back("\3");
    return views;
}

std::string_view length_name(const Words& words) {
    constexpr std::array<std::string_view, 15> names = {"0", "1", "2", "3",  "4",  "5",  "6", "6",
                                                        "8", "8", "8", "11", "11", "11", "11"};
    return words.size() < names.size() ? names[words.size()] : "15";
}

void append_cues(const Reading& reading, std::string_view length, Hashes& hashes) {
    for (std::size_t c = 0; c < kCues; ++c) {
        if (reading.cues[c] == 0) continue;
        append_context({kCueNames[c], ":", kDigits[std::min<std::size_t>(reading.cues[c], 3)]},
                       hashes);
        append_context({kCueNames[c], ":length:", length}, hashes);
    }
}

void append_ends(const Words& words, std::string_view length, Hashes& hashes) {
    if (words.empty()) return;
    const std::string_view first = words.front().text, last = words.back().text;
    append_context({"first:", first, ":length:", length}, hashes);
    append_context({"first:", first, ":last:", last}, hashes);
    if (last == "?" || last == "？") append_context({"asked:", length}, hashes);
}

std::string joined(const Views& words, std::size_t begin, std::size_t end) {
    std::string all;
    for (std::size_t i = begin; i < end; ++i) {
        if (i > begin) all += '_';
        all += words[i];
    }
    return all;
}

// How an utterance begins and ends without fillers and repetitions, and all of it.
void append_core(const PhraseTable& table, const Words& words, Hashes& hashes) {
    Views core, alike;
    for (const Word& word : words)
        if (!table.is_filler(word) && (core.empty() || word.text != core.back())) {
            core.push_back(word.text);
            alike.push_back(table.is_judging(word) ? "E" : word.text);
        }
    const std::size_t n = core.size();
    const std::string_view length = kDigits[std::min<std::size_t>(n, 7)];
    append_context({"core:", length}, hashes);
    if (n == 0) return;
    append_context({"core:", joined(core, 0, std::min<std::size_t>(n, 6)), ":", length}, hashes);
    append_context({"core:judging:", joined(alike, 0, std::min<std::size_t>(n, 5))}, hashes);
    append_context({"core:first:", core.front(), ":", length}, hashes);
    append_context({"core:last:", core.back(), ":", length}, hashes);
    append_context({"core:ends:", core.front(), ":", core.back()}, hashes);
    append_context({"core:start:", joined(core, 0, std::min<std::size_t>(n, 2))}, hashes);
    append_context({"core:two:", joined(core, n - std::min<std::size_t>(n, 2), n)}, hashes);
    append_context({"core:three:", joined(core, n - std::min<std::size_t>(n, 3), n)}, hashes);
}

Hashes distinct(const Words& words) {
    Hashes hashes;
    for (const Word& word : words)
        if (letters(word.text) > 3) hashes.push_back(word.hash);
    std::sort(hashes.begin(), hashes.end());
    hashes.erase(std::unique(hashes.begin(), hashes.end()), hashes.end());
    return hashes;
}

// How an utterance takes up the one before it.
void append_relation(const Words& words, const Words& before, Hashes& hashes) {
    if (before.empty()) return append_context({"before:none"}, hashes);
    const auto is_mark = [](const Word& word) { return word.text == "?"; };
    const auto last_two = before.end() - std::ptrdiff_t(std::min<std::size_t>(before.size(), 2));
    const std::string_view asked = std::any_of(last_two, before.end(), is_mark) ? "True" : "False";
    const Hashes content = distinct(words), known = distinct(before);
    Hashes both;
    std::set_intersection(content.begin(), content.end(), known.begin(), known.end(),
                          std::back_inserter(both));
    append_context({"before:asked:", asked}, hashes);
    append_context({"before:length:", length_name(before)}, hashes);
    append_context({"shared:", kDigits[std::min<std::size_t>(both.size(), 3)]}, hashes);
    if (!words.empty()) append_context({"first:", words[0].text, ":before:asked:", asked}, hashes);
    if (!content.empty())
        append_context({"share:", kDigits[4 * both.size() / content.size()]}, hashes);
}

}  // namespace

Reading read_utterance(const PhraseTable& table, std::string_view text, std::string_view previous) {
    const Utterance said(text), before(previous);
    const Words& words = said.words();
    const std::vector<Phrase> phrases = table.find(words);
    Reading reading;
    reading.words = words.size();
    for (const Phrase& phrase : phrases) ++reading.cues[std::size_t(phrase.cue)];
    Hashes& hashes = reading.features;
    hashes.reserve(12 * words.size() + 40);
    append_runs(bordered(words), hashes);
    for (const Word& word : words) append_letters(word.text, hashes);
    append_classes(with_classes(words, phrases), hashes);
    append_judgements(table, words, hashes);
    const std::string_view length = length_name(words);
    append_context({"length:", length}, hashes);
    append_cues(reading, length, hashes);
    append_ends(words, length, hashes);
    append_core(table, words, hashes);
    append_relation(words, before.words(), hashes);
    std::sort(hashes.begin(), hashes.end());
    hashes.erase(std::unique(hashes.begin(), hashes.end()), hashes.end());
    return reading;
}

void score_reading(const Reading& reading, const GramWeights& weights, double* out) {
    const std::size_t kinds = weights.kinds;
    std::fill(out, out + kinds, 0.0);
    for (const std::uint64_t feature : reading.features) {
        const std::int8_t* row = weights.codes + (feature & (weights.rows - 1)) * kinds;
        for (std::size_t k = 0; k < kinds; ++k) out[k] += double(row[k]);
    }
    const double scale = 1 / std::sqrt(double(std::max<std::size_t>(reading.features.size(), 1)));
    for (std::size_t k = 0; k < kinds; ++k)
        out[k] = weights.bias[k] + weights.step[k] * (out[k] * scale);
    for (std::size_t c = 0; c < kCues; ++c) {
        if (reading.cues[c] == 0) continue;
        const double grown =
            2.0 - std::ldexp(2.0, -int(std::min<std::size_t>(reading.cues[c], 60)));
        for (std::size_t k = 0; k < kinds; ++k) out[k] += grown * weights.cues[c * kinds + k];
    }
    for (std::size_t k = 0; k < kinds; ++k)
        out[k] = 1.0 / (1.0 + std::exp(-std::min(std::max(out[k], -60.0), 60.0)));
}

}  // namespace engrain
