// SPDX-License-Identifier: Apache-2.0
#include "training/export/onnx_file.h"

#include <array>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "model/file/atomic_file.h"
#include "training/export/onnx_network.h"
#include "training/export/onnx_parts.h"

namespace uniad {
namespace {

using Value = OnnxGraph::Value;
using Shape = OnnxGraph::Shape;

constexpr std::int64_t any = -1;

// --- statistics

// Selects each picture's part of a constant by its cluster. values: those of all clusters, each of this
// shape. cluster: (batch).
Value of_cluster(OnnxGraph &graph, const std::string &name, std::span<const float> values,
                 std::size_t clusters, Shape shape, const Value &cluster) {
  if (clusters == 1) return graph.constant(name, values, shape);
  shape.insert(shape.begin(), static_cast<std::int64_t>(clusters));
  return graph.add("Gather", name, {graph.constant(name + "/all", values, shape), cluster},
                   {{"axis", std::int64_t{0}}});
}

// Mean square of the whitened deviations, over channels: (batch, tokens).
Value token_squares(OnnxGraph &graph, const std::string &name, const std::vector<FoldedGaussian> &gaussians,
                    std::int64_t channels, const Value &tokens, const Value &cluster) {
  const auto positions = static_cast<std::int64_t>(gaussians.front().mean.size()) / channels;
  std::vector<float> means;
  std::vector<float> whitenings;
  for (const FoldedGaussian &gaussian : gaussians) {
    means.insert(means.end(), gaussian.mean.begin(), gaussian.mean.end());
    const std::vector<float> whitening = transposed(gaussian.whitening, static_cast<std::size_t>(channels));
    whitenings.insert(whitenings.end(), whitening.begin(), whitening.end());
  }
  const Value mean =
      of_cluster(graph, name + "/mean", means, gaussians.size(), {positions, channels}, cluster);
  const Value whitening =
      of_cluster(graph, name + "/whitening", whitenings, gaussians.size(), {channels, channels}, cluster);
  const Value deviations = graph.add("Sub", name + "/deviations", {tokens, mean});
  return mean_square(graph, name, graph.add("MatMul", name + "/whitened", {deviations, whitening}));
}

struct Verdict {
  Value grid;            // (batch, tokens)
  Value scene_distance;  // (batch), or empty
  Value image_distance;  // (batch), or empty
};

// apart: (batch, clusters, channels), of the picture's descriptor from each center.
Value image_distance(OnnxGraph &graph, const FoldedScenes &scenes, const Value &apart) {
  const auto channels = static_cast<std::int64_t>(scenes.descriptor_mean.size());
  const std::vector<float> whitening = transposed(scenes.whitening, static_cast<std::size_t>(channels));
  const Value whitened =
      graph.add("MatMul", "image/whitened",
                {apart, graph.constant("image/whitening", whitening, {channels, channels})});
  const Value least = graph.add("ReduceMin", "image/least", {mean_square(graph, "image/squares", whitened)},
                                {{"axes", Shape{1}}, {"keepdims", std::int64_t{0}}});
  return graph.add("Sqrt", "image_distance", {least});
}

// See FoldedStatistics for the computation.
Verdict by_statistics(OnnxGraph &graph, const FoldedStatistics &statistics, const Value &features,
                      const Value &residuals) {
  const auto channels = static_cast<std::int64_t>(statistics.scenes.descriptor_mean.size());
  const std::size_t clusters = statistics.scenes.limits.size();
  const std::vector<OnnxGraph::Attribute> over_clusters{{"axes", Shape{1}}, {"keepdims", std::int64_t{0}}};
  const Value mean_token = graph.add("ReduceMean", "scene/mean_token", {features}, {{"axes", Shape{1}}});
  const Value mean = graph.constant("scene/mean", statistics.scenes.descriptor_mean, {channels});
  const Value scale = graph.constant("scene/scale", statistics.scenes.descriptor_scale, {channels});
  const Value centers = graph.constant("scene/centers", statistics.scenes.centers,
                                       {static_cast<std::int64_t>(clusters), channels});
  const Value descriptor =
      graph.add("Mul", "scene/descriptor", {graph.add("Sub", "scene/centered", {mean_token, mean}), scale});
  const Value apart = graph.add("Sub", "scene/apart", {descriptor, centers});
  const Value squares = mean_square(graph, "scene/squares", apart);
  const Value nearest =
      graph.add("Sqrt", "scene/nearest", {graph.add("ReduceMin", "scene/least", {squares}, over_clusters)});
  Value cluster;
  if (clusters > 1)
    cluster = graph.add("ArgMin", "scene/cluster", {squares},
                        {{"axis", std::int64_t{1}}, {"keepdims", std::int64_t{0}}});
  const Value limit = of_cluster(graph, "scene/limit", statistics.scenes.limits, clusters, {}, cluster);

  Value square =
      token_squares(graph, "statistics/features", statistics.features, channels, features, cluster);
  if (!statistics.residuals.empty()) {
    const Value of_residuals =
        token_squares(graph, "statistics/residuals", statistics.residuals, channels, residuals, cluster);
    square = graph.add("Mean", "statistics/square", {square, of_residuals});
  }
  Verdict verdict{graph.add("Sqrt", "statistics/grid", {square}),
                  graph.add("Div", "scene_distance", {nearest, limit}),
                  {}};
  if (!statistics.scenes.whitening.empty())
    verdict.image_distance = image_distance(graph, statistics.scenes, apart);
  return verdict;
}

Verdict by_error(OnnxGraph &graph, const Value &residuals) {
  return {graph.add("ReduceL2", "residuals/length", {residuals},
                    {{"axes", Shape{-1}}, {"keepdims", std::int64_t{0}}}),
          {},
          {}};
}

// --- score

// name: of the result.
Value score_of(OnnxGraph &graph, const std::string &name, ScoreKind kind, MapSize size, const Value &grid) {
  const std::vector<OnnxGraph::Attribute> over_the_map{{"axes", Shape{1, 2}}, {"keepdims", std::int64_t{0}}};
  constexpr int cell = 16;
  const bool largest = kind == ScoreKind::Max;
  const auto bands = [&](int side) { return largest ? pooling(side) : interpolation(side, cell * side); };
  const Value map = resized(graph, largest ? "score/pooled" : "score/map", grid, size, bands(size.height),
                            bands(size.width));
  if (largest) return graph.add("ReduceMax", name, {map}, over_the_map);
  if (kind == ScoreKind::Mean) return graph.add("ReduceMean", name, {map}, over_the_map);
  const Value mean = graph.add("ReduceMean", "score/mean", {map}, {{"axes", Shape{1, 2}}});
  const Value deviations = graph.add("Sub", "score/deviations", {map, mean});
  const Value variance =
      graph.add("ReduceMean", "score/variance", {graph.add("Mul", "score/square", {deviations, deviations})},
                over_the_map);
  return graph.add("Sqrt", name, {variance});
}

// local + slope (distance - usual)
Value with_image_term(OnnxGraph &graph, const ImageTerm &term, const Value &local, const Value &distance) {
  const std::array<float, 1> usual{static_cast<float>(term.usual)};
  const std::array<float, 1> slope{static_cast<float>(term.slope())};
  const Value above =
      graph.add("Sub", "image/above_usual", {distance, graph.constant("image/usual", usual, {1})});
  const Value part = graph.add("Mul", "image/part", {above, graph.constant("image/slope", slope, {1})});
  return graph.add("Add", "score", {local, part});
}

const char *meaning_of(ScoreKind kind) {
  switch (kind) {
    case ScoreKind::Max:
      break;
    case ScoreKind::Mean:
      return "Mean of the anomaly map.";
    case ScoreKind::Std:
      return "Standard deviation of the anomaly map.";
  }
  return "Highest mean of any 16x16-pixel window of the anomaly map; anomalous at or above the threshold in "
         "uniad.calibration.";
}

onnx::ModelProto to_onnx(const OnnxContent &content, const std::string &where) {
  const FoldedNetwork &network = content.network;
  OnnxGraph graph(where);
  const Value image =
      graph.input("image", {any, 3, network.input.height, network.input.width},
                  "RGB pictures, resized and normalized as described in the metadata uniad.preprocessing.");
  const Value features = write_features(graph, network, image);
  Value residuals;
  if (network.reconstruction)
    residuals =
        graph.add("Sub", "residuals",
                  {features, write_reconstruction(graph, *network.reconstruction, network.grid, features)});
  const Verdict verdict = content.statistics ? by_statistics(graph, *content.statistics, features, residuals)
                                             : by_error(graph, residuals);
  const Value shape =
      graph.integers("grid/shape", std::array<std::int64_t, 3>{0, network.grid.height, network.grid.width});
  const Value grid = graph.add("Reshape", "grid", {verdict.grid, shape});
  graph.output(
      grid, {any, network.grid.height, network.grid.width},
      content.statistics
          ? "Distance of each place from what is normal there; 1 is the average distance of normal places."
          : "Reconstruction error at each place: the norm of the difference between features and "
            "reconstruction.");
  const bool with_image =
      content.image && content.statistics && !content.statistics->scenes.whitening.empty();
  Value score = score_of(graph, with_image ? "score/local" : "score", content.score, network.grid, grid);
  if (with_image) score = with_image_term(graph, *content.image, score, verdict.image_distance);
  graph.output(score, {any}, meaning_of(content.score));
  if (content.statistics)
    graph.output(verdict.scene_distance, {any},
                 "Distance of the picture as a whole from the nearest learned scene; above 1 it is an "
                 "unknown scene and anomalous.");
  if (content.statistics && !content.statistics->scenes.whitening.empty())
    graph.output(
        verdict.image_distance, {any},
        "Distance of the picture as a whole from normal pictures, which is a part of the score; 1 is "
        "the average distance of normal pictures.");
  onnx::ModelProto model = std::move(graph).finish(content.version, content.description);
  for (const auto &[key, value] : content.metadata) {
    onnx::StringStringEntryProto &entry = *model.add_metadata_props();
    entry.set_key(key);
    entry.set_value(value);
  }
  return model;
}

}  // namespace

void write_onnx(const OnnxContent &content, const std::filesystem::path &path) {
  const std::string bytes = to_onnx(content, path.string()).SerializeAsString();
  AtomicFileWriter file(path);
  file.write(std::as_bytes(std::span(bytes)));
  file.commit();
}

}  // namespace uniad
