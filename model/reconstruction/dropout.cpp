// SPDX-License-Identifier: Apache-2.0
#include "model/reconstruction/dropout.h"

#include <ATen/Parallel.h>

#include <cmath>
#include <limits>

#include "model/base/vectorize.h"

namespace uniad {
namespace {

// Wellons' lowbias32, an integer hash function with low bias.
inline std::uint32_t mix(std::uint32_t x) {
  x ^= x >> 16;
  x *= 0x7feb352dU;
  x ^= x >> 15;
  x *= 0x846ca68bU;
  x ^= x >> 16;
  return x;
}

struct Rule {
  std::uint32_t seed;
  std::uint32_t dropped;  // number of dropped values among 2^32
};

inline bool keeps(const Rule &rule, std::uint32_t element) {
  return mix(mix(element) ^ rule.seed) >= rule.dropped;
}

UNIAD_VECTORIZE
void drop_each(Rule rule, float scale, std::uint32_t first, std::uint32_t count, float *values) {
  for (std::uint32_t i = 0; i < count; ++i) values[i] = keeps(rule, first + i) ? values[i] * scale : 0.0F;
}

template <typename T>
void drop_each(Rule rule, T scale, std::uint32_t first, std::uint32_t count, T *values) {
  for (std::uint32_t i = 0; i < count; ++i) {
    values[i] = keeps(rule, first + i) ? static_cast<T>(values[i] * scale) : T(0);
  }
}

struct DropoutFunction : torch::autograd::Function<DropoutFunction> {
  static torch::Tensor forward(torch::autograd::AutogradContext *context, const torch::Tensor &input,
                               double probability) {
    const DropoutMask mask = draw_dropout(probability);
    context->saved_data["seed"] = static_cast<std::int64_t>(mask.seed);
    context->saved_data["probability"] = probability;
    return dropped(mask, input);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext *context,
                                                 const torch::autograd::variable_list &gradients) {
    const DropoutMask mask{static_cast<std::uint32_t>(context->saved_data["seed"].toInt()),
                           context->saved_data["probability"].toDouble()};
    return {dropped(mask, gradients[0]), torch::Tensor()};
  }

  static torch::Tensor dropped(const DropoutMask &mask, const torch::Tensor &input) {
    torch::Tensor values = input.clone(torch::MemoryFormat::Contiguous).flatten();
    at::parallel_for(0, values.numel(), 1 << 15, [&](std::int64_t begin, std::int64_t end) {
      torch::Tensor part = values.narrow(0, begin, end - begin);
      drop(mask, part, begin);
    });
    return values.view(input.sizes());
  }
};

}  // namespace

DropoutMask draw_dropout(double probability) {
  const std::int64_t seed =
      torch::randint(std::numeric_limits<std::uint32_t>::max(), {1}, torch::kInt64).item<std::int64_t>();
  return {static_cast<std::uint32_t>(seed), probability};
}

void drop(const DropoutMask &mask, torch::Tensor &values, std::int64_t first) {
  const Rule rule{mask.seed, static_cast<std::uint32_t>(std::llround(mask.probability * 4294967295.0))};
  const double scale = 1 / (1 - mask.probability);
  const auto begin = static_cast<std::uint32_t>(first);
  const auto count = static_cast<std::uint32_t>(values.numel());
  AT_DISPATCH_FLOATING_TYPES_AND(torch::kBFloat16, values.scalar_type(), "drop", [&] {
    drop_each(rule, c10::convert<scalar_t>(scale), begin, count, values.data_ptr<scalar_t>());
  });
}

torch::Tensor seeded_dropout(const torch::Tensor &input, double probability, bool training) {
  if (!training || probability == 0) return input;
  return input.is_cpu() ? DropoutFunction::apply(input, probability)
                        : torch::dropout(input, probability, true);
}

}  // namespace uniad
