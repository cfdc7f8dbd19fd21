#include "engrain/fsrs.hpp"

#include "arrays.hpp"

namespace engrain::bindings {
namespace {

// Some 20 ns of arithmetic per card.
constexpr std::size_t release_gil_above_cards = 100;

std::size_t check_cards(const F64Array& stability, const F64Array& elapsed,
                        const F64Array& parameters) {
    check_shape(parameters.ndim() == 1 && extent(parameters, 0) == fsrs_parameters,
                "parameters: expected the 21 of FSRS-6");
    check_shape(
        stability.ndim() == 1 && elapsed.ndim() == 1 && extent(stability, 0) == extent(elapsed, 0),
        "stability, elapsed: expected one shape (n,)");
    return extent(stability, 0);
}

void refuse(CardFault fault) {
    check_shape(fault != CardFault::days,
                "stability, elapsed: expected finite values of at least 0");
    check_shape(fault != CardFault::rating,
                "rating: expected 1 (again), 2 (hard), 3 (good) or 4 (easy)");
    check_shape(fault != CardFault::difficulty, "difficulty: expected values in [1, 10]");
}

void review_cards_py(F64Array& stability, F64Array& difficulty, const F64Array& elapsed,
                     const U8Array& rating, const F64Array& parameters) {
    const std::size_t n = check_cards(stability, elapsed, parameters);
    check_shape(difficulty.ndim() == 1 && extent(difficulty, 0) == n && rating.ndim() == 1 &&
                    extent(rating, 0) == n,
                "difficulty, rating: expected shape (n,)");
    refuse(find_card_fault(stability.data(), difficulty.data(), elapsed.data(), rating.data(), n));
    double *s = stability.mutable_data(), *d = difficulty.mutable_data();
    const double *t = elapsed.data(), *w = parameters.data();
    const std::uint8_t* r = rating.data();
    if (n < release_gil_above_cards) return review_cards(s, d, t, r, n, w);
    nb::gil_scoped_release release;
    review_cards(s, d, t, r, n, w);
}

void retrieve_cards_py(const F64Array& stability, const F64Array& elapsed,
                       const F64Array& parameters, F64Array& out) {
    const std::size_t n = check_cards(stability, elapsed, parameters);
    check_shape(out.ndim() == 1 && extent(out, 0) == n, "out: expected shape (n,)");
    refuse(find_card_fault(stability.data(), nullptr, elapsed.data(), nullptr, n));
    const double *s = stability.data(), *t = elapsed.data(), *w = parameters.data();
    double* o = out.mutable_data();
    if (n < release_gil_above_cards) return retrieve_cards(s, t, n, w, o);
    nb::gil_scoped_release release;
    retrieve_cards(s, t, n, w, o);
}

}  // namespace

void bind_fsrs(nb::module_& m) {
    m.def("review_cards", &review_cards_py, nb::arg("stability"), nb::arg("difficulty"),
          nb::arg("elapsed"), nb::arg("rating"), nb::arg("parameters"));
    m.def("retrieve_cards", &retrieve_cards_py, nb::arg("stability"), nb::arg("elapsed"),
          nb::arg("parameters"), nb::arg("out"));
}

}  // namespace engrain::bindings
