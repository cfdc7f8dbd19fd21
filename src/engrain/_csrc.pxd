# Declarations of the C++ headers, shared by every .pyx (kept apart from the modules' own .pxd).
from libc.stddef cimport size_t
from libc.stdint cimport int8_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libcpp cimport bool as cbool
from libcpp.string cimport string
from libcpp.vector cimport vector

cdef extern from "engrain/finite.hpp" namespace "engrain" nogil:
    bint all_finite(const float* values, size_t n)

cdef extern from "engrain/similarity.hpp" namespace "engrain" nogil:
    void score_rows(const float* rows, const float* query, size_t n, size_t dim, float* out)

cdef extern from "engrain/lora.hpp" namespace "engrain" nogil:
    cdef struct LoraStep:
        float learning_rate
        float scale
        float decay
        float epsilon
        bint normalised
    void apply_lora(const float* a, const float* b, const float* x, size_t rank, size_t dim,
                    float scale, float* y)
    bint update_lora(float* a, float* b, const float* x, const float* g, size_t rank, size_t dim,
                     const LoraStep& step)
    bint follow_lora(float* a, float* b, const float* x, const float* towards, float advantage,
                     size_t rank, size_t dim, const LoraStep& step)
    float project_lora(const float* a, float* b, size_t rank, size_t dim, float scale,
                       float radius)

cdef extern from "engrain/bandit.hpp" namespace "engrain" nogil:
    size_t packed_start(size_t i)
    cdef struct Bandit:
        float* inverse
        float* theta
        size_t arms
        size_t dim
        size_t width
    void reset_arms(Bandit& bandit, float ridge)
    void score_arms(const Bandit& bandit, const float* x, float* mean, float* variance)
    bint learn_arm(Bandit& bandit, size_t arm, const float* x, float reward, float* z)
    void thompson_probabilities(const float* mean, const float* deviation, size_t arms,
                                float* scale, float* probability)

cdef extern from "engrain/hashed.hpp" namespace "engrain":
    void hash_text(const char* text, size_t size, size_t dim, float* out) except +

cdef extern from "engrain/text.hpp" namespace "engrain":
    void append_terms(const char* text, size_t size, vector[int32_t]& terms) except +

cdef extern from "engrain/stems.hpp" namespace "engrain":
    cdef struct Stems:
        vector[int32_t] stems
        vector[int32_t] grams
        vector[int32_t] pairs
    Stems read_stems(const char* text, size_t size) except +

cdef extern from "engrain/sought.hpp" namespace "engrain":
    cdef struct TermWeight:
        int32_t term
        float weight
    cdef cppclass Sought:
        const vector[TermWeight]& terms() const

cdef extern from "engrain/lexical.hpp" namespace "engrain":
    cdef struct TermCount:
        int32_t term
        float count
    vector[TermCount] count_terms(vector[int32_t]& terms) except +
    cdef cppclass CountedIndex:
        vector[TermCount] counts(uint32_t document) except +
    cdef cppclass LexicalIndex:
        size_t live() const
        double average_length() const
        float length(uint32_t document) const
        float idf(int32_t term) const

cdef extern from "engrain/view.hpp" namespace "engrain":
    cdef cppclass VectorView:
        size_t dim() const
        const float* row(size_t handle) const
        const float* base(size_t handle) const
        cbool has(size_t handle) const

cdef extern from "engrain/scope.hpp" namespace "engrain":
    cdef cppclass VectorSum:
        int64_t count() const
        void set_count(int64_t count)
        vector[int64_t]& sum()
    cdef cppclass ScopeView:
        VectorSum queries
    cdef cppclass Scope:
        const vector[uint32_t]& members() const
        ScopeView& view(size_t i)

cdef extern from "<string_view>" namespace "std":
    cdef cppclass string_view:
        string_view()
        string_view(const char* data, size_t size)


