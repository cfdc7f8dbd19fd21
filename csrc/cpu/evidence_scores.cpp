// Reading the evidence: how a question resembles past ones, and one row of features per candidate.
#include <algorithm>
#include <limits>
#include <mutex>
#include <utility>

#include "engrain/dot.hpp"
#include "engrain/evidence.hpp"
#include "engrain/fixed.hpp"
#include "engrain/prefetch.hpp"
#include "engrain/similarity.hpp"
#include "engrain/transcendental.hpp"

namespace engrain {
namespace {

constexpr double share_discount = 0.02;  // evidence that similar questions must outweigh
constexpr double alike_discount = 0.1;
constexpr float least_passed = 0.5F;  // of K: its eighth power is nothing below
constexpr double count_bound = 3.0, agree_bound = 8.0;
constexpr double bm25_k1 = 1.2, bm25_b = 0.75;

template <int W>
ENGRAIN_INLINE simd::Lanes<W> load(const float* p) {
    return simd::Lanes<W>::load(p);
}
template <int W>
ENGRAIN_INLINE simd::Lanes<W> load(const std::int32_t* p) {
    simd::Lanes<W> out;
    for (int r = 0; r < simd::Lanes<W>::registers; ++r) {
        typename simd::Vec<W>::i32 whole;
        std::memcpy(&whole, p + r * W, sizeof(whole));
        out.v[r] = __builtin_convertvector(whole, typename simd::Vec<W>::f32);
    }
    return out;
}
// The first n < 16 lanes; the others are 0.
template <int W, class T>
ENGRAIN_INLINE simd::Lanes<W> load_partial(const T* p, std::size_t n) {
    T lane[16] = {};
    for (std::size_t i = 0; i < n; ++i) lane[i] = p[i];
    return load<W>(lane);
}

// out[i] = rows[i] . query for rows of float or int32; four at a time hide the latency of the sums.
template <int W, class T>
ENGRAIN_INLINE void gathered_dots_body(const T* const* rows, const float* query, std::size_t n,
                                       std::size_t dim, float* out) {
    using simd::Lanes;
    constexpr std::size_t together = 4, ahead = 8;
    for (std::size_t i = 0; i < n; i += together) {
        const std::size_t count = std::min(together, n - i);
        for (std::size_t k = i + ahead; k < std::min(n, i + ahead + together); ++k)
            prefetch_all(rows[k], dim);
        const T* row[together];
        for (std::size_t k = 0; k < together; ++k) row[k] = rows[i + std::min(k, count - 1)];
        Lanes<W> total[together] = {};
        std::size_t j = 0;
        for (; j + 16 <= dim; j += 16) {
            const Lanes<W> q = Lanes<W>::load(query + j);
            for (std::size_t k = 0; k < together; ++k)
                total[k] = total[k] + load<W>(row[k] + j) * q;
        }
        if (j < dim) {
            const Lanes<W> q = Lanes<W>::load_partial(query + j, dim - j);
            for (std::size_t k = 0; k < together; ++k)
                total[k] = total[k] + load_partial<W>(row[k] + j, dim - j) * q;
        }
        for (std::size_t k = 0; k < count; ++k) out[i + k] = total[k].sum();
    }
}

template <int W>
ENGRAIN_INLINE void fixed_dots_body(const std::int32_t* const* rows, const float* query,
                                    std::size_t n, std::size_t dim, float* out) {
    gathered_dots_body<W>(rows, query, n, dim, out);
    for (std::size_t i = 0; i < n; ++i) out[i] *= 1.0F / float(fixed_one);
}

ENGRAIN_DISPATCH(void, fixed_dots,
                 (const std::int32_t* const* rows, const float* query, std::size_t n,
                  std::size_t dim, float* out),
                 (rows, query, n, dim, out))

// 0 for NaN. A loop of its own, and so without branches: nobody can tell which are below.
void at_least_zero(const float* x, std::size_t n, float* out) {
    for (std::size_t i = 0; i < n; ++i) out[i] = x[i] > 0 ? x[i] : 0.0F;
}

// What a past question counts for: K^3 and C^4, its heaviest mass, K.
struct Worth {
    double cube, fourth, heaviest;
    float kernel;
};

struct WeightedTerm {
    std::int32_t term;
    float weight;
};

// Terms in ascending order with their counts * idf at unit length: in this order, whatever the
// order of the question's terms, cosines are summed.
void weigh_terms(TermView terms, std::vector<WeightedTerm>& out) {
    out.clear();
    double squares = 0;
    for (std::size_t i = 0; i < terms.n; ++i) {
        const double weight = static_cast<double>(terms.counts[i]) * terms.idf[i];
        squares += weight * weight;
    }
    const double scale = squares > 0 ? 1.0 / __builtin_sqrt(squares) : 0.0;
    for (std::size_t i = 0; i < terms.n; ++i) {
        const double weight = static_cast<double>(terms.counts[i]) * terms.idf[i];
        out.push_back({terms.ids[i], static_cast<float>(weight * scale)});
    }
    std::sort(out.begin(), out.end(),
              [](const WeightedTerm& a, const WeightedTerm& b) { return a.term < b.term; });
}

std::int64_t count_of(const Credit& credit, std::int32_t term) noexcept {
    const auto entry =
        std::lower_bound(credit.counts.begin(), credit.counts.end(), term,
                         [](const TermCredit& a, std::int32_t b) { return a.term < b; });
    return entry != credit.counts.end() && entry->term == term ? entry->count : 0;
}

// A credit without the mass that the left-out question gave to it.
struct Honest {
    const Credit* credit;
    const Question* left_out;  // null: nothing is left out
    const float* left_vector;
    std::int64_t own;  // mass, Q24

