// SPDX-License-Identifier: Apache-2.0
#include "model/cuda/folded_backbone.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "model/backbone/convolution.h"
#include "model/config/taps.h"

namespace uniad::cuda {

namespace {

using ModulePointer = std::shared_ptr<torch::nn::Module>;

struct Placing {
  torch::Device device;
  torch::ScalarType type;
};

// Null if there is none with this name.
ModulePointer child_of(const torch::nn::Module &module, const std::string &name) {
  const auto children = module.named_children();
  const ModulePointer *child = children.find(name);
  return child != nullptr ? *child : nullptr;
}

torch::nn::Conv2dImpl &as_convolution(torch::nn::Module &module) {
  auto *convolution = dynamic_cast<torch::nn::Conv2dImpl *>(&module);
  TORCH_INTERNAL_ASSERT(convolution != nullptr);
  return *convolution;
}

// A convolution and the BatchNorm after it.
class Convolution {
 public:
  Convolution(const torch::nn::Module &parent, const std::string &name, const std::string &norm_name,
              const Placing &placing)
      : module_(child_of(parent, name)) {
    const torch::NoGradGuard no_grad;
    const ModulePointer norm_module = child_of(parent, norm_name);
    const auto &norm = *norm_module->as<torch::nn::BatchNorm2dImpl>();
    const torch::Tensor scale = norm.weight / (norm.running_var + norm.options.eps()).sqrt();
    torch::Tensor &weight = as_convolution(*module_).weight;
    weight.set_data((weight * scale.view({-1, 1, 1, 1}))
                        .to(placing.device, placing.type)
                        .contiguous(torch::MemoryFormat::ChannelsLast));
    bias = (norm.bias - norm.running_mean * scale).to(placing.device, torch::kFloat32);
  }

  // Returns the convolution without the bias.
  torch::Tensor operator()(const torch::Tensor &input) const {
    if (auto *padded = dynamic_cast<PaddedConv2dImpl *>(module_.get())) return padded->forward(input);
    return as_convolution(*module_).forward(input);
  }

  torch::Tensor bias;

 private:
  ModulePointer module_;
};

class Depthwise {
 public:
  Depthwise(const torch::nn::Module &parent, const std::string &name, const std::string &norm_name,
            const Placing &placing)
      : module_(child_of(parent, name)) {
    // Only the weight in the kernel's order is kept.
    const torch::NoGradGuard no_grad;
    weights_.bias = Convolution(parent, name, norm_name, placing).bias;
    torch::Tensor &weight = as_convolution(*module_).weight;
    weights_.weight = weight.squeeze(1).permute({1, 2, 0}).contiguous();
    weights_.kernel = static_cast<int>(weight.size(2));
    weights_.stride = static_cast<int>(as_convolution(*module_).options.stride()->at(0));
    weight.set_data(torch::empty({0}, weight.options()));
  }

  torch::Tensor operator()(const torch::Tensor &input, const ConvolutionKernels &kernels,
                           Activation activation) const {
    const auto [top, bottom, left, right] = dynamic_cast<PaddedConv2dImpl &>(*module_).padding_of(input);
    const auto extent = [this](std::int64_t padded) {
      return (padded - weights_.kernel) / weights_.stride + 1;
    };
    torch::Tensor out = torch::empty({input.size(0), input.size(1), extent(input.size(2) + top + bottom),
                                      extent(input.size(3) + left + right)},
                                     input.options(), torch::MemoryFormat::ChannelsLast);
    kernels.depthwise(input, weights_, static_cast<int>(top), static_cast<int>(left), out, activation);
    return out;
  }

 private:
  ModulePointer module_;
  DepthwiseWeights weights_{};
};

// A 1x1 convolution of a map of one pixel.
struct Projection {
  Projection(const torch::nn::Module &parent, const std::string &name, const Placing &placing) {
    const torch::NoGradGuard no_grad;
    const ModulePointer module = child_of(parent, name);
    const torch::nn::Conv2dImpl &convolution = as_convolution(*module);
    weight = convolution.weight.flatten(1).to(placing.device, placing.type);
    bias = convolution.bias.to(placing.device, placing.type);
  }
  torch::Tensor operator()(const torch::Tensor &input) const { return torch::linear(input, weight, bias); }

  torch::Tensor weight, bias;
};

class FoldedEfficientNet : public FoldedBackbone {
 public:
  FoldedEfficientNet(Backbone &backbone, const BackboneInfo &info, const BackboneConfig &config,
                     const Placing &placing, ConvolutionKernels kernels)
      : kernels_(std::move(kernels)),
        activation_(info.family == BackboneFamily::EfficientNetLite ? Activation::Relu6 : Activation::Silu),
        stem_(backbone, "_conv_stem", "_bn0", placing) {
    for (const int stage : config.stages)
      taps_.push_back(info.taps[static_cast<std::size_t>(stage) - 1].block);
    const ModulePointer blocks = child_of(backbone, "_blocks");
    for (const auto &child : blocks->named_children()) {
      const InvertedResidual &shape = info.blocks[blocks_.size()];
      blocks_.emplace_back(*child.value(), shape.stride == 1 && shape.in == shape.out, placing);
    }
  }

