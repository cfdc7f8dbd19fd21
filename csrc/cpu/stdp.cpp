#include "engrain/stdp.hpp"

#include "engrain/simd.hpp"
#include "engrain/transcendental.hpp"

namespace engrain {
namespace {

enum class Bound { additive, multiplicative, power };

Bound bound_of(const StdpRule& rule) {
    if (rule.mu == 0.0) return Bound::additive;
    return rule.mu == 1.0 ? Bound::multiplicative : Bound::power;
}

double power(double base, double exponent) { return base > 0.0 ? exp(exponent * log(base)) : 0.0; }

// How amounts act on weights, in the precision of the weights.
template <class T, Bound B>
struct Change {
    T low, high, per_range;
    double mu;
    explicit Change(const StdpRule& rule)
        : low(T(rule.w_min)),
          high(T(rule.w_max)),
          per_range(T(1.0 / (rule.w_max - rule.w_min))),
          mu(rule.mu) {}

    ENGRAIN_INLINE T share(T room) const {
        if constexpr (B == Bound::additive) return T(1);
        const T v = room * per_range;
        if constexpr (B == Bound::multiplicative) return v;
        return T(power(double(v), mu));
    }
    ENGRAIN_INLINE T down(T w, T amount) const {
        const T next = w - amount * share(w - low);
        return next < low ? low : next;
    }
    ENGRAIN_INLINE T up(T w, T amount) const {
        const T next = w + amount * share(high - w);
        return next > high ? high : next;
    }
};

// What has faded below this is 0: arithmetic on denormals takes many times as long.
template <class T>
constexpr T faintest = sizeof(T) == 4 ? T(1e-30) : T(1e-300);

template <class T>
ENGRAIN_INLINE void fade(T* __restrict trace, std::size_t n, double factor) {
    for (std::size_t i = 0; i < n; ++i) {
        const T faded = trace[i] * T(factor);
        trace[i] = faded > faintest<T> ? faded : T(0);
    }
}

template <class T>
ENGRAIN_INLINE void fade_all(const StdpTraces<T>& traces, const StdpRule& rule) {
    fade(traces.x, traces.n_pre, rule.decay_plus);
    fade(traces.y, traces.n_post, rule.decay_minus);
    if (traces.x2) fade(traces.x2, traces.n_pre, rule.decay_x);
    if (traces.y2) fade(traces.y2, traces.n_post, rule.decay_y);
}

template <class T>
ENGRAIN_INLINE void enter(T* trace, std::size_t i, bool nearest) {
    trace[i] = nearest ? T(1) : trace[i] + T(1);
}

template <class T>
ENGRAIN_INLINE T depression(const StdpTraces<T>& traces, std::size_t pre, const StdpRule& rule) {
    return T(rule.a_minus) + (traces.x2 ? T(rule.a3_minus) * traces.x2[pre] : T(0));
}

template <class T>
ENGRAIN_INLINE T potentiation(const StdpTraces<T>& traces, std::size_t post, const StdpRule& rule) {
    return T(rule.a_plus) + (traces.y2 ? T(rule.a3_plus) * traces.y2[post] : T(0));
}

// ---- dense ----

template <class T, Bound B>
ENGRAIN_INLINE void depress_row(T* __restrict w, const T* __restrict y, std::size_t n, T factor,
                                const Change<T, B>& change) {
    for (std::size_t j = 0; j < n; ++j) w[j] = change.down(w[j], factor * y[j]);
}

// The columns of all spikes row by row: a row's lines are next to each other.
template <class T, Bound B>
ENGRAIN_INLINE void potentiate_columns(T* weights, const StdpTraces<T>& traces,
                                       const std::int64_t* post, std::size_t n,
                                       const StdpRule& rule, const Change<T, B>& change) {
    constexpr std::size_t ahead = 8;
    for (std::size_t i = 0; i < traces.n_pre; ++i) {
        T* row = weights + i * traces.n_post;
        const T x = traces.x[i];
        for (std::size_t k = 0; k < n; ++k) {
            const std::size_t j = std::size_t(post[k]);
            __builtin_prefetch(row + ahead * traces.n_post + j, 1);
            row[j] = change.up(row[j], potentiation(traces, j, rule) * x);
        }
    }
}

template <class T, Bound B>
ENGRAIN_INLINE void dense_step(T* weights, const StdpTraces<T>& traces, const std::int64_t* pre,
                               std::size_t n_pre, const std::int64_t* post, std::size_t n_post,
                               const StdpRule& rule) {
    const Change<T, B> change(rule);
    fade_all(traces, rule);
    for (std::size_t k = 0; k < n_pre; ++k) {
        const std::size_t i = std::size_t(pre[k]);
        depress_row<T, B>(weights + i * traces.n_post, traces.y, traces.n_post,
                          depression(traces, i, rule), change);
    }
    if (n_post) potentiate_columns<T, B>(weights, traces, post, n_post, rule, change);
    for (std::size_t k = 0; k < n_pre; ++k) {
        enter(traces.x, std::size_t(pre[k]), rule.nearest);
        if (traces.x2) enter(traces.x2, std::size_t(pre[k]), rule.nearest);
    }
    for (std::size_t k = 0; k < n_post; ++k) {
        enter(traces.y, std::size_t(post[k]), rule.nearest);
        if (traces.y2) enter(traces.y2, std::size_t(post[k]), rule.nearest);
    }
}

template <int W, class T>
ENGRAIN_INLINE void stdp_dense_any(T* weights, const StdpTraces<T>& traces, const std::int64_t* pre,
                                   std::size_t n_pre, const std::int64_t* post, std::size_t n_post,
                                   const StdpRule& rule) {
    switch (bound_of(rule)) {
        case Bound::additive:
            return dense_step<T, Bound::additive>(weights, traces, pre, n_pre, post, n_post, rule);
        case Bound::multiplicative:
            return dense_step<T, Bound::multiplicative>(weights, traces, pre, n_pre, post, n_post,
                                                        rule);
        default:
            return dense_step<T, Bound::power>(weights, traces, pre, n_pre, post, n_post, rule);
    }
}

// ---- sparse ----

// A tag that is left alone fades, and what it will still earn is known beforehand. So a synapse
// keeps C = c / fade[s], which fading does not change, and its goal P = w + C rest[s], the weight
// that it ends with if nothing else happens to it, where rest[s] = total[steps] - total[s]. A
// pairing that adds d to the tag adds d / fade[s] to C and d rest[s] / fade[s] to P.
template <class T>
struct Moment {
    T rest = 0, scale = 0, worth = 0;  // rest[s], 1 / fade[s] and their product

