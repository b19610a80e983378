// SPDX-License-Identifier: Apache-2.0
#include "training/info/complexity_report.h"

#include <algorithm>
#include <iomanip>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>
#include <vector>

#include "model/base/json_text.h"
#include "training/base/output.h"
#include "training/bench/bare_engine.h"
#include "training/bench/timing.h"
#include "training/info/complexity.h"

namespace uniad {
namespace {

struct Times {
  std::map<std::string, double> of_stage;  // milliseconds
  std::string description;                 // of the engine
};

Times measure(const Model &model, const std::string &name) {
  constexpr int uncounted = 5;
  constexpr int counted = 25;
  const auto median = [](const auto &call) {
    std::vector<double> times(counted);
    for (int i = 0; i < uncounted; ++i) call();
    for (double &time : times) time = call();
    return quantile(times, 0.5);
  };
  Times times;
  double before = 0;
  const auto step = [&](const Model &part, const std::string &stage) {
    BareEngine engine(part, name, "auto", "auto");
    const double now = median([&] { return engine.run(1); });
    times.of_stage[stage] = std::max(now - before, 0.0);
    before = now;
    times.description = engine.description();
    if (part.config.statistics) times.of_stage["statistics"] = median([&] { return *engine.judge(); });
  };
  const auto &reconstruction = model.config.reconstruction;
  if (reconstruction) {
    Model part = model;
    part.config.statistics.reset();
    part.config.reconstruction.reset();
    step(part, "backbone");
    if (reconstruction->kind != NetworkKind::Cnn) {
      part.config.reconstruction = reconstruction;
      part.config.reconstruction->encoder_layers = part.config.reconstruction->decoder_layers = 0;
      step(part, "projections");
      part.config.reconstruction->encoder_layers = reconstruction->encoder_layers;
      step(part, "encoder");
    }
  }
  step(model, !reconstruction ? "backbone" : reconstruction->kind == NetworkKind::Cnn ? "cnn" : "decoder");
  return times;
}

std::string milliseconds_text(const Times &times, const std::string &stage) {
  const auto found = times.of_stage.find(stage);
  if (found == times.of_stage.end()) return "-";
  std::ostringstream text;
  text << std::fixed << std::setprecision(2) << found->second;
  return text.str();
}

void print(const std::vector<Stage> &stages, const Stage &all, const Times &times) {
  const auto line = [](const std::string &name, const std::string &parameters, const std::string &macs,
                       const std::string &time) {
    std::cout << std::left << std::setw(14) << name << std::right << std::setw(14) << parameters
              << std::setw(12) << macs << std::setw(10) << time << "\n";
  };
  const auto mega = [](std::int64_t count) {
    std::ostringstream text;
    text << std::fixed << std::setprecision(2) << static_cast<double>(count) / 1e6;
    return text.str();
  };
  line("stage", "parameters", "MMAC", "ms");
  for (const Stage &stage : stages)
    line(stage.name, std::to_string(stage.parameters), mega(stage.macs),
         milliseconds_text(times, stage.name));
  double total = 0;
  for (const auto &[stage, time] : times.of_stage) total += time;
  std::ostringstream sum;
  sum << std::fixed << std::setprecision(2) << total;
  line("all", std::to_string(all.parameters), mega(all.macs), sum.str());
  std::cout << "One picture on " << times.description << "; the neck's time is included in the backbone's.\n";
}

void write_json(const std::vector<Stage> &stages, const Stage &all, const Times &times,
                const InfoOptions &options) {
  nlohmann::ordered_json json{{"stages", nlohmann::ordered_json::array()}};
  for (const Stage &stage : stages) {
    nlohmann::ordered_json entry{
        {"name", stage.name}, {"parameters", stage.parameters}, {"macs", stage.macs}};
    if (const auto found = times.of_stage.find(stage.name); found != times.of_stage.end())
      entry["milliseconds"] = found->second;
    json["stages"].push_back(entry);
  }
  json["parameters"] = all.parameters;
  json["macs"] = all.macs;
  json["description"] = times.description;
  Output output(options.json);
  output.stream() << json_text(json, 2) << '\n';
  output.close();
}

}  // namespace

void tell_complexity(const InfoOptions &options) {
  check_json(options.json, "--json");
  const Model model = read_model(options.model);
  const std::vector<Stage> stages = count_stages(model);
  Stage all;
  for (const Stage &stage : stages) {
    all.parameters += stage.parameters;
    all.macs += stage.macs;
  }
  const Times times = measure(model, options.model.string());
  if (options.json.empty())
    print(stages, all, times);
  else
    write_json(stages, all, times, options);
}

}  // namespace uniad