  std::vector<torch::Tensor> forward(const torch::Tensor &images) override {
    std::vector<torch::Tensor> taps;
    torch::Tensor x = activated(stem_, images);
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
      x = forward(blocks_[i], x);
      if (std::find(taps_.begin(), taps_.end(), static_cast<int>(i)) != taps_.end()) taps.push_back(x);
    }
    return taps;
  }

 private:
  struct Block {
    Block(const torch::nn::Module &module, bool skips, const Placing &placing)
        : skip(skips),
          depthwise(module, "_depthwise_conv", "_bn1", placing),
          project(module, "_project_conv", "_bn2", placing) {
      if (child_of(module, "_expand_conv")) expand.emplace(module, "_expand_conv", "_bn0", placing);
      if (child_of(module, "_se_reduce")) {
        reduce.emplace(module, "_se_reduce", placing);
        gate.emplace(module, "_se_expand", placing);
      }
    }
    bool skip;
    std::optional<Convolution> expand;
    Depthwise depthwise;
    std::optional<Projection> reduce, gate;
    Convolution project;
  };

  torch::Tensor activated(const Convolution &convolution, const torch::Tensor &input) const {
    torch::Tensor x = convolution(input);
    kernels_.finish(x, convolution.bias, {}, activation_);
    return x;
  }

  torch::Tensor forward(const Block &block, const torch::Tensor &input) const {
    torch::Tensor x = block.expand ? activated(*block.expand, input) : input;
    x = block.depthwise(x, kernels_, activation_);
    if (block.reduce) {
      const torch::Tensor squeezed = torch::silu((*block.reduce)(x.mean({2, 3})));
      x.mul_(torch::sigmoid((*block.gate)(squeezed)).unsqueeze(2).unsqueeze(3));
    }
    x = block.project(x);
    kernels_.finish(x, block.project.bias, block.skip ? input : torch::Tensor(), Activation::None);
    return x;
  }

  ConvolutionKernels kernels_;
  Activation activation_;
  Convolution stem_;
  std::vector<Block> blocks_;
  std::vector<int> taps_;
};

class FoldedResNet : public FoldedBackbone {
 public:
  FoldedResNet(Backbone &backbone, const BackboneConfig &config, const Placing &placing,
               ConvolutionKernels kernels)
      : kernels_(std::move(kernels)), stem_(backbone, "conv1", "bn1", placing), taps_(config.stages) {
    while (const ModulePointer layer = child_of(backbone, "layer" + std::to_string(layers_.size() + 1))) {
      std::vector<Block> blocks;
      for (const auto &child : layer->named_children()) blocks.emplace_back(*child.value(), placing);
      layers_.push_back(std::move(blocks));
    }
  }

  std::vector<torch::Tensor> forward(const torch::Tensor &images) override {
    std::vector<torch::Tensor> taps;
    torch::Tensor x = torch::max_pool2d(rectified(stem_, images), 3, 2, 1);
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      for (const Block &block : layers_[i]) x = forward(block, x);
      if (std::find(taps_.begin(), taps_.end(), static_cast<int>(i) + 1) != taps_.end()) taps.push_back(x);
    }
    return taps;
  }

 private:
  struct Block {
    Block(const torch::nn::Module &module, const Placing &placing)
        : first(module, "conv1", "bn1", placing), second(module, "conv2", "bn2", placing) {
      if (child_of(module, "conv3")) third.emplace(module, "conv3", "bn3", placing);
      if (const ModulePointer shortcut = child_of(module, "downsample"))
        downsample.emplace(*shortcut, "0", "1", placing);
    }
    Convolution first, second;
    std::optional<Convolution> third, downsample;
  };

  torch::Tensor rectified(const Convolution &convolution, const torch::Tensor &input) const {
    torch::Tensor x = convolution(input);
    kernels_.finish(x, convolution.bias, {}, Activation::Relu);
    return x;
  }

  torch::Tensor forward(const Block &block, const torch::Tensor &input) const {
    torch::Tensor skip = input;
    if (block.downsample) {
      skip = (*block.downsample)(input);
      kernels_.finish(skip, block.downsample->bias, {}, Activation::None);
    }
    torch::Tensor x = rectified(block.first, input);
    if (block.third) x = rectified(block.second, x);
    const Convolution &last = block.third ? *block.third : block.second;
    x = last(x);
    kernels_.finish(x, last.bias, skip, Activation::Relu);
    return x;
  }

  ConvolutionKernels kernels_;
  Convolution stem_;
  std::vector<std::vector<Block>> layers_;
  std::vector<int> taps_;
};

}  // namespace

std::unique_ptr<FoldedBackbone> fold(Backbone &backbone, const BackboneConfig &config, torch::Device device,
                                     torch::ScalarType type, ConvolutionKernels kernels) {
  const BackboneInfo &info = *find_backbone(config.name);
  const Placing placing{device, type};
  if (info.family == BackboneFamily::ResNet)
    return std::make_unique<FoldedResNet>(backbone, config, placing, std::move(kernels));
  return std::make_unique<FoldedEfficientNet>(backbone, info, config, placing, std::move(kernels));
}

}  // namespace uniad::cuda
