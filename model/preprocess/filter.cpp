// SPDX-License-Identifier: Apache-2.0
#include "model/preprocess/filter.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>

#include "model/base/vectorize.h"
#include "model/preprocess/fixed_point.h"

namespace uniad {

namespace {

// Rounds halves up.
int nearest(double value) {
  return static_cast<int>(std::floor(value + 0.5));
}

constexpr double lanczos_lobes = 3;

// sin(pi x) / (pi x)
double sinc(double x) {
  return x == 0 ? 1 : std::sin(std::numbers::pi * x) / (std::numbers::pi * x);
}

// The weight before normalization; x in pixels of the smaller size.
double value_at(FilterShape shape, double x) {
  if (shape == FilterShape::Triangle) return std::max(0.0, 1 - std::abs(x));
  return std::abs(x) < lanczos_lobes ? sinc(x) * sinc(x / lanczos_lobes) : 0;
}

}  // namespace

Filter make_filter(int in_size, int out_size, FilterShape shape) {
  const double scale = static_cast<double>(in_size) / out_size;
  const double stretch = std::max(scale, 1.0);
  const double support = stretch * (shape == FilterShape::Lanczos ? lanczos_lobes : 1);

  Filter filter{.in_size = in_size, .out_size = out_size, .taps = 0, .windows = {}, .weights = {}};
  for (int x = 0; x < out_size; ++x) {
    const double center = (x + 0.5) * scale;
    const int first = std::max(0, nearest(center - support));
    const int end = std::min(in_size, nearest(center + support));
    filter.windows.push_back({first, end - first});
    filter.taps = std::max(filter.taps, end - first);
  }

  const auto taps = static_cast<std::size_t>(filter.taps);
  filter.weights.resize(taps * filter.windows.size());
  std::vector<double> values(taps);
  for (std::size_t x = 0; x < filter.windows.size(); ++x) {
    const auto [first, count] = filter.windows[x];
    const double center = (static_cast<double>(x) + 0.5) * scale;
    double sum = 0;
    for (int i = 0; i < count; ++i) {
      double &value = values[static_cast<std::size_t>(i)];
      value = value_at(shape, (first + i - center + 0.5) / stretch);
      sum += value;
    }
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i)
      filter.weights[x * taps + i] = nearest(values[i] / sum * (1 << Filter::weight_bits));
  }
  return filter;
}

namespace {

constexpr int low_bits = 14;

// As many fractional bits as possible, so that every weight fits in 15 bits, and sums fit in 31.
int short_weight_bits(const Filter &filter) {
  const std::int32_t largest = *std::max_element(filter.weights.begin(), filter.weights.end());
  int bits = Filter::weight_bits;
  while (largest >> (Filter::weight_bits - bits) >= 32767) --bits;
  return bits;
}

}  // namespace

RowFilter make_row_filter(const Filter &filter, bool split, bool exact) {
  const int halves = split ? 2 : 1;
  const int half_size = (filter.in_size + 1) / 2;
  const int half_taps = (filter.taps + halves - 1) / halves;
  constexpr int run = RowFilter::run;
  const int half_runs = (half_taps + run - 1) / run;

  RowFilter result;
  result.in_size = filter.in_size;
  result.split = split;
  result.exact = exact;
  result.weight_bits = exact ? Filter::weight_bits : short_weight_bits(filter);
  result.runs = static_cast<std::size_t>(halves) * static_cast<std::size_t>(half_runs);

  const auto add_weight = [&](std::int32_t weight) {
    if (exact) {
      result.high.push_back(static_cast<std::int16_t>(weight >> low_bits));
      result.low.push_back(static_cast<std::int16_t>(weight & ((1 << low_bits) - 1)));
    } else {
      const double scale = std::ldexp(1.0, result.weight_bits - Filter::weight_bits);
      result.high.push_back(static_cast<std::int16_t>(std::lround(weight * scale)));
    }
  };
  for (std::size_t x = 0; x < filter.windows.size(); ++x) {
    const auto [window_first, window_count] = filter.windows[x];
    const std::int32_t *weights = filter.weights.data() + x * static_cast<std::size_t>(filter.taps);
    for (int h = 0; h < halves; ++h) {
      // Columns first, first + halves, ... of the window are adjacent.
      const int first = window_first + (halves + h - window_first % halves) % halves;
      for (int r = 0; r < half_runs; ++r) {
        result.first.push_back(h * half_size + first / halves + r * run);
        for (int i = 0; i < run; ++i) {
          const int tap = first - window_first + (r * run + i) * halves;
          add_weight(tap < window_count ? weights[tap] : 0);
        }
      }
    }
  }
  return result;
}

// Sums do not overflow: weights add up to 2^weight_bits, and their low parts to at most as much.
namespace {

#if defined(__x86_64__)
__attribute__((target("avx2"))) inline __m256i load_run(const std::int16_t *words) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i *>(words));
}

