// What surrounds a memory: the sequence it is part of, who it comes from, when, and its form.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

#include "engrain/cues.hpp"
#include "engrain/sources.hpp"

namespace engrain {

// The columns made of context, in their order.
enum ContextColumn : std::size_t {
    window_bm25,
    window_cosine,
    two_before,
    two_after,
    from_named,
    mentions_named,
    close_date,
    when_time,
    number_digit,
    session_bm25,
    session_best,
    asks,
    after_question,
    after_question_score,
    place,
    word_rarity,
    context_columns
};

// Where a memory comes from, as far as it is known.
struct Origin {
    std::int64_t sequence = -1;
    std::string_view source;                                 // lower case
    double time = std::numeric_limits<double>::quiet_NaN();  // seconds since 1970
};

struct Context {
    static constexpr std::uint32_t none = 0xFFFFFFFFU;
    std::int64_t sequence = -1;
    std::uint32_t previous = none, next = none, place = 0;
    std::uint32_t source = Sources::none;
    std::int32_t day = no_day;
    float rarity = 0.0F;  // of its words, see LatentSpace; 0 without a basis
    Form form;
    bool announced = false;  // the text begins with the source's name and a colon
};

// All of a memory's context but its neighbours and the number of its source.
Context context_of(const char* text, std::size_t size, const Origin& origin);

// Each session of a scope as one document; scores are standardized over the sessions.
struct SessionScores {
    bool known = false;
    std::vector<float> bm25, best;  // by session; best static score of a member
};

}  // namespace engrain
