// The columns of a RetrievalIndex that read a memory's context.
#include "engrain/context.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engrain/log_table.hpp"
#include "engrain/prefetch.hpp"
#include "engrain/retrieval.hpp"

namespace engrain {
namespace {

constexpr float noise = 1e-6F;

// Terms whose frequencies by session are kept: held by so many members per session, and no more
// than fit so many numbers.
constexpr std::size_t common_from = 2, common_room = std::size_t{1} << 20;

// Two columns of one length: their sums run side by side.
void standardize(std::vector<float>& first, std::vector<float>& second) {
    std::vector<float>* const columns[] = {&first, &second};
    const std::size_t n = first.size();
    if (n == 0) return;
    double mean[2] = {}, deviation[2] = {};
    for (std::size_t i = 0; i < n; ++i)
        for (int c = 0; c < 2; ++c) mean[c] += (*columns[c])[i];
    for (double& sum : mean) sum /= double(n);
    for (std::size_t i = 0; i < n; ++i)
        for (int c = 0; c < 2; ++c) {
            const double off = (*columns[c])[i] - mean[c];
            deviation[c] += off * off;
        }
    for (double& squares : deviation) squares = std::sqrt(squares / double(n));
    for (std::size_t i = 0; i < n; ++i)
        for (int c = 0; c < 2; ++c) {
            float& value = (*columns[c])[i];
            value = static_cast<float>((value - mean[c]) / (deviation[c] + noise));
        }
}

float most_of(const float* x, std::size_t n) {
    float most[4] = {x[0], x[0], x[0], x[0]};
    std::size_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (int r = 0; r < 4; ++r) most[r] = std::max(most[r], x[i + static_cast<std::size_t>(r)]);
    for (; i < n; ++i) most[0] = std::max(most[0], x[i]);
    return std::max(std::max(most[0], most[1]), std::max(most[2], most[3]));
}

float flag(bool set) { return set ? 1.0F : 0.0F; }

}  // namespace

Context context_of(const char* text, std::size_t size, const Origin& origin) {
    Context context;
    context.form = read_form(text, size);
    context.day = day_of(origin.time);
    const std::size_t named = origin.source.size();
    context.announced = named > 0 && size > named && text[named] == ':' &&
                        std::string_view(text, named) == origin.source;
    return context;
}

void RetrievalIndex::read_question(const char* text, std::size_t size, Search& search) const {
    const std::vector<std::string_view> words = words_of(text, size);
    search.cues = read_cues(words);
    if (!sources_.empty()) search.named = source_named(words, scopes_[search.scope]);
}

// Whole names count before shortened ones.
Sources::Name RetrievalIndex::source_named(const std::vector<std::string_view>& words,
                                           const Scope& scope) const {
    std::vector<Sources::Name> names;
    for (const std::string_view word : words) sources_.find(word, names);
    names.erase(
        std::remove_if(names.begin(), names.end(),
                       [&](const Sources::Name& name) { return !scope.hears(name.source); }),
        names.end());
    if (std::any_of(names.begin(), names.end(), [](const auto& name) { return name.whole; }))
        names.erase(std::remove_if(names.begin(), names.end(),
                                   [](const Sources::Name& name) { return !name.whole; }),
                    names.end());
    const bool one =
        !names.empty() && std::all_of(names.begin(), names.end(), [&](const Sources::Name& name) {
            return name.source == names[0].source;
        });
    return one ? names[0] : Sources::Name{};
}

void RetrievalIndex::score_sessions(Search& search) {
    if (search.sessions.known) return;
    Scope& scope = scopes_[search.scope];
    if (scope.sessions().stale) number_sessions(scope);
    const Sessions& sessions = scope.sessions();
    for (const TermCount& asked : search.terms) {
        const auto known = sessions.common.find(asked.term);
        if (known != sessions.common.end())
            prefetch_all(known->second.counts.data(), known->second.counts.size());
    }
    std::vector<float>& best = search.sessions.best;
    best.assign(sessions.length.size(), std::numeric_limits<float>::lowest());
    for (std::size_t i = 0; i + 1 < sessions.runs.size(); ++i) {
        const std::uint32_t start = sessions.runs[i], session = sessions.of[start];
        if (session == none) continue;
        const float most = most_of(&search.fixed[start], sessions.runs[i + 1] - start);
        best[session] = std::max(best[session], most);
    }
    score_session_texts(search);
    standardize(search.sessions.bm25, best);
    search.sessions.known = true;
}

void RetrievalIndex::number_sessions(Scope& scope) const {
    const auto& members = scope.members();
    Sessions& sessions = scope.sessions();
    std::unordered_map<std::int64_t, std::uint32_t> numbers;
    sessions.of.assign(members.size(), none);
    sessions.length.clear();
    sessions.common.clear();
    for (std::size_t i = 0; i < members.size(); ++i) {
        const std::int64_t sequence = contexts_[members[i]].sequence;
        if (sequence < 0) continue;
        const auto fresh = static_cast<std::uint32_t>(sessions.length.size());
        const std::uint32_t session = numbers.try_emplace(sequence, fresh).first->second;
        if (session == fresh) sessions.length.push_back(0.0F);
        sessions.of[i] = session;
        sessions.length[session] += lexical_.length(members[i]);
    }
    sessions.runs.clear();
    for (std::size_t i = 0; i < members.size(); ++i)
        if (i == 0 || sessions.of[i] != sessions.of[i - 1])
            sessions.runs.push_back(static_cast<std::uint32_t>(i));
    sessions.runs.push_back(static_cast<std::uint32_t>(members.size()));
    sessions.stale = false;
}

// BM25 over the sessions' whole texts.
void RetrievalIndex::score_session_texts(Search& search) {
    Scope& scope = scopes_[search.scope];
    const Sessions& sessions = scope.sessions();
    const std::size_t n = sessions.length.size();
    double total = 0.0;
    for (const float length : sessions.length) total += length;
    const float slope = Bm25::slope(total > 0.0 ? total / double(n) : 1.0);
    std::vector<float>& bm25 = search.sessions.bm25;
    bm25.assign(n, 0.0F);
    Sessions::Frequency rare;
    for (const TermCount& asked : search.terms) {
        const auto* list = lexical_.postings(asked.term);
        if (list == nullptr) continue;
        const Sessions::Frequency& own = session_frequency(scope, asked.term, *list, rare);
        const float weight = asked.count * inverse_frequency(n, own.holding) * (Bm25::k1 + 1.0F);
        add_gains(own.counts.data(), sessions.length.data(), n, weight, slope, bm25.data());
    }
}

const Sessions::Frequency& RetrievalIndex::session_frequency(Scope& scope, Term term,
                                                             const Postings& list,
                                                             Sessions::Frequency& rare) const {
    Sessions& sessions = scope.sessions();
    const std::size_t n = sessions.length.size();
    const auto known = sessions.common.find(term);
    if (known != sessions.common.end()) return known->second;
    count_by_session(scope, term, list, rare.counts);
    rare.holding = 0;
    for (std::size_t i = 0; i < n; ++i) rare.holding += rare.counts[i] > 0.0F;
    const bool keep =
        list.size() >= common_from * n && (sessions.common.size() + 1) * n <= common_room;
    return keep ? sessions.common.emplace(term, rare).first->second : rare;
}

void RetrievalIndex::count_by_session(const Scope& scope, Term term, const Postings& list,
                                      std::vector<float>& frequency) const {
    const auto& members = scope.members();
    const Sessions& sessions = scope.sessions();
    const std::size_t n = sessions.length.size();
    frequency.assign(n + 1, 0.0F);  // the last: of members outside any session
    const auto count = [&](std::size_t position, float times) {
        frequency[std::min<std::size_t>(sessions.of[position], n)] += times;
    };
    if (list.size() > 8 * members.size()) {
        for (std::size_t i = 0; i < members.size(); ++i)
            count(i, lexical_.frequency(members[i], term));
        return;
    }
    list.each([&](std::uint32_t document, float times) {
        const std::int64_t position = scope.position(document);
        if (position >= 0) count(static_cast<std::size_t>(position), times);
    });
}

// The memory so many places after this one in its sequence, none beyond its ends.
std::uint32_t RetrievalIndex::step(std::uint32_t handle, int steps) const noexcept {
    for (; steps < 0 && handle != none; ++steps) handle = contexts_[handle].previous;
    for (; steps > 0 && handle != none; --steps) handle = contexts_[handle].next;
    return handle;
}

float RetrievalIndex::window(const Around& around, const std::vector<float>& scores,
                             const Standard& standard) noexcept {
    float sum = 0.0F;
    for (std::size_t i = 0; i < 5; ++i)
        if (around.at[i] != none) sum += window_weights[i] * standard.z(scores[around.at[i]]);
    return sum;
}

// In deviations of the question's BM25; nothing where no member belongs to a sequence.
const float* RetrievalIndex::score_windows(const Search& search,
                                           const std::vector<Around>& around) {
    if (!layout(search.scope).sequential) return nullptr;
    const auto& members = scopes_[search.scope].members();
    windows_.clear(around.size());
    for (const Around& one : around)
        windows_.add(one, [&](std::uint32_t position) { return stems_.words(members[position]); });
    return windows_.score(search.reading.asked, stems_.average_length());
}

// The name before the colon that says who speaks is no mention.
bool RetrievalIndex::mentions(const Sources::Name& named, std::uint32_t handle) const noexcept {
    const Context& own = contexts_[handle];
    const bool speaks = own.announced && own.source == named.source;
    return lexical_.frequency(handle, named.term) > (speaks ? 1.0F : 0.0F);
}

void RetrievalIndex::write_sequence(const Search& search, const Around& around, float text,
                                    float* out) const {
    const auto& members = scopes_[search.scope].members();
    const Context& own = contexts_[members[around.own()]];
    out[window_bm25] = text / search.bm25_sd;
    if (!views_.empty() && search.views[0].asked)
        out[window_cosine] = window(around, search.views[0].scores, search.views[0].standard);
    out[two_before] = neighbour_score(search, around.at[0]);
    out[two_after] = neighbour_score(search, around.at[4]);
    const std::uint32_t session = scopes_[search.scope].sessions().of[around.own()];
    out[session_bm25] = search.sessions.bm25[session];
    out[session_best] = search.sessions.best[session];
    out[asks] = flag(own.form.asks);
    out[place] = log_of(1 + std::size_t{own.place});
    out[word_rarity] = own.rarity;
    const std::uint32_t before = around.at[1];
    if (before == none || !contexts_[members[before]].form.asks) return;
    out[after_question] = 1.0F;
    out[after_question_score] = std::max(0.0F, neighbour_score(search, before));
}

void RetrievalIndex::write_context(const Search& search, const Around& around, float window,
                                   float* out) const {
    const std::uint32_t handle = scopes_[search.scope].members()[around.own()];
    const Context& own = contexts_[handle];
    if (own.sequence >= 0) write_sequence(search, around, window, out);
    if (search.named.source != Sources::none) {
        if (own.source != Sources::none)
            out[from_named] = own.source == search.named.source ? 1.0F : -1.0F;
        out[mentions_named] = flag(mentions(search.named, handle));
    }
    out[close_date] = closeness(search.cues.date, own.day);
    out[when_time] = flag(search.cues.when && own.form.times);
    out[number_digit] = flag(search.cues.number && own.form.counts);
}

}  // namespace engrain
