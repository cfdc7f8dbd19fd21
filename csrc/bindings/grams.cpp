#include "engrain/grams.hpp"

#include <nanobind/stl/array.h>
#include <nanobind/stl/string_view.h>

#include <algorithm>

#include "arrays.hpp"

namespace engrain::bindings {
namespace {

Cue cue_of(std::string_view name) {
    const auto found = std::find(kCueNames.begin(), kCueNames.end(), name);
    if (found == kCueNames.end())
        throw nb::value_error(("cue: no class of phrases: '" + std::string(name) + "'").c_str());
    return Cue(found - kCueNames.begin());
}

void add_phrase(PhraseTable& table, std::string_view cue, std::string_view phrase, bool whole) {
    const Utterance words(phrase);
    if (words.words().empty()) throw nb::value_error("phrase: expected at least one word");
    if (cue == "filler") return table.mark(words.words(), PhraseTable::filler);
    if (cue == "judging") return table.mark(words.words(), PhraseTable::judging);
    table.add(cue_of(cue), words.words(), whole);
}

nb::list find_phrases(const PhraseTable& table, std::string_view text) {
    const Utterance words(text);
    nb::list found;
    for (const Phrase& phrase : table.find(words.words()))
        found.append(
            nb::make_tuple(phrase.start, phrase.length, kCueNames[std::size_t(phrase.cue)]));
    return found;
}

nb::dict counts(const Reading& reading) {
    nb::dict found;
    for (std::size_t c = 0; c < kCues; ++c)
        if (reading.cues[c] > 0)
            found[nb::str(kCueNames[c].data(), kCueNames[c].size())] = reading.cues[c];
    return found;
}

nb::tuple read_py(const PhraseTable& table, std::string_view text, std::string_view previous) {
    const Reading reading = read_utterance(table, text, previous);
    U64Array features = U64Array::empty(reading.features.size());
    std::copy(reading.features.begin(), reading.features.end(), features.mutable_data());
    return nb::make_tuple(features, counts(reading));
}

nb::tuple score_py(const PhraseTable& table, std::string_view text, std::string_view previous,
                   const I8Array& codes, const F64Array& weights) {
    check_shape(codes.ndim() == 2, "codes: expected 2 dimensions (rows, kinds)");
    const std::size_t rows = extent(codes, 0), kinds = extent(codes, 1);
    check_shape(rows > 0 && (rows & (rows - 1)) == 0, "codes: rows must be a power of two");
    check_shape(weights.ndim() == 2 && extent(weights, 0) == kCues + 2 &&
                    extent(weights, 1) == kinds && kinds <= 16,
                "weights: expected shape (15, kinds), kinds at most 16");
    const Reading reading = read_utterance(table, text, previous);
    const double* held = weights.data();
    std::array<double, 16> chances{};
    if (reading.words > 0)
        score_reading(reading, {codes.data(), rows, kinds, held, held + kinds, held + 2 * kinds},
                      chances.data());
    nb::list found;
    for (std::size_t k = 0; k < kinds; ++k) found.append(chances[k]);
    return nb::make_tuple(nb::tuple(found), counts(reading));
}

}  // namespace

void bind_grams(nb::module_& m) {
    nb::class_<PhraseTable>(m, "PhraseTable")
        .def(nb::init<>())
        .def("add", &add_phrase, nb::arg("cue"), nb::arg("phrase"), nb::arg("whole"))
        .def("find", &find_phrases, nb::arg("text"))
        .def("read", &read_py, nb::arg("text"), nb::arg("previous"))
        .def("score", &score_py, nb::arg("text"), nb::arg("previous"), nb::arg("codes"),
             nb::arg("weights"));
    m.attr("CUES") = nb::cast(kCueNames);
}

}  // namespace engrain::bindings
