#include "engrain/windows.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "check.hpp"
#include "engrain/simd.hpp"

using namespace engrain;
using simd::Level;

constexpr std::size_t members = 60, questions = 20;

static std::vector<Term> stems_of(std::uint32_t position) {
    std::vector<Term> own;
    for (std::uint32_t i = 0; i < 5 + position % 9; ++i) own.push_back(Term(position * i % 23));
    std::sort(own.begin(), own.end());
    return own;
}

static Around around(std::uint32_t position) {
    Around out;
    for (std::uint32_t place = 0; place < 5; ++place) {
        const std::uint32_t at = position + place - 2;
        out.at[place] = at / 12 == position / 12 ? at : Around::none;  // sessions of twelve
    }
    return out;
}

// The formula as it is written down.
static double expected(std::uint32_t position, const Sought& question, double average) {
    const Around own = around(position);
    double score = 0.0, length = 0.0;
    for (std::size_t p = 0; p < 5; ++p)
        if (own.at[p] != Around::none)
            length += window_weights[p] * double(stems_of(own.at[p]).size());
    for (const TermWeight& asked : question.terms()) {
        double count = 0.0;
        for (std::size_t p = 0; p < 5; ++p) {
            if (own.at[p] == Around::none) continue;
            const std::vector<Term> stems = stems_of(own.at[p]);
            count += window_weights[p] * double(std::count(stems.begin(), stems.end(), asked.term));
        }
        const double beside = 1.2 * (0.25 + 0.75 * length / (average * 2.8));
        score += asked.weight * count / (count + beside);
    }
    return score;
}

int main() {
    std::vector<std::vector<Term>> stems;
    for (std::uint32_t i = 0; i < members; ++i) stems.push_back(stems_of(i));
    std::vector<TermWeight> terms;
    for (Term t = 0; t < Term(questions); ++t) terms.push_back({t, 0.5F + 0.1F * float(t)});
    Sought question;
    question.seek(terms);
    Windows windows;
    std::vector<float> first;
    for (Level level : {Level::baseline, Level::avx2, Level::avx512}) {
        simd::set_level(level);
        windows.clear(members);
        for (std::uint32_t i = 0; i < members; i += i % 3 + 1)
            windows.add(around(i), [&](std::uint32_t position) {
                return WordSpan{stems[position].data(), stems[position].size()};
            });
        const float* scores = windows.score(question, 9.0);
        std::size_t at = 0;
        for (std::uint32_t i = 0; i < members; i += i % 3 + 1, ++at) {
            CHECK(std::abs(scores[at] - expected(i, question, 9.0)) < 1e-4);
            if (level == Level::baseline) first.push_back(scores[at]);
            CHECK(scores[at] == first[at]);
        }
    }
    return 0;
}
