// SPDX-License-Identifier: Apache-2.0
// Vectors of the instruction set that a file is compiled for.
#pragma once

// Vectors of the instruction set that a file is compiled for, in GCC's and clang's own vector types.
// Everything is in an unnamed namespace: each file that is compiled for another instruction set has its own.

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "model/kernels/kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace uniad::cpu {
namespace {

#if defined(__AVX512F__)
constexpr int lanes = 16;
#elif defined(__AVX__)
constexpr int lanes = 8;
#else
constexpr int lanes = 4;
#endif

using Floats = float __attribute__((vector_size(lanes * 4)));
using Ints = std::int32_t __attribute__((vector_size(lanes * 4)));
using Words = std::uint32_t __attribute__((vector_size(lanes * 4)));
using Halves = std::uint16_t __attribute__((vector_size(lanes * 2)));

template <typename Vector, typename Value>
inline Vector load_as(const Value *from) {
  Vector vector;
  std::memcpy(&vector, from, sizeof vector);
  return vector;
}

template <typename Vector, typename Value>
inline void store_as(Value *to, Vector vector) {
  std::memcpy(to, &vector, sizeof vector);
}

inline Floats load(const float *from) {
  return load_as<Floats>(from);
}

inline void store(float *to, Floats value) {
  store_as(to, value);
}

inline Floats broadcast(float value) {
  return value - Floats{};
}

// The same 32 bits in every lane, whatever number they represent.
inline Floats broadcast_bits(float value) {
  std::uint32_t word = 0;
  std::memcpy(&word, &value, sizeof word);
  const Words words = word - Words{};
  Floats all;
  std::memcpy(&all, &words, sizeof all);
  return all;
}

template <typename To, typename From>
inline To bits(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  std::memcpy(&to, &from, sizeof to);
  return to;
}

// The smaller one of two numbers; b if either is not a number.
inline Floats smaller(Floats a, Floats b) {
#if defined(__AVX512F__)
  return _mm512_min_ps(a, b);
#else
  return a < b ? a : b;
#endif
}

// The larger one; b if either is not a number.
inline Floats larger(Floats a, Floats b) {
#if defined(__AVX512F__)
  return _mm512_max_ps(a, b);
#else
  return a > b ? a : b;
#endif
}

// The accuracy of the functions below: that of fp32, or more than bf16 can represent.
enum class Accuracy { Full, Half };

// 2^t: 2^floor(t) times a minimax polynomial of the remainder (relative error below 8e-8, or 8e-5).
template <Accuracy accuracy>
inline Floats power_of_two(Floats t) {
#if defined(__AVX512F__)
  constexpr int down_to_whole = 9;
  const Floats f = _mm512_reduce_ps(t, down_to_whole);
#else
  constexpr float to_nearest = 12582912.0F;  // 1.5 * 2^23: no digit is left behind the point
  t = smaller(larger(t, broadcast(-126.0F)), broadcast(126.0F));
  const Floats nearest = (t + to_nearest) - to_nearest;
  const Floats n = nearest > t ? nearest - 1.0F : nearest;
  const Floats f = t - n;
#endif
  Floats p;
  if constexpr (accuracy == Accuracy::Full) {
    p = broadcast(1.8775766084e-03F);
    p = p * f + 8.9893402522e-03F;
    p = p * f + 5.5826317918e-02F;
    p = p * f + 2.4015361709e-01F;
    p = p * f + 6.9315307319e-01F;
    p = p * f + 9.9999992506e-01F;
  } else {
    p = broadcast(7.8024516803e-02F);
    p = p * f + 2.2606716374e-01F;
    p = p * f + 6.9583353764e-01F;
    p = p * f + 9.9992521870e-01F;
  }
#if defined(__AVX512F__)
  return _mm512_scalef_ps(p, t);
#else
  return bits<Floats>(bits<Ints>(p) + (__builtin_convertvector(n, Ints) << 23));
#endif
}

constexpr float log2_e = 1.44269504088896341F;

// x / (1 + e^-x).
template <Accuracy accuracy>
inline Floats silu(Floats x) {
#if defined(__AVX512F__)
  if constexpr (accuracy == Accuracy::Half)
    return x * Floats(_mm512_rcp14_ps(1.0F + power_of_two<accuracy>(x * -log2_e)));
  // An estimate and one step of Newton's, which must not meet an infinity.
  const Floats y = 1.0F + power_of_two<accuracy>(smaller(x * -log2_e, broadcast(126.0F)));
  const Floats estimate = _mm512_rcp14_ps(y);
  return x * (estimate * (2.0F - y * estimate));
#else
  return x / (1.0F + power_of_two<accuracy>(x * -log2_e));
#endif
}

inline float sum(Floats value) {
  float total = 0;
  for (int i = 0; i < lanes; ++i) total += value[i];
  return total;
}

inline float maximum(Floats value) {
  float most = value[0];
  for (int i = 1; i < lanes; ++i) most = value[i] > most ? value[i] : most;
  return most;
}

// The memory format of a precision's values.
struct Fp32 {
  using Type = float;
  static constexpr Precision precision = Precision::Fp32;
  static constexpr int group = 1;
  static constexpr Accuracy accuracy = Accuracy::Full;
  static Floats load(const Type *from) { return cpu::load(from); }
  static void store(Type *to, Floats value) { cpu::store(to, value); }
  static Type from(float value) { return value; }
};

struct Bf16 {
  using Type = std::uint16_t;
  static constexpr Precision precision = Precision::Bf16;
  static constexpr int group = 2;
  static constexpr Accuracy accuracy = Accuracy::Half;
  static Floats load(const Type *from) {
    return bits<Floats>(__builtin_convertvector(load_as<Halves>(from), Words) << 16);
  }
  static Halves round(Floats value) {
#if defined(__AVX512BF16__)
    return bits<Halves>(_mm512_cvtneps_pbh(value));
#else
    const Words word = bits<Words>(value);
    return __builtin_convertvector((word + 0x7FFFU + ((word >> 16) & 1U)) >> 16, Halves);
#endif
  }
  static void store(Type *to, Floats value) {
    store_as(to, round(value));
  }
  static Type from(float value) {
    if (value != value) return 0x7FC0;
    std::uint32_t word = 0;
    std::memcpy(&word, &value, sizeof word);
    return static_cast<Type>((word + 0x7FFFU + ((word >> 16) & 1U)) >> 16);
  }
};

// The operands of int8 multiplication; no activations are stored in this format.
struct Bytes {
  using Type = std::uint8_t;
  static constexpr int group = 4;
};

}  // namespace
}  // namespace uniad::cpu
