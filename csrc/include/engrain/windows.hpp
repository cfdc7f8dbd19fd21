// Memories with those around them, each such window read as one text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engrain/layout.hpp"
#include "engrain/lexical.hpp"

namespace engrain {

// A word counts by its distance from the window's middle.
constexpr float window_weights[] = {0.3F, 0.6F, 1.0F, 0.6F, 0.3F};

// The windows of one request, by ascending position: a document that stands in several of them is
// counted once.
class Windows {
  public:
    // Room for so many windows, of which none is there yet.
    void clear(std::size_t most);
    // One more window; `words(position)` are a document's stems.
    template <class Words>
    void add(const Around& around, Words words) {
        std::uint32_t* rows = rows_.data() + windows_ * width;
        float length = 0.0F;
        for (std::size_t place = 0; place < width; ++place) {
            const std::uint32_t position = around.at[place];
            rows[place] = Around::none;
            if (position == Around::none) continue;
            rows[place] = row(position, words);
            length += window_weights[place] * static_cast<float>(documents_[rows[place]].count);
        }
        lengths_[windows_++] = length;
    }
    // BM25 of each window; rarity and mean length are those of single documents. Valid until the
    // next call.
    const float* score(const Sought& question, double average_length);

  private:
    static constexpr std::size_t width = 5, held = 8;

    template <class Words>
    std::uint32_t row(std::uint32_t position, Words words) {
        const std::size_t at = position % held;
        if (seen_[at] != position) {
            seen_[at] = position;
            row_[at] = opened_;
            documents_[opened_++] = words(position);
        }
        return row_[at];
    }

    std::uint32_t seen_[held], row_[held];  // the last positions and where their documents stand
    std::size_t windows_ = 0;
    std::uint32_t opened_ = 0;         // documents
    std::vector<WordSpan> documents_;  // of this request, then of earlier ones; so is all below
    std::vector<std::uint32_t> rows_;  // (windows, width), none where there is no document
    std::vector<float> lengths_, counts_, scores_;
};

}  // namespace engrain
