// SPDX-License-Identifier: Apache-2.0
#include "model/backbone/convolution.h"

#include <utility>

#include "model/backbone/padding.h"

namespace uniad {
PaddedConv2dImpl::PaddedConv2dImpl(torch::nn::Conv2dOptions options, PaddingRule rule, int native_extent)
    : torch::nn::Conv2dImpl(std::move(options)), rule_(rule), native_extent_(native_extent) {}

PaddedConv2dImpl::Margins PaddedConv2dImpl::padding_of(const torch::Tensor &input) const {
  const auto along = [&](std::int64_t extent) {
    return padding_along(extent, native_extent_, options.kernel_size()->at(0), options.stride()->at(0),
                         rule_);
  };
  const auto [top, bottom] = along(input.size(2));
  const auto [left, right] = along(input.size(3));
  return {top, bottom, left, right};
}

torch::Tensor PaddedConv2dImpl::forward(const torch::Tensor &input) {
  const std::int64_t stride = options.stride()->at(0);
  const auto [top, bottom, left, right] = padding_of(input);
  const bool symmetric = top == bottom && left == right;
  // conv2d pads both sides equally at no cost; only asymmetric padding needs a separate step.
  const torch::Tensor padded = symmetric ? input : torch::constant_pad_nd(input, {left, right, top, bottom});
  const std::vector<std::int64_t> padding =
      symmetric ? std::vector<std::int64_t>{top, left} : std::vector<std::int64_t>{0, 0};
  return torch::conv2d(padded, weight, bias, stride, padding, /*dilation=*/1, options.groups());
}

torch::nn::BatchNorm2d batch_norm(int channels, double eps) {
  return torch::nn::BatchNorm2d(torch::nn::BatchNorm2dOptions(channels).eps(eps));
}

}  // namespace uniad