    Moment() = default;
    Moment(const Dopamine<T>& dopamine, std::size_t step, std::size_t steps) {
        const double left = dopamine.total[steps] - dopamine.total[step];
        rest = T(left);
        scale = T(1.0 / dopamine.fade[step]);
        worth = T(left / dopamine.fade[step]);
    }
};

template <class T, Bound B, bool Told>
struct Sparse {
    const SynapsePartition<T>& s;
    const StdpTraces<T>& traces;
    const StdpRule& rule;
    const Dopamine<T>& dopamine;
    const Change<T, B> change;

    ENGRAIN_INLINE void depress(std::size_t i, const Moment<T>& moment) const {
        const T factor = depression(traces, i, rule);
        const std::uint32_t begin = s.row[i], end = s.row[i + 1];
        if constexpr (Told) return depress_tags(begin, end, factor, moment);
        T* __restrict w = s.weight;
        const T* __restrict y = traces.y;
        const std::uint16_t* __restrict target = s.target;
        for (std::uint32_t k = begin; k < end; ++k) w[k] = change.down(w[k], factor * y[target[k]]);
    }
    ENGRAIN_INLINE void depress_tags(std::uint32_t begin, std::uint32_t end, T factor,
                                     const Moment<T>& moment) const {
        T* __restrict pairs = s.pairs;
        const T* __restrict y = traces.y;
        const std::uint16_t* __restrict target = s.target;
        for (std::uint32_t k = begin; k < end; ++k) {
            T* pair = pairs + 2 * std::size_t(k);
            const T w = within(pair, moment), share = change.share(w - change.low);
            earn(pair, -factor * y[target[k]] * share, w, moment);
        }
    }
    ENGRAIN_INLINE void potentiate(std::size_t j, const Moment<T>& moment) const {
        const T factor = potentiation(traces, j, rule);
        const std::uint32_t begin = s.column[j], end = s.column[j + 1];
        if constexpr (Told) return potentiate_tags(begin, end, factor, moment);
        T* __restrict w = s.weight;
        const T* __restrict x = traces.x;
        const std::uint16_t* __restrict source = s.source;
        const std::uint32_t* __restrict place = s.place;
        for (std::uint32_t k = begin; k < end; ++k)
            w[place[k]] = change.up(w[place[k]], factor * x[source[k]]);
    }
    ENGRAIN_INLINE void potentiate_tags(std::uint32_t begin, std::uint32_t end, T factor,
                                        const Moment<T>& moment) const {
        T* __restrict pairs = s.pairs;
        const T* __restrict x = traces.x;
        const std::uint16_t* __restrict source = s.source;
        const std::uint32_t* __restrict place = s.place;
        for (std::uint32_t k = begin; k < end; ++k) {
            T* pair = pairs + 2 * std::size_t(place[k]);
            const T w = within(pair, moment), share = change.share(change.high - w);
            earn(pair, factor * x[source[k]] * share, w, moment);
        }
    }
    // The weight as it is now, in its bounds.
    ENGRAIN_INLINE T within(const T* pair, const Moment<T>& moment) const {
        const T w = pair[0] - pair[1] * moment.rest;
        return w < change.low ? change.low : w > change.high ? change.high : w;
    }
    // Add to the tag of a synapse whose weight in its bounds is `inside`.
    ENGRAIN_INLINE void earn(T* pair, T tag, T inside, const Moment<T>& moment) const {
        const T beyond = (pair[0] - pair[1] * moment.rest) - inside;
        pair[0] += tag * moment.worth - beyond;
        pair[1] += tag * moment.scale;
    }

