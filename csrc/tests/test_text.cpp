#include <string>

#include "check.hpp"
#include "engrain/text.hpp"

using engrain::append_terms;
using engrain::Term;

static std::vector<Term> terms(const std::string& text) {
    std::vector<Term> out;
    append_terms(text.data(), text.size(), out);
    return out;
}

int main() {
    CHECK(terms("").empty());
    CHECK(terms("the of and ... !").empty());
    CHECK(terms("parties boxes gliders") == terms("party box glider"));
    CHECK(terms("glas") != terms("glass"));
    CHECK(terms("don\u2019t").size() == 2);
    CHECK(terms("caf\u00e9").size() == 1 && terms("caf\u00e9") != terms("caf"));
    CHECK(terms("\u0436\u0438\u0437\u043d\u044c").size() == 1);
    CHECK(terms("\u8a18\u61b6").size() == 2);
    CHECK(terms("a1\u8a18b2").size() == 3);
    CHECK(terms("wing\U0001F600drag").size() == 2);
    CHECK(terms("\xff\xc3wing\xe2\x82").size() == 1);
    CHECK(terms(std::string(1003, 'w')).size() == 1);
    return 0;
}
