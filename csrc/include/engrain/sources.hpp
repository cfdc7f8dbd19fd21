// Who memories come from, and the words by which a question may name them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engrain/text.hpp"

namespace engrain {

class Sources {
  public:
    static constexpr std::uint32_t none = 0xFFFFFFFFU;

    // A source as one word of its name gives it.
    struct Name {
        std::uint32_t source = none;
        Term term = 0;       // of the whole word
        bool whole = false;  // the word looked up is the whole word
    };

    bool empty() const noexcept { return numbers_.empty(); }
    // One more memory of the source with this lower-case name; its number.
    std::uint32_t add(std::string_view name);
    // One memory fewer; a source without memories is forgotten and its number given to another.
    void release(std::uint32_t source);
    // Appends the sources of which `word` is a word of the name, or its first three letters or
    // more.
    void find(std::string_view word, std::vector<Name>& found) const;

  private:
    struct Source {
        std::string name;
        std::size_t memories = 0;
    };
    template <class Visit>
    void each_prefix(const std::string& name, Visit visit) const;

    std::vector<Source> sources_;
    std::vector<std::uint32_t> free_;
    std::unordered_map<std::string, std::uint32_t> numbers_;
    std::unordered_map<std::string, std::vector<Name>> prefixes_;
};

}  // namespace engrain
