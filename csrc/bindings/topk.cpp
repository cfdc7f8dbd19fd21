#include "engrain/topk.hpp"

#include <algorithm>
#include <memory>
#include <vector>

#include "arrays.hpp"
#include "engrain/finite.hpp"
#include "engrain/flat.hpp"

namespace engrain::bindings {
namespace {

Best check_best(I64Array& index, F32Array& score, std::size_t n) {
    check_shape(index.ndim() == 1 && score.ndim() == 1 && extent(index, 0) == extent(score, 0),
                "index, score: expected one shape (k,)");
    check_shape(extent(index, 0) <= n, "index, score: more places than rows");
    return {index.mutable_data(), score.mutable_data(), extent(index, 0), 0};
}

std::size_t topk_rows_py(const F32Array& rows, const F32Array& query, I64Array& index,
                         F32Array& score) {
    check_shape(rows.ndim() == 2, "rows: expected 2 dimensions (n, dim)");
    check_shape(query.ndim() == 1 && extent(query, 0) == extent(rows, 1),
                "query: expected shape (dim,)");
    const std::size_t n = extent(rows, 0), dim = extent(rows, 1);
    Best best = check_best(index, score, n);
    const float *r = rows.data(), *q = query.data();
    nb::gil_scoped_release release;
    scan_rows(best, r, n, dim, q);
    sort_best(best);
    return best.size;
}

std::size_t topk_codes_py(const I8Array& codes, const F32Array& scale, const F32Array& rows,
                          const F32Array& query, I64Array& index, F32Array& score) {
    check_shape(rows.ndim() == 2 && codes.ndim() == 2 && extent(codes, 0) == extent(rows, 0) &&
                    extent(codes, 1) == (extent(rows, 1) + 63) / 64 * 64,
                "codes: expected shape (n, dim padded to a multiple of 64) of rows (n, dim)");
    const std::size_t n = extent(rows, 0), dim = extent(rows, 1), width = extent(codes, 1);
    check_shape(scale.ndim() == 1 && extent(scale, 0) == n, "scale: expected shape (n,)");
    check_shape(query.ndim() == 1 && extent(query, 0) == dim, "query: expected shape (dim,)");
    Best best = check_best(index, score, n);
    if (best.k == 0) return 0;
    std::vector<float> padded(width), lows(best.k);
    std::vector<std::int8_t> asked(width);
    std::vector<std::int64_t> places(best.k);
    const std::unique_ptr<std::int64_t[]> found(new std::int64_t[n]);
    const std::unique_ptr<float[]> ceilings(new float[n]);
    std::copy(query.data(), query.data() + dim, padded.begin());
    const std::int8_t* c = codes.data();
    const float *r = rows.data(), *q = query.data(), *s = scale.data();
    nb::gil_scoped_release release;
    Best least{places.data(), lows.data(), best.k, 0};
    const CodedQuery coded = code_query(padded.data(), dim, width, asked.data());
    const std::size_t sifted =
        sift_codes(c, s, n, width, coded, least, ceilings.get(), found.get());
    offer_rows(best, r, dim, q, found.get(), sifted);
    sort_best(best);
    return best.size;
}

// One block of scores (queries, m) into the lists of all queries, query i holding sizes[i] entries.
void topk_merge_py(const F32Array& scores, std::int64_t first, bool finish, I64Array& sizes,
                   I64Array& index, F32Array& score) {
    check_shape(scores.ndim() == 2 && index.ndim() == 2 && score.ndim() == 2 &&
                    extent(index, 0) == extent(scores, 0) &&
                    extent(score, 0) == extent(scores, 0) && extent(index, 1) == extent(score, 1),
                "scores, index, score: expected shapes (queries, m), (queries, k), (queries, k)");
    const std::size_t queries = extent(scores, 0), m = extent(scores, 1), k = extent(index, 1);
    check_shape(sizes.ndim() == 1 && extent(sizes, 0) == queries, "sizes: expected (queries,)");
    const float* from = scores.data();
    std::int64_t *i = index.mutable_data(), *held = sizes.mutable_data();
    float* s = score.mutable_data();
    nb::gil_scoped_release release;
    for (std::size_t query = 0; query < queries; ++query) {
        Best best{i + query * k, s + query * k, k, std::size_t(held[query])};
        offer_scores(best, from + query * m, m, first);
        if (finish) sort_best(best);
        held[query] = std::int64_t(best.size);
    }
}

void quantize_rows_py(const F32Array& rows, I8Array& codes, F32Array& scale) {
    check_shape(rows.ndim() == 2 && codes.ndim() == 2 && extent(codes, 0) == extent(rows, 0) &&
                    extent(codes, 1) == (extent(rows, 1) + 63) / 64 * 64,
                "codes: expected shape (n, dim padded to a multiple of 64)");
    const std::size_t n = extent(rows, 0), dim = extent(rows, 1), width = extent(codes, 1);
    check_shape(scale.ndim() == 1 && extent(scale, 0) == n, "scale: expected shape (n,)");
    check_shape(all_finite(rows.data(), n * dim), "rows: contain NaN or infinity");
    const float* r = rows.data();
    std::int8_t* c = codes.mutable_data();
    float* s = scale.mutable_data();
    std::vector<float> padded(width);
    nb::gil_scoped_release release;
    for (std::size_t i = 0; i < n; ++i) {
        std::copy(r + i * dim, r + (i + 1) * dim, padded.begin());
        s[i] = quantize_row(padded.data(), width, c + i * width);
    }
}

}  // namespace

void bind_topk(nb::module_& m) {
    m.def("topk_rows", &topk_rows_py, nb::arg("rows"), nb::arg("query"), nb::arg("index"),
          nb::arg("score"));
    m.def("topk_codes", &topk_codes_py, nb::arg("codes"), nb::arg("scale"), nb::arg("rows"),
          nb::arg("query"), nb::arg("index"), nb::arg("score"));
    m.def("topk_merge", &topk_merge_py, nb::arg("scores"), nb::arg("first"), nb::arg("finish"),
          nb::arg("sizes"), nb::arg("index"), nb::arg("score"));
    m.def("quantize_rows", &quantize_rows_py, nb::arg("rows"), nb::arg("codes"), nb::arg("scale"));
}

}  // namespace engrain::bindings
