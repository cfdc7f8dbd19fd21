#include "engrain/cusum.hpp"

#include "arrays.hpp"

namespace engrain::bindings {
namespace {

std::size_t follow_cusum_py(const F64Array& rows, const F64Array& mean, const F64Array& deviation,
                            double allowance, double clip, double threshold, F64Array& sums) {
    check_shape(rows.ndim() == 2, "rows: expected shape (n, streams)");
    const std::size_t n = extent(rows, 0), streams = extent(rows, 1);
    check_shape(mean.ndim() == 1 && deviation.ndim() == 1 && extent(mean, 0) == streams &&
                    extent(deviation, 0) == streams,
                "mean, deviation: expected shape (streams,)");
    check_shape(sums.ndim() == 2 && extent(sums, 0) == 2 && extent(sums, 1) == streams,
                "sums: expected shape (2, streams)");
    const double *r = rows.data(), *m = mean.data(), *d = deviation.data();
    double* s = sums.mutable_data();
    const CusumRule rule{allowance, clip, threshold};
    nb::gil_scoped_release release;
    return follow_cusum(r, n, streams, m, d, rule, s);
}

}  // namespace

void bind_cusum(nb::module_& m) {
    m.def("follow_cusum", &follow_cusum_py, nb::arg("rows"), nb::arg("mean"), nb::arg("deviation"),
          nb::arg("allowance"), nb::arg("clip"), nb::arg("threshold"), nb::arg("sums"));
}

}  // namespace engrain::bindings
