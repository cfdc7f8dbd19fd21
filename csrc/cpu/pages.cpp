#include "engrain/pages.hpp"

#include <algorithm>
#include <utility>

namespace engrain {

void Pages::add(std::uint32_t document, const Words& words) {
    Place place;
    place.line = lines_.rows();
    std::size_t count = 0;
    for (std::size_t kind = 0; kind < kinds; ++kind) {
        count += words[kind].size();
        place.ends[kind] = static_cast<std::uint32_t>(count);
    }
    places_.resize(document);
    lines_.resize(place.line + lines_of(count));
    Term* at = lines_.row(place.line);
    for (const std::vector<Term>& own : words) at = std::copy(own.begin(), own.end(), at);
    places_.push_back(place);
}

void Pages::remove(std::uint32_t document) {
    dead_ += places_[document].lines();
    places_[document] = {};
    if (dead_ > 256 && dead_ * 2 > lines_.rows()) compact();
}

void Pages::compact() {
    Arena<Term> kept(line);
    kept.resize(lines_.rows() - dead_);
    std::size_t end = 0;
    for (Place& place : places_) {
        const Term* own = lines_.row(std::exchange(place.line, end));
        end += place.lines();
        std::copy(own, own + place.lines() * line, kept.row(place.line));
    }
    lines_ = std::move(kept);
    dead_ = 0;
}

}  // namespace engrain
