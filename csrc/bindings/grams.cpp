#include "engrain/grams.hpp"

#include <pybind11/stl.h>

#include <algorithm>

#include "arrays.hpp"

namespace engrain::bindings {
namespace {

using U64Array = py::array_t<std::uint64_t, py::array::c_style>;

Cue cue_of(std::string_view name) {
    const auto found = std::find(kCueNames.begin(), kCueNames.end(), name);
    if (found == kCueNames.end())
        throw py::value_error("cue: no class of phrases: '" + std::string(name) + "'");
    return Cue(found - kCueNames.begin());
}

void add_phrase(PhraseTable& table, std::string_view cue, std::string_view phrase, bool whole) {
    const Utterance words(phrase);
    if (words.words().empty()) throw py::value_error("phrase: expected at least one word");
    if (cue == "filler") return table.mark(words.words(), PhraseTable::filler);
    if (cue == "judging") return table.mark(words.words(), PhraseTable::judging);
    table.add(cue_of(cue), words.words(), whole);
}

py::list find_phrases(const PhraseTable& table, std::string_view text) {
    const Utterance words(text);
    py::list found;
    for (const Phrase& phrase : table.find(words.words()))
        found.append(
            py::make_tuple(phrase.start, phrase.length, kCueNames[std::size_t(phrase.cue)]));
    return found;
}

py::dict counts(const Reading& reading) {
    py::dict found;
    for (std::size_t c = 0; c < kCues; ++c)
        if (reading.cues[c] > 0) found[py::str(kCueNames[c])] = reading.cues[c];
    return found;
}

py::tuple read_py(const PhraseTable& table, std::string_view text, std::string_view previous) {
    const Reading reading = read_utterance(table, text, previous);
    U64Array features(static_cast<py::ssize_t>(reading.features.size()));
    std::copy(reading.features.begin(), reading.features.end(), features.mutable_data());
    return py::make_tuple(features, counts(reading));
}

py::tuple score_py(const PhraseTable& table, std::string_view text, std::string_view previous,
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
    py::tuple found(kinds);
    for (std::size_t k = 0; k < kinds; ++k) found[k] = chances[k];
    return py::make_tuple(found, counts(reading));
}

}  // namespace

void bind_grams(py::module_& m) {
    py::class_<PhraseTable>(m, "PhraseTable")
        .def(py::init<>())
        .def("add", &add_phrase, py::arg("cue"), py::arg("phrase"), py::arg("whole"))
        .def("find", &find_phrases, py::arg("text"))
        .def("read", &read_py, py::arg("text"), py::arg("previous"))
        .def("score", &score_py, py::arg("text"), py::arg("previous"), py::arg("codes").noconvert(),
             py::arg("weights").noconvert());
    m.attr("CUES") = py::cast(kCueNames);
}

}  // namespace engrain::bindings
