#include <algorithm>
#include <vector>

#include "check.hpp"
#include "engrain/lexical.hpp"
#include "engrain/simd.hpp"

using namespace engrain;
using simd::Level;

static Term pseudo(std::size_t i) { return static_cast<Term>(i * 2654435761U ^ i << 7); }

static void check_meeting(std::size_t asked, std::size_t n) {
    std::vector<TermWeight> terms;
    for (std::size_t i = 0; i < asked; ++i) terms.push_back({pseudo(3 * i), 1.0F});
    std::sort(terms.begin(), terms.end(),
              [](const TermWeight& a, const TermWeight& b) { return a.term < b.term; });
    std::vector<Term> own;
    for (std::size_t i = 0; own.size() < n; ++i) own.insert(own.end(), i % 3 + 1, pseudo(2 * i));
    own.resize(n);
    std::sort(own.begin(), own.end());
    std::vector<WordSpan> documents;  // ever shorter ones
    for (std::size_t left = n; documents.size() < 7; left -= left / 3)
        documents.push_back({own.data(), left});
    Sought sought;
    sought.seek(terms);
    CHECK(sought.room() % 16 == 0 && sought.room() >= asked);
    std::vector<float> counts(documents.size() * sought.room());
    for (Level level : {Level::baseline, Level::avx2, Level::avx512}) {
        simd::set_level(level);
        sought.count(documents.data(), documents.size(), counts.data());
        for (std::size_t d = 0; d < documents.size(); ++d)
            for (std::size_t i = 0; i < asked; ++i)
                CHECK(counts[d * sought.room() + i] ==
                      float(std::count(documents[d].begin(), documents[d].end(), terms[i].term)));
    }
    for (std::size_t i = 0; i < asked; ++i) CHECK(sought.weights()[i] == terms[i].weight);
    for (std::size_t i = asked; i < sought.room(); ++i) CHECK(sought.weights()[i] == 0.0F);
}

static void documents_come_and_go() {
    Pages pages;
    CountedIndex index(pages, Pages::grams);
    for (std::uint32_t d = 0; d < 400; ++d) {
        Pages::Words words;
        words[Pages::stems] = {Term(d), Term(d)};
        std::vector<Term>& terms = words[Pages::grams];
        for (std::size_t i = 0; i < 20; ++i) terms.push_back(pseudo(i < 2 ? 1 : d + i));
        std::sort(terms.begin(), terms.end());
        pages.add(d, words);
        index.add(d);
    }
    CHECK(index.frequency(7, pseudo(1)) == 2.0F && index.frequency(7, pseudo(9)) == 1.0F);
    CHECK(index.frequency(7, pseudo(1000)) == 0.0F && index.length(7) == 20.0F);
    CHECK(index.counts(7).size() == 19);
    CHECK(index.idf(pseudo(1)) == inverse_frequency(400, 400));
    for (std::uint32_t d = 0; d < 390; ++d) {
        index.remove(d);
        pages.remove(d);
    }
    CHECK(pages.words(7, Pages::stems).count == 0 && pages.words(399, Pages::stems).count == 2);
    CHECK(pages.words(399, Pages::stems).first[1] == 399 &&
          pages.words(399, Pages::terms).count == 0);
    CHECK(index.idf(pseudo(1)) == inverse_frequency(10, 10));
    CHECK(index.idf(pseudo(9)) == inverse_frequency(10, 0));
    CHECK(index.counts(7).empty() && index.counts(399).size() == 19);
    CHECK(index.frequency(399, pseudo(1)) == 2.0F && index.average_length() == 20.0);
}

int main() {
    for (std::size_t asked : {0, 1, 8, 40, 128, 129, 1500})
        for (std::size_t n : {0, 1, 7, 15, 16, 17, 511, 512, 513, 1003}) check_meeting(asked, n);
    documents_come_and_go();
    return 0;
}
