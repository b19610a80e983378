// SPDX-License-Identifier: Apache-2.0
#include "model/engine/new_model.h"

#include <filesystem>
#include <utility>

#include "model/file/network_tensors.h"
#include "model/file/weights.h"

namespace uniad {

Model begin_model(const std::string &wanted_backbone) {
  const std::string backbone = choose_backbone(wanted_backbone);
  const std::filesystem::path file = need_weight_file(backbone);
  BackboneWeights weights = read_backbone_weights(file, backbone);
  Model model;
  model.config = config_on(weights);
  model.config.reconstruction.reset();
  model.provenance.recipe = "instant";
  model.provenance.program_version = UNIAD_VERSION;
  model.provenance.weight_file = file.filename().string();
  model.provenance.weight_license = weights.license;
  const auto needed = backbone_tensors(model.config.backbone);
  for (auto &[name, tensor] : weights.tensors)
    if (needed.contains(name)) model.tensors.emplace("backbone." + name, std::move(tensor));
  return model;
}

}  // namespace uniad
