// A filter's members and the running means of what lies in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "engrain/text.hpp"
#include "engrain/view.hpp"

namespace engrain {

// Sums are fixed-point (2^-24), so that adding and subtracting are exact and their order is free.
class VectorSum {
  public:
    explicit VectorSum(std::size_t dim) : sum_(dim, 0) {}
    void add(const float* vector, int sign = 1);
    std::int64_t count() const noexcept { return count_; }
    double value(std::size_t j) const noexcept { return double(sum_[j]) / one; }
    std::vector<std::int64_t>& sum() noexcept { return sum_; }
    void set_count(std::int64_t count) noexcept { count_ = count; }

  private:
    static constexpr double one = 16777216.0;
    std::vector<std::int64_t> sum_;
    std::int64_t count_ = 0;
};

// One vector view seen from a scope. The cosine of an int8 code with a centred query is
// dot * factor * gain - offset * inverse, inverse = 1 / |document - mean|, gain = scale * inverse.
struct ScopeView {
    explicit ScopeView(const VectorView& view)
        : documents(view.dim()), queries(view.dim()), mean(view.width(), 0.0F) {}

    // Bring `mean` up to date.
    void refresh_mean();
    // Bring `gain` and `inverse` up to date; they follow from members, vectors and mean alone.
    void refresh_gains(const VectorView& view, const std::vector<std::uint32_t>& members);
    // The query centred on (sum of queries + query + 16 mean) / (count + 17), unit length;
    // `centred` has the view's width.
    void centre(const float* query, std::size_t dim, float* centred) const;

    VectorSum documents, queries;
    std::vector<float> mean, gain, inverse;
    bool mean_stale = true, gains_stale = true;
};

// The sequences that a scope's members are part of, numbered by their first member, so that sums
// over them do not depend on what was removed.
struct Sessions {
    static constexpr std::uint32_t none = 0xFFFFFFFFU;
    std::vector<std::uint32_t> of;  // by position: the member's session, none for none
    // Where members of one session begin to stand side by side, and the end.
    std::vector<std::uint32_t> runs;
    std::vector<float> length;  // by session, in terms
    // Of a term: how often, by session, and in how many sessions.
    struct Frequency {
        std::vector<float> counts;
        std::size_t holding = 0;
    };
    std::unordered_map<Term, Frequency> common;  // of terms that many members hold
    bool stale = true;
};

class Scope {
  public:
    explicit Scope(const std::vector<VectorView>& views);

    const std::vector<std::uint32_t>& members() const noexcept { return members_; }
    // Position of a handle among the members, -1 where it is none.
    std::int64_t position(std::uint32_t handle) const noexcept {
        const std::size_t n = members_.size();
        const std::size_t direct = n > 0 ? handle - members_.front() : 0;  // none removed so far
        if (direct < n && members_[direct] == handle) return static_cast<std::int64_t>(direct);
        return search(handle);
    }
    // Changes with every change of members or of their vectors.
    std::uint64_t version() const noexcept { return version_; }
    // Changes with every change of members, never 0 once there was one.
    std::uint64_t roll() const noexcept { return roll_; }
    ScopeView& view(std::size_t i) noexcept { return views_[i]; }
    // Whoever reads them brings them up to date; a change of members makes them stale.
    Sessions& sessions() noexcept { return sessions_; }
    const Sessions& sessions() const noexcept { return sessions_; }
    // Whether a member comes from the source.
    bool hears(std::uint32_t source) const { return sources_.count(source) > 0; }

    void insert(std::uint32_t handle, const std::vector<VectorView>& views, std::uint32_t source);
    void erase(std::uint32_t handle, const std::vector<VectorView>& views, std::uint32_t source);
    void clear(const std::vector<VectorView>& views);
    // Around a change of a member's vector.
    void before_move(std::uint32_t handle, std::size_t i, const VectorView& view);
    void after_move(std::uint32_t handle, std::size_t i, const VectorView& view);
    // After all vectors of a view were replaced: what was learned of its queries is void.
    void replace_view(std::size_t i, const VectorView& view);

  private:
    std::int64_t search(std::uint32_t handle) const noexcept;
    void touch() noexcept;
    void count(std::uint32_t handle, std::size_t i, const VectorView& view, int sign);

    std::vector<std::uint32_t> members_;  // ascending
    std::vector<ScopeView> views_;
    Sessions sessions_;
    std::unordered_map<std::uint32_t, std::uint32_t> sources_;  // members of each
    std::uint64_t version_ = 0, roll_ = 0;
};

}  // namespace engrain
