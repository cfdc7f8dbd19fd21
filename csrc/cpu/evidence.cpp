#include "engrain/evidence.hpp"

#include <algorithm>
#include <mutex>

#include "engrain/fixed.hpp"
#include "engrain/simd.hpp"
#include "engrain/similarity.hpp"

namespace engrain {
namespace {

// Ascending by term; weights are counts * idf, normalised.
void take_terms(Question& question, TermView view) noexcept {
    std::vector<std::int32_t>& order = question.terms;
    order.resize(view.n);
    for (std::size_t i = 0; i < view.n; ++i) order[i] = static_cast<std::int32_t>(i);
    std::sort(order.begin(), order.end(),
              [&](std::int32_t a, std::int32_t b) { return view.ids[a] < view.ids[b]; });
    question.counts.resize(view.n);
    question.weights.resize(view.n);
    double squares = 0;
    for (std::size_t i = 0; i < view.n; ++i) {
        const std::int32_t from = order[i];
        const double weight = static_cast<double>(view.counts[from]) * view.idf[from];
        question.counts[i] = view.counts[from];
        question.weights[i] = static_cast<float>(weight);
        order[i] = view.ids[from];
        squares += weight * weight;
    }
    const double scale = squares > 0 ? 1.0 / __builtin_sqrt(squares) : 0.0;
    for (float& weight : question.weights) weight = static_cast<float>(weight * scale);
}

auto at_term(std::vector<TermCredit>& counts, std::int32_t term) noexcept {
    return std::lower_bound(counts.begin(), counts.end(), term,
                            [](const TermCredit& a, std::int32_t b) { return a.term < b; });
}

template <int W>
ENGRAIN_INLINE void accumulate_vector_body(const float* q, double mass, std::int64_t sign,
                                           std::size_t dim, std::int64_t* sum, float* shadow) {
    for (std::size_t j = 0; j < dim; ++j) {
        sum[j] += sign * to_fixed(mass * q[j]);
        shadow[j] = static_cast<float>(from_fixed(sum[j]));
    }
}

// sum += sign * mass * q, element by element; shadow follows.
ENGRAIN_DISPATCH(void, accumulate_vector,
                 (const float* q, double mass, std::int64_t sign, std::size_t dim,
                  std::int64_t* sum, float* shadow),
                 (q, mass, sign, dim, sum, shadow))

}  // namespace

void TermHolders::reserve(TermView terms) {
    found_.clear();
    for (std::size_t i = 0; i < terms.n; ++i) {
        std::vector<Held>& held = held_[terms.ids[i]];
        if (held.size() == held.capacity()) held.reserve(2 * held.size() + 1);
        found_.emplace_back(terms.ids[i], &held);
    }
    std::sort(found_.begin(), found_.end());
}

void TermHolders::add(std::size_t place, const Question& question) noexcept {
    for (std::size_t i = 0; i < question.terms.size(); ++i)
        found_[i].second->push_back({place, question.weights[i]});
}

void TermHolders::remove(std::size_t place, const std::vector<std::int32_t>& terms) noexcept {
    for (const std::int32_t term : terms) {
        const auto at = held_.find(term);
        std::vector<Held>& held = at->second;
        held.erase(std::find_if(held.begin(), held.end(),
                                [&](const Held& entry) { return entry.place == place; }));
        if (held.empty()) held_.erase(at);
    }
}

void TermHolders::accumulate(std::int32_t term, float weight, float* cosines) const noexcept {
    const auto at = held_.find(term);
    if (at == held_.end()) return;
    for (const Held& entry : at->second) cosines[entry.place] += weight * entry.weight;
}

Evidence::Evidence(std::size_t dim, std::size_t questions) : dim_(dim), capacity_(questions) {}

std::size_t Evidence::position(std::int64_t number) const noexcept {
    return static_cast<std::size_t>(number) % capacity_;
}

const Question* Evidence::find(std::int64_t number) const noexcept {
    if (number < 0 || number >= next_) return nullptr;
    const Question& question = ring_[position(number)];
    return question.number == number ? &question : nullptr;
}

const Credit* Evidence::credit(std::int64_t handle) const noexcept {
    if (handle < 0 || static_cast<std::size_t>(handle) >= slot_of_.size()) return nullptr;
    const std::int32_t slot = slot_of_[static_cast<std::size_t>(handle)];
    return slot < 0 ? nullptr : &credits_[static_cast<std::size_t>(slot)];
}

Credit& Evidence::credit_or_new(std::int64_t handle) {
    const std::size_t h = static_cast<std::size_t>(handle);
    if (h >= slot_of_.size()) slot_of_.resize(std::max(h + 1, 2 * slot_of_.size()), -1);
    if (slot_of_[h] < 0) {
        if (free_.empty()) {
            free_.reserve(credits_.size() + 1);
            credits_.emplace_back();
            free_.push_back(static_cast<std::int32_t>(credits_.size() - 1));
        }
        Credit& fresh = credits_[static_cast<std::size_t>(free_.back())];
        fresh.sum.assign(dim_, 0);
        fresh.shadow.assign(dim_, 0.0F);
        fresh.handle = handle;
        slot_of_[h] = free_.back();
        free_.pop_back();
    }
    return credits_[static_cast<std::size_t>(slot_of_[h])];
}

void Evidence::release(Credit& credit) noexcept {
    std::int32_t& slot = slot_of_[static_cast<std::size_t>(credit.handle)];
    free_.push_back(slot);  // within the capacity reserved when the slot was made
    slot = -1;
    credit.handle = -1;
    credit.mass = credit.length = 0;
    credit.counts.clear();
}

void Evidence::reserve(std::int64_t number, TermView terms, const std::vector<Use>& used) {
    const std::size_t at = position(number);
    if (at >= ring_.size()) {
        vectors_.resize((at + 1) * dim_);
        targets_.resize((at + 1) * dim_);
        leverage_.resize(at + 1);
        ring_.resize(at + 1);
    }
    Question& question = ring_[at];
    retired_ = question.terms;
    holders_.reserve(terms);
    question.terms.reserve(terms.n);
    question.counts.reserve(terms.n);
    question.weights.reserve(terms.n);
    question.used.reserve(used.size());
    for (const Use& use : used) {
        Credit& credit = credit_or_new(use.handle);
        const std::size_t wanted = credit.counts.size() + terms.n;
        if (credit.counts.capacity() < wanted) credit.counts.reserve(2 * wanted);
    }
}

void Evidence::accumulate(const Question& question, const Use& use, std::int64_t sign) noexcept {
    Credit& to = credits_[static_cast<std::size_t>(slot_of_[static_cast<std::size_t>(use.handle)])];
    const double mass = from_fixed(use.mass);
    to.mass += sign * use.mass;
    for (std::size_t i = 0; i < question.terms.size(); ++i) {
        const std::int64_t count = sign * to_fixed(mass * question.counts[i]);
        const std::int32_t term = question.terms[i];
        auto entry = at_term(to.counts, term);
        if (entry == to.counts.end() || entry->term != term)
            entry = to.counts.insert(entry, TermCredit{term, 0});
        entry->count += count;
        to.length += count;
        if (entry->count == 0) to.counts.erase(entry);
    }
    if (question.has_vector) {
        const float* q = vectors_.data() + position(question.number) * dim_;
        accumulate_vector(q, mass, sign, dim_, to.sum.data(), to.shadow.data());
    }
    if (to.mass == 0) release(to);
}

// Unit mean of the used memories minus half the question: what e:ridge learns to predict.
void Evidence::set_target(std::size_t at, const float* query, std::size_t uses,
                          const float* centred) {
    ring_[at].has_target = query != nullptr && centred != nullptr && uses > 0;
    float* target = targets_.data() + at * dim_;
    std::fill(target, target + dim_, 0.0F);
    leverage_[at] = 0.0F;
    if (!ring_[at].has_target) return;
    for (std::size_t u = 0; u < uses; ++u)
        for (std::size_t j = 0; j < dim_; ++j) target[j] += centred[u * dim_ + j];
    float square = 0.0F;
    score_rows(target, target, 1, dim_, &square);
    const auto scale = static_cast<float>(1.0 / (__builtin_sqrt(square) + 1e-9));
    for (std::size_t j = 0; j < dim_; ++j) target[j] = target[j] * scale - 0.5F * query[j];
}

std::int64_t Evidence::add(std::int64_t scope, const float* query, TermView terms,
                           const std::vector<Use>& used, const float* centred) {
    std::unique_lock<std::shared_mutex> lock(mutex_);
    const std::int64_t number = next_;
    reserve(number, terms, used);
    const std::size_t at = position(number);
    Question& question = ring_[at];
    question.number = number;
    question.scope = scope;
    question.has_vector = query != nullptr;
    take_terms(question, terms);
    holders_.add(at, question);
    holders_.remove(at, retired_);
    question.used.assign(used.begin(), used.end());
    float* vector = vectors_.data() + at * dim_;
    if (query != nullptr)
        std::copy(query, query + dim_, vector);
    else
        std::fill(vector, vector + dim_, 0.0F);
    set_target(at, query, used.size(), centred);
    for (const Use& use : used) accumulate(question, use, 1);
    ++next_;
    return number;
}

bool Evidence::remove(std::int64_t number) {
    std::unique_lock<std::shared_mutex> lock(mutex_);
    if (find(number) == nullptr) return false;
    Question& question = ring_[position(number)];
    for (const Use& use : question.used) accumulate(question, use, -1);
    holders_.remove(position(number), question.terms);
    question.used.clear();
    question.terms.clear();
    question.has_vector = question.has_target = false;
    question.number = -1;
    return true;
}

void Evidence::forget(std::int64_t handle) {
    std::unique_lock<std::shared_mutex> lock(mutex_);
    const Credit* held = credit(handle);
    if (held == nullptr) return;
    release(const_cast<Credit&>(*held));
    for (Question& question : ring_) {
        auto& used = question.used;
        const auto kept = std::remove_if(used.begin(), used.end(),
                                         [&](const Use& use) { return use.handle == handle; });
        if (kept == used.end()) continue;
        used.erase(kept, used.end());
        question.has_target = false;  // the target holds the forgotten vector
        float* target = targets_.data() + position(question.number) * dim_;
        std::fill(target, target + dim_, 0.0F);
    }
}

void Evidence::set_ridge(const float* w) {
    std::unique_lock<std::shared_mutex> lock(mutex_);
    std::vector<float> fresh;
    if (w != nullptr) fresh.assign(w, w + dim_ * dim_);
    ridge_.swap(fresh);
}

void Evidence::set_leverage(const std::vector<float>& by_position) {
    std::unique_lock<std::shared_mutex> lock(mutex_);
    for (std::size_t i = 0; i < leverage_.size() && i < by_position.size(); ++i)
        leverage_[i] = by_position[i];
}

Pairs Evidence::pairs() const {
    std::shared_lock<std::shared_mutex> lock(mutex_);
    Pairs out;
    const std::int64_t held = static_cast<std::int64_t>(ring_.size());
    for (std::int64_t number = std::max<std::int64_t>(0, next_ - held); number < next_; ++number) {
        const Question* question = find(number);
        if (question == nullptr || !question->has_vector || !question->has_target) continue;
        std::int64_t heaviest = 0;
        for (const Use& use : question->used) heaviest = std::max(heaviest, use.mass);
        const auto at = static_cast<std::ptrdiff_t>(position(number) * dim_);
        const auto width = static_cast<std::ptrdiff_t>(dim_);
        out.number.push_back(number);
        out.mass.push_back(from_fixed(heaviest));
        out.vector.insert(out.vector.end(), vectors_.begin() + at, vectors_.begin() + at + width);
        out.target.insert(out.target.end(), targets_.begin() + at, targets_.begin() + at + width);
    }
    return out;
}

std::vector<float> Evidence::ridge() const {
    std::shared_lock<std::shared_mutex> lock(mutex_);
    return ridge_;
}

bool Evidence::holds(std::int64_t number) const {
    std::shared_lock<std::shared_mutex> lock(mutex_);
    return find(number) != nullptr;
}

double Evidence::mass_of(std::int64_t handle) const {
    std::shared_lock<std::shared_mutex> lock(mutex_);
    const Credit* held = credit(handle);
    return held == nullptr ? 0.0 : from_fixed(held->mass);
}

void Evidence::prefetch(const std::int64_t* handles, std::size_t n) const {
    std::shared_lock<std::shared_mutex> lock(mutex_);
    for (std::size_t i = 0; i < n; ++i) {
        const Credit* held = credit(handles[i]);
        if (held == nullptr) continue;
        const auto* sum = reinterpret_cast<const char*>(held->sum.data());
        for (std::size_t at = 0; at < dim_ * sizeof(std::int64_t); at += 64)
            __builtin_prefetch(sum + at, 1);
        const auto* shadow = reinterpret_cast<const char*>(held->shadow.data());
        for (std::size_t at = 0; at < dim_ * sizeof(float); at += 64)
            __builtin_prefetch(shadow + at, 1);
        __builtin_prefetch(held->counts.data(), 1);
    }
}

bool Evidence::any_rewarded(const std::int64_t* handles, std::size_t n) const {
    std::shared_lock<std::shared_mutex> lock(mutex_);
    return std::any_of(handles, handles + n, [&](std::int64_t handle) {
        const Credit* held = credit(handle);
        return held != nullptr && held->mass > 0;
    });
}

}  // namespace engrain
