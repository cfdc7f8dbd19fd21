// Static retrieval: BM25 and centred cosines of every document of a scope, standardized and summed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "engrain/context.hpp"
#include "engrain/latent.hpp"
#include "engrain/layout.hpp"
#include "engrain/lexical.hpp"
#include "engrain/reading.hpp"
#include "engrain/scope.hpp"
#include "engrain/view.hpp"
#include "engrain/windows.hpp"

namespace engrain {

// Of vectors seen from the mean of a scope: cosines with a query, and 1 over their lengths.
struct Measures {
    std::vector<float> cosine, inverse;
    void resize(std::size_t n) {
        cosine.resize(n, 0.0F);
        inverse.resize(n, 0.0F);
    }
};

// One request with the scores of every member of its scope.
struct Search {
    struct Cosines {
        bool asked = false;
        std::vector<float> query;   // centred, unit length, padded to the view's width
        std::vector<float> scores;  // by position
        Standard standard;
    };

    std::uint32_t scope = 0;
    std::uint64_t version = 0;
    std::vector<TermCount> terms;
    Sought sought;  // the same, weighed by their idf
    float average_length = 1.0F, bm25_sd = 0.3F;
    std::vector<float> bm25;  // by position
    Standard bm25_standard;
    std::vector<Cosines> views;
    std::vector<float> fixed;  // z(BM25) + z(first view), by position, from the scan
    Cues cues;
    Sources::Name named;  // the one source of the scope that the question names
    SessionScores sessions;
    Reading reading;

    std::vector<std::uint32_t> best;  // positions by exact static score, best first
    std::vector<float> best_scores;   // the exact scores
    Measures best_measures;           // by rank, where the first view was asked
    std::vector<std::pair<std::uint32_t, std::uint32_t>> ranks;  // (position, rank), by position
};

// Where `gather` writes: n rows each.
struct Rows {
    std::size_t stride;  // of x, at least columns; what lies beyond those is set to 0
    float* x;            // (n, stride)
    float* fixed;        // (n)
    float* centred;      // (n, dim of view 0)
    float* frequency;    // (n, terms)
    float* length;       // (n)
};

// Every call that reads or writes what grows holds the index's lock.
class RetrievalIndex {
  public:
    static constexpr std::uint32_t none = 0xFFFFFFFFU;

    // Many vectors go into a file in `folder`, see RowStore; none for memory alone.
    explicit RetrievalIndex(const std::vector<std::size_t>& dims, std::string folder = {});

    std::size_t handles() const noexcept { return live_.size(); }
    bool holds(std::size_t handle) const noexcept { return handle < live_.size() && live_[handle]; }
    std::size_t columns() const noexcept { return base_columns() + context_columns + word_columns; }
    std::size_t scopes() const noexcept { return scopes_.size(); }
    const std::vector<VectorView>& views() const noexcept { return views_; }
    const LexicalIndex& lexical() const noexcept { return lexical_; }
    Scope& scope(std::size_t i) noexcept { return scopes_[i]; }

    // `handle` is at least handles(); those passed over stay empty. `vectors` has one pointer per
    // view, null for none.
    void add(std::uint32_t handle, const char* text, std::size_t size, const float* const* vectors,
             const Origin& origin);
    void remove(std::uint32_t handle);
    void move(std::uint32_t handle, std::size_t view, const float* vector);
    // `rows` is (handles(), dim); a row of zeros is no vector.
    void replace_view(std::size_t view, const float* rows, std::size_t dim);

    const CountedIndex& stems() const noexcept { return stems_; }
    // Place every memory, those to come too, by a basis over stems: `terms` (n) distinct, `idf`
    // (n), `basis` (n, dim).
    void learn_latent(const Term* terms, const float* idf, const float* basis, std::size_t n,
                      std::size_t dim);

    // Scope 0 holds every live handle; others what is inserted into them.
    std::uint32_t add_scope();
    void insert(std::uint32_t scope, std::uint32_t handle);
    void clear_scope(std::uint32_t scope);
    // A scope's query means: one more query.
    void observe(std::uint32_t scope, const float* const* vectors);

    void search(const char* text, std::size_t size, const float* const* vectors,
                std::uint32_t scope, Search& search);
    // The best n positions (fewer where the scope is smaller) in search.best. False, and nothing
    // done, where the scope has changed since the search; so in `gather`.
    bool rank(Search& search, std::size_t n);
    // The handles worth gathering, ascending: the best by static score and, where members belong to
    // sequences, so many more of those with the best neighbours.
    bool propose(Search& search, std::size_t best, std::size_t around,
                 std::vector<std::uint32_t>& handles);
    // `handles` are members of the search's scope, see `foreign`.
    bool gather(Search& search, const std::uint32_t* handles, std::size_t n, const Rows& out);
    // Vectors of the first view as the scope sees them: out (n, dim), centred, unit length; 0 where
    // there is none. There must be a view.
    void centred(std::uint32_t scope, const std::uint32_t* handles, std::size_t n, float* out);
    // The first of the handles that is no member of the scope, -1 where all are.
    std::int64_t foreign(std::uint32_t scope, const std::uint32_t* handles, std::size_t n);

