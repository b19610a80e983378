// SPDX-License-Identifier: Apache-2.0
#include "model/file/calibration_json.h"

namespace uniad {

using nlohmann::ordered_json;

namespace {

constexpr double frame_rate_limit = 1e6;

ordered_json to_json(const ScoreTail &tail) {
  return {{"level", tail.level},
          {"scale", tail.scale},
          {"shape", tail.shape},
          {"peaks", tail.peaks},
          {"frame_rate", tail.frame_rate}};
}

ScoreTail tail_from(const Field &field) {
  ScoreTail tail;
  tail.level = field["level"].number(-real_limit, real_limit);
  tail.scale = field["scale"].number(0, real_limit);
  tail.shape = field["shape"].number(-1, 0.999);
  double highest = real_limit;
  for (const Field &peak : field["peaks"].elements(ScoreTail::most_peaks)) {
    highest = peak.number(tail.level, highest);
    tail.peaks.push_back(highest);
  }
  tail.frame_rate = field["frame_rate"].number(0, frame_rate_limit);
  return tail;
}

ordered_json to_json(const ImageTerm &term) {
  return {{"usual", term.usual},
          {"standard_deviation", term.standard_deviation},
          {"local_standard_deviation", term.local_standard_deviation},
          {"weight", term.weight}};
}

ImageTerm image_term_from(const Field &field) {
  return {field["usual"].number(0, real_limit), field["standard_deviation"].number(0, real_limit),
          field["local_standard_deviation"].number(0, real_limit), field["weight"].number(0, 1)};
}

}  // namespace

ordered_json to_json(const ScoreStatistics &statistics) {
  ordered_json all{{"threshold", statistics.threshold},
                   {"mean", statistics.mean},
                   {"standard_deviation", statistics.standard_deviation},
                   {"count", statistics.count}};
  if (statistics.tail) all["tail"] = to_json(*statistics.tail);
  if (statistics.image) all["image"] = to_json(*statistics.image);
  return all;
}

ScoreStatistics score_statistics_from(const Field &field) {
  ScoreStatistics statistics{field["threshold"].number(-real_limit, real_limit),
                             field["mean"].number(-real_limit, real_limit),
                             field["standard_deviation"].number(0, real_limit), field["count"].count()};
  if (const auto tail = field.find("tail")) {
    statistics.tail = tail_from(*tail);
    field["count"].count(static_cast<std::int64_t>(statistics.tail->peaks.size()));
  }
  if (const auto image = field.find("image")) statistics.image = image_term_from(*image);
  return statistics;
}

ordered_json to_json(const Calibration &calibration) {
  ordered_json all{{"rule", calibration.rule}, {"sources", ordered_json::object()}};
  if (calibration.pooled) all["pooled"] = to_json(*calibration.pooled);
  for (const auto &[source, statistics] : calibration.sources) all["sources"][source] = to_json(statistics);
  return all;
}

Calibration calibration_from(const Field &field) {
  Calibration calibration;
  calibration.rule = field["rule"].text();
  if (const auto pooled = field.find("pooled")) calibration.pooled = score_statistics_from(*pooled);
  for (const auto &[source, statistics] : field["sources"].members()) {
    calibration.sources[source] = score_statistics_from(statistics);
  }
  return calibration;
}

}  // namespace uniad
