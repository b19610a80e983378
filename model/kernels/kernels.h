// SPDX-License-Identifier: Apache-2.0
// The kernels' interface: operations and memory layouts.
#pragma once

#include <cstddef>
#include <cstdint>

#include "model/base/activation.h"

namespace uniad::cpu {

// Int8: 8-bit weights with a scale per column, multiplied by 8-bit rows with a scale per row, computed from
// the row; everything else in the type of the activations.
enum class Precision { Fp32, Bf16, Int8 };

// Columns of a packed panel, and channels that are computed side by side.
inline constexpr int panel_width = 16;

// Number of rows after the last one of each activation that may be read and overwritten, because tiles are
// complete.
inline constexpr int spare_rows = 32;

// Maximum number of values per row for int8.
inline constexpr int longest_byte_row = 10 * 1024;

// "Element" below is the type of activations: float, or the upper 16 bits of one (bf16).

// c = activation(a * b + bias + skip + residual): a linear layer, or a convolution with its pixels as rows.
struct GemmArgs {
  const void *a = nullptr;  // elements: rows x depth
  std::ptrdiff_t a_stride = 0;
  int values = 0;                     // per row; followed by zeros up to the depth (int8: anything)
  const float *factors = nullptr;     // int8: values; factor of each value of a row, or null
  const float *row_scales = nullptr;  // int8: rows; if set, `a` is already quantized, rows x depth
  const void *b = nullptr;            // as packed by Kernels::pack
  const float *scales = nullptr;      // int8: the same, per column
  const float *offsets = nullptr;     // int8: the same, per column
  int rows = 0;
  int depth = 0;   // a multiple of Kernels::weight_depth
  int panels = 0;  // columns / panel_width
  const float *bias = nullptr;
  const void *skip = nullptr;  // elements: rows x columns
  std::ptrdiff_t skip_stride = 0;
  const float *residual = nullptr;  // rows x columns
  std::ptrdiff_t residual_stride = 0;
  Activation activation = Activation::None;
  void *c = nullptr;  // elements: rows x columns; or null
  std::ptrdiff_t c_stride = 0;
  float *f32 = nullptr;  // rows x columns; or null
  std::ptrdiff_t f32_stride = 0;
  std::ptrdiff_t f32_panel = panel_width;  // distance between panels
  int f32_width = 0;                       // after this many rows, f32_gap rows are skipped
  int f32_gap = 0;
};

// A depthwise convolution of one panel of channels, with bias and activation.
struct DepthwiseArgs {
  const float *input = nullptr;    // padded rows of padded columns of panel_width
  int input_width = 0;             // columns including padding
  const float *weights = nullptr;  // kernel x kernel x panel_width
  const float *bias = nullptr;
  int kernel = 3;
  int stride = 1;
  int height = 0;  // of the output
  int width = 0;
  Activation activation = Activation::None;
  void *output = nullptr;  // elements: (height * width) pixels
  std::ptrdiff_t output_stride = 0;
  float *sums = nullptr;  // panel_width, over all pixels; or null
};

// softmax(q k^T) v of one head. Queries and keys are the cells of a grid; the neighbor mask hides the keys
// within mask_height / 2 rows and mask_width / 2 columns of a query. (Queries are read up to the next
// multiple of Kernels::depth: values after a head are multiplied by zero and must be finite.)
struct AttentionArgs {
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

// Layer normalization (torch.nn.LayerNorm), or only a type conversion if `weight` is null.
struct LayerNormArgs {
  const float *input = nullptr;  // rows x f32_stride
  int rows = 0;
  int columns = 0;
  const float *weight = nullptr;
  const float *bias = nullptr;
  float eps = 1e-5F;
  float *f32 = nullptr;           // rows x f32_stride; or null
  const float *offset = nullptr;  // rows x f32_stride, added for `placed`
  std::ptrdiff_t f32_stride = 0;
  void *output = nullptr;  // elements: rows x output_stride; or null
  void *placed = nullptr;  // like output; or null
  std::ptrdiff_t output_stride = 0;
};

// Squeeze-and-excitation: gate = sigmoid(expand * silu(reduce * sums / count + reduce_bias) + expand_bias).
// In fp32 in every precision.
struct SqueezeExciteArgs {
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

// Interpolation between four pixels: out = (sum of weight * pixel) * scale + offset.
struct BlendArgs {
  const void *pixels[4] = {};  // elements
  float weights[4] = {};
  int channels = 0;  // a multiple of panel_width
  const float *scale = nullptr;
  const float *offset = nullptr;
  float *output = nullptr;
};

// The kernels of one precision for one instruction set. Activations are dense rows of channels, zero-padded
// to a multiple of `depth`.
struct Kernels {
  const char *name;  // "AVX-512"
  Precision precision;
  int element;  // bytes
  int depth;
  int rows;            // of a tile
  int weight_element;  // bytes of a packed weight
  int weight_depth;

  // weights: columns x values, dense -> panels x padded depth x panel_width, zero-padded.
  // scales, offsets: panels x panel_width, written by int8 only.
  void (*pack)(const float *weights, int columns, int values, int padded_depth, int panels, void *packed,
               float *scales, float *offsets);
  void (*multiply)(const GemmArgs &);

  // Packed weights with each value of the depth scaled. Null for int8, which has GemmArgs::factors.
  void (*scale)(const void *packed, const float *factors, int padded_depth, int panels, void *scaled);

  // int8 only, for rows that are multiplied more than once: m.a -> bytes, rows x depth, and row_scales.
  void (*quantize)(const GemmArgs &m, std::uint8_t *bytes, float *row_scales);

  void (*depthwise)(const DepthwiseArgs &);
  void (*squeeze)(const SqueezeExciteArgs &);
  // One panel of rows of pixels -> floats.
  void (*to_f32)(const void *input, std::ptrdiff_t stride, int rows, float *output);
  void (*from_f32)(const float *input, int count, void *output);

  void (*blend)(const BlendArgs &);
  // output = max(input, output), elementwise. count: a multiple of panel_width.
  void (*larger)(const void *input, int count, void *output);

  // sums[r] += the squares of row r. columns: a multiple of panel_width.
  void (*add_squares)(const float *input, std::ptrdiff_t stride, int rows, int columns, float *sums);

  std::size_t (*attend_scratch)(int tokens, int head);
  void (*attend)(const AttentionArgs &);
  void (*normalize)(const LayerNormArgs &);
};

}  // namespace uniad::cpu
