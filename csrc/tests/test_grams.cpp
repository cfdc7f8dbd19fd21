#include <cmath>

#include "check.hpp"
#include "engrain/grams.hpp"

using namespace engrain;

namespace {

void add(PhraseTable& table, Cue cue, const char* phrase, bool whole = false) {
    table.add(cue, Utterance(phrase).words(), whole);
}

std::size_t words_of(const char* text) { return Utterance(text).words().size(); }

}  // namespace

int main() {
    CHECK(words_of("") == 0 && words_of(" _\t") == 0);
    CHECK(words_of("I Don't know!") == 4);
    CHECK(words_of(":-) >:( ;d ^^ <3 (: ??") == 7);
    CHECK(words_of(":da ??a ???a ' ^^1") == 2 + 3 + 3 + 1 + 3);

    PhraseTable table;
    add(table, Cue::positive, "good");
    add(table, Cue::positive, "good job");
    add(table, Cue::negator, "not");
    add(table, Cue::confusion, "what", true);
    const auto found = table.find(Utterance("not a good job, good").words());
    CHECK(found.size() == 3 && found[1].length == 2 && found[1].cue == Cue::negative);
    CHECK(found[2].cue == Cue::positive);
    CHECK(table.find(Utterance("What?").words())[0].cue == Cue::confusion);
    CHECK(table.find(Utterance("is it good?").words())[0].cue == Cue::asked);

    const Reading nothing = read_utterance(table, "", "");
    CHECK(nothing.words == 0 && nothing.features.size() == 8);  // borders, their pair, 5 contexts
    const Reading reading = read_utterance(table, "good, good", "is it good?");
    CHECK(reading.words == 3 && reading.cues[0] == 2);

    const std::int8_t codes[] = {1, -1};
    const double step[] = {1, 0.5}, bias[] = {0, 1};
    double cues[2 * kCues] = {}, out[2];
    cues[0] = 2;
    const Reading one{1, {1}, {5, 6, 7, 8}};
    score_reading(one, {codes, 1, 2, step, bias, cues}, out);
    CHECK(std::abs(out[0] - 1 / (1 + std::exp(-(2.0 + 2.0)))) < 1e-12);
    CHECK(std::abs(out[1] - 0.5) < 1e-12);
    return 0;
}
