// SPDX-License-Identifier: Apache-2.0
#include "model/statistics/token_gaussian.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "model/kernels/instruction_sets.h"

namespace uniad {
namespace {

constexpr std::size_t rows_at_once = std::size_t{2} * cpu::panel_width;

}  // namespace

TokenGaussian::TokenGaussian(std::vector<float> mean, std::span<const float> whitening)
    : kernels_(cpu::best_kernels(cpu::Precision::Fp32)),
      mean_(std::move(mean)),
      channels_(static_cast<std::size_t>(std::lround(std::sqrt(static_cast<double>(whitening.size()))))) {
  for (std::size_t first = 0; first < channels_; first += rows_at_once) {
    const std::size_t rows = std::min(rows_at_once, channels_ - first);
    const std::span<const float> part = whitening.subspan(first * channels_, rows * channels_);
    std::size_t depth = 1;
    for (std::size_t i = 0; i < part.size(); ++i)
      if (part[i] != 0) depth = std::max(depth, i % channels_ + 1);
    std::vector<float> shallow;
    for (std::size_t r = 0; r < rows; ++r)
      shallow.insert(shallow.end(), part.begin() + static_cast<std::ptrdiff_t>(r * channels_),
                     part.begin() + static_cast<std::ptrdiff_t>(r * channels_ + depth));
    whitening_.push_back(cpu::pack(*kernels_, shallow, static_cast<int>(depth), std::vector<float>(rows)));
  }
}

void TokenGaussian::add_squared_distances(std::span<const float> tokens, std::span<const float> mean,
                                          std::span<float> squares, Scratch &scratch) const {
  const std::size_t count = squares.size();
  const auto stride = static_cast<std::size_t>(cpu::round_up(static_cast<int>(channels_), kernels_->depth));
  scratch.deviations.resize((count + cpu::spare_rows) * stride);
  scratch.whitened.resize((count + cpu::spare_rows) * rows_at_once);
  for (std::size_t t = 0; t < count; ++t)
    for (std::size_t c = 0; c < channels_; ++c)
      scratch.deviations[t * stride + c] = tokens[t * channels_ + c] - mean[t * channels_ + c];
  for (const cpu::PackedLayer &part : whitening_) {
    cpu::GemmArgs multiply = part.onto(static_cast<int>(count));
    multiply.a = scratch.deviations.data();
    multiply.a_stride = static_cast<std::ptrdiff_t>(stride);
    multiply.f32 = scratch.whitened.data();
    multiply.f32_stride = rows_at_once;
    kernels_->multiply(multiply);
    kernels_->add_squares(scratch.whitened.data(), rows_at_once, static_cast<int>(count),
                          part.panels * cpu::panel_width, squares.data());
  }
}

}  // namespace uniad
