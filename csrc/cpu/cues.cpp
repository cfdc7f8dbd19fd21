#include "engrain/cues.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iterator>

#include "engrain/transcendental.hpp"

namespace engrain {
namespace {

using Word = std::string_view;
using Words = std::vector<Word>;

constexpr Word months[] = {"january", "february", "march",     "april",   "may",      "june",
                           "july",    "august",   "september", "october", "november", "december"};

// Ascending.
constexpr Word time_words[] = {
    "ago",       "april",   "august", "day",      "days",     "december", "february", "friday",
    "january",   "july",    "june",   "last",     "march",    "may",      "monday",   "month",
    "months",    "morning", "next",   "night",    "november", "october",  "recently", "saturday",
    "september", "soon",    "sunday", "thursday", "today",    "tomorrow", "tuesday",  "wednesday",
    "week",      "weekend", "weeks",  "year",     "years",    "yesterday"};

constexpr int told_after = 3;  // days
constexpr double day_scale = 10.0, month_scale = 25.0;
constexpr float same_year = 0.3F;

bool digit(char c) { return c >= '0' && c <= '9'; }

bool separates(char c) {
    return !(digit(c) || (c >= 'a' && c <= 'z') || static_cast<unsigned char>(c) >= 0x80);
}

// 1 to 12, 0 for no month; its first three letters are enough.
int month_of(Word word) {
    if (word == "sept") return 9;
    for (int i = 0; i < 12; ++i)
        if (word == months[i] || (word.size() == 3 && word == months[i].substr(0, 3))) return i + 1;
    return 0;
}

// Up to four digits, with an ordinal's ending where that is allowed; -1 for all else.
int number_of(Word word, bool ordinal) {
    if (ordinal && word.size() > 2) {
        const Word ending = word.substr(word.size() - 2);
        if (ending == "st" || ending == "nd" || ending == "rd" || ending == "th")
            word.remove_suffix(2);
    }
    if (word.empty() || word.size() > 4 || !std::all_of(word.begin(), word.end(), digit)) return -1;
    int value = 0;
    for (const char c : word) value = 10 * value + (c - '0');
    return value;
}

int year_of(Word word) {
    const int value = word.size() == 4 ? number_of(word, false) : -1;
    return value >= 1900 && value < 2100 ? value : 0;
}

int day_number(Word word) {
    const int value = number_of(word, true);
    return value >= 1 && value <= 31 ? value : 0;
}

Word at(const Words& words, std::size_t i) { return i < words.size() ? words[i] : Word(); }

// The date around the month at words[i]: 7 may 2023, 7th of may, may 7, 2023, may 2023.
Date around(const Words& words, std::size_t i, int month) {
    Date date{0, month, 0};
    const std::size_t before = i > 1 && words[i - 1] == "of" ? i - 2 : i - 1;
    if (i > 0) date.day = day_number(words[before]);
    std::size_t next = i + 1;
    if (date.day == 0 && day_number(at(words, next)) != 0) date.day = day_number(words[next++]);
    if (at(words, next) == "of") ++next;
    date.year = year_of(at(words, next));
    return date;
}

// 2023-05-07.
Date numeric(const Words& words, std::size_t i) {
    const int month = number_of(at(words, i + 1), false);
    const bool whole = month >= 1 && month <= 12 && day_number(at(words, i + 2)) != 0;
    if (whole) return {year_of(words[i]), month, day_number(words[i + 2])};
    return {year_of(words[i]), 0, 0};
}

// "may", "march" and short forms are months only beside a day or a year.
bool doubtful(Word word) { return word == "march" || word.size() == 3; }

Date find_date(const Words& words) {
    Date year;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (const int month = month_of(words[i])) {
            const Date date = around(words, i, month);
            if (date.day != 0 || date.year != 0 || !doubtful(words[i])) return date;
        } else if (year_of(words[i]) != 0 && !year) {
            year = numeric(words, i);
            if (year.month != 0) return year;
        }
    }
    return year;
}

// Days since 1970-01-01 of a Gregorian date, and back to its year (H. Hinnant, "chrono-compatible
// low-level date algorithms").
int days_from_civil(int year, int month, int day) {
    year -= month <= 2;
    const int era = (year >= 0 ? year : year - 399) / 400, of_era = year - era * 400;
    const int of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

int year_of_day(int days) {
    int year = 1970 + static_cast<int>(std::floor(days / 365.2425));
    while (days_from_civil(year + 1, 1, 1) <= days) ++year;
    while (days_from_civil(year, 1, 1) > days) --year;
    return year;
}

}  // namespace

std::vector<std::string_view> words_of(const char* text, std::size_t size) {
    Words words;
    const char *end = text + size, *start = text;
    while ((start = std::find_if_not(start, end, separates)) != end) {
        const char* stop = std::find_if(start, end, separates);
        words.emplace_back(start, static_cast<std::size_t>(stop - start));
        start = stop;
    }
    return words;
}

Form read_form(const char* text, std::size_t size) {
    Form form;
    while (size > 0 && static_cast<unsigned char>(text[size - 1]) <= ' ') --size;
    form.asks = size > 0 && text[size - 1] == '?';
    form.counts = std::any_of(text, text + size, digit);
    for (const Word word : words_of(text, size))
        form.times |= std::binary_search(std::begin(time_words), std::end(time_words), word);
    return form;
}

Cues read_cues(const Words& words) {
    Cues cues;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const Word next = words[i] == "how" ? at(words, i + 1) : Word();
        cues.when |= words[i] == "when" || next == "long";
        cues.number |= next == "long" || next == "many";
    }
    cues.date = find_date(words);
    return cues;
}

std::int32_t day_of(double seconds) noexcept {
    return std::abs(seconds) < 1e11 ? static_cast<std::int32_t>(std::floor(seconds / 86400.0))
                                    : no_day;
}

float closeness(const Date& asked, std::int32_t day) noexcept {
    if (!asked || day == no_day) return 0.0F;
    const int year = year_of_day(day);
    if (asked.month == 0) return asked.year == year ? same_year : 0.0F;
    if (asked.year != 0 && std::abs(asked.year - year) > 1) return 0.0F;
    const int first = asked.year != 0 ? asked.year : year - 1;
    const int last = asked.year != 0 ? asked.year : year + 1;
    int least = INT32_MAX;
    for (int y = first; y <= last; ++y) {
        const int middle = asked.day != 0 ? std::min(asked.day, 28) + told_after : 15;
        least = std::min(least, std::abs(day - days_from_civil(y, asked.month, 1) - middle + 1));
    }
    return static_cast<float>(engrain::exp(-least / (asked.day != 0 ? day_scale : month_scale)));
}

}  // namespace engrain