    std::int64_t mass() const noexcept { return credit->mass - own; }
    std::int64_t count(std::int32_t term) const noexcept {
        return count_of(*credit, term) - own_count(term);
    }
    std::int64_t length() const noexcept {
        std::int64_t total = credit->length;
        if (own != 0)
            for (const QuestionTerm& term : left_out->terms)
                total -= to_fixed(from_fixed(own) * term.count);
        return total;
    }
    float dot(const float* query, std::size_t dim) const {
        std::vector<float> rest(dim);
        for (std::size_t j = 0; j < dim; ++j)
            rest[j] = static_cast<float>(from_fixed(credit->sum.at(j) - own_share(j)));
        float out = 0.0F;
        score_rows(rest.data(), query, 1, dim, &out);
        return out;
    }

  private:
    std::int64_t own_share(std::size_t j) const noexcept {
        return own == 0 ? 0 : to_fixed(from_fixed(own) * left_vector[j]);
    }
    std::int64_t own_count(std::int32_t term) const noexcept {
        if (own == 0) return 0;
        const auto at =
            std::lower_bound(left_out->terms.begin(), left_out->terms.end(), term,
                             [](const QuestionTerm& a, std::int32_t b) { return a.id < b; });
        if (at == left_out->terms.end() || at->id != term) return 0;
        return to_fixed(from_fixed(own) * at->count);
    }
};

// How much BM25 gains when the terms of past questions are added to the memory.
double expansion(const Honest& credit, TermView terms, const float* tf, double length,
                 double average, double sd) noexcept {
    const double longer = length + std::min(from_fixed(credit.length()), average);
    const double before = bm25_k1 * (1 - bm25_b + bm25_b * length / average);
    const double after = bm25_k1 * (1 - bm25_b + bm25_b * longer / average);
    double gain = 0;
    for (std::size_t t = 0; t < terms.n; ++t) {
        const double weight = static_cast<double>(terms.idf[t]) * terms.counts[t], f = tf[t];
        const double more = f + std::min(from_fixed(credit.count(terms.ids[t])), count_bound);
        gain += weight * (bm25_k1 + 1) * (more / (more + after) - f / (f + before));
    }
    return gain / sd;
}

}  // namespace

double Similar::share(const Resemblance& own) const noexcept {
    return own.cubes / (cubes - own.missing + share_discount);
}

double Similar::share_alike(const Resemblance& own) const noexcept {
    return own.fourths / (fourths - own.fourths_missing + alike_discount);
}

void PassedOver::clear(std::size_t most) {
    std::size_t room = 1;
    while (room < 2 * most) room *= 2;
    entries_.assign(room, Entry{});
}

// Where the past questions of a scope stand, without one of them.
void Evidence::take_scope(std::int64_t scope, std::int64_t exclude,
                          std::vector<std::uint32_t>& places) const {
    const Question* left_out = find(exclude);
    places.resize(scopes_.size());
    std::size_t taken = 0;
    for (std::size_t i = 0; i < scopes_.size(); ++i) {
        places[taken] = static_cast<std::uint32_t>(i);
        taken += scopes_[i] == scope && &ring_[i] != left_out;
    }
    places.resize(taken);
}

float Similar::dot(std::int64_t number) const noexcept {
    const std::int64_t back = next - number;
    if (number < 0 || back < 1 || back > capacity) return std::numeric_limits<float>::quiet_NaN();
    const std::int64_t place = newest - back + 1;
    return dots[static_cast<std::size_t>(place < 0 ? place + capacity : place)];
}

// What the questions have in common with each memory that they used, oldest first. Where K is 0,
// zeros are added.
void Evidence::resemble(Similar& out) const {
    static thread_local std::vector<Worth> worth;
    static thread_local std::vector<float> kernel, alike;
    const std::size_t held = ring_.size(), first = held < capacity_ ? 0 : position(next_);
    worth.resize(held);
    kernel.resize(held);
    alike.resize(held);
    at_least_zero(out.kernel.data(), held, kernel.data());
    at_least_zero(out.dots.data(), held, alike.data());
    for (std::size_t i = 0; i < held; ++i) {
        const double k = kernel[i], c = alike[i];
        worth[i] = {k * k * k, (c * c) * (c * c), heaviest_[i], out.kernel[i]};
    }
    out.cubes = out.fourths = 0;
    for (std::size_t n = 0, i = first; n < held; ++n, i = i + 1 < held ? i + 1 : 0) {
        out.cubes += worth[i].heaviest * worth[i].cube;
        out.fourths += worth[i].heaviest * worth[i].fourth;
    }
    out.known.assign(credits_.size(), Resemblance{});
    for (std::size_t i = stale_; i < shared_.size(); ++i) {
        const Shared& use = shared_[i];
        if (use.slot < 0) continue;
        const Worth& own = worth[use.place];
        Resemblance& to = out.known[static_cast<std::size_t>(use.slot)];
        to.near = std::max(to.near, static_cast<float>(use.mass * own.kernel));
        to.cubes += use.mass * own.cube;
        to.fourths += use.mass * own.fourth;
        const double less = own.heaviest - use.mass;
        if (less == 0) continue;  // of most; zeros would be added
        to.missing += static_cast<float>(less * own.cube);
        to.fourths_missing += static_cast<float>(less * own.fourth);
    }
    pass_over(out);
}

// What was shown for questions like this one and not used. Lists lie anywhere: they are asked for
// all at once.
void Evidence::pass_over(Similar& out) const {
    static thread_local std::vector<std::uint32_t> like;
    like.resize(ring_.size());
    std::size_t n = 0;
    for (std::size_t i = 0; i < ring_.size(); ++i) {
        like[n] = static_cast<std::uint32_t>(i);
        n += out.kernel[i] < least_passed ? 0 : 1;
    }
    for (std::size_t i = 0; i < n; ++i) engrain::prefetch(&ring_[like[i]].passed);
    for (std::size_t i = 0; i < n; ++i) engrain::prefetch(ring_[like[i]].passed.data());
    std::size_t most = 0;
    for (std::size_t i = 0; i < n; ++i) most += ring_[like[i]].passed.size();
    out.passed.clear(most);
    for (std::size_t i = 0; i < n; ++i)
        for (const std::int64_t handle : ring_[like[i]].passed)
            out.passed.add(handle, out.kernel[like[i]]);
}

void Evidence::similarity(std::int64_t scope, const float* query, TermView terms,
                          std::int64_t exclude, Similar& out) const {
    std::shared_lock<std::shared_mutex> lock(mutex_);
    out.scope = scope;
    out.excluded = exclude;
    out.has_query = query != nullptr;
    out.query.assign(query, query == nullptr ? query : query + dim_);
    out.kernel.assign(ring_.size(), 0.0F);
    out.dots.assign(ring_.size(), std::numeric_limits<float>::quiet_NaN());
    out.next = next_;
    out.capacity = static_cast<std::int64_t>(capacity_);
    out.newest = next_ > 0 ? static_cast<std::int64_t>(position(next_ - 1)) : 0;
    static thread_local std::vector<std::uint32_t> places;
    static thread_local std::vector<float> dots, alike, cosines;
    static thread_local std::vector<WeightedTerm> asked;
    take_scope(scope, exclude, places);
    dots.assign(places.size(), 0.0F);
    if (query != nullptr)
        coded_.dots(places.data(), places.size(), coded_.code(query), dots.data());
    weigh_terms(terms, asked);
    cosines.assign(ring_.size(), 0.0F);
    for (const WeightedTerm& term : asked)
        holders_.accumulate(term.term, term.weight, cosines.data());
    alike.resize(places.size());
    at_least_zero(dots.data(), places.size(), alike.data());
    for (std::size_t i = 0; i < places.size(); ++i) {
        out.dots[places[i]] = dots[i];
        out.kernel[places[i]] = 0.5F * alike[i] + 0.5F * cosines[places[i]];
    }
    resemble(out);
    out.adapted.assign(dim_, 0.0F);
    if (query == nullptr) return;
    if (!ridge_.empty()) score_rows(ridge_.data(), query, dim_, dim_, out.adapted.data());
    const Question* left_out = find(exclude);
    if (left_out != nullptr && left_out->has_target) {
        const std::size_t at = position(exclude);
        const float h = leverage_[at], scale = 1.0F / (1.0F - h);
        for (std::size_t j = 0; j < dim_; ++j)
            out.adapted[j] = (out.adapted[j] - h * targets_.row(at)[j]) * scale;
    }
    for (std::size_t j = 0; j < dim_; ++j) out.adapted[j] += 0.5F * query[j];
}

// Appends the handles of the k that are worth most and more than 0, ties by handle, without those
// that are there.
// `worth(own, least)` may return anything below `least` for what is worth less.
template <class Worth>
void Evidence::append_best(const Similar& similar, std::size_t k, Worth worth,
                           std::vector<std::int64_t>& out) const {
    const std::vector<Resemblance>& known = similar.known;
    std::vector<double> best;  // descending; few enough to be moved along
    best.reserve(std::min(k, known.size()));
    for (std::size_t slot = 0; slot < known.size() && k > 0; ++slot) {
        const double least = best.size() < k ? 0.0 : best.back();
        const double own = worth(known[slot], least);
        if (own <= least) continue;
        if (best.size() < k) best.push_back(own);
        std::size_t at = best.size() - 1;
        for (; at > 0 && best[at - 1] < own; --at) best[at] = best[at - 1];
        best[at] = own;
    }
    if (best.empty()) return;
    const double least = best.back();
    std::vector<std::pair<double, std::int64_t>> found;
    for (std::size_t slot = 0; slot < known.size(); ++slot) {
        const double own = worth(known[slot], least);
        if (own < least) continue;
        engrain::prefetch(&credits_[slot].handle);
        found.emplace_back(-own, static_cast<std::int64_t>(slot));
    }
    for (auto& [own, place] : found) place = credits_[static_cast<std::size_t>(place)].handle;
    std::sort(found.begin(), found.end());
    found.resize(best.size());
    for (const auto& [own, handle] : found)
        if (std::find(out.begin(), out.end(), handle) == out.end()) out.push_back(handle);
}

std::vector<std::int64_t> Evidence::propose(const Similar& similar, std::size_t k) const {
    std::shared_lock<std::shared_mutex> lock(mutex_);
    std::vector<std::int64_t> out;
    append_best(similar, k, [](const Resemblance& own, double) { return double(own.near); }, out);
    // Divisions are for those that may be among the best.
    constexpr double nearly = 1 - 1e-9;
    const auto share = [&](const Resemblance& own, double least) {
        const bool less = own.cubes < nearly * least * (similar.cubes - own.missing);
        return less ? -1.0 : similar.share(own);
    };
    append_best(similar, k, share, out);
    return out;
}

void Evidence::features(const Similar& similar, const CandidateView& block, TermView terms,
                        float average_length, float sd, float* out, std::size_t stride) const {
    std::shared_lock<std::shared_mutex> lock(mutex_);
    const Question* left_out = find(similar.excluded);
    const float* left_vector =
        left_out == nullptr ? nullptr : vectors_.row(position(similar.excluded));
    for (std::size_t i = 0; i < block.n; ++i) std::fill_n(out + i * stride, columns, 0.0F);
    static thread_local std::vector<const std::int32_t*> rows;
    static thread_local std::vector<std::size_t> places;
    static thread_local std::vector<float> dots;
    rows.clear();
    places.clear();
    dots.resize(std::max(block.n, dim_));
    // Credits lie anywhere: they are asked for while the rows are scored.
    for (std::size_t i = 0; i < block.n; ++i)
        if (static_cast<std::size_t>(block.handles[i]) < slot_of_.size())
            engrain::prefetch(&slot_of_[static_cast<std::size_t>(block.handles[i])]);
    for (std::size_t i = 0; i < block.n; ++i)
        if (const Credit* held = credit(block.handles[i]))
            prefetch_all(reinterpret_cast<const char*>(held), sizeof(Credit));
    const bool vectors = similar.has_query && block.centred != nullptr;
    if (vectors) {
        double squares = 0;
        for (float a : similar.adapted) squares += static_cast<double>(a) * a;
        const float scale = static_cast<float>(1.0 / (__builtin_sqrt(squares) + 1e-9));
        score_rows(block.centred, similar.adapted.data(), block.n, dim_, dots.data());
        for (std::size_t i = 0; i < block.n; ++i) out[i * stride] = dots[i] * scale;
    }
    for (std::size_t i = 0; i < block.n; ++i)
        if (const Credit* held = credit(block.handles[i]))
            prefetch_row(held->counts.data(), held->counts.size());
    for (std::size_t i = 0; i < block.n; ++i) {
        float* row = out + i * stride;
        const float passed = similar.passed.of(block.handles[i]), square = passed * passed;
        row[7] = (square * square) * (square * square);
        const std::int32_t own = slot(block.handles[i]);
        if (own < 0) continue;
        const Credit* held = &credits_[static_cast<std::size_t>(own)];
        if (static_cast<std::size_t>(own) < similar.known.size()) {
            const Resemblance& like = similar.known[static_cast<std::size_t>(own)];
            row[4] = like.near;
            row[5] = static_cast<float>(similar.share(like));
            row[6] = like.near *
                     std::min(std::max(block.statics[i], 0.0F), static_cast<float>(agree_bound));
            row[8] = static_cast<float>(similar.share_alike(like));
        }
        Honest honest{held, left_out, left_vector, 0};
        if (left_out != nullptr)
            for (const Use& use : left_out->used)
                if (use.handle == block.handles[i]) honest.own += use.mass;
        const double mass = from_fixed(honest.mass());
        row[1] = static_cast<float>(log1p(mass));
        if (honest.mass() > 0)
            row[2] = static_cast<float>(expansion(honest, terms, block.tf + i * terms.n,
                                                  block.length[i], average_length, sd));
        if (!similar.has_query) continue;
        if (honest.own != 0 || held->sum.narrow() == nullptr) {
            row[3] = static_cast<float>(honest.dot(similar.query.data(), dim_) / (mass + 1));
        } else {
            rows.push_back(held->sum.narrow());
            places.push_back(i);
        }
    }
    if (rows.empty()) return;
    fixed_dots(rows.data(), similar.query.data(), rows.size(), dim_, dots.data());
    for (std::size_t k = 0; k < rows.size(); ++k) {
        const double mass = from_fixed(credit(block.handles[places[k]])->mass);
        out[places[k] * stride + 3] = static_cast<float>(dots[k] / (mass + 1));
    }
}

}  // namespace engrain
