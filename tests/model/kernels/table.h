// SPDX-License-Identifier: Apache-2.0
// All kernels of this processor.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "model/kernels/packed_layer.h"

// The tables that kernels read and write, and their expected contents.
namespace uniad::cpu::test {

constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float untouched = -77;  // exact in every precision

// --- bf16 by its definition

inline float widened(std::uint16_t value) {
  const std::uint32_t word = std::uint32_t{value} << 16;
  float wide = 0;
  std::memcpy(&wide, &word, sizeof wide);
  return wide;
}

// The nearer of the two neighbors, or the even one if both are equally near. (For rounding, infinity is
// 2^128.)
inline std::uint16_t nearest_bf16(float value) {
  std::uint32_t word = 0;
  std::memcpy(&word, &value, sizeof word);
  const auto towards_zero = static_cast<std::uint16_t>(word >> 16);
  if (!std::isfinite(value)) return towards_zero;
  const auto away = static_cast<std::uint16_t>(towards_zero + 1);
  const double far = std::isinf(widened(away)) ? std::ldexp(1.0, 128) : std::abs(double{widened(away)});
  const double to_near = std::abs(double{value}) - std::abs(double{widened(towards_zero)});
  const double to_far = far - std::abs(double{value});
  if (to_near != to_far) return to_near < to_far ? towards_zero : away;
  return towards_zero % 2 == 0 ? towards_zero : away;
}

// element: Fp32 or Bf16, here and below.
inline float rounded(Precision element, float value) {
  return element == Precision::Fp32 ? value : widened(nearest_bf16(value));
}

// --- numbers

class Numbers {
 public:
  explicit Numbers(unsigned seed) : source_(seed) {}
  float normal() { return normal_(source_); }
  int between(int least, int most) { return std::uniform_int_distribution(least, most)(source_); }
  bool coin() { return between(0, 1) == 1; }

 private:
  std::mt19937 source_;
  std::normal_distribution<float> normal_;
};

inline std::vector<float> normals(Numbers &numbers, Precision element, int count) {
  std::vector<float> values;
  for (int i = 0; i < count; ++i) values.push_back(rounded(element, numbers.normal()));
  return values;
}

// Rows of elements, or of floats (elements of Fp32), which begin at a cache line.
class Table {
 public:
  Table(Precision element, int rows, int columns, float fill)
      : element_(element), rows_(rows), columns_(columns), bytes_(offset(rows, 0)) {
    set_block(0, 0, rows, columns, [&] { return fill; });
  }

  int rows() const { return rows_; }
  int columns() const { return columns_; }

  void *at(int row, int column) { return bytes_.data() + offset(row, column); }
  void *data() { return bytes_.data(); }
  float *floats() { return static_cast<float *>(data()); }

  float get(int row, int column) const {
    const std::byte *from = bytes_.data() + offset(row, column);
    if (element_ == Precision::Bf16) return widened(as<std::uint16_t>(from));
    return as<float>(from);
  }

  void set(int row, int column, float value) {
    const std::uint16_t half = nearest_bf16(value);
    std::memcpy(
        at(row, column),
        element_ == Precision::Bf16 ? static_cast<const void *>(&half) : static_cast<const void *>(&value),
        size());
  }

  template <typename Source>
  void set_block(int row, int column, int rows, int columns, Source source) {
    for (int r = row; r < row + rows; ++r)
      for (int c = column; c < column + columns; ++c) set(r, c, source());
  }

  void randomize(Numbers &numbers, int rows, int columns) {
    set_block(0, 0, rows, columns, [&] { return numbers.normal(); });
  }

 private:
  template <typename Value>
  static Value as(const std::byte *from) {
    Value value;
    std::memcpy(&value, from, sizeof value);
    return value;
  }

  std::size_t size() const { return element_ == Precision::Bf16 ? 2 : 4; }
  std::size_t offset(int row, int column) const {
    return (static_cast<std::size_t>(row) * static_cast<std::size_t>(columns_) +
            static_cast<std::size_t>(column)) *
           size();
  }

  Precision element_;
  int rows_, columns_;
  AlignedVector<std::byte> bytes_;
};

// A number, and the largest error that a kernel may have.
struct Value {
  double number = 0;
  double slack = 0;
};

inline bool is(double actual, const Value &expected) {
  return actual == expected.number || std::abs(actual - expected.number) <= expected.slack;
}

// The value after it is stored as an element.
inline Value stored(Precision element, const Value &value) {
  const auto distance = [&](double end) {
    return std::abs(rounded(element, static_cast<float>(end)) - value.number);
  };
  return {value.number, std::max(distance(value.number - value.slack), distance(value.number + value.slack))};
}

// The expected contents of a whole table: `untouched`, except for values that are set.
class Expected {
 public:
  explicit Expected(const Table &like)
      : columns_(like.columns()),
        values_(static_cast<std::size_t>(like.rows()) * static_cast<std::size_t>(like.columns()),
                Value{untouched, 0}) {}

  void set(int row, int column, const Value &value) { values_[index(row, column)] = value; }

  testing::AssertionResult holds(const Table &actual) const {
    for (int r = 0; r < actual.rows(); ++r) {
      for (int c = 0; c < actual.columns(); ++c) {
        const Value &value = values_[index(r, c)];
        if (is(actual.get(r, c), value)) continue;
        return testing::AssertionFailure() << "row " << r << ", column " << c << " is " << actual.get(r, c)
                                           << ", not " << value.number << " +- " << value.slack;
      }
    }
    return testing::AssertionSuccess();
  }

 private:
  std::size_t index(int row, int column) const {
    return static_cast<std::size_t>(row) * static_cast<std::size_t>(columns_) +
           static_cast<std::size_t>(column);
  }

  int columns_;
  std::vector<Value> values_;
};

}  // namespace uniad::cpu::test
