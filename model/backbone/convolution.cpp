// SPDX-License-Identifier: Apache-2.0
#include "model/backbone/convolution.h"

#include <algorithm>
#include <utility>

namespace uniad {
namespace {

// TensorFlow's "same": as much as the last window needs, the odd pixel on the high side.
std::pair<std::int64_t, std::int64_t> same(std::int64_t extent, std::int64_t kernel, std::int64_t stride) {
  const std::int64_t windows = (extent + stride - 1) / stride;
  const std::int64_t total = std::max<std::int64_t>((windows - 1) * stride + kernel - extent, 0);
  return {total / 2, total - total / 2};
}

}  // namespace

PaddedConv2dImpl::PaddedConv2dImpl(torch::nn::Conv2dOptions options, PaddingRule rule, int native_extent)
    : torch::nn::Conv2dImpl(std::move(options)), rule_(rule), native_extent_(native_extent) {}

PaddedConv2dImpl::Padding PaddedConv2dImpl::padding_of(const torch::Tensor &input) const {
  const std::int64_t kernel = options.kernel_size()->at(0);
  const std::int64_t stride = options.stride()->at(0);
  std::pair<std::int64_t, std::int64_t> rows{kernel / 2, kernel / 2};
  std::pair<std::int64_t, std::int64_t> columns = rows;
  if (rule_ == PaddingRule::StaticSame) {
    rows = columns = same(native_extent_, kernel, stride);
  } else if (rule_ == PaddingRule::DynamicSame) {
    rows = same(input.size(2), kernel, stride);
    columns = same(input.size(3), kernel, stride);
  }
  return {rows.first, rows.second, columns.first, columns.second};
}

torch::Tensor PaddedConv2dImpl::forward(const torch::Tensor &input) {
  const std::int64_t stride = options.stride()->at(0);
  const auto [top, bottom, left, right] = padding_of(input);
  const bool symmetric = top == bottom && left == right;
  // conv2d pads both sides alike for free; only an uneven padding has to be written out.
  const torch::Tensor padded = symmetric ? input : torch::constant_pad_nd(input, {left, right, top, bottom});
  const std::vector<std::int64_t> padding =
      symmetric ? std::vector<std::int64_t>{top, left} : std::vector<std::int64_t>{0, 0};
  return torch::conv2d(padded, weight, bias, stride, padding, /*dilation=*/1, options.groups());
}

}  // namespace uniad
