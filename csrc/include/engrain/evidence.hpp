// What feedback has taught, as sums: per rewarded memory and per past question.
//
// Credit of a memory d: n(d) = sum of masses, sum vector of mass * q, sparse counts of the terms of
// its questions. Sums are fixed point (Q24), so that adding and then removing a question leaves no
// trace of it. Past questions stand in a ring: an evicted question no longer resembles anything,
// its credit stays.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <shared_mutex>
#include <vector>

#include "engrain/arena.hpp"
#include "engrain/coded_rows.hpp"
#include "engrain/slabs.hpp"
#include "engrain/sum_vector.hpp"
#include "engrain/term_holders.hpp"

namespace engrain {

// Terms of a question, distinct ids of any value. Views, nothing is owned.
struct TermView {
    const std::int32_t* ids;
    const float* counts;
    const float* idf;
    std::size_t n;
};

struct Use {
    std::int64_t handle;
    std::int64_t mass;           // Q24, in (0, 1]
    std::int64_t previous = -1;  // number of the question before that used it, or -1
    std::int64_t serial = -1;    // of its `Shared`, once the question stands in the ring
};

// A use as similarity reads it: all of them lie side by side, oldest question first.
struct Shared {
    std::uint32_t place;  // of the question in the ring
    std::int32_t slot;    // of the credit, -1 for a use that is gone
    double mass;
};

struct Question {
    std::int64_t number = -1;  // -1: removed
    std::int64_t scope = 0;
    bool has_vector = false, has_target = false;
    std::vector<QuestionTerm> terms;  // ascending
    std::vector<Use> used;
    std::vector<std::int64_t> passed;  // handles that were shown and not used
};

struct TermCredit {
    std::int32_t term;
    std::int64_t count;  // Q24
};

struct Credit {
    std::int64_t handle = -1;  // -1: free
    std::int64_t mass = 0, length = 0;
    std::int64_t last = -1;  // number of the newest question that used it
    SumVector sum;
    std::vector<TermCredit> counts;  // ascending terms, none of them 0
};

// Of the questions that used a memory.
struct Resemblance {
    double cubes = 0, fourths = 0;           // sum of mass * K^3, of mass * C^4, C = max(0, q . t)
    float missing = 0, fourths_missing = 0;  // the same of (heaviest mass - mass)
    float near = 0;                          // max of mass * K
};

// By memory: the largest K of the questions that showed it and did not use it.
class PassedOver {
  public:
    // Room for so many memories, of which none is there yet.
    void clear(std::size_t most);
    void add(std::int64_t handle, float likeness) noexcept {
        Entry& entry = entries_[find(handle)];
        entry = {handle, std::max(entry.likeness, likeness)};
    }
    // 0 where there is none.
    float of(std::int64_t handle) const noexcept { return entries_[find(handle)].likeness; }

  private:
    struct Entry {
        std::int64_t handle = -1;  // none
        float likeness = 0.0F;
    };
    // Where a memory stands or would stand.
    std::size_t find(std::int64_t handle) const noexcept {
        const std::size_t mask = entries_.size() - 1;
        std::size_t at = static_cast<std::size_t>(handle) & mask;
        while (entries_[at].handle != handle && entries_[at].handle >= 0) at = (at + 1) & mask;
        return at;
    }
    std::vector<Entry> entries_ = std::vector<Entry>(1);  // open addressing, half full at most
};

// How one question resembles the past ones of its scope.
struct Similar {
    std::int64_t scope = 0, excluded = -1;
    bool has_query = false;
    std::vector<float> kernel;            // K by ring position; 0 where it does not apply
    std::vector<float> dots;              // q . t by ring position; NaN where it was not taken
    std::int64_t next = 0, capacity = 1;  // of the ring
    std::int64_t newest = 0;              // where its newest question stands
    double cubes = 0;    // sum of heaviest mass * K^3, 1 for a question that used nothing
    double fourths = 0;  // the same of C^4
    std::vector<Resemblance> known;  // by slot of the credit
    PassedOver passed;
    std::vector<float> query;
    std::vector<float> adapted;  // 0.5 q + W q

    // What a memory's questions are of all that are similar.
    double share(const Resemblance& own) const noexcept;
    double share_alike(const Resemblance& own) const noexcept;
    // q . t of a past question by its number, NaN where it was not taken.
    float dot(std::int64_t number) const noexcept;
};

// Candidates of one request; centred may be null. Views, nothing is owned.
struct CandidateView {
    const std::int64_t* handles;
    const float* statics;  // static scores, (n,)
    const float* centred;  // unit vectors, (n, dim)
    const float* tf;       // (n, terms)
    const float* length;   // (n,)
    std::size_t n;
};

// All state as flat arrays, in one canonical order.
struct EvidenceState {
    std::int64_t next = 0;
    std::vector<std::int64_t> number, scope, flags, term_end, use_end, use_handle, use_mass,
        passed_end, passed;
    std::vector<std::int32_t> term;
    std::vector<float> count, weight, vector, target;
    std::vector<std::int64_t> handle, mass, length, sum, count_end, count_value;
    std::vector<std::int32_t> count_term;
    std::vector<float> ridge;
};

// What e:ridge is fitted to.
struct Pairs {
    std::vector<std::int64_t> number;
    std::vector<double> mass;
    std::vector<float> vector, target;  // (n, dim)
};

// Reads may run side by side; a change waits for them. Memory is reserved before a change begins,
// so std::bad_alloc leaves the state as it was.
class Evidence {
  public:
    static constexpr std::size_t columns =
        9;  // ridge count expand rocchio near share agree passed alike

