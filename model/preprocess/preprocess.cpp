// SPDX-License-Identifier: Apache-2.0
#include "model/preprocess/preprocess.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "model/base/aligned.h"
#include "model/base/error.h"
#include "model/base/vectorize.h"
#include "model/preprocess/filter.h"
#include "model/preprocess/rows.h"

namespace uniad {

namespace {

using Word = std::int16_t;

// The weights of one input row, with 15 fractional bits, for the output row `out` and the next one. A
// triangle filter that shrinks spreads a row over at most two rows.
struct RowShare {
  int out;
  Word weight, next_weight;
};

std::vector<RowShare> row_shares(const Filter &filter) {
  constexpr int shift = Filter::weight_bits - 15;
  const auto taps = static_cast<std::size_t>(filter.taps);
  std::vector<RowShare> shares(static_cast<std::size_t>(filter.in_size), RowShare{-1, 0, 0});
  for (std::size_t out = 0; out < filter.windows.size(); ++out) {
    const auto [first, count] = filter.windows[out];
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
      const std::int32_t weight = filter.weights[out * taps + i];
      const auto rounded = static_cast<Word>(std::min((weight + (1 << (shift - 1))) >> shift, 32767));
      if (rounded == 0) continue;
      RowShare &share = shares[static_cast<std::size_t>(first) + i];
      if (share.out < 0) {
        share = {static_cast<int>(out), rounded, 0};
      } else {
        share.next_weight = rounded;
      }
    }
  }
  return shares;
}

UNIAD_VECTORIZE
void interleave(const Word *__restrict planes, std::uint8_t *__restrict rgb, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t c = 0; c < 3; ++c) rgb[3 * i + c] = static_cast<std::uint8_t>(planes[c * n + i]);
}

// (x / 255 - mean) / std.
UNIAD_VECTORIZE
void normalize(const Word *__restrict levels, float mean, float std, float *__restrict out, std::size_t n) {
  const float scale = 1 / (255 * std);
  const float offset = -mean / std;
  for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<float>(levels[i]) * scale + offset;
}

}  // namespace

struct Preprocessor::State {
  explicit State(const InputConfig &config) : input(config) {}

  // Calls store(y, row) for every row of the result, with y ascending. row: 3 planes of levels.
  template <typename Store>
  void resize(const FrameView &frame, Store store);
  template <typename Store>
  void filter_rows_first(Store store);
  template <typename Store>
  void filter_columns_first(Store store);

  void prepare(const FrameView &frame);

  InputConfig input;
  RowReader reader;
  Filter vertical;
  RowFilter horizontal;
  bool columns_first = false;

  std::size_t plane_words = 0;
  AlignedVector<Word> planes;  // one row of the picture: levels, with space after each plane for the filter
  AlignedVector<Word> result;  // one row of the result

  std::vector<const Word *>
      window;  // rows first: a ring of the filtered rows that contribute to one output row
  AlignedVector<Word> filtered;

  std::vector<RowShare> shares;  // columns first: two incomplete sums
  AlignedVector<Word> row;
  std::array<AlignedVector<Word>, 2> sums;
};

void Preprocessor::State::prepare(const FrameView &frame) {
  reader.open(frame);
  // Above a scale of 32, the 16-bit sums of columns lose precision.
  columns_first = reader.is_ycbcr() && frame.height >= input.height && frame.height / input.height < 32;
  if (horizontal.in_size != frame.width || horizontal.split != reader.is_split() ||
      horizontal.exact == columns_first)
    horizontal = make_row_filter(make_filter(frame.width, input.width), reader.is_split(), !columns_first);
  if (vertical.in_size != frame.height) {
    vertical = make_filter(frame.height, input.height);
    shares = row_shares(vertical);
  }
  plane_words = reader.samples() + RowFilter::run * horizontal.runs;
  planes.resize(3 * plane_words);
  result.resize(3 * static_cast<std::size_t>(input.width));
  row.resize(3 * reader.samples());
}

