// Evidence as flat arrays and back. Credits are written in ascending order of handles, so that two
// states that hold the same sums are the same bytes, whatever way they came about.
#include <algorithm>
#include <mutex>

#include "engrain/evidence.hpp"

namespace engrain {
namespace {

template <class T>
void append(std::vector<T>& to, const T* from, std::size_t n) {
    to.insert(to.end(), from, from + n);
}

constexpr std::int64_t vector_flag = 1, target_flag = 2;

void save_question(const Question& question, EvidenceState& out) {
    out.number.push_back(question.number);
    out.scope.push_back(question.scope);
    out.flags.push_back((question.has_vector ? vector_flag : 0) |
                        (question.has_target ? target_flag : 0));
    for (const QuestionTerm& term : question.terms) {
        out.term.push_back(term.id);
        out.count.push_back(term.count);
        out.weight.push_back(term.weight);
    }
    out.term_end.push_back(static_cast<std::int64_t>(out.term.size()));
    for (const Use& use : question.used) {
        out.use_handle.push_back(use.handle);
        out.use_mass.push_back(use.mass);
    }
    out.use_end.push_back(static_cast<std::int64_t>(out.use_handle.size()));
    append(out.passed, question.passed.data(), question.passed.size());
    out.passed_end.push_back(static_cast<std::int64_t>(out.passed.size()));
}

void save_credit(const Credit& credit, std::size_t dim, EvidenceState& out) {
    out.handle.push_back(credit.handle);
    out.mass.push_back(credit.mass);
    out.length.push_back(credit.length);
    for (std::size_t j = 0; j < dim; ++j) out.sum.push_back(credit.sum.at(j));
    for (const TermCredit& entry : credit.counts) {
        out.count_term.push_back(entry.term);
        out.count_value.push_back(entry.count);
    }
    out.count_end.push_back(static_cast<std::int64_t>(out.count_term.size()));
}

void load_question(const EvidenceState& state, std::size_t i, Question& to) {
    const std::size_t first = i == 0 ? 0 : static_cast<std::size_t>(state.term_end[i - 1]);
    const std::size_t last = static_cast<std::size_t>(state.term_end[i]);
    to.number = state.number[i];
    to.scope = state.scope[i];
    to.has_vector = (state.flags[i] & vector_flag) != 0;
    to.has_target = (state.flags[i] & target_flag) != 0;
    to.terms.clear();
    for (std::size_t t = first; t < last; ++t)
        to.terms.push_back({state.term[t], state.count[t], state.weight[t], -1});
    to.used.clear();
    for (std::int64_t u = i == 0 ? 0 : state.use_end[i - 1]; u < state.use_end[i]; ++u)
        to.used.push_back({state.use_handle[u], state.use_mass[u]});
    to.passed.assign(state.passed.begin() + (i == 0 ? 0 : state.passed_end[i - 1]),
                     state.passed.begin() + state.passed_end[i]);
}

void load_credit(const EvidenceState& state, std::size_t i, std::size_t dim, Credit& to) {
    to.mass = state.mass[i];
    to.length = state.length[i];
    to.sum.assign(state.sum.data() + i * dim);
    to.counts.clear();
    for (std::int64_t c = i == 0 ? 0 : state.count_end[i - 1]; c < state.count_end[i]; ++c)
        to.counts.push_back({state.count_term[c], state.count_value[c]});
}

}  // namespace

EvidenceState Evidence::save() const {
    std::shared_lock<std::shared_mutex> lock(mutex_);
    EvidenceState out;
    out.next = next_;
    const std::int64_t held = static_cast<std::int64_t>(ring_.size());
    for (std::int64_t number = std::max<std::int64_t>(0, next_ - held); number < next_; ++number) {
        const Question* question = find(number);
        if (question == nullptr) continue;
        save_question(*question, out);
        append(out.vector, vectors_.row(position(number)), dim_);
        append(out.target, targets_.row(position(number)), dim_);
    }
    for (const std::int32_t slot : slot_of_)
        if (slot >= 0 && credits_[static_cast<std::size_t>(slot)].mass != 0)
            save_credit(credits_[static_cast<std::size_t>(slot)], dim_, out);
    out.ridge = ridge_;
    return out;
}

void Evidence::load(const EvidenceState& state) {
    std::unique_lock<std::shared_mutex> lock(mutex_);
    credits_.clear();
    free_.clear();
    slot_of_.clear();
    holders_.clear();
    next_ = state.next;
    const std::size_t held = std::min(capacity_, static_cast<std::size_t>(next_));
    ring_.assign(held, Question{});
    vectors_ = Arena<float>(dim_);
    targets_ = Arena<float>(dim_);
    vectors_.resize(held);
    targets_.resize(held);
    coded_ = CodedRows(dim_);
    coded_.resize(held);
    scopes_.assign(held, removed);
    heaviest_.assign(held, 1.0);
    shared_.clear();
    stale_ = 0;
    leverage_.assign(held, 0.0F);
    for (std::size_t i = 0; i < state.number.size(); ++i) {
        const std::size_t at = position(state.number[i]);
        load_question(state, i, ring_[at]);
        holders_.seek(ring_[at].terms);
        holders_.reserve(ring_[at].terms);
        holders_.add(at, ring_[at].terms);
        std::copy_n(state.vector.begin() + i * dim_, dim_, vectors_.row(at));
        coded_.set(at, vectors_.row(at));
        scopes_[at] = ring_[at].scope;
        std::copy_n(state.target.begin() + i * dim_, dim_, targets_.row(at));
    }
    for (std::size_t i = 0; i < state.handle.size(); ++i)
        load_credit(state, i, dim_, credit_or_new(state.handle[i]));
    for (std::int64_t number = std::max<std::int64_t>(0, next_ - static_cast<std::int64_t>(held));
         number < next_; ++number)
        if (find(number) != nullptr) {
            Question& question = ring_[position(number)];
            for (Use& use : question.used) link(use, number);
            reserve_shared(question.used.size());
            share_out(position(number));
        }
    ridge_ = state.ridge;
}

}  // namespace engrain
