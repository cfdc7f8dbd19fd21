// How members of a scope follow each other, and what that proposes.
#include "engrain/layout.hpp"

#include <algorithm>

#include "engrain/flat.hpp"
#include "engrain/retrieval.hpp"

namespace engrain {
namespace {

using Guard = std::lock_guard<std::mutex>;

// A memory among good neighbours is worth a look; one from the source or the day asked for, too.
constexpr Neighbourhood neighbourhood = {0.6F, 0.3F, 0.3F};
constexpr float dated = 3.0F;
constexpr int steps[] = {-2, -1, 1, 2};
constexpr float least_neighbour = -3.0F, taken = -1e30F;

}  // namespace

// Made anew only after members of the scope or links of any memory have changed.
const Layout& RetrievalIndex::layout(std::uint32_t scope) {
    while (layouts_.size() <= scope) layouts_.emplace_back();
    Layout& layout = layouts_[scope];
    const std::uint64_t members = scopes_[scope].roll() + 1;
    if (layout.members != members || layout.links != links_) {
        lay_out(scopes_[scope], layout);
        layout.members = members;
        layout.links = links_;
    }
    return layout;
}

void RetrievalIndex::lay_out(const Scope& scope, Layout& layout) const {
    const auto& members = scope.members();
    layout.sequential = false;
    layout.adjacent = true;
    layout.known.assign(members.size(), 0);
    for (std::size_t at = 0; at < 4; ++at) {
        layout.near[at].assign(members.size(), static_cast<std::uint32_t>(members.size()));
        layout.beside[at].assign(members.size(), 0.0F);
    }
    if (last_.empty()) return;
    for (std::size_t i = 0; i < members.size(); ++i) {
        if (contexts_[members[i]].sequence < 0) continue;
        layout.sequential = true;
        for (std::size_t at = 0; at < 4; ++at) {
            const std::uint32_t other = step(members[i], steps[at]);
            const std::int64_t position = other == none ? -1 : scope.position(other);
            if (position < 0) continue;
            layout.near[at][i] = static_cast<std::uint32_t>(position);
            layout.beside[at][i] = 1.0F;
            layout.known[i] |= static_cast<std::uint8_t>(1U << at);
            layout.adjacent &= position == static_cast<std::int64_t>(i) + steps[at];
        }
    }
}

Around RetrievalIndex::around(const Layout& layout, std::uint32_t position) const noexcept {
    Around around{{none, none, position, none, none}};
    if (!layout.sequential) return around;
    for (std::size_t at = 0; at < 4; ++at)
        if (layout.known[position] >> at & 1)
            around.at[at < 2 ? at : at + 1] = layout.adjacent
                                                  ? position + static_cast<std::uint32_t>(steps[at])
                                                  : layout.near[at][position];
    return around;
}

bool RetrievalIndex::propose(Search& search, std::size_t best, std::size_t around,
                             std::vector<std::uint32_t>& handles) {
    const Guard lock(mutex_);
    if (!current(search)) return false;
    order_best(search, best);
    const std::size_t first = std::min(best, search.best.size());
    std::vector<std::uint32_t> places(search.best.begin(),
                                      search.best.begin() + static_cast<std::ptrdiff_t>(first));
    if (around > 0 && layout(search.scope).sequential) {
        score_neighbourhoods(search, neighbourly_);
        prefer_origins(search, neighbourly_);
        for (const std::uint32_t place : places) neighbourly_[place] = taken;
        std::vector<std::uint32_t> others;
        select_best(neighbourly_.data(), neighbourly_.size(),
                    std::min(around, neighbourly_.size() - first), others);
        places.insert(places.end(), others.begin(), others.end());
    }
    std::sort(places.begin(), places.end());
    handles.clear();
    for (const std::uint32_t place : places)
        handles.push_back(scopes_[search.scope].members()[place]);
    return true;
}

// Static scores, and a share of those of the memories around, at least -3 each.
void RetrievalIndex::score_neighbourhoods(Search& search, std::vector<float>& scores) {
    const Layout& layout = this->layout(search.scope);
    const std::size_t n = search.fixed.size();
    floored_.resize(n + 4);
    float* floored = floored_.data() + 2;
    for (std::size_t i = 1; i <= 2; ++i) floored[-static_cast<std::ptrdiff_t>(i)] = 0.0F;
    for (std::size_t i = 0; i < 2; ++i) floored[n + i] = 0.0F;
    for (std::size_t i = 0; i < n; ++i) floored[i] = std::max(search.fixed[i], least_neighbour);
    scores.resize(n);
    if (layout.adjacent) {
        const float* beside[4];
        for (std::size_t at = 0; at < 4; ++at) beside[at] = layout.beside[at].data();
        add_adjacent(search.fixed.data(), floored, beside, n, neighbourhood, scores.data());
    } else {
        const std::uint32_t* near[4];
        for (std::size_t at = 0; at < 4; ++at) near[at] = layout.near[at].data();
        add_neighbours(search.fixed.data(), floored, near, n, neighbourhood, scores.data());
    }
}

void RetrievalIndex::prefer_origins(const Search& search, std::vector<float>& scores) const {
    const auto& members = scopes_[search.scope].members();
    const bool named = search.named.source != Sources::none, asked = bool(search.cues.date);
    if (!named && !asked) return;
    std::int32_t day = no_day;
    float close = 0.0F;
    for (std::size_t i = 0; i < members.size(); ++i) {
        const Context& own = contexts_[members[i]];
        if (own.day != day) {
            day = own.day;
            close = dated * closeness(search.cues.date, day);
        }
        scores[i] += close;
        if (named && own.source != Sources::none)
            scores[i] += own.source == search.named.source ? 1.0F : -1.0F;
    }
}

}  // namespace engrain