    // Calls act(neuron) for the spikes of a step that lie in this partition.
    template <class Act>
    static ENGRAIN_INLINE void each(const SpikeTrain& train, std::size_t step, std::int32_t offset,
                                    std::size_t n, Act act) {
        for (std::int64_t k = train.start[step]; k < train.start[step + 1]; ++k) {
            const std::int64_t i = std::int64_t(train.ids[k]) - offset;
            if (i >= 0 && i < std::int64_t(n)) act(std::size_t(i));
        }
    }

    ENGRAIN_INLINE void step(const SpikeTrain& pre, const SpikeTrain& post, std::size_t now,
                             const Moment<T>& moment) const {
        const std::size_t n_pre = traces.n_pre, n_post = traces.n_post;
        fade_all(traces, rule);
        each(pre, now, s.pre_offset, n_pre, [&](std::size_t i) { depress(i, moment); });
        each(post, now, s.post_offset, n_post, [&](std::size_t j) { potentiate(j, moment); });
        each(pre, now, s.pre_offset, n_pre, [&](std::size_t i) {
            enter(traces.x, i, rule.nearest);
            if (traces.x2) enter(traces.x2, i, rule.nearest);
        });
        each(post, now, s.post_offset, n_post, [&](std::size_t j) {
            enter(traces.y, j, rule.nearest);
            if (traces.y2) enter(traces.y2, j, rule.nearest);
        });
    }

