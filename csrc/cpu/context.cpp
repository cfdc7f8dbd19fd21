// The columns of a RetrievalIndex that read a memory's context.
#include "engrain/context.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engrain/retrieval.hpp"
#include "engrain/transcendental.hpp"

namespace engrain {
namespace {

constexpr float window_weights[] = {0.3F, 0.6F, 1.0F, 0.6F, 0.3F};
constexpr float noise = 1e-6F;

void standardize(std::vector<float>& x) {
    double sum = 0.0, squares = 0.0;
    for (const float value : x) sum += value;
    const double mean = x.empty() ? 0.0 : sum / double(x.size());
    for (const float value : x) squares += (value - mean) * (value - mean);
    const double deviation = x.empty() ? 0.0 : std::sqrt(squares / double(x.size()));
    for (float& value : x) value = static_cast<float>((value - mean) / (deviation + noise));
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
    std::vector<float>& best = search.sessions.best;
    best.assign(sessions.length.size(), std::numeric_limits<float>::lowest());
    for (std::size_t i = 0; i < sessions.of.size(); ++i) {
        const std::uint32_t session = sessions.of[i];
        if (session != none) best[session] = std::max(best[session], search.fixed[i]);
    }
    score_session_texts(search);
    standardize(search.sessions.bm25);
    standardize(best);
    search.sessions.known = true;
}

void RetrievalIndex::number_sessions(Scope& scope) const {
    const auto& members = scope.members();
    Sessions& sessions = scope.sessions();
    std::unordered_map<std::int64_t, std::uint32_t> numbers;
    sessions.of.assign(members.size(), none);
    sessions.length.clear();
    for (std::size_t i = 0; i < members.size(); ++i) {
        const std::int64_t sequence = contexts_[members[i]].sequence;
        if (sequence < 0) continue;
        const auto fresh = static_cast<std::uint32_t>(sessions.length.size());
        const std::uint32_t session = numbers.try_emplace(sequence, fresh).first->second;
        if (session == fresh) sessions.length.push_back(0.0F);
        sessions.of[i] = session;
        sessions.length[session] += lexical_.length(members[i]);
    }
    sessions.stale = false;
}

// BM25 over the sessions' whole texts.
void RetrievalIndex::score_session_texts(Search& search) const {
    const Scope& scope = scopes_[search.scope];
    const auto& members = scope.members();
    const Sessions& sessions = scope.sessions();
    const std::size_t n = sessions.length.size();
    std::vector<float> frequency(n + 1);  // the last: of members outside any session
    const auto count = [&](std::size_t position, float times) {
        frequency[std::min<std::size_t>(sessions.of[position], n)] += times;
    };
    double total = 0.0;
    for (const float own : sessions.length) total += own;
    const float slope = Bm25::slope(total > 0.0 ? total / double(n) : 1.0);
    std::vector<float>& bm25 = search.sessions.bm25;
    bm25.assign(n, 0.0F);
    for (const TermCount& asked : search.terms) {
        const auto* list = lexical_.postings(asked.term);
        if (list == nullptr) continue;
        std::fill(frequency.begin(), frequency.end(), 0.0F);
        if (list->size() <= 8 * members.size()) {
            for (const Posting& posting : *list) {
                const std::int64_t position = scope.position(posting.document);
                if (position >= 0) count(static_cast<std::size_t>(position), posting.count);
            }
        } else {
            for (std::size_t i = 0; i < members.size(); ++i)
                count(i, lexical_.frequency(members[i], asked.term));
        }
        std::size_t holding = 0;
        for (std::size_t i = 0; i < n; ++i) holding += frequency[i] > 0.0F;
        const float weight = asked.count * inverse_frequency(n, holding) * (Bm25::k1 + 1.0F);
        for (std::size_t i = 0; i < n; ++i)
            bm25[i] += Bm25::gain(frequency[i], weight, slope, sessions.length[i]);
    }
}

// The memory so many places after this one in its sequence, none beyond its ends.
std::uint32_t RetrievalIndex::step(std::uint32_t handle, int steps) const noexcept {
    for (; steps < 0 && handle != none; ++steps) handle = contexts_[handle].previous;
    for (; steps > 0 && handle != none; --steps) handle = contexts_[handle].next;
    return handle;
}

float RetrievalIndex::window(const Search& search, std::uint32_t handle,
                             const std::vector<float>& scores,
                             const Standard& standard) const noexcept {
    float sum = 0.0F;
    for (int offset = -2; offset <= 2; ++offset) {
        const std::uint32_t at = step(handle, offset);
        const std::int64_t position = at == none ? -1 : scopes_[search.scope].position(at);
        if (position >= 0)
            sum +=
                window_weights[offset + 2] * standard.z(scores[static_cast<std::size_t>(position)]);
    }
    return sum;
}

// BM25 of the window as one text whose words count by their distance; rarity and mean length are
// those of single memories. In deviations of the question's BM25.
float RetrievalIndex::window_text(const Search& search, std::uint32_t handle) const noexcept {
    constexpr float windows = 0.3F + 0.6F + 1.0F + 0.6F + 0.3F;
    std::uint32_t near[5];
    float weight[5], length = 0.0F;
    std::size_t n = 0;
    for (int offset = -2; offset <= 2; ++offset) {
        const std::uint32_t at = step(handle, offset);
        if (at == none || scopes_[search.scope].position(at) < 0) continue;
        near[n] = at;
        weight[n] = window_weights[offset + 2];
        length += weight[n] * stems_.length(at);
        ++n;
    }
    const float slope = Bm25::slope(stems_.average_length() * windows);
    float sum = 0.0F;
    for (const TermWeight& asked : search.reading.weights) {
        float frequency = 0.0F;
        for (std::size_t i = 0; i < n; ++i)
            frequency += weight[i] * stems_.frequency(near[i], asked.term);
        if (frequency > 0.0F) sum += Bm25::gain(frequency, asked.weight, slope, length);
    }
    return sum / search.bm25_sd;
}

// The name before the colon that says who speaks is no mention.
bool RetrievalIndex::mentions(const Sources::Name& named, std::uint32_t handle) const noexcept {
    const Context& own = contexts_[handle];
    const bool speaks = own.announced && own.source == named.source;
    return lexical_.frequency(handle, named.term) > (speaks ? 1.0F : 0.0F);
}

void RetrievalIndex::write_sequence(const Search& search, std::uint32_t handle,
                                    float* out) const noexcept {
    const Context& own = contexts_[handle];
    out[window_bm25] = window_text(search, handle);
    if (!views_.empty() && search.views[0].asked)
        out[window_cosine] =
            window(search, handle, search.views[0].scores, search.views[0].standard);
    out[two_before] = neighbour_score(search, step(handle, -2));
    out[two_after] = neighbour_score(search, step(handle, 2));
    const auto position = static_cast<std::size_t>(scopes_[search.scope].position(handle));
    const std::uint32_t session = scopes_[search.scope].sessions().of[position];
    out[session_bm25] = search.sessions.bm25[session];
    out[session_best] = search.sessions.best[session];
    out[asks] = flag(own.form.asks);
    out[place] = static_cast<float>(engrain::log(1.0 + double(own.place)));
    if (own.previous == none || !contexts_[own.previous].form.asks) return;
    if (scopes_[search.scope].position(own.previous) < 0) return;
    out[after_question] = 1.0F;
    out[after_question_score] = std::max(0.0F, neighbour_score(search, own.previous));
}

void RetrievalIndex::write_context(const Search& search, std::uint32_t handle,
                                   float* out) const noexcept {
    const Context& own = contexts_[handle];
    if (own.sequence >= 0) write_sequence(search, handle, out);
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
