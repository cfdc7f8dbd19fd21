#include "engrain/evidence.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

#include "engrain/combine.hpp"
#include "engrain/fixed.hpp"
#include "engrain/prefetch.hpp"
#include "engrain/simd.hpp"
#include "engrain/similarity.hpp"

namespace engrain {
namespace {

// Ascending by term; weights are counts * idf, normalised.
void take_terms(TermView view, std::vector<QuestionTerm>& terms) {
    terms.resize(view.n);
    double squares = 0;
    for (std::size_t i = 0; i < view.n; ++i)
        terms[i] = {view.ids[i], view.counts[i], view.idf[i], -1};
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

// The first entry from `at` on whose term is not below `term`: near `at` as a rule.
auto seek_term(std::vector<TermCredit>& counts, std::vector<TermCredit>::iterator at,
               std::int32_t term) noexcept {
    std::ptrdiff_t step = 1;
    while (counts.end() - at > step && at[step].term < term) at += step, step *= 2;
    return std::lower_bound(at, std::min(at + step + 1, counts.end()), term,
                            [](const TermCredit& a, std::int32_t b) { return a.term < b; });
}

}  // namespace

Evidence::Evidence(std::size_t dim, std::size_t questions)
    : dim_(dim), capacity_(questions), vectors_(dim), targets_(dim), coded_(dim), sums_(dim) {}

std::size_t Evidence::position(std::int64_t number) const noexcept {
    return static_cast<std::size_t>(number) % capacity_;
}

const Question* Evidence::find(std::int64_t number) const noexcept {
    if (number < 0 || number >= next_) return nullptr;
    const Question& question = ring_[position(number)];
    return question.number == number ? &question : nullptr;
}

std::int32_t Evidence::slot(std::int64_t handle) const noexcept {
    if (handle < 0 || static_cast<std::size_t>(handle) >= slot_of_.size()) return -1;
    return slot_of_[static_cast<std::size_t>(handle)];
}

const Credit* Evidence::credit(std::int64_t handle) const noexcept {
    const std::int32_t own = slot(handle);
    return own < 0 ? nullptr : &credits_[static_cast<std::size_t>(own)];
}

Credit& Evidence::credit_or_new(std::int64_t handle) {
    const std::size_t h = static_cast<std::size_t>(handle);
    if (h >= slot_of_.size()) slot_of_.resize(std::max(h + 1, 2 * slot_of_.size()), -1);
    if (slot_of_[h] < 0) {
        if (free_.empty()) {
            if (free_.capacity() <= credits_.size()) free_.reserve(2 * credits_.size() + 1);
            sums_.reserve(credits_.size() + 1);
            credits_.emplace_back();
            free_.push_back(static_cast<std::int32_t>(credits_.size() - 1));
        }
        const std::size_t own = static_cast<std::size_t>(free_.back());
        Credit& fresh = credits_[own];
        fresh.sum.clear(sums_.row(own), dim_);
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
    credit.last = -1;
    credit.counts.clear();
}

double Evidence::length_of(const float* vector) const noexcept {
    float square = 0.0F;
    score_rows(vector, vector, 1, dim_, &square);
    return __builtin_sqrt(static_cast<double>(square));
}

void Evidence::reserve_ring(std::size_t at) {
    target_.resize(dim_);
    if (at < ring_.size()) return;
    vectors_.resize(at + 1);
    targets_.resize(at + 1);
    coded_.resize(at + 1);
    leverage_.resize(at + 1);
    scopes_.resize(at + 1, removed);
    heaviest_.resize(at + 1, 1.0);
    ring_.resize(at + 1);
}

// Room for so many more.
void Evidence::reserve_shared(std::size_t uses) {
    if (shared_.size() + uses <= shared_.capacity()) return;
    shared_.erase(shared_.begin(), shared_.begin() + static_cast<std::ptrdiff_t>(stale_));
    serials_ += static_cast<std::int64_t>(std::exchange(stale_, 0));
    if (2 * (shared_.size() + uses) > shared_.capacity())
        shared_.reserve(2 * (shared_.size() + uses));
}

// Appends the uses of the question at a place, in room that was made.
void Evidence::share_out(std::size_t at) {
    for (Use& use : ring_[at].used) {
        use.serial = serials_ + static_cast<std::int64_t>(shared_.size());
        shared_.push_back({static_cast<std::uint32_t>(at), slot(use.handle), from_fixed(use.mass)});
    }
    weigh(at);
}

void Evidence::unshare(const Use& use) noexcept {
    shared_[static_cast<std::size_t>(use.serial - serials_)].slot = -1;
}

void Evidence::weigh(std::size_t at) noexcept {
    std::int64_t heaviest = ring_[at].used.empty() ? to_fixed(1.0) : 0;
    for (const Use& use : ring_[at].used) heaviest = std::max(heaviest, use.mass);
    heaviest_[at] = from_fixed(heaviest);
}

// One addend for each mass among the uses.
void Evidence::take_addends(const float* query, const std::vector<Use>& used) {
    addend_of_use_.resize(used.size());
    std::size_t taken = 0;
    for (std::size_t i = 0; i < used.size(); ++i) {
        const double mass = from_fixed(used[i].mass);
        std::size_t k = 0;
        while (k < taken && addends_[k].mass() != mass) ++k;
        addend_of_use_[i] = static_cast<std::uint32_t>(k);
        if (k < taken) continue;
        if (addends_.size() == taken) addends_.emplace_back();
        addends_[taken++].take(query, mass, dim_);
    }
}

void Evidence::accumulate(const Question& question, std::size_t i, std::int64_t sign) noexcept {
    const Use& use = question.used[i];
    Credit& to = credits_[static_cast<std::size_t>(slot(use.handle))];
    const double mass = from_fixed(use.mass);
    to.mass += sign * use.mass;
    auto entry = to.counts.begin();
    for (const QuestionTerm& term : question.terms) {
        const std::int64_t count = sign * to_fixed(mass * term.count);
        entry = seek_term(to.counts, entry, term.id);
        if (entry == to.counts.end() || entry->term != term.id)
            entry = to.counts.insert(entry, TermCredit{term.id, 0});
        entry->count += count;
        to.length += count;
        if (entry->count == 0) entry = to.counts.erase(entry);
    }
    if (question.has_vector) to.sum.add(addends_[addend_of_use_[i]], sign);
    if (to.mass == 0) release(to);
}

Use& Evidence::use_in(Question& question, std::int64_t handle) noexcept {
    return *std::find_if(question.used.begin(), question.used.end(),
                         [&](const Use& use) { return use.handle == handle; });
}

// The questions that used a memory form a chain, from its newest to what the ring still holds.
void Evidence::link(Use& use, std::int64_t number) noexcept {
    Credit& credit = credits_[static_cast<std::size_t>(slot(use.handle))];
    use.previous = std::exchange(credit.last, number);
}

void Evidence::unlink(const Use& use, std::int64_t number) noexcept {
    std::int64_t* to = &credits_[static_cast<std::size_t>(slot(use.handle))].last;
    while (*to > number) to = &use_in(ring_[position(*to)], use.handle).previous;
    if (*to == number) *to = use.previous;
}

// Unit mean of the used memories minus half the question: what e:ridge learns to predict.
void Evidence::set_target(std::size_t at, const float* query, std::size_t uses,
                          const float* const* centred) {
    ring_[at].has_target = query != nullptr && centred != nullptr && uses > 0;
    leverage_[at] = 0.0F;
    if (!ring_[at].has_target) {
        std::fill_n(targets_.row(at), dim_, 0.0F);
        return;
    }
    combine_rows(centred, ones_.data(), uses, dim_, target_.data());
    const auto scale = static_cast<float>(1.0 / (length_of(target_.data()) + 1e-9));
    const float* const parts[] = {target_.data(), query};
    const float weights[] = {scale, -0.5F};
    combine_rows(parts, weights, 2, dim_, targets_.row(at));
}

void Evidence::approach(const std::int64_t* handles, std::size_t n, TermView terms) const noexcept {
    const std::size_t at = position(next_);
    if (at < ring_.size())
        prefetch_row(reinterpret_cast<const char*>(&ring_[at]), sizeof(Question));
    for (std::size_t i = 0; i < n; ++i)
        if (static_cast<std::size_t>(handles[i]) < slot_of_.size())
            engrain::prefetch(&slot_of_[static_cast<std::size_t>(handles[i])]);
    for (std::size_t i = 0; i < terms.n; ++i) holders_.approach(terms.ids[i]);
}

void Evidence::fetch(const std::int64_t* handles, std::size_t n) const noexcept {
    const std::size_t at = position(next_);
    if (at < ring_.size()) engrain::prefetch(ring_[at].terms.data());
    for (std::size_t i = 0; i < n; ++i)
        if (const Credit* held = credit(handles[i]))
            prefetch_row(reinterpret_cast<const char*>(held), sizeof(Credit));
}

void Evidence::prepare(const float* query, TermView terms, const std::vector<Use>& used,
                       const std::vector<std::int64_t>& passed) {
    const std::size_t at = position(next_);
    take_terms(terms, staged_.terms);
    staged_.used.assign(used.begin(), used.end());
    staged_.passed.assign(passed.begin(), passed.end());
    holders_.seek(staged_.terms);
    reserve_ring(at);
    reserve_shared(used.size());
    holders_.fetch(ring_[at].terms);
    prefetch_apart(vectors_.row(at), dim_);
    prefetch_apart(targets_.row(at), dim_);
    ones_.resize(std::max(ones_.size(), used.size()), 1.0F);
    if (query != nullptr) take_addends(query, used);
    for (std::size_t i = 0; i < used.size(); ++i) {
        Credit& credit = credit_or_new(used[i].handle);
        if (query != nullptr) credit.sum.reserve(addends_[addend_of_use_[i]]);
        if (credit.sum.narrow() != nullptr) prefetch_apart(credit.sum.narrow(), dim_);
        const std::size_t wanted = credit.counts.size() + staged_.terms.size();
        if (credit.counts.capacity() < wanted) credit.counts.reserve(2 * wanted);
        prefetch_row(credit.counts.data(), credit.counts.size());
    }
    holders_.reserve(staged_.terms);
    holders_.fetch_fronts(ring_[at].terms);
}

std::int64_t Evidence::commit(std::int64_t scope, const float* query,
                              const float* const* centred) noexcept {
    const std::int64_t number = next_++;
    const std::size_t at = position(number);
    std::swap(ring_[at], staged_);
    Question& question = ring_[at];
    question.number = number;
    question.scope = scope;
    question.has_vector = query != nullptr;
    holders_.add(at, question.terms);
    holders_.remove(at, staged_.terms);
    if (query != nullptr)
        std::copy(query, query + dim_, vectors_.row(at));
    else
        std::fill_n(vectors_.row(at), dim_, 0.0F);
    coded_.set(at, vectors_.row(at));
    scopes_[at] = scope;
    while (stale_ < shared_.size() && shared_[stale_].place == at) ++stale_;
    share_out(at);
    set_target(at, query, question.used.size(), centred);
    for (std::size_t i = 0; i < question.used.size(); ++i) {
        link(question.used[i], number);
        accumulate(question, i, 1);
    }
    return number;
}

std::int64_t Evidence::add(std::int64_t scope, const float* query, TermView terms,
                           const std::vector<Use>& used, const std::vector<std::int64_t>& passed,
                           const float* const* centred) {
    std::unique_lock<std::shared_mutex> lock(mutex_);
    prepare(query, terms, used, passed);
    return commit(scope, query, centred);
}

bool Evidence::remove(std::int64_t number) {
    std::unique_lock<std::shared_mutex> lock(mutex_);
    if (find(number) == nullptr) return false;
    Question& question = ring_[position(number)];
    if (question.has_vector) {
        take_addends(vectors_.row(position(number)), question.used);
        for (std::size_t i = 0; i < question.used.size(); ++i)
            credit_or_new(question.used[i].handle).sum.reserve(addends_[addend_of_use_[i]]);
    }
    for (const Use& use : question.used) {
        unlink(use, number);
        unshare(use);
    }
    for (std::size_t i = 0; i < question.used.size(); ++i) accumulate(question, i, -1);
    holders_.remove(position(number), question.terms);
    question.used.clear();
    question.passed.clear();
    question.terms.clear();
    question.has_vector = question.has_target = false;
    question.number = -1;
    scopes_[position(number)] = removed;
    return true;
}

void Evidence::forget(std::int64_t handle) {
    std::unique_lock<std::shared_mutex> lock(mutex_);
    const Credit* held = credit(handle);
    if (held == nullptr) return;
    std::int64_t number = held->last;
    release(const_cast<Credit&>(*held));
    while (find(number) != nullptr) {
        const std::size_t at = position(number);
        Question& question = ring_[at];
        const Use& own = use_in(question, handle);
        unshare(own);
        number = own.previous;
        auto& used = question.used;
        used.erase(std::remove_if(used.begin(), used.end(),
                                  [&](const Use& use) { return use.handle == handle; }),
                   used.end());
        weigh(at);
        question.has_target = false;  // the target holds the forgotten vector
        std::fill_n(targets_.row(at), dim_, 0.0F);
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
        const float *vector = vectors_.row(position(number)),
                    *target = targets_.row(position(number));
        out.number.push_back(number);
        out.mass.push_back(from_fixed(heaviest));
        out.vector.insert(out.vector.end(), vector, vector + dim_);
        out.target.insert(out.target.end(), target, target + dim_);
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
    const float* own = vectors_.row(position(question->number));
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

bool Evidence::any_rewarded(const std::int64_t* handles, std::size_t n) const noexcept {
    return std::any_of(handles, handles + n, [&](std::int64_t handle) {
        const Credit* held = credit(handle);
        return held != nullptr && held->mass > 0;
    });
}

}  // namespace engrain