cdef extern from "engrain/retrieval.hpp" namespace "engrain":
    cdef cppclass Cosines "engrain::Search::Cosines":
        cbool asked
        vector[float] query
    cdef cppclass CSearch "engrain::Search":
        uint32_t scope
        vector[TermCount] terms
        Sought sought
        float average_length
        float bm25_sd
        vector[Cosines] views
        vector[uint32_t] best
    cdef cppclass Rows:
        size_t stride
        float* x
        float* fixed
        float* centred
        float* frequency
        float* length
    cdef cppclass Origin:
        int64_t sequence
        string_view source
        double time
    cdef cppclass CIndex "engrain::RetrievalIndex":
        CIndex(const vector[size_t]& dims, string folder) except +
        size_t handles() const
        cbool holds(size_t handle) const
        size_t columns() const
        size_t scopes() const
        const vector[VectorView]& views() const
        const LexicalIndex& lexical() const
        const CountedIndex& stems()
        void learn_latent(const int32_t* terms, const float* idf, const float* basis, size_t n,
                          size_t dim) except +
        Scope& scope(size_t i)
        void add(uint32_t handle, const char* text, size_t size, const float** vectors,
                 const Origin& origin) except +
        void remove(uint32_t handle) except +
        void move(uint32_t handle, size_t view, const float* vector) except +
        void replace_view(size_t view, const float* rows, size_t dim) except +
        uint32_t add_scope() except +
        void insert(uint32_t scope, uint32_t handle) except +
        void clear_scope(uint32_t scope) except +
        void observe(uint32_t scope, const float** vectors)
        void search(const char* text, size_t size, const float** vectors, uint32_t scope,
                    CSearch& search) except + nogil
        cbool rank(CSearch& search, size_t n) except + nogil
        cbool propose(CSearch& search, size_t best, size_t around,
                      vector[uint32_t]& handles) except + nogil
        cbool gather(CSearch& search, const uint32_t* handles, size_t n, const Rows& out) except + nogil
        void centred(uint32_t scope, const uint32_t* handles, size_t n, float* out)
        int64_t foreign(uint32_t scope, const uint32_t* handles, size_t n)


cdef extern from "engrain/edges.hpp" namespace "engrain" nogil:
    cdef struct Edge:
        pass
    cdef struct Chain:
        pass
    cdef struct EdgeTableView:
        Edge* slots
        Chain* chains
        uint32_t* lists
        uint32_t* incoming
        uint16_t* degree
        size_t nodes
        size_t per_node
        size_t used
        size_t max_edges
        int64_t evicted
        int64_t refused
        float scale
        int shift
    cdef struct HebbianRule:
        float eta_plus
        float eta_minus
        bint oja
    const uint32_t no_node
    void approach_edges(const EdgeTableView& table, uint32_t source, const int64_t* target,
                        size_t n)
    void update_edges(EdgeTableView& table, const int64_t* source, const int64_t* target,
                      const float* signal, size_t n, uint8_t kind, const HebbianRule& rule)
    void assign_edges(EdgeTableView& table, const int64_t* source, const int64_t* target,
                      const float* weight, const uint8_t* kind, size_t n)
    void read_edges(const EdgeTableView& table, const int64_t* source, const int64_t* target,
                    size_t n, float* out)
    size_t remove_edges(EdgeTableView& table, const int64_t* source, const int64_t* target,
                        size_t n)
    size_t remove_node(EdgeTableView& table, uint32_t node)
    size_t prune_edges(EdgeTableView& table, float threshold)
    void decay_edges(EdgeTableView& table, float factor)
    size_t read_neighbours(const EdgeTableView& table, uint32_t node, int64_t* to, float* weight,
                           uint8_t* kind)
    void rehash_edges(EdgeTableView& table, const Edge* slots, size_t count)

cdef extern from "engrain/spread.hpp" namespace "engrain" nogil:
    cdef struct SpreadScratch:
        uint32_t* nodes
        float* received
        float* active
        float* next
        uint32_t* index
        size_t limit
        int bits
    size_t spread_activation(const EdgeTableView& table, const int64_t* seeds,
                             const float* activation, size_t n, int hops, float damping,
                             SpreadScratch& scratch)

cdef extern from "engrain/traces.hpp" namespace "engrain" nogil:
    cdef struct Trace:
        float fast, slow
        double last

    cdef enum class TraceKind(int):
        accumulating
        replacing
        dutch

    cdef struct TraceRule:
        TraceKind kind
        float dutch, mix
        double rate_fast, rate_slow, cascade

    void read_traces(const Trace* traces, const int64_t* handles, size_t n, double now,
                     const TraceRule& rule, float scale, float* out)


cdef extern from "engrain/trace_table.hpp" namespace "engrain" nogil:
    cdef struct TraceTableView:
        Trace* traces
        int64_t* owner
        int32_t* slot_of
        size_t capacity, handles, used, hand
        int64_t evicted

    void touch_table(TraceTableView& view, const int64_t* handles, const float* activity, size_t n,
                     double now, const TraceRule& rule)
    void read_table(const TraceTableView& view, const int64_t* handles, size_t n, double now,
                    const TraceRule& rule, float scale, float* out)
    void forget_traces(TraceTableView& view, const int64_t* handles, size_t n)

