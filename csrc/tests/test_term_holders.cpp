#include "engrain/term_holders.hpp"

#include <map>
#include <vector>

#include "check.hpp"

using engrain::QuestionTerm;
using engrain::TermHolders;

namespace {

using Terms = std::vector<QuestionTerm>;

Terms terms_of(int question, int vocabulary) {
    std::map<std::int32_t, QuestionTerm> found;
    for (int i = 0; i < 6; ++i) {
        const std::int32_t id = (question * 31 + i * i * 17) % vocabulary - vocabulary / 2;
        found[id] = {id, 1.0F, 0.25F * float(1 + (question + i) % 4)};
    }
    Terms out;
    for (const auto& entry : found) out.push_back(entry.second);
    return out;
}

// A ring of `places` questions beside the plain map that it stands for.
void check_ring(std::size_t places, int vocabulary, int questions) {
    TermHolders holders;
    std::vector<Terms> ring(places);
    for (int q = 0; q < questions; ++q) {
        const std::size_t at = std::size_t(q) % places;
        Terms fresh = terms_of(q, vocabulary);
        holders.seek(fresh);
        holders.reserve(fresh);
        holders.add(at, fresh);
        holders.remove(at, ring[at]);
        ring[at] = fresh;
        if (q % 5 == 4) {  // one that is not the oldest
            const std::size_t gone = (at + places / 2) % places;
            holders.remove(gone, ring[gone]);
            ring[gone].clear();
        }
        for (std::int32_t id = -vocabulary / 2; id <= vocabulary / 2; ++id) {
            std::vector<float> got(places, 0.0F), expected(places, 0.0F);
            holders.accumulate(id, 2.0F, got.data());
            for (std::size_t p = 0; p < places; ++p)
                for (const QuestionTerm& term : ring[p])
                    if (term.id == id) expected[p] += 2.0F * term.weight;
            CHECK(got == expected);
        }
    }
}

}  // namespace

int main() {
    check_ring(1, 7, 40);
    check_ring(8, 5, 200);
    check_ring(32, 200, 300);
    return 0;
}
