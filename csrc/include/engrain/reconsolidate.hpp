// Reconsolidation: a bounded rotation of memories toward or away from the query that recalled them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace engrain {

// For each i: memory m = memories[rows[i]] and query q = queries[i * query_stride] become
// directions,
//   m <- normalise(m + rate (q - m)),  rate in [-1, 1]; negative turns away,
// but the angle of the turn is at most atan(max_tangent). Nothing happens at rate 0, to a memory or
// query of length 0, or where m and q are parallel. cosine[i] = m . q before the step, 0 where a
// length is 0. Rows are changed in order; a length whose square overflows counts as 0. The caller
// has checked that rows are in range and queries finite.
void reconsolidate(float* memories, const std::int64_t* rows, const float* queries,
                   std::size_t query_stride, const float* rates, std::size_t n, std::size_t dim,
                   float max_tangent, float* cosine) noexcept;

struct Aspect {
    float square, inner;  // m . m and m . q
};

// The same for different rows and one query in two steps, so that each row is read once for all
// that is asked of it: aspects of the rows and pull = sum_i weights[i] m_i. Returns q . q.
float survey_rows(const float* memories, const std::int64_t* rows, const float* query,
                  const float* weights, std::size_t n, std::size_t dim, Aspect* aspects,
                  float* pull) noexcept;
void turn_rows(float* memories, const std::int64_t* rows, const float* query, float square,
               const Aspect* aspects, const float* rates, std::size_t n, std::size_t dim,
               float max_tangent) noexcept;

}  // namespace engrain
