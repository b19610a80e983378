// SPDX-License-Identifier: Apache-2.0
#include "model/file/health_file.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "model/base/error.h"
#include "model/base/json_text.h"
#include "model/file/json_field.h"
#include "model/health/scene_edges.h"

namespace uniad {
namespace {

using nlohmann::ordered_json;

constexpr const char *entry = "uniad.health";
constexpr const char *prefix = "health.";
constexpr double most_levels = 1e4;  // far above any value that a picture can have

std::string name_of(std::size_t source, std::size_t look, const char *picture) {
  return prefix + std::to_string(source) + "." + std::to_string(look) + "." + picture;
}

StoredTensor to_stored(const GrayPicture &picture) {
  StoredTensor tensor{DType::U8, {picture.height, picture.width}, {}};
  const auto bytes = std::as_bytes(std::span(picture.values));
  tensor.bytes.assign(bytes.begin(), bytes.end());
  return tensor;
}

GrayPicture picture_from(const TensorFile &content, const std::string &name, int side,
                         const std::string &file) {
  const auto found = content.tensors.find(name);
  if (found == content.tensors.end())
    throw Error(ErrorKind::Malformed, file, "tensor " + name + " is missing", write_again);
  const StoredTensor &tensor = found->second;
  if (tensor.dtype != DType::U8 || tensor.shape != std::vector<std::int64_t>{side, side})
    throw Error(
        ErrorKind::Malformed, file,
        "tensor " + name + " is not a picture of " + std::to_string(side) + "x" + std::to_string(side),
        write_again);
  GrayPicture picture{side, side, std::vector<std::uint8_t>(tensor.bytes.size())};
  if (!tensor.bytes.empty()) std::memcpy(picture.values.data(), tensor.bytes.data(), tensor.bytes.size());
  return picture;
}

ordered_json to_json(const HealthReference &reference) {
  ordered_json looks = ordered_json::array();
  for (const SceneLook &look : reference.looks)
    looks.push_back({{"pictures", look.pictures}, {"detail", look.detail}, {"sharpness", look.sharpness}});
  ordered_json all{{"darkest", reference.darkest}, {"jump", reference.jump}, {"looks", looks}};
  if (reference.stillest) all["stillest"] = *reference.stillest;
  return all;
}

HealthReference reference_from(const Field &field, const TensorFile &content, std::size_t source,
                               const std::string &file) {
  HealthReference reference;
  reference.darkest = field["darkest"].number(0, most_levels);
  reference.jump = field["jump"].number(0, most_levels);
  if (const auto stillest = field.find("stillest")) reference.stillest = stillest->number(0, most_levels);
  for (const Field &of_look : field["looks"].elements(HealthReference::most_looks)) {
    const std::size_t number = reference.looks.size();
    reference.looks.push_back(
        {picture_from(content, name_of(source, number, "mean"), scene_side, file),
         picture_from(content, name_of(source, number, "deviation"), SceneLook::deviation_side, file),
         of_look["pictures"].count(1, std::int64_t{1} << 50), of_look["detail"].number(0, most_levels),
         of_look["sharpness"].number(0, most_levels)});
  }
  return reference;
}

}  // namespace

void store_health(const HealthReferences &references, TensorFile &content) {
  ordered_json sources = ordered_json::array();
  for (const auto &[name, reference] : references) {
    if (reference.empty()) continue;
    const std::size_t source = sources.size();
    sources.push_back(to_json(reference));
    sources.back()["name"] = name;
    for (std::size_t look = 0; look < reference.looks.size(); ++look) {
      content.tensors[name_of(source, look, "mean")] = to_stored(reference.looks[look].mean);
      content.tensors[name_of(source, look, "deviation")] = to_stored(reference.looks[look].deviation);
    }
  }
  if (!sources.empty()) content.metadata[entry] = json_text(ordered_json{{"sources", sources}});
}

HealthReferences take_health(TensorFile &content, const std::string &file) {
  HealthReferences references;
  if (content.metadata.contains(entry)) {
    const nlohmann::json text = parse_entry(content.metadata, entry, file);
    std::size_t source = 0;
    for (const Field &field : Field(text, entry, file)["sources"].elements())
      references[field["name"].text()] = reference_from(field, content, source++, file);
  }
  std::erase_if(content.tensors, [](const auto &tensor) { return tensor.first.starts_with(prefix); });
  return references;
}

}  // namespace uniad
