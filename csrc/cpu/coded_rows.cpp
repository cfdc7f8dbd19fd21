#include "engrain/coded_rows.hpp"

#include "engrain/flat.hpp"

namespace engrain {

void CodedRows::resize(std::size_t rows) {
    codes_.resize(rows);
    scales_.resize(rows, 0.0F);
}

void CodedRows::set(std::size_t row, const float* vector) noexcept {
    scales_[row] = quantize_row(vector, dim_, codes_.row(row));
}

Codes CodedRows::code(const float* vector) const {
    Codes own;
    own.codes.resize(codes_.width());
    own.scale = quantize_row(vector, dim_, own.codes.data());
    return own;
}

float CodedRows::dot(std::uint32_t row, const Codes& asked) const noexcept {
    std::int32_t product = 0;
    dot_codes(codes_.data(), codes_.width(), &row, 1, asked.codes.data(), &product);
    return static_cast<float>(product) * (scales_[row] * asked.scale);
}

void CodedRows::dots(const std::uint32_t* rows, std::size_t n, const Codes& asked,
                     float* out) const {
    static thread_local std::vector<std::int32_t> products;
    products.resize(n);
    dot_codes(codes_.data(), codes_.width(), rows, n, asked.codes.data(), products.data());
    for (std::size_t i = 0; i < n; ++i)
        out[i] = static_cast<float>(products[i]) * (scales_[rows[i]] * asked.scale);
}

}  // namespace engrain
