// What a text says of its own form, and what a question asks for: read from words alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace engrain {

// The runs of ASCII letters and digits and of bytes above ASCII in a lower-case text.
std::vector<std::string_view> words_of(const char* text, std::size_t size);

// The form of a memory's text.
struct Form {
    bool asks = false;    // ends in a question mark
    bool times = false;   // has a word of time
    bool counts = false;  // has a digit
};
Form read_form(const char* text, std::size_t size);

// A date as far as it was said; 0 is not said.
struct Date {
    int year = 0, month = 0, day = 0;
    explicit operator bool() const noexcept { return year != 0 || month != 0; }
};

// What a question asks for: a time, a number, something of a date.
struct Cues {
    bool when = false, number = false;
    Date date;
};
Cues read_cues(const std::vector<std::string_view>& words);

// No time is known.
constexpr std::int32_t no_day = INT32_MIN;
// The day of a time in seconds since 1970, no_day for NaN and what lies beyond all calendars.
std::int32_t day_of(double seconds) noexcept;

// How close a memory of `day` lies to a date asked for, in [0, 1]: exp(-distance / 10 days), of a
// month exp(-distance from its middle / 25 days), of a year .3 or 0. What happened on a day is told
// afterwards, so the distance is counted from three days later. Without a year the nearest counts.
float closeness(const Date& asked, std::int32_t day) noexcept;

}  // namespace engrain
