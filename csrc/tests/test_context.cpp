#include <cmath>
#include <string>

#include "check.hpp"
#include "engrain/context.hpp"

using namespace engrain;

static Cues cues_of(const std::string& text) {
    return read_cues(words_of(text.data(), text.size()));
}

static bool says(const std::string& text, int year, int month, int day) {
    const Date date = cues_of(text).date;
    return date.year == year && date.month == month && date.day == day;
}

static void dates() {
    CHECK(says("on 7 may 2023", 2023, 5, 7));
    CHECK(says("the 22nd of october, 2022", 2022, 10, 22));
    CHECK(says("july 4th", 0, 7, 4));
    CHECK(says("june", 0, 6, 0));
    CHECK(says("2023-05-07", 2023, 5, 7));
    CHECK(says("2023-15-07", 2023, 0, 0));
    CHECK(says("may i march to 32 mar", 0, 0, 0));
    CHECK(says("of may", 0, 0, 0));
    CHECK(says("", 0, 0, 0));
    CHECK(cues_of("how long").when && cues_of("how long").number);
    CHECK(!cues_of("long how").when);
}

static void closeness_falls_with_the_days_in_between() {
    const std::int32_t day = day_of(1683417600.0);  // 2023-05-07
    CHECK(day == 19484);
    CHECK(closeness({2023, 5, 4}, day) == 1.0F);
    CHECK(std::abs(closeness({2023, 5, 14}, day) - std::exp(-1.0F)) < 1e-6F);
    CHECK(closeness({0, 5, 4}, day) == 1.0F);
    CHECK(closeness({2021, 5, 4}, day) == 0.0F);
    CHECK(closeness({2023, 0, 0}, day) == 0.3F);
    CHECK(closeness({0, 12, 31}, day_of(0.0)) > 0.5F);  // the last day of the year before
    CHECK(closeness({2023, 5, 4}, no_day) == 0.0F);
    CHECK(day_of(-1.0) == -1);
    CHECK(day_of(1e300) == no_day);
    CHECK(day_of(std::nan("")) == no_day);
}

static void sources_are_forgotten_with_their_last_memory() {
    Sources sources;
    std::vector<Sources::Name> found;
    const std::uint32_t ada = sources.add("ada lovelace");
    CHECK(sources.add("ada lovelace") == ada);
    const std::uint32_t bob = sources.add("bo");
    sources.find("love", found);
    CHECK(found.size() == 1 && found[0].source == ada && !found[0].whole);
    sources.find("bo", found);
    CHECK(found.size() == 2 && found[1].source == bob && found[1].whole);
    sources.release(ada);
    sources.release(ada);
    found.clear();
    sources.find("ada", found);
    CHECK(found.empty());
    CHECK(sources.add("eve") == ada);
}

int main() {
    dates();
    closeness_falls_with_the_days_in_between();
    sources_are_forgotten_with_their_last_memory();
    return 0;
}
