// SPDX-License-Identifier: Apache-2.0
#include "model/file/motion_file.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>
#include <vector>

#include "model/base/error.h"
#include "model/base/json_text.h"
#include "model/config/choices.h"
#include "model/file/calibration_json.h"
#include "model/file/json_field.h"

namespace uniad {
namespace {

using nlohmann::ordered_json;

constexpr const char *motion_entry = "uniad.motion";
constexpr const char *motion_prefix = "motion.";
constexpr const char *speeds_tensor = "speeds";
constexpr const char *activity_tensor = "activity";
constexpr std::int64_t most_motion_rows = 1000;
constexpr std::int64_t most_cells = std::int64_t{1} << 48;  // of a bin; sums of all bins fit into 64 bits
constexpr auto bins = static_cast<std::int64_t>(SpeedHistogram::bins);

std::string tensor_of(std::size_t source, const char *what) {
  return motion_prefix + std::to_string(source) + "." + what;
}

StoredTensor to_stored(std::span<const SpeedHistogram::Row> rows) {
  StoredTensor tensor{DType::I64, {std::ssize(rows), bins}, {}};
  const auto bytes = std::as_bytes(rows);
  tensor.bytes.assign(bytes.begin(), bytes.end());
  return tensor;
}

SpeedHistogram histogram_from(const TensorFile &content, const std::string &name, const std::string &file) {
  const auto refuse = [&](const std::string &what) {
    return Error(ErrorKind::Malformed, file, "tensor " + name + " " + what, write_again);
  };
  const auto found = content.tensors.find(name);
  if (found == content.tensors.end()) throw refuse("is missing");
  const StoredTensor &tensor = found->second;
  if (tensor.dtype != DType::I64 || tensor.shape.size() != 2 || tensor.shape[0] < 1 ||
      tensor.shape[0] > most_motion_rows || tensor.shape[1] != bins)
    throw refuse("is not a histogram of speeds");
  if (tensor.bytes.empty()) return {};
  std::vector<SpeedHistogram::Row> rows(static_cast<std::size_t>(tensor.shape[0]));
  std::memcpy(rows.data(), tensor.bytes.data(), tensor.bytes.size());
  for (const SpeedHistogram::Row &row : rows)
    if (std::ranges::any_of(row, [](std::int64_t count) { return count < 0 || count > most_cells; }))
      throw refuse("has counts outside their range");
  return SpeedHistogram::of(std::move(rows));
}

// A block's figures in the order of the tensor's last axis.
constexpr std::array activity_figures{&BlockActivity::watched,      &BlockActivity::moving,
                                      &BlockActivity::longest_stop, &BlockActivity::stops,
                                      &BlockActivity::stop_seconds, &BlockActivity::stop_squares};
constexpr auto figures_a_block = static_cast<std::int64_t>(activity_figures.size());

StoredTensor to_stored(const SceneActivity &activity) {
  std::vector<double> values;
  values.reserve(activity.blocks.size() * activity_figures.size());
  for (const BlockActivity &block : activity.blocks)
    for (const auto figure : activity_figures) values.push_back(block.*figure);
  StoredTensor tensor{DType::F64, {activity.height, activity.width, figures_a_block}, {}};
  const auto bytes = std::as_bytes(std::span(values));
  tensor.bytes.assign(bytes.begin(), bytes.end());
  return tensor;
}

// Files of earlier versions have no activity.
SceneActivity activity_from(const TensorFile &content, const std::string &name, const std::string &file) {
  constexpr double most = 1e15;  // seconds, or their squares
  const auto found = content.tensors.find(name);
  if (found == content.tensors.end()) return {};
  const StoredTensor &tensor = found->second;
  const auto refuse = [&](const std::string &what) {
    return Error(ErrorKind::Malformed, file, "tensor " + name + " " + what, write_again);
  };
  const auto &shape = tensor.shape;
  if (tensor.dtype != DType::F64 || shape.size() != 3 || shape[0] < 1 || shape[0] > most_motion_rows ||
      shape[1] < 1 || shape[1] > most_motion_rows || shape[2] != figures_a_block)
    throw refuse("is not the activity of a scene");
  if (tensor.bytes.empty()) return {};
  std::vector<double> values(tensor.bytes.size() / sizeof(double));
  std::memcpy(values.data(), tensor.bytes.data(), values.size() * sizeof(double));
  if (!std::ranges::all_of(values, [](double value) { return value >= 0 && value <= most; }))
    throw refuse("has values outside their range");
  SceneActivity activity{static_cast<int>(shape[1]), static_cast<int>(shape[0]), {}};
  activity.blocks.resize(values.size() / activity_figures.size());
  auto value = values.begin();
  for (BlockActivity &block : activity.blocks)
    for (const auto figure : activity_figures) block.*figure = *value++;
  return activity;
}

MotionReference reference_from(const Field &field, SpeedHistogram speeds, SceneActivity activity) {
  MotionReference reference;
  reference.speeds = std::move(speeds);
  reference.activity = std::move(activity);
  reference.frames = field["frames"].count(1, most_cells);
  reference.seconds = field["seconds"].number(0, 1e12);
  reference.step = field["step"].number(1e-9, 1e3);
  reference.use = field["use"].choice(motion_choices());
  reference.rule = field["rule"].text();
  if (const auto normal = field.find("normal")) reference.normal = score_statistics_from(*normal);
  return reference;
}

ordered_json to_json(const std::string &name, const MotionReference &reference) {
  ordered_json all{{"name", name},
                   {"frames", reference.frames},
                   {"seconds", reference.seconds},
                   {"step", reference.step},
                   {"use", name_of(reference.use, motion_choices())},
                   {"rule", reference.rule}};
  if (reference.normal) all["normal"] = to_json(*reference.normal);
  return all;
}

}  // namespace

void store_motion(const MotionReferences &references, TensorFile &content) {
  ordered_json sources = ordered_json::array();
  for (const auto &[name, reference] : references) {
    if (reference.empty()) continue;
    content.tensors[tensor_of(sources.size(), speeds_tensor)] = to_stored(reference.speeds.rows());
    if (!reference.activity.empty())
      content.tensors[tensor_of(sources.size(), activity_tensor)] = to_stored(reference.activity);
    sources.push_back(to_json(name, reference));
  }
  if (!sources.empty()) content.metadata[motion_entry] = json_text(ordered_json{{"sources", sources}});
}

MotionReferences take_motion(TensorFile &content, const std::string &file) {
  MotionReferences references;
  if (content.metadata.contains(motion_entry)) {
    const nlohmann::json text = parse_entry(content.metadata, motion_entry, file);
    std::size_t source = 0;
    for (const Field &field : Field(text, motion_entry, file)["sources"].elements()) {
      references[field["name"].text()] =
          reference_from(field, histogram_from(content, tensor_of(source, speeds_tensor), file),
                         activity_from(content, tensor_of(source, activity_tensor), file));
      ++source;
    }
  }
  std::erase_if(content.tensors, [](const auto &tensor) { return tensor.first.starts_with(motion_prefix); });
  return references;
}

}  // namespace uniad
