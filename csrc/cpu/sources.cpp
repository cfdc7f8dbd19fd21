#include "engrain/sources.hpp"

#include <algorithm>

#include "engrain/cues.hpp"

namespace engrain {
namespace {

constexpr std::size_t shortest = 3, longest = 24;  // bytes of a prefix that names a source

}  // namespace

template <class Visit>
void Sources::each_prefix(const std::string& name, Visit visit) const {
    for (const std::string_view word : words_of(name.data(), name.size())) {
        std::vector<Term> terms;
        append_terms(word.data(), word.size(), terms);
        if (terms.size() != 1) continue;
        const std::size_t last = std::min(word.size(), longest);
        for (std::size_t n = std::min(last, shortest); n <= last; ++n)
            visit(std::string(word.substr(0, n)), terms[0], n == word.size());
    }
}

std::uint32_t Sources::add(std::string_view name) {
    const auto [at, fresh] = numbers_.try_emplace(std::string(name), none);
    if (fresh) {
        if (free_.empty()) free_.push_back(static_cast<std::uint32_t>(sources_.size()));
        at->second = free_.back();
        free_.pop_back();
        sources_.resize(std::max<std::size_t>(sources_.size(), at->second + 1));
        sources_[at->second].name = at->first;
        each_prefix(at->first, [&](std::string prefix, Term term, bool whole) {
            prefixes_[std::move(prefix)].push_back({at->second, term, whole});
        });
    }
    ++sources_[at->second].memories;
    return at->second;
}

void Sources::release(std::uint32_t source) {
    if (source == none || --sources_[source].memories > 0) return;
    each_prefix(sources_[source].name, [&](const std::string& prefix, Term, bool) {
        const auto at = prefixes_.find(prefix);
        if (at == prefixes_.end()) return;
        auto& names = at->second;
        names.erase(std::remove_if(names.begin(), names.end(),
                                   [&](const Name& name) { return name.source == source; }),
                    names.end());
        if (names.empty()) prefixes_.erase(at);
    });
    numbers_.erase(sources_[source].name);
    sources_[source] = {};
    free_.push_back(source);
}

void Sources::find(std::string_view word, std::vector<Name>& found) const {
    const auto at = prefixes_.find(std::string(word));
    if (at != prefixes_.end()) found.insert(found.end(), at->second.begin(), at->second.end());
}

}  // namespace engrain
