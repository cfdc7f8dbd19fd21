#include "engrain/lists.hpp"

#include <algorithm>
#include <vector>

#include "arrays.hpp"
#include "engrain/parallel.hpp"

namespace engrain::bindings {
namespace {

std::size_t padded(std::size_t dim) { return (dim + 63) / 64 * 64; }

void check_ids(const I32Array& ids, std::size_t rows, const char* name) {
    check_indices(ids.data(), std::size_t(ids.size()), -1, rows, name);
}

void to_bfloat16_py(const F32Array& values, U16Array& out) {
    check_shape(values.size() == out.size(), "out: expected as many values");
    check_finite(values.data(), std::size_t(values.size()), "values");
    to_bfloat16(values.data(), std::size_t(values.size()), out.mutable_data());
}

void from_bfloat16_py(const U16Array& values, F32Array& out) {
    check_shape(values.size() == out.size(), "out: expected as many values");
    from_bfloat16(values.data(), std::size_t(values.size()), out.mutable_data());
}

void code_rows_py(const U16Array& rows, const I32Array& ids, U8Array& codes, F32Array& scale) {
    check_shape(rows.ndim() == 2, "rows: expected shape (n, dim)");
    const std::size_t dim = extent(rows, 1), width = padded(dim);
    check_shape(ids.ndim() == 1 && extent(ids, 0) % list_block == 0,
                "ids: expected whole blocks of 16 places");
    const std::size_t places = extent(ids, 0);
    check_shape(codes.ndim() == 2 && extent(codes, 0) == places && extent(codes, 1) == width &&
                    scale.ndim() == 1 && extent(scale, 0) == places,
                "codes, scale: expected shapes (places, dim padded to 64) and (places,)");
    check_ids(ids, extent(rows, 0), "ids");
    std::vector<float> row(width);
    std::vector<std::int8_t> row_codes(width);
    const std::uint16_t* r = rows.data();
    const std::int32_t* i = ids.data();
    std::uint8_t* c = codes.mutable_data();
    float* s = scale.mutable_data();
    nb::gil_scoped_release release;
    code_rows(r, dim, i, places, row.data(), row_codes.data(), c, s);
}

// The working memory of every thread.
class Scratch {
  public:
    Scratch(std::size_t threads, std::size_t width, const ListSearch& search)
        : codes_(threads * (list_tasks + 6) * width),
          pairs_(threads * list_tasks * search.probe_count),
          places_(threads * list_tasks * search.candidates),
          scores_(threads * list_tasks * search.candidates),
          indices_(threads * search.k),
          exact_(threads * search.k),
          rows_(threads * width) {
        for (std::size_t t = 0; t < threads; ++t)
            parts.push_back({codes_.data() + t * (list_tasks + 6) * width,
                             pairs_.data() + t * list_tasks * search.probe_count,
                             places_.data() + t * list_tasks * search.candidates,
                             scores_.data() + t * list_tasks * search.candidates,
                             indices_.data() + t * search.k, exact_.data() + t * search.k,
                             rows_.data() + t * width});
    }
    std::vector<ListScratch> parts;

  private:
    std::vector<std::int8_t> codes_;
    std::vector<std::uint64_t> pairs_;
    std::vector<std::int64_t> places_;
    std::vector<float> scores_;
    std::vector<std::int64_t> indices_;
    std::vector<float> exact_, rows_;
};

CodedLists check_lists(const U16Array& rows, const I32Array& ids, const U8Array& codes,
                       const F32Array& scale, const I64Array& start) {
    check_shape(rows.ndim() == 2 && extent(rows, 1) > 0, "rows: expected shape (n, dim)");
    const std::size_t dim = extent(rows, 1), places = extent(ids, 0);
    check_shape(codes.ndim() == 2 && extent(codes, 0) == places &&
                    extent(codes, 1) == padded(dim) && scale.ndim() == 1 &&
                    extent(scale, 0) == places && ids.ndim() == 1,
                "ids, codes, scale: expected places of the same rows, as coded");
    check_shape(start.ndim() == 1 && extent(start, 0) > 0, "start: expected shape (lists + 1,)");
    const std::size_t lists = extent(start, 0) - 1;
    const std::int64_t* s = start.data();
    check_shape(s[0] == 0 && std::size_t(s[lists]) == places, "start: expected 0 up to all places");
    for (std::size_t l = 0; l < lists; ++l)
        check_shape(s[l] <= s[l + 1] && s[l + 1] % std::int64_t(list_block) == 0,
                    "start: expected ascending multiples of 16");
    check_ids(ids, extent(rows, 0), "ids");
    return {rows.data(), dim, ids.data(), codes.data(), scale.data(), s, lists};
}

void search_lists_py(const U16Array& rows, const I32Array& ids, const U8Array& codes,
                     const F32Array& scale, const I64Array& start, const U16Array& queries,
                     const I32Array& own, const I32Array& probes, std::size_t candidates,
                     I32Array& found, F32Array& scores, std::size_t threads) {
    const CodedLists lists = check_lists(rows, ids, codes, scale, start);
    check_shape(queries.ndim() == 2 && extent(queries, 1) == lists.dim,
                "queries: expected shape (queries, dim)");
    const std::size_t n = extent(queries, 0);
    check_shape(probes.ndim() == 2 && extent(probes, 0) == n,
                "probes: expected shape (queries, probes)");
    check_ids(probes, lists.lists, "probes");
    check_shape(found.ndim() == 2 && extent(found, 0) == n && scores.ndim() == 2 &&
                    extent(scores, 0) == n && extent(scores, 1) == extent(found, 1),
                "found, scores: expected shape (queries, k)");
    check_shape(own.ndim() == 1 && (extent(own, 0) == n || extent(own, 0) == 0),
                "own: expected shape (queries,) or (0,)");
    const std::size_t k = extent(found, 1);
    check_shape(k > 0 && candidates >= k, "candidates: expected at least k > 0");
    threads = std::min(std::max<std::size_t>(threads, 1), max_threads);
    const ListSearch search{queries.data(),
                            extent(own, 0) == 0 ? nullptr : own.data(),
                            n,
                            probes.data(),
                            extent(probes, 1),
                            candidates,
                            k,
                            found.mutable_data(),
                            scores.mutable_data()};
    const Scratch scratch(threads, padded(lists.dim), search);
    nb::gil_scoped_release release;
    search_lists(lists, search, scratch.parts.data(), threads);
}

}  // namespace

void bind_lists(nb::module_& m) {
    m.def("to_bfloat16", &to_bfloat16_py, nb::arg("values"), nb::arg("out"));
    m.def("from_bfloat16", &from_bfloat16_py, nb::arg("values"), nb::arg("out"));
    m.def("code_rows", &code_rows_py, nb::arg("rows"), nb::arg("ids"), nb::arg("codes"),
          nb::arg("scale"));
    m.def("search_lists", &search_lists_py, nb::arg("rows"), nb::arg("ids"), nb::arg("codes"),
          nb::arg("scale"), nb::arg("start"), nb::arg("queries"), nb::arg("own"), nb::arg("probes"),
          nb::arg("candidates"), nb::arg("found"), nb::arg("scores"), nb::arg("threads"));
}

}  // namespace engrain::bindings
