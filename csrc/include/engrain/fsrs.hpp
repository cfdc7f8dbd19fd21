// FSRS-6, the free spaced repetition scheduler, for whole batches of cards.
#pragma once

#include <cstddef>
#include <cstdint>

namespace engrain {

constexpr std::size_t fsrs_parameters = 21;

// What is wrong with n cards, if anything. difficulty and rating may be nullptr: not looked at.
enum class CardFault { none, days, difficulty, rating };
CardFault find_card_fault(const double* stability, const double* difficulty, const double* elapsed,
                          const std::uint8_t* rating, std::size_t n) noexcept;

// Review n cards, each with its rating (1 again, 2 hard, 3 good, 4 easy), `elapsed` days after the
// review before; below one day counts as the same day. A card of stability 0 is new. Stability and
// difficulty are replaced. Stability and elapsed are finite and at least 0, difficulty of a card
// that is not new lies in [1, 10] (see find_card_fault); parameters are the 21 of FSRS-6 in its
// bounds.
void review_cards(double* stability, double* difficulty, const double* elapsed,
                  const std::uint8_t* rating, std::size_t n, const double* parameters) noexcept;

// out[i] = (1 + F elapsed / stability)^-w20, F = .9^(-1 / w20) - 1; 0 for a new card.
void retrieve_cards(const double* stability, const double* elapsed, std::size_t n,
                    const double* parameters, double* out) noexcept;

}  // namespace engrain
