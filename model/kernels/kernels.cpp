// SPDX-License-Identifier: Apache-2.0
// Compiled once for each instruction set (meson.build). Code in this file must not call a function that
// another file may have compiled for a lesser instruction set. could have compiled for a lesser one.
#include "model/kernels/kernels.h"

#include "model/kernels/attention.h"
#include "model/kernels/depthwise.h"
#include "model/kernels/elementwise.h"
#include "model/kernels/gemm.h"
#if defined(UNIAD_INT8)
#include "model/kernels/gemm_int8.h"
#endif

namespace uniad::cpu {
namespace {

template <typename Element>
constexpr Kernels kernels_of(const char *name) {
  constexpr auto size = static_cast<int>(sizeof(typename Element::Type));
  Kernels kernels{name,
                  Element::precision,
                  size,
                  tile_depth,
                  tile_rows,
                  size,
                  tile_depth,
                  pack<Element>,
                  multiply<Element>,
                  scale<Element>,
                  nullptr,
                  depthwise<Element>,
                  squeeze,
                  to_f32<Element>,
                  from_f32<Element>,
                  blend<Element>,
                  keep_larger<Element>,
                  add_squares,
                  attend_scratch<Element>,
                  attend<Element>,
                  normalize<Element>};
#if defined(UNIAD_INT8)
  kernels.precision = Precision::Int8;
  kernels.weight_element = 1;
  kernels.pack = pack_bytes;
  kernels.multiply = multiply_bytes<Element>;
  kernels.quantize = quantize<Element>;
  kernels.scale = nullptr;
#endif
  return kernels;
}

}  // namespace

extern const Kernels UNIAD_KERNELS;
const Kernels UNIAD_KERNELS = kernels_of<UNIAD_ELEMENT>(UNIAD_KERNELS_NAME);

}  // namespace uniad::cpu
