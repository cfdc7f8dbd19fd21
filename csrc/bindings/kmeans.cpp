#include "engrain/kmeans.hpp"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>

#include <optional>
#include <utility>
#include <vector>

#include "arrays.hpp"

namespace engrain::bindings {
namespace {

// The working memory of n rows and k centres.
class KmeansScratch {
  public:
    KmeansScratch(std::size_t n, std::size_t dim, std::size_t k, float* distance,
                  std::int64_t* nearest)
        : width_((dim + 63) / 64 * 64),
          codes_((n + k) * width_),
          parts_(3 * (n + k) + n),
          padded_(width_),
          sums_(n / seed_block + 1),
          view_{distance,
                nearest,
                codes_.data(),
                parts_.data(),
                parts_.data() + (n + k),
                parts_.data() + 2 * (n + k),
                parts_.data() + 3 * (n + k),
                padded_.data(),
                sums_.data()} {}
    const ClusterScratch& view() const noexcept { return view_; }

  private:
    std::size_t width_;
    std::vector<std::int8_t> codes_;
    std::vector<float> parts_, padded_;
    std::vector<double> sums_;
    ClusterScratch view_;
};

void check_seeding(const F32Array& rows, const F64Array& uniforms) {
    check_shape(rows.ndim() == 2 && extent(rows, 0) > 0, "rows: expected shape (n, dim), n > 0");
    check_shape(uniforms.ndim() == 1 && extent(uniforms, 0) > 0, "uniforms: expected shape (k,)");
    for (std::size_t c = 0; c < extent(uniforms, 0); ++c)
        check_shape(uniforms.data()[c] >= 0.0 && uniforms.data()[c] < 1.0,
                    "uniforms: expected values in [0, 1)");
}

bool seed_centres_py(const F32Array& rows, const F64Array& uniforms, I64Array& chosen) {
    check_seeding(rows, uniforms);
    const std::size_t n = extent(rows, 0), dim = extent(rows, 1), k = extent(uniforms, 0);
    check_shape(chosen.ndim() == 1 && extent(chosen, 0) == k, "chosen: expected shape (k,)");
    const float* r = rows.data();
    const double* u = uniforms.data();
    std::int64_t* out = chosen.mutable_data();
    nb::gil_scoped_release release;
    if (!all_finite(r, n * dim)) return false;
    std::vector<float> distance(n);
    std::vector<std::int64_t> nearest(n);
    const KmeansScratch scratch(n, dim, 0, distance.data(), nearest.data());
    seed_centres(r, n, dim, k, u, scratch.view(), out);
    return true;
}

// Steps taken and whether they settled; nothing where rows are not finite.
std::optional<std::pair<std::size_t, bool>> kmeans_py(const F32Array& rows,
                                                      const F64Array& uniforms, std::size_t steps,
                                                      bool spherical, F32Array& centres,
                                                      I64Array& labels, F32Array& distances,
                                                      F64Array& sums, I64Array& counts) {
    check_seeding(rows, uniforms);
    const std::size_t n = extent(rows, 0), dim = extent(rows, 1), k = extent(uniforms, 0);
    check_shape(centres.ndim() == 2 && extent(centres, 0) == k && extent(centres, 1) == dim &&
                    sums.ndim() == 2 && extent(sums, 0) == k && extent(sums, 1) == dim,
                "centres, sums: expected shape (k, dim)");
    check_shape(counts.ndim() == 1 && extent(counts, 0) == k, "counts: expected shape (k,)");
    check_shape(labels.ndim() == 1 && extent(labels, 0) == n && distances.ndim() == 1 &&
                    extent(distances, 0) == n,
                "labels, distances: expected shape (n,)");
    const float* r = rows.data();
    const double* u = uniforms.data();
    float *m = centres.mutable_data(), *d = distances.mutable_data();
    std::int64_t *l = labels.mutable_data(), *c = counts.mutable_data();
    double* s = sums.mutable_data();
    nb::gil_scoped_release release;
    if (!all_finite(r, n * dim)) return std::nullopt;
    std::vector<float> units(spherical ? n * dim : 0);
    if (spherical) {
        unit_rows(r, n, dim, units.data());
        r = units.data();
    }
    const KmeansScratch scratch(n, dim, k, d, l);
    std::vector<std::int64_t> chosen(k);
    std::vector<std::uint32_t> order(n);
    seed_centres(r, n, dim, k, u, scratch.view(), chosen.data());
    for (std::size_t i = 0; i < k; ++i)
        std::copy_n(r + std::size_t(chosen[i]) * dim, dim, m + i * dim);
    const LloydSteps done =
        lloyd(r, n, dim, k, steps, spherical, scratch.view(), {m, s, c, order.data()});
    return std::pair{done.taken, done.settled};
}

}  // namespace

void bind_kmeans(nb::module_& m) {
    m.def("seed_centres", &seed_centres_py, nb::arg("rows"), nb::arg("uniforms"),
          nb::arg("chosen"));
    m.def("kmeans", &kmeans_py, nb::arg("rows"), nb::arg("uniforms"), nb::arg("steps"),
          nb::arg("spherical"), nb::arg("centres"), nb::arg("labels"), nb::arg("distances"),
          nb::arg("sums"), nb::arg("counts"));
}

}  // namespace engrain::bindings