cdef extern from "engrain/value.hpp" namespace "engrain" nogil:
    cdef enum class TdKind(int):
        accumulating
        replacing
        dutch
        true_online

    cdef struct TdRule:
        TdKind kind
        float alpha, gamma, fade

    cdef struct Valued:
        float value
        uint32_t count
        int32_t position

    cdef struct ValueTableView:
        Valued* items
        int64_t* active
        float* trace
        size_t handles, used, max_active, hand

    void approach_values(const ValueTableView& view, const int64_t* handles, size_t n)
    void learn_table(ValueTableView& view, const int64_t* handles, const float* outcomes, size_t n,
                     const TdRule& rule, float* errors)
    void mark_table(ValueTableView& view, const int64_t* handles, size_t n,
                    const TdRule& rule) noexcept nogil
    void forget_values(ValueTableView& view, const int64_t* handles, size_t n,
                       float fresh) noexcept nogil
    void credit_table(ValueTableView& view, float delta, const TdRule& rule)

cdef extern from "engrain/modulators.hpp" namespace "engrain" nogil:
    cdef enum class Mode(int):
        balanced
        encoding
        retrieval

    cdef struct ModulatorRule:
        double arousal, novelty_gain, novelty_memory, phasic_memory
        double acetylcholine, acetylcholine_rate, encoding, retrieval, balanced
        double mood, mood_rate
        double cap
        cbool discounting

    cdef struct ModulatorState "engrain::Modulators":
        double novelty, phasic, norepinephrine
        double acetylcholine, boost
        double mood, serotonin, discount
        double dopamine, inhibition, gate, seen
        int64_t queries, outcomes
        Mode mode

    ModulatorState initial_modulators(const ModulatorRule& rule)
    double observe_novelty(ModulatorState& state, const ModulatorRule& rule, float* direction,
                           const float* query, size_t dim)
    double modulate_query(ModulatorState& state, const ModulatorRule& rule, double novelty,
                          double encode, double retrieve, int forced)
    void modulate_outcome(ModulatorState& state, const ModulatorRule& rule, const float* outcomes,
                          const float* expected, const float* eligibility, size_t n,
                          double session, float* signals)

cdef extern from "engrain/sum_tree.hpp" namespace "engrain" nogil:
    cdef struct SumTreeView:
        double* sum
        size_t leaves

    void update_priorities(SumTreeView& view, const int64_t* indices, const float* priorities,
                           size_t n, double alpha)
    void sample_priorities(const SumTreeView& view, uint64_t& random, size_t size, double beta,
                           size_t n, int64_t* indices, float* weights)

cdef extern from "engrain/prefetch.hpp" namespace "engrain" nogil:
    void prefetch(const void* object)
    void prefetch_apart(const float* row, size_t n)

cdef extern from "engrain/ring.hpp" namespace "engrain" nogil:
    cdef struct RingCounts:
        uint64_t recorded, drained, overwritten, dropped

    cdef struct TrajectoryFacts:
        double time
        float precision, recall
        uint32_t retrieved

    cdef cppclass TrajectoryRing:
        TrajectoryRing(size_t capacity, size_t dim, size_t max_ids) except +
        int64_t push(const float* query, const int64_t* ids, const TrajectoryFacts& facts)
        void prefetch()
        cbool pop(float* query, int64_t* ids, TrajectoryFacts& facts, int64_t& number)
        size_t size()
        size_t capacity()
        RingCounts counts()

cdef extern from "engrain/queue.hpp" namespace "engrain" nogil:
    cdef struct Signal:
        int64_t trajectory
        float quality, feedback, latency_ratio
        int32_t model_tier, context_tokens

    cdef cppclass NativeQueue "engrain::SignalQueue":
        NativeQueue(size_t capacity, size_t dim) except +
        cbool push(const Signal& signal, const float* query)
        void prefetch()
        cbool pop(Signal& signal, float* query)
        size_t size()
        size_t capacity()
        RingCounts counts()

cdef extern from "engrain/reconsolidate.hpp" namespace "engrain" nogil:
    void reconsolidate(float* memories, const int64_t* rows, const float* queries,
                       size_t query_stride, const float* rates, size_t n, size_t dim,
                       float max_tangent, float* cosine)

    cdef struct Aspect:
        float square, inner

    float survey_rows(const float* memories, const int64_t* rows, const float* query,
                      const float* weights, size_t n, size_t dim, Aspect* aspects, float* pull)
    void turn_rows(float* memories, const int64_t* rows, const float* query, float square,
                   const Aspect* aspects, const float* rates, size_t n, size_t dim,
                   float max_tangent)

cdef extern from "engrain/combine.hpp" namespace "engrain" nogil:
    void combine_rows(const float* const* rows, const float* weights, size_t n, size_t dim,
                      float* out)
