#include "engrain/evidence.hpp"

#include <algorithm>
#include <mutex>

#include "engrain/combine.hpp"
#include "engrain/fixed.hpp"
#include "engrain/prefetch.hpp"
#include "engrain/simd.hpp"
#include "engrain/similarity.hpp"

namespace engrain {
namespace {

constexpr double rounded_up = 1.001;  // the length of a vector, beyond its error

// Ascending by term; weights are counts * idf, normalised.
void take_terms(TermView view, std::vector<QuestionTerm>& terms) {
    terms.resize(view.n);
    double squares = 0;
    for (std::size_t i = 0; i < view.n; ++i) terms[i] = {view.ids[i], view.counts[i], view.idf[i]};
    std::sort(terms.begin(), terms.end(),
              [](const QuestionTerm& a, const QuestionTerm& b) { return a.id < b.id; });
    for (QuestionTerm& term : terms) {
        const double weight = static_cast<double>(term.count) * term.weight;
        term.weight = static_cast<float>(weight);
        squares += weight * weight;
    }
    const double scale = squares > 0 ? 1.0 / __builtin_sqrt(squares) : 0.0;
    for (QuestionTerm& term : terms) term.weight = static_cast<float>(term.weight * scale);
}

auto at_term(std::vector<TermCredit>& counts, std::int32_t term) noexcept {
    return std::lower_bound(counts.begin(), counts.end(), term,
                            [](const TermCredit& a, std::int32_t b) { return a.term < b; });
}

}  // namespace

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
            if (free_.capacity() <= credits_.size()) free_.reserve(2 * credits_.size() + 1);
            credits_.emplace_back();
            free_.push_back(static_cast<std::int32_t>(credits_.size() - 1));
        }
        Credit& fresh = credits_[static_cast<std::size_t>(free_.back())];
        fresh.sum.clear(dim_);
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

double Evidence::length_of(const float* query) const noexcept {
    float square = 0.0F;
    if (query != nullptr) score_rows(query, query, 1, dim_, &square);
    return __builtin_sqrt(static_cast<double>(square));
}

// Keeps what is asked, so that it can take its place in the ring without more memory.
void Evidence::stage(TermView terms, const std::vector<Use>& used) {
    take_terms(terms, staged_.terms);
    staged_.used.assign(used.begin(), used.end());
}

void Evidence::reserve(std::size_t at, double length) {
    if (at >= ring_.size()) {
        vectors_.resize((at + 1) * dim_);
        targets_.resize((at + 1) * dim_);
        leverage_.resize(at + 1);
        ring_.resize(at + 1);
    }
    target_.resize(dim_);
    ones_.resize(std::max(ones_.size(), staged_.used.size()), 1.0F);
    holders_.reserve(staged_.terms);
    for (const Use& use : staged_.used) {
        Credit& credit = credit_or_new(use.handle);
        const std::size_t wanted = credit.counts.size() + staged_.terms.size();
        if (credit.counts.capacity() < wanted) credit.counts.reserve(2 * wanted);
        credit.sum.reserve(from_fixed(use.mass) * rounded_up * length);
    }
}

void Evidence::accumulate(const Question& question, const Use& use, std::int64_t sign) noexcept {
    Credit& to = credits_[static_cast<std::size_t>(slot_of_[static_cast<std::size_t>(use.handle)])];
    const double mass = from_fixed(use.mass);
    to.mass += sign * use.mass;
    for (const QuestionTerm& term : question.terms) {
        const std::int64_t count = sign * to_fixed(mass * term.count);
        auto entry = at_term(to.counts, term.id);
        if (entry == to.counts.end() || entry->term != term.id)
            entry = to.counts.insert(entry, TermCredit{term.id, 0});
        entry->count += count;
        to.length += count;
        if (entry->count == 0) to.counts.erase(entry);
    }
    if (question.has_vector)
        to.sum.add(vectors_.data() + position(question.number) * dim_, mass, sign);
    if (to.mass == 0) release(to);
}

// Unit mean of the used memories minus half the question: what e:ridge learns to predict.
void Evidence::set_target(std::size_t at, const float* query, std::size_t uses,
                          const float* const* centred) {
    ring_[at].has_target = query != nullptr && centred != nullptr && uses > 0;
    leverage_[at] = 0.0F;
    if (!ring_[at].has_target) {
        std::fill_n(targets_.data() + at * dim_, dim_, 0.0F);
        return;
    }
    combine_rows(centred, ones_.data(), uses, dim_, target_.data());
    const auto scale = static_cast<float>(1.0 / (length_of(target_.data()) + 1e-9));
    const float* const parts[] = {target_.data(), query};
    const float weights[] = {scale, -0.5F};
    combine_rows(parts, weights, 2, dim_, targets_.data() + at * dim_);
}

std::int64_t Evidence::add(std::int64_t scope, const float* query, TermView terms,
                           const std::vector<Use>& used, const float* const* centred) {
    std::unique_lock<std::shared_mutex> lock(mutex_);
    const std::int64_t number = next_;
    const std::size_t at = position(number);
    stage(terms, used);
    reserve(at, length_of(query));
    std::swap(ring_[at], staged_);
    Question& question = ring_[at];
    question.number = number;
    question.scope = scope;
    question.has_vector = query != nullptr;
    holders_.add(at, question.terms);
    holders_.remove(at, staged_.terms);
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
    const double length =
        question.has_vector ? length_of(vectors_.data() + position(number) * dim_) : 0.0;
    for (const Use& use : question.used)
        credit_or_new(use.handle).sum.reserve(from_fixed(use.mass) * rounded_up * length);
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

std::int64_t Evidence::newest(const float* query) const {
    std::shared_lock<std::shared_mutex> lock(mutex_);
    const Question* question = find(next_ - 1);
    if (question == nullptr || !question->has_vector) return -1;
    const float* own = vectors_.data() + position(question->number) * dim_;
    return std::equal(query, query + dim_, own) ? question->number : -1;
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

void Evidence::approach(const std::int64_t* handles, std::size_t n, TermView terms) const {
    std::shared_lock<std::shared_mutex> lock(mutex_);
    if (position(next_) < ring_.size()) engrain::prefetch(&ring_[position(next_)]);
    for (std::size_t i = 0; i < n; ++i)
        if (const Credit* held = credit(handles[i])) prefetch_row(held, 2);
    for (std::size_t i = 0; i < terms.n; ++i) holders_.approach(terms.ids[i]);
}

void Evidence::prefetch(const std::int64_t* handles, std::size_t n, TermView terms) const {
    std::shared_lock<std::shared_mutex> lock(mutex_);
    for (std::size_t i = 0; i < terms.n; ++i) holders_.prefetch(terms.ids[i]);
    for (std::size_t i = 0; i < n; ++i) {
        const Credit* held = credit(handles[i]);
        if (held == nullptr) continue;
        if (held->sum.narrow() != nullptr) prefetch_row(held->sum.narrow(), dim_);
        engrain::prefetch(held->counts.data());
    }
    const std::size_t at = position(next_);
    if (at >= ring_.size()) return;
    for (const QuestionTerm& term : ring_[at].terms) holders_.approach(term.id);
    prefetch_row(vectors_.data() + at * dim_, dim_);
    prefetch_row(targets_.data() + at * dim_, dim_);
}

bool Evidence::any_rewarded(const std::int64_t* handles, std::size_t n) const {
    std::shared_lock<std::shared_mutex> lock(mutex_);
    return std::any_of(handles, handles + n, [&](std::int64_t handle) {
        const Credit* held = credit(handle);
        return held != nullptr && held->mass > 0;
    });
}

}  // namespace engrain