    ENGRAIN_INLINE void run(const SpikeTrain& pre, const SpikeTrain& post,
                            std::size_t steps) const {
        if constexpr (Told) begin(steps);
        for (std::size_t now = 0; now < steps; ++now)
            step(pre, post, now, Told ? Moment<T>(dopamine, now, steps) : Moment<T>());
        if constexpr (Told) end(steps);
    }
    ENGRAIN_INLINE void begin(std::size_t steps) const {
        const T rest = Moment<T>(dopamine, 0, steps).rest;
        for (std::size_t k = 0; k < s.row[traces.n_pre]; ++k) {
            s.pairs[2 * k] = s.weight[k] + s.tag[k] * rest;
            s.pairs[2 * k + 1] = s.tag[k];
        }
    }
    ENGRAIN_INLINE void end(std::size_t steps) const {
        const Moment<T> moment(dopamine, steps, steps);
        for (std::size_t k = 0; k < s.row[traces.n_pre]; ++k) {
            s.weight[k] = within(s.pairs + 2 * k, moment);
            s.tag[k] = s.pairs[2 * k + 1] * T(dopamine.fade[steps]);
        }
    }
};

template <class T, Bound B>
ENGRAIN_INLINE void run_sparse(const SynapsePartition<T>& synapses, const StdpTraces<T>& traces,
                               const SpikeTrain& pre, const SpikeTrain& post, std::size_t steps,
                               const StdpRule& rule, const Dopamine<T>& dopamine) {
    const Change<T, B> change(rule);
    if (synapses.tag)
        Sparse<T, B, true>{synapses, traces, rule, dopamine, change}.run(pre, post, steps);
    else
        Sparse<T, B, false>{synapses, traces, rule, dopamine, change}.run(pre, post, steps);
}

template <int W, class T>
ENGRAIN_INLINE void stdp_sparse_any(const SynapsePartition<T>& synapses,
                                    const StdpTraces<T>& traces, const SpikeTrain& pre,
                                    const SpikeTrain& post, std::size_t steps, const StdpRule& rule,
                                    const Dopamine<T>& dopamine) {
    switch (bound_of(rule)) {
        case Bound::additive:
            return run_sparse<T, Bound::additive>(synapses, traces, pre, post, steps, rule,
                                                  dopamine);
        case Bound::multiplicative:
            return run_sparse<T, Bound::multiplicative>(synapses, traces, pre, post, steps, rule,
                                                        dopamine);
        default:
            return run_sparse<T, Bound::power>(synapses, traces, pre, post, steps, rule, dopamine);
    }
}

template <int W>
ENGRAIN_INLINE void dense_f32_body(float* weights, const StdpTraces<float>& traces,
                                   const std::int64_t* pre, std::size_t n_pre,
                                   const std::int64_t* post, std::size_t n_post,
                                   const StdpRule& rule) {
    stdp_dense_any<W, float>(weights, traces, pre, n_pre, post, n_post, rule);
}

template <int W>
ENGRAIN_INLINE void dense_f64_body(double* weights, const StdpTraces<double>& traces,
                                   const std::int64_t* pre, std::size_t n_pre,
                                   const std::int64_t* post, std::size_t n_post,
                                   const StdpRule& rule) {
    stdp_dense_any<W, double>(weights, traces, pre, n_pre, post, n_post, rule);
}

template <int W>
ENGRAIN_INLINE void sparse_f32_body(const SynapsePartition<float>& synapses,
                                    const StdpTraces<float>& traces, const SpikeTrain& pre,
                                    const SpikeTrain& post, std::size_t steps, const StdpRule& rule,
                                    const Dopamine<float>& dopamine) {
    stdp_sparse_any<W, float>(synapses, traces, pre, post, steps, rule, dopamine);
}

template <int W>
ENGRAIN_INLINE void sparse_f64_body(const SynapsePartition<double>& synapses,
                                    const StdpTraces<double>& traces, const SpikeTrain& pre,
                                    const SpikeTrain& post, std::size_t steps, const StdpRule& rule,
                                    const Dopamine<double>& dopamine) {
    stdp_sparse_any<W, double>(synapses, traces, pre, post, steps, rule, dopamine);
}

ENGRAIN_DISPATCH(void, dense_f32,
                 (float* weights, const StdpTraces<float>& traces, const std::int64_t* pre,
                  std::size_t n_pre, const std::int64_t* post, std::size_t n_post,
                  const StdpRule& rule),
                 (weights, traces, pre, n_pre, post, n_post, rule))
ENGRAIN_DISPATCH(void, dense_f64,
                 (double* weights, const StdpTraces<double>& traces, const std::int64_t* pre,
                  std::size_t n_pre, const std::int64_t* post, std::size_t n_post,
                  const StdpRule& rule),
                 (weights, traces, pre, n_pre, post, n_post, rule))
ENGRAIN_DISPATCH(void, sparse_f32,
                 (const SynapsePartition<float>& synapses, const StdpTraces<float>& traces,
                  const SpikeTrain& pre, const SpikeTrain& post, std::size_t steps,
                  const StdpRule& rule, const Dopamine<float>& dopamine),
                 (synapses, traces, pre, post, steps, rule, dopamine))
ENGRAIN_DISPATCH(void, sparse_f64,
                 (const SynapsePartition<double>& synapses, const StdpTraces<double>& traces,
                  const SpikeTrain& pre, const SpikeTrain& post, std::size_t steps,
                  const StdpRule& rule, const Dopamine<double>& dopamine),
                 (synapses, traces, pre, post, steps, rule, dopamine))

// SplitMix64, Steele et al. (2014); uniform in (0, 1].
double next_uniform(std::uint64_t& state) {
    std::uint64_t z = (state += 0x9E3779B97F4A7C15ULL);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return double(((z ^ (z >> 31)) >> 11) + 1) * 0x1p-53;
}

}  // namespace

void stdp_dense(float* weights, const StdpTraces<float>& traces, const std::int64_t* pre,
                std::size_t n_pre_spikes, const std::int64_t* post, std::size_t n_post_spikes,
                const StdpRule& rule) noexcept {
    dense_f32(weights, traces, pre, n_pre_spikes, post, n_post_spikes, rule);
}

void stdp_dense(double* weights, const StdpTraces<double>& traces, const std::int64_t* pre,
                std::size_t n_pre_spikes, const std::int64_t* post, std::size_t n_post_spikes,
                const StdpRule& rule) noexcept {
    dense_f64(weights, traces, pre, n_pre_spikes, post, n_post_spikes, rule);
}

void stdp_sparse(const SynapsePartition<float>& synapses, const StdpTraces<float>& traces,
                 const SpikeTrain& pre, const SpikeTrain& post, std::size_t steps,
                 const StdpRule& rule, const Dopamine<float>& dopamine) noexcept {
    sparse_f32(synapses, traces, pre, post, steps, rule, dopamine);
}

void stdp_sparse(const SynapsePartition<double>& synapses, const StdpTraces<double>& traces,
                 const SpikeTrain& pre, const SpikeTrain& post, std::size_t steps,
                 const StdpRule& rule, const Dopamine<double>& dopamine) noexcept {
    sparse_f64(synapses, traces, pre, post, steps, rule, dopamine);
}

std::size_t poisson_spikes(std::size_t n, std::size_t steps, double probability, std::uint64_t seed,
                           std::int64_t* start, std::int32_t* ids, std::size_t capacity) noexcept {
    // Gaps between spikes in the grid of steps and neurons are geometric.
    const double per_gap = 1.0 / log1p(-probability), cells = double(n) * double(steps);
    std::size_t count = 0, step = 0;
    start[0] = 0;
    double at = -1.0;
    while (n && probability > 0.0) {
        const double gap = 1.0 + double(std::uint64_t(log(next_uniform(seed)) * per_gap));
        at += gap;
        if (!(at < cells)) break;
        const std::size_t cell = std::size_t(at), spike_step = cell / n;
        while (step < spike_step) start[++step] = std::int64_t(count);
        if (count < capacity) ids[count] = std::int32_t(cell - spike_step * n);
        ++count;
    }
    while (step < steps) start[++step] = std::int64_t(count);
    return count;
}

}  // namespace engrain