  private:
    std::size_t base_columns() const noexcept {
        return 8 + (views_.size() > 1 ? views_.size() : 1);
    }
    bool current(const Search& search) const noexcept {
        return scopes_[search.scope].version() == search.version;
    }
    void order_best(Search& search, std::size_t n);
    void place_latent(std::uint32_t handle);
    void link(std::uint32_t handle, std::int64_t sequence);
    void unlink(std::uint32_t handle);
    void read_question(const char* text, std::size_t size, Search& search) const;
    Sources::Name source_named(const std::vector<std::string_view>& words,
                               const Scope& scope) const;
    void score_sessions(Search& search);
    void number_sessions(Scope& scope) const;
    void score_session_texts(Search& search);
    // How often each session holds a term; in `rare` unless it is kept.
    const Sessions::Frequency& session_frequency(Scope& scope, Term term, const Postings& list,
                                                 Sessions::Frequency& rare) const;
    void count_by_session(const Scope& scope, Term term, const Postings& list,
                          std::vector<float>& frequency) const;
    const Layout& layout(std::uint32_t scope);
    void lay_out(const Scope& scope, Layout& layout) const;
    void score_neighbourhoods(Search& search, std::vector<float>& scores);
    void prefer_origins(const Search& search, std::vector<float>& scores) const;
    std::uint32_t step(std::uint32_t handle, int steps) const noexcept;
    Around around(const Layout& layout, std::uint32_t position) const noexcept;
    static float window(const Around& around, const std::vector<float>& scores,
                        const Standard& standard) noexcept;
    const float* score_windows(const Search& search, const std::vector<Around>& around);
    bool mentions(const Sources::Name& named, std::uint32_t handle) const noexcept;
    void read_words(const char* text, std::size_t size, Search& search) const;
    void find_feedback_words(Search& search) const;
    void gauge_words(Search& search) const;
    void read_documents(const Search& search, const std::uint32_t* handles, std::size_t n,
                        Words* out) const;
    std::vector<Words> read_candidates(const Search& search, const std::uint32_t* handles,
                                       std::size_t n, const std::vector<std::size_t>& ranks) const;
    static std::vector<std::size_t> ranks_of(const Search& search,
                                             const std::vector<Around>& around);
    void write_words(const Search& search, const Words& words, float* out) const;
    void write_sequence(const Search& search, const Around& around, float text, float* out) const;
    void write_context(const Search& search, const Around& around, float window, float* out) const;
    void score_text(const char* text, std::size_t size, Search& search);
    void score_view(const float* vector, std::size_t i, Search& search);
    void scan(const Search& search, std::size_t view, float* out);
    void fuse(Search& search);
    void measure(const Search& search, std::size_t view, const std::uint32_t* handles,
                 std::size_t n, Measures& out);
    Measures measure_candidates(const Search& search, const std::uint32_t* handles, std::size_t n,
                                const std::vector<std::size_t>& ranks);
    float standard_cosine(const Search& search, std::size_t view, std::uint32_t handle,
                          float cosine) const noexcept;
    void centre(std::uint32_t scope, const std::uint32_t* handles, std::size_t n,
                const float* inverse, float* rows);
    std::vector<float> feedback_vectors(const Search& search);
    std::vector<Around> surroundings(const Search& search, const std::uint32_t* handles,
                                     std::size_t n);
    static float neighbour_score(const Search& search, std::uint32_t position) noexcept;
    void write_texts(const Search& search, const std::uint32_t* handles, std::size_t n,
                     const Rows& out) const;
    void write_row(const Search& search, const Around& around, std::size_t rank, std::size_t i,
                   const Rows& out) const;
    void write_cosines(const Search& search, const float* cosine, const std::uint32_t* handles,
                       std::size_t n, const Rows& out) const;
    void write_vectors(const Search& search, const std::uint32_t* handles,
                       const std::vector<Around>& around, const float* inverse, float* likeness,
                       const Rows& out);
    void write_feedback(const Search& search, const float* likeness, std::size_t n,
                        const Rows& out) const;

    std::mutex mutex_;
    std::string folder_;
    Pages pages_;
    LexicalIndex lexical_{pages_, Pages::terms};
    CountedIndex stems_{pages_, Pages::stems}, grams_{pages_, Pages::grams};
    CountedIndex pairs_{pages_, Pages::pairs};
    LatentSpace latent_;
    CodedRows latent_rows_;
    std::vector<VectorView> views_;
    std::vector<Scope> scopes_;
    std::vector<char> live_;
    std::vector<Context> contexts_;
    std::unordered_map<std::int64_t, std::uint32_t> last_;  // memory of each sequence
    std::uint64_t links_ = 0;                               // changes with every link
    std::deque<Layout> layouts_;                            // by scope
    Sources sources_;
    std::vector<std::int8_t> codes_;  // scratch of scan
    std::vector<std::int32_t> dots_;
    std::vector<float> floored_, neighbourly_;  // scratch of propose
    Windows windows_;                           // scratch of score_windows
};

}  // namespace engrain