    Evidence(std::size_t dim, std::size_t questions);

    // K(q, t) = 0.5 max(0, q.t) + 0.5 lexical cosine, for every past question t of the scope; q and
    // t to 1/127 of their largest element.
    void similarity(std::int64_t scope, const float* query, TermView terms, std::int64_t exclude,
                    Similar& out) const;
    // Handles of the `k` best by near, then of the `k` best by share that are not among them.
    std::vector<std::int64_t> propose(const Similar& similar, std::size_t k) const;
    // Number of the newest question where its vector equals `query`, else -1.
    std::int64_t newest(const float* query) const;
    // Row i goes to out + i * stride.
    void features(const Similar& similar, const CandidateView& block, TermView terms,
                  float average_length, float sd, float* out, std::size_t stride) const;

    // Masses are Q24 in (0, 1]; centred: a row per use, or null. Returns the question's number.
    std::int64_t add(std::int64_t scope, const float* query, TermView terms,
                     const std::vector<Use>& used, const std::vector<std::int64_t>& passed,
                     const float* const* centred);
    bool remove(std::int64_t number);  // false: not in the ring
    void forget(std::int64_t handle);  // in time of the questions in the ring that used it

    // `add` in two steps, for who does more meanwhile. From `enter` to `leave` the caller is alone.
    void enter() { mutex_.lock(); }
    bool try_enter() { return mutex_.try_lock(); }
    void leave() { mutex_.unlock(); }
    // Asks memory for what `prepare` will look at, and then for what that points at; `handles` are
    // those that may be used.
    void approach(const std::int64_t* handles, std::size_t n, TermView terms) const noexcept;
    void fetch(const std::int64_t* handles, std::size_t n) const noexcept;
    // Makes room, so that `commit` needs no memory, and asks for what it will change.
    void prepare(const float* query, TermView terms, const std::vector<Use>& used,
                 const std::vector<std::int64_t>& passed);
    std::int64_t commit(std::int64_t scope, const float* query,
                        const float* const* centred) noexcept;
    // Whether one of the handles has been rewarded before.
    bool any_rewarded(const std::int64_t* handles, std::size_t n) const noexcept;
    void set_ridge(const float* w);  // (dim, dim) row-major, W q; null drops it
    void set_leverage(const std::vector<float>& by_position);

    // Questions with a vector and used memories: number, heaviest mass, vector and target.
    Pairs pairs() const;
    std::vector<float> ridge() const;
    bool holds(std::int64_t number) const;
    double mass_of(std::int64_t handle) const;
    EvidenceState save() const;
    void load(const EvidenceState& state);
    std::size_t dim() const noexcept { return dim_; }
    std::size_t capacity() const noexcept { return capacity_; }

  private:
    std::size_t position(std::int64_t number) const noexcept;
    const Question* find(std::int64_t number) const noexcept;
    const Credit* credit(std::int64_t handle) const noexcept;
    Credit& credit_or_new(std::int64_t handle);
    Use& use_in(Question& question, std::int64_t handle) noexcept;
    void reserve_ring(std::size_t at);
    void reserve_shared(std::size_t uses);
    void share_out(std::size_t at);
    void unshare(const Use& use) noexcept;
    void weigh(std::size_t at) noexcept;
    void take_addends(const float* query, const std::vector<Use>& used);
    void accumulate(const Question& question, std::size_t use, std::int64_t sign) noexcept;
    void link(Use& use, std::int64_t number) noexcept;
    void unlink(const Use& use, std::int64_t number) noexcept;
    void release(Credit& credit) noexcept;
    void set_target(std::size_t at, const float* query, std::size_t uses,
                    const float* const* centred);
    double length_of(const float* vector) const noexcept;
    std::int32_t slot(std::int64_t handle) const noexcept;
    void take_scope(std::int64_t scope, std::int64_t exclude,
                    std::vector<std::uint32_t>& places) const;
    void resemble(Similar& out) const;
    void pass_over(Similar& out) const;
    template <class Worth>
    void append_best(const Similar& similar, std::size_t k, Worth worth,
                     std::vector<std::int64_t>& out) const;

    static constexpr std::int64_t removed = std::numeric_limits<std::int64_t>::min();

    std::size_t dim_, capacity_;
    std::int64_t next_ = 0;
    std::vector<Question> ring_;
    TermHolders holders_;
    Question staged_;                   // the one to come, and then the one that gave way
    std::vector<float> target_, ones_;  // scratch
    std::vector<Addend> addends_;       // one for each mass of the question to come
    std::vector<std::uint32_t> addend_of_use_;
    Arena<float> vectors_, targets_;    // (ring, dim)
    CodedRows coded_;                   // of the vectors
    std::vector<std::int64_t> scopes_;  // by ring position; `removed` for no question
    std::vector<double> heaviest_;      // by ring position; 1 for a question that used nothing
    std::vector<Shared> shared_;        // those before `stale_` are of questions that gave way
    std::int64_t serials_ = 0;          // of the first
    std::size_t stale_ = 0;
    std::vector<float> leverage_;  // hat value by ring position; not part of the state
    std::vector<float> ridge_;     // W, (dim, dim), or empty
    std::vector<Credit> credits_;
    Slabs<std::int32_t> sums_;  // of the credits, as long as 32 bits hold them
    std::vector<std::int32_t> free_, slot_of_;
    mutable std::shared_mutex mutex_;
};

}  // namespace engrain
