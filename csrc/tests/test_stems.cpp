#include <string>

#include "check.hpp"
#include "engrain/latent.hpp"
#include "engrain/stems.hpp"

using namespace engrain;

static std::string stem(std::string word) {
    word.resize(porter_stem(word.data(), word.size()));
    return word;
}

static void words_lose_their_endings() {
    CHECK(stem("caresses") == "caress" && stem("ponies") == "poni" && stem("cats") == "cat");
    CHECK(stem("agreed") == "agre" && stem("feed") == "feed" && stem("bled") == "bled");
    CHECK(stem("hopping") == "hop" && stem("falling") == "fall" && stem("filing") == "file");
    CHECK(stem("happy") == "happi" && stem("sky") == "sky" && stem("conflated") == "conflat");
    CHECK(stem("generalizations") == "gener" && stem("oscillators") == "oscil");
    CHECK(stem("adoption") == "adopt" && stem("union") == "union" && stem("controll") == "control");
    CHECK(stem("is") == "is" && stem("") == "" && stem("caf\u00e9s") == "caf\u00e9s");
    CHECK(stem(std::string(64, 's')).size() == 64 && stem(std::string(65, 's')).size() == 65);
}

static Stems stems(const std::string& text) { return read_stems(text.data(), text.size()); }

static void grams_and_pairs_are_counted_of_stems() {
    CHECK(stems("").stems.empty() && stems("the of").pairs.empty());
    const Stems read = stems("flying the gliders");
    CHECK(read.stems.size() == 2 && read.pairs.size() == 1);
    CHECK(read.grams.size() == 2 + 5);  // #fly# and #glider#
    CHECK(stems("xy").grams.size() == 1 && stems("\u00e9t\u00e9").grams.size() == 2);
    CHECK(stems("a1 b2 c3").pairs.size() == 3);
    CHECK(stems("wing drag").pairs != stems("drag wing").pairs);
}

static void texts_lie_where_their_words_do() {
    LatentSpace space;
    CHECK(!space.known());
    const Term terms[] = {7, 9};
    const float idf[] = {1.0F, 2.0F}, basis[] = {1.0F, 0.0F, 0.0F, 1.5F};
    space.learn(terms, idf, basis, 2, 2);
    const TermCount text[] = {{7, 1.0F}, {8, 3.0F}, {9, 1.0F}};
    float at[2];
    space.place(text, 3, at);
    CHECK(at[0] > 0.316F && at[0] < 0.3163F && at[1] > 0.948F && at[1] < 0.949F);
    space.place(text + 1, 1, at);
    CHECK(at[0] == 0.0F && at[1] == 0.0F);
    const float unknown = 2.6931472F;
    CHECK(space.rarity(text, 3) == (unknown + 2.0F + 1.0F) / 3.0F);
    CHECK(space.rarity(text, 1) == 1.0F / 3.0F && space.rarity(text, 0) == 0.0F);
    space.learn(terms, idf, basis, 0, 2);
    CHECK(!space.known() && space.rarity(text, 3) == 0.0F);
}

int main() {
    words_lose_their_endings();
    grams_and_pairs_are_counted_of_stems();
    texts_lie_where_their_words_do();
    return 0;
}