__attribute__((target("avx2"))) void filter_planes(const RowFilter &filter, const std::int16_t *in,
                                                   std::size_t in_plane, std::int16_t *out) {
  const std::size_t size = filter.first.size() / filter.runs;
  const bool exact = filter.exact;
  const __m128i half = _mm_set1_epi32(1 << (filter.weight_bits - 1));
  const __m128i shift = _mm_cvtsi32_si128(filter.weight_bits);
  for (std::size_t x = 0; x < size; ++x) {
    __m256i sums[3] = {};
    for (std::size_t r = 0; r < filter.runs; ++r) {
      const std::size_t at = x * filter.runs + r;
      const __m256i weights = load_run(filter.high.data() + at * RowFilter::run);
      for (std::size_t c = 0; c < 3; ++c) {
        const __m256i words = load_run(in + c * in_plane + filter.first[at]);
        sums[c] = _mm256_add_epi32(sums[c], _mm256_madd_epi16(words, weights));
      }
    }
    if (exact) {
      for (__m256i &sum : sums) sum = _mm256_slli_epi32(sum, low_bits);
      for (std::size_t r = 0; r < filter.runs; ++r) {
        const std::size_t at = x * filter.runs + r;
        const __m256i weights = load_run(filter.low.data() + at * RowFilter::run);
        for (std::size_t c = 0; c < 3; ++c) {
          const __m256i words = load_run(in + c * in_plane + filter.first[at]);
          sums[c] = _mm256_add_epi32(sums[c], _mm256_madd_epi16(words, weights));
        }
      }
    }
    const __m256i pairs =
        _mm256_hadd_epi32(_mm256_hadd_epi32(sums[0], sums[1]), _mm256_hadd_epi32(sums[2], sums[2]));
    const __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1));
    const __m128i levels = _mm_sra_epi32(_mm_add_epi32(sum, half), shift);
    const __m128i clamped = _mm_min_epi32(levels, _mm_set1_epi32(255));
    out[x] = static_cast<std::int16_t>(_mm_extract_epi16(clamped, 0));
    out[size + x] = static_cast<std::int16_t>(_mm_extract_epi16(clamped, 2));
    out[2 * size + x] = static_cast<std::int16_t>(_mm_extract_epi16(clamped, 4));
  }
}

__attribute__((target("default")))
#endif
void filter_planes(const RowFilter &filter, const std::int16_t *in, std::size_t in_plane, std::int16_t *out) {
  const std::size_t size = filter.first.size() / filter.runs;
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t x = 0; x < size; ++x) {
      const auto sum_runs = [&](const std::vector<std::int16_t> &weights) {
        std::int32_t sum = 0;
        for (std::size_t r = x * filter.runs; r < (x + 1) * filter.runs; ++r)
          for (std::size_t i = 0; i < RowFilter::run; ++i)
            sum += in[c * in_plane + static_cast<std::size_t>(filter.first[r]) + i] *
                   weights[r * RowFilter::run + i];
        return sum;
      };
      std::int32_t sum = sum_runs(filter.high);
      if (filter.exact) sum = sum * (1 << low_bits) + sum_runs(filter.low);
      sum = (sum + (1 << (filter.weight_bits - 1))) >> filter.weight_bits;
      out[c * size + x] = static_cast<std::int16_t>(std::min(sum, 255));
    }
  }
}

}  // namespace

void filter_row(const RowFilter &filter, const std::int16_t *in, std::size_t in_plane, std::int16_t *out) {
  filter_planes(filter, in, in_plane, out);
}

UNIAD_VECTORIZE
void sum_rows(std::span<const std::int16_t *const> rows, const std::int32_t *weights,
              std::span<std::int16_t> out) {
  constexpr std::size_t width = 64;
  for (std::size_t x = 0; x < out.size(); x += width) {
    const std::size_t n = std::min(width, out.size() - x);
    std::int32_t sums[width];
    std::fill_n(sums, width, 1 << (Filter::weight_bits - 1));
    for (std::size_t r = 0; r < rows.size(); ++r) {
      const std::int16_t *__restrict row = rows[r] + x;
      for (std::size_t i = 0; i < n; ++i) sums[i] += row[i] * weights[r];
    }
    for (std::size_t i = 0; i < n; ++i)
      out[x + i] = static_cast<std::int16_t>(std::min(sums[i] >> Filter::weight_bits, 255));
  }
}

UNIAD_VECTORIZE
void add_row(const std::int16_t *__restrict row, std::int16_t weight_a, std::int16_t *__restrict a,
             std::int16_t weight_b, std::int16_t *__restrict b, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    a[i] = static_cast<std::int16_t>(a[i] + multiply(row[i], weight_a));
    b[i] = static_cast<std::int16_t>(b[i] + multiply(row[i], weight_b));
  }
}

}  // namespace uniad
