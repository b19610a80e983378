// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "model/activation.h"

namespace uniad::cpu {

// Int8: weights of 8 bits with a scale a column, and the rows they are multiplied with of 8 bits with a scale
// a row, drawn from each row itself; all else in the type that the activations are kept in.
enum class Precision { Fp32, Bf16, Int8 };

// Columns of a packed panel, and channels that are computed side by side.
inline constexpr int panel_width = 16;

// Rows of every activation that may be read and overwritten behind the last one: tiles are computed whole.
inline constexpr int spare_rows = 32;

// The most values of a row that int8 multiplies.
inline constexpr int longest_byte_row = 10 * 1024;

// "Element" below is the type of activations: float, or the upper 16 bits of one (bf16).

// c = activation(a * b + bias + skip + residual): a linear layer, or a convolution with its pixels as rows.
struct Multiply {
  const void *a = nullptr;  // elements: rows x depth
  std::ptrdiff_t a_stride = 0;
  int values = 0;                     // of a row; then come zeros, up to the depth (int8: anything)
  const float *factors = nullptr;     // int8: values; each value of a row times its own, or none
  const float *row_scales = nullptr;  // int8: rows; then `a` is bytes already, rows x depth
  const void *b = nullptr;            // as Kernels::pack leaves it
  const float *scales = nullptr;      // int8: as well, a column
  const float *offsets = nullptr;     // int8: as well, a column
  int rows = 0;
  int depth = 0;   // a multiple of Kernels::weight_depth
  int panels = 0;  // columns / panel_width
  const float *bias = nullptr;
  const void *skip = nullptr;  // elements: rows x columns
  std::ptrdiff_t skip_stride = 0;
  const float *residual = nullptr;  // rows x columns
  std::ptrdiff_t residual_stride = 0;
  Activation activation = Activation::None;
  void *c = nullptr;  // elements: rows x columns; or none
  std::ptrdiff_t c_stride = 0;
  float *wide = nullptr;  // rows x columns; or none
  std::ptrdiff_t wide_stride = 0;
  std::ptrdiff_t wide_panel = panel_width;  // from one panel to the next
  int wide_width = 0;                       // after so many rows, wide_gap rows are left out
  int wide_gap = 0;
};

// A depthwise convolution of one panel of channels, with what follows it.
struct Depthwise {
  const float *input = nullptr;    // padded rows of padded columns of panel_width
  int input_width = 0;             // columns with their padding
  const float *weights = nullptr;  // kernel x kernel x panel_width
  const float *bias = nullptr;
  int kernel = 3;
  int stride = 1;
  int height = 0;  // of the output
  int width = 0;
  Activation activation = Activation::None;
  void *output = nullptr;  // elements: (height * width) pixels
  std::ptrdiff_t output_stride = 0;
  float *sums = nullptr;  // panel_width, over all pixels; or none
};

// softmax(q k^T) v of one head. Queries and keys are the cells of a grid; the neighbour mask hides the keys
// within mask_height / 2 rows and mask_width / 2 columns of a query. (Queries are read up to the next
// multiple of Kernels::depth: what lies behind a head is multiplied by zero and must be finite.)
struct Attend {
  const void *q = nullptr;  // elements: tokens x head, scaled
  std::ptrdiff_t q_stride = 0;
  const void *k = nullptr;
  std::ptrdiff_t k_stride = 0;
  const void *v = nullptr;
  std::ptrdiff_t v_stride = 0;
  void *output = nullptr;
  std::ptrdiff_t output_stride = 0;
  int head = 0;  // values of a head
  int grid_height = 0;
  int grid_width = 0;
  bool masked = false;
  int mask_height = 0;
  int mask_width = 0;
  void *scratch = nullptr;  // attend_scratch() bytes, on a cache line
};

// Layer normalisation (torch.nn.LayerNorm), or only the change of type where `weight` is null.
struct Normalise {
  const float *input = nullptr;  // rows x wide_stride
  int rows = 0;
  int columns = 0;
  const float *weight = nullptr;
  const float *bias = nullptr;
  float eps = 1e-5F;
  float *wide = nullptr;          // rows x wide_stride; or none
  const float *offset = nullptr;  // rows x wide_stride, added for `placed`
  std::ptrdiff_t wide_stride = 0;
  void *output = nullptr;  // elements: rows x output_stride; or none
  void *placed = nullptr;  // as output; or none
  std::ptrdiff_t output_stride = 0;
};

// Squeeze-and-excitation: gate = sigmoid(expand * silu(reduce * sums / count + reduce_bias) + expand_bias).
// In fp32 in every precision.
struct Squeeze {
  const float *sums = nullptr;  // channels
  float inverse_count = 1;
  int channels = 0;  // a multiple of panel_width
  int squeezed = 0;
  const float *reduce = nullptr;  // squeezed x channels
  const float *reduce_bias = nullptr;
  const float *expand = nullptr;  // squeezed x channels
  const float *expand_bias = nullptr;
  float *inner = nullptr;  // squeezed
  float *gate = nullptr;   // channels
};

// A point between four pixels: out = (sum of weight * pixel) * scale + offset.
struct Blend {
  const void *pixels[4] = {};  // elements
  float weights[4] = {};
  int channels = 0;  // a multiple of panel_width
  const float *scale = nullptr;
  const float *offset = nullptr;
  float *output = nullptr;
};

// The arithmetic of one precision in one instruction set. Activations are dense rows of channels, filled up
// with zeros to a multiple of `depth`.
struct Kernels {
  const char *name;  // "AVX-512"
  Precision precision;
  int element;  // bytes
  int depth;
  int rows;            // of a tile
  int weight_element;  // bytes of a packed weight
  int weight_depth;

  // weights: columns x values, dense -> panels x padded depth x panel_width, zeros where there is none.
  // scales, offsets: panels x panel_width, written by int8 alone.
  void (*pack)(const float *weights, int columns, int values, int padded_depth, int panels, void *packed,
               float *scales, float *offsets);
  void (*multiply)(const Multiply &);

  // Packed weights with each value of the depth scaled. Null for int8, which has Multiply::factors.
  void (*scale)(const void *packed, const float *factors, int padded_depth, int panels, void *scaled);

  // int8 alone, for rows that are multiplied more than once: m.a -> bytes, rows x depth, and row_scales.
  void (*quantise)(const Multiply &m, std::uint8_t *bytes, float *row_scales);

  void (*depthwise)(const Depthwise &);
  void (*squeeze)(const Squeeze &);
  // One panel of rows of pixels -> floats.
  void (*widen)(const void *input, std::ptrdiff_t stride, int rows, float *output);
  void (*narrow)(const float *input, int count, void *output);

  void (*blend)(const Blend &);
  // output = the larger of both, value by value. count: a multiple of panel_width.
  void (*larger)(const void *input, int count, void *output);

  // sums[r] += the squares of row r. columns: a multiple of panel_width.
  void (*add_squares)(const float *input, std::ptrdiff_t stride, int rows, int columns, float *sums);

  std::size_t (*attend_scratch)(int tokens, int head);
  void (*attend)(const Attend &);
  void (*normalise)(const Normalise &);
};

}  // namespace uniad::cpu