// Pillow's order, for Pillow's exact result.
template <typename Store>
void Preprocessor::State::filter_rows_first(Store store) {
  const auto slots = static_cast<std::size_t>(vertical.taps);
  filtered.resize(slots * result.size());
  const auto slot = [&](int y) {
    return filtered.data() + static_cast<std::size_t>(y) % slots * result.size();
  };
  int next = 0;
  for (std::size_t y = 0; y < vertical.windows.size(); ++y) {
    const auto [first, count] = vertical.windows[y];
    for (; next < first + count; ++next) {
      if (reader.is_ycbcr()) {
        const std::size_t n = reader.samples();
        reader.read(next, row.data(), row.data() + n, row.data() + 2 * n);
        for (std::size_t c = 0; c < 3; ++c)
          round_to_levels(row.data() + c * n, planes.data() + c * plane_words, n);
      } else {
        reader.read(next, planes.data(), planes.data() + plane_words, planes.data() + 2 * plane_words);
      }
      filter_row(horizontal, planes.data(), plane_words, slot(next));
    }
    window.clear();
    for (int i = first; i < first + count; ++i) window.push_back(slot(i));
    sum_rows(window, vertical.weights.data() + y * slots, result);
    store(y, result.data());
  }
}

// The faster order: only the rows of the result are filtered horizontally. For Y'CbCr pictures that shrink.
// Both orders round to levels in between, so their results differ by at most one level.
template <typename Store>
void Preprocessor::State::filter_columns_first(Store store) {
  const std::size_t n = reader.samples();
  for (auto &sum : sums) sum.assign(3 * n, 0);
  const auto sum_of = [&](int out) -> AlignedVector<Word> & {
    return sums[static_cast<std::size_t>(out) % 2];
  };
  int open = 0;
  const auto finish_rows_before = [&](int out) {
    for (; open < out; ++open) {
      AlignedVector<Word> &sum = sum_of(open);
      for (std::size_t c = 0; c < 3; ++c)
        round_to_levels(sum.data() + c * n, planes.data() + c * plane_words, n);
      std::fill(sum.begin(), sum.end(), Word{0});
      filter_row(horizontal, planes.data(), plane_words, result.data());
      store(static_cast<std::size_t>(open), result.data());
    }
  };
  for (int y = 0; y < vertical.in_size; ++y) {
    const RowShare share = shares[static_cast<std::size_t>(y)];
    if (share.out < 0) continue;
    finish_rows_before(share.out);
    reader.read(y, row.data(), row.data() + n, row.data() + 2 * n);
    add_row(row.data(), share.weight, sum_of(share.out).data(), share.next_weight,
            sum_of(share.out + 1).data(), 3 * n);
  }
  finish_rows_before(vertical.out_size);
}

template <typename Store>
void Preprocessor::State::resize(const FrameView &frame, Store store) {
  prepare(frame);
  if (columns_first) {
    filter_columns_first(store);
  } else {
    filter_rows_first(store);
  }
}

Preprocessor::Preprocessor(const InputConfig &input) : state_(std::make_unique<State>(input)) {
  if (input.width <= 0 || input.height <= 0)
    throw Error(ErrorKind::Unsupported, "network input",
                "its size is " + std::to_string(input.width) + "x" + std::to_string(input.height),
                "use a width and height of at least 1");
}
Preprocessor::~Preprocessor() = default;
Preprocessor::Preprocessor(Preprocessor &&) noexcept = default;
Preprocessor &Preprocessor::operator=(Preprocessor &&) noexcept = default;

void Preprocessor::resize(const FrameView &frame, std::span<std::uint8_t> rgb) {
  const auto width = static_cast<std::size_t>(state_->input.width);
  state_->resize(frame, [&](std::size_t y, const Word *row) {
    interleave(row, rgb.subspan(3 * width * y, 3 * width).data(), width);
  });
}

void Preprocessor::run(const FrameView &frame, std::span<float> chw) {
  const InputConfig &input = state_->input;
  const auto width = static_cast<std::size_t>(input.width);
  const auto plane = width * static_cast<std::size_t>(input.height);
  state_->resize(frame, [&](std::size_t y, const Word *row) {
    for (std::size_t c = 0; c < 3; ++c)
      normalize(row + c * width, input.mean[c], input.std[c],
                chw.subspan(c * plane + y * width, width).data(), width);
  });
}

}  // namespace uniad
