#include "check.hpp"
#include "engrain/grams.hpp"

using engrain::hash_grams;
using engrain::score_grams;

int main() {
    CHECK(hash_grams({"", "", ""}).size() == 3);  // both borders and their pair
    // 4 + 3 + 2 runs, 2 + 1 pairs, both ends of #abc# and none of #c#, 2 + 2 runs with \1x
    CHECK(hash_grams({"abc c", "ab \1x", "one two one"}).size() == 9 + 3 + 2 + 4 + 2);

    const std::int8_t codes[] = {1, -1, 2, 5};  // two rows, two kinds
    const std::uint64_t two[] = {1, 3, 2, 0};
    double out[2];
    score_grams(two, 4, codes, 2, 2, out);
    CHECK(out[0] == (2 + 2 + 1 + 1) / 2.0 && out[1] == (5 + 5 - 1 - 1) / 2.0);
    score_grams(two, 0, codes, 2, 2, out);
    CHECK(out[0] == 0 && out[1] == 0);
    return 0;
}
