// SPDX-License-Identifier: Apache-2.0
#include "training/sweep/sweep.h"

#include <CLI/App.hpp>
#include <algorithm>
#include <cctype>
#include <cmath>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "model/base/address.h"
#include "model/base/error.h"
#include "model/base/json_text.h"
#include "training/base/interrupt.h"
#include "training/base/output.h"
#include "training/config/config.h"
#include "training/evaluate/evaluate.h"
#include "training/train/train_command.h"

namespace uniad {
namespace {

using nlohmann::ordered_json;

struct Row {
  std::string name;
  std::vector<std::string> arguments;
  bool separate = false;
  std::string select;         // appended to every path of the data
  std::vector<double> paper;  // percent: image, pixel
};

struct Table {
  std::string title;
  std::vector<Row> rows;
};

// Image and pixel AUROC; absent if the data does not allow them.
using Figures = std::map<std::string, double>;
constexpr const char *columns[]{"image_auroc", "pixel_auroc"};

// Returns a parser for trainings only. `command` must outlive it.
std::unique_ptr<CLI::App> training_app(TrainCommand &command) {
  auto app = std::make_unique<CLI::App>("", "uniad");
  describe_train(*app->add_subcommand("train"), command);
  return app;
}

toml::table setting(const std::string &text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0)
    throw Error(ErrorKind::InvalidArgument, "--set " + text, "is not of the form KEY=VALUE",
                "for example --set steps=400");
  toml::table table;
  const std::string value = text.substr(equals + 1);
  if (value == "true" || value == "false")
    table.insert(text.substr(0, equals), value == "true");
  else
    table.insert(text.substr(0, equals), value);
  return table;
}

Table read_table(const SweepOptions &options) {
  TrainCommand command;
  const auto app = training_app(command);
  const std::string file = options.file.string();
  toml::table root = read_toml(options.file);
  Table table{root["title"].value_or(options.file.stem().string()), {}};
  toml::table common;
  if (const toml::table *given = root["options"].as_table()) common = *given;
  for (const std::string &text : options.set)
    for (auto &&[key, value] : setting(text)) common.insert_or_assign(key, value);
  for (const auto &[key, value] : root)
    if (key != "title" && key != "options" && key != "row")
      throw Error(ErrorKind::InvalidArgument, file, "unknown key \"" + std::string(key.str()) + "\"",
                  "the known keys are title, [options] and [[row]]");
  const toml::array *rows = root["row"].as_array();
  if (rows == nullptr || rows->empty())
    throw Error(ErrorKind::InvalidArgument, file, "has no [[row]]", "add at least one training");
  for (const toml::node &node : *rows) {
    const toml::table *given = node.as_table();
    if (given == nullptr)
      throw Error(ErrorKind::InvalidArgument, file, "a row is not a table", "write [[row]]");
    Row &row = table.rows.emplace_back();
    row.name = (*given)["name"].value_or(std::string());
    if (row.name.empty())
      throw Error(ErrorKind::InvalidArgument, file, "a row has no name", "write name = \"...\"");
    row.separate = (*given)["separate"].value_or(false);
    row.select = (*given)["select"].value_or(std::string());
    if (const toml::array *paper = (*given)["paper"].as_array())
      for (const toml::node &figure : *paper) row.paper.push_back(figure.value_or(std::nan("")));
    toml::table merged = common;
    for (auto &&[key, value] : *given)
      if (key != "name" && key != "separate" && key != "select" && key != "paper")
        merged.insert_or_assign(key, value);
    row.arguments = arguments_of(merged, *app->get_subcommand("train"), options.file);
  }
  return table;
}

std::string file_name(const std::string &name) {
  std::string safe;
  for (const char letter : name) {
    const bool plain = std::isalnum(static_cast<unsigned char>(letter)) != 0;
    if (plain)
      safe += letter;
    else if (!safe.empty() && safe.back() != '-')
      safe += '-';
  }
  return safe;
}

// One training and its evaluation.
struct TrainingRun {
  std::vector<std::string> arguments;  // of `uniad train`, including data and model
  std::vector<std::string> data;
  std::filesystem::path model;
  std::filesystem::path results() const { return model.string() + ".json"; }
};

TrainingRun make_run(const Row &row, const std::string &part, const std::vector<std::string> &data,
                     std::int64_t seed, const SweepOptions &options) {
  TrainingRun run;
  run.data = data;
  run.model = options.out / (file_name(row.name) + (part.empty() ? "" : "-" + file_name(part)) + "-seed" +
                             std::to_string(seed) + ".safetensors");
  run.arguments = {"train", "--model", run.model.string(), "--seed", std::to_string(seed), "--data"};
  run.arguments.insert(run.arguments.end(), data.begin(), data.end());
  run.arguments.insert(run.arguments.end(), row.arguments.begin(), row.arguments.end());
  return run;
}

std::optional<ordered_json> finished(const TrainingRun &run) {
  std::ifstream file(run.results());
  ordered_json json = ordered_json::parse(file, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded() || !json.contains("mean") ||
      json.value("arguments", ordered_json()) != ordered_json::parse(json_text(ordered_json(run.arguments))))
    return std::nullopt;
  return json;
}

// Throws Error if `uniad train` rejects the arguments.
TrainCommand command_of(const TrainingRun &run, const std::string &where) {
  TrainCommand command;
  const auto app = training_app(command);
  try {
    std::vector<std::string> reversed(run.arguments.rbegin(), run.arguments.rend());
    app->parse(std::move(reversed));
  } catch (const CLI::ParseError &error) {
    throw Error(ErrorKind::InvalidArgument, where, error.what(), "see uniad train --help");
  }
  return command;
}

ordered_json execute(const TrainingRun &run, Progress &progress) {
  run_train(command_of(run, run.model.string()), progress);
  EvaluateOptions judging;
  judging.model = run.model;
  judging.data = run.data;
  judging.json = run.results().string() + ".part";
  std::ostream nowhere(nullptr);
  evaluate(judging, nowhere, progress);
  std::ifstream file(judging.json);
  ordered_json json = ordered_json::parse(file);
  json["arguments"] = run.arguments;
  Output output(judging.json);
  output.stream() << json_text(json, 2) << '\n';
  output.close();
  std::filesystem::rename(judging.json, run.results());
  return json;
}

std::vector<TrainingRun> runs_of(const Row &row, const SweepOptions &options) {
  std::vector<std::string> data;
  data.reserve(options.data.size());
  for (const std::string &path : options.data) data.push_back(path + row.select);
  std::vector<TrainingRun> runs;
  for (const std::int64_t seed : options.seeds) {
    if (!row.separate) runs.push_back(make_run(row, "", data, seed, options));
    for (std::size_t i = 0; row.separate && i < data.size(); ++i) {
      const std::string name = std::filesystem::path(options.data[i]).filename().string();
      runs.push_back(make_run(row, name, {data[i]}, seed, options));
    }
  }
  return runs;
}

// Returns the means over all runs of the row.
Figures figures_of(const Row &row, const SweepOptions &options, Progress &progress) {
  std::map<std::string, std::vector<double>> all;
  for (const TrainingRun &run : runs_of(row, options)) {
    auto json = finished(run);
    progress.say(row.name + ": " + run.model.string() + (json ? " is already finished" : ""));
    if (!json) json = execute(run, progress);
    for (const char *column : columns)
      if (json->at("mean").contains(column)) all[column].push_back(json->at("mean").at(column).get<double>());
  }
  Figures means;
  for (const auto &[column, values] : all) {
    double sum = 0;
    for (const double value : values) sum += value;
    means[column] = sum / static_cast<double>(values.size());
  }
  return means;
}

std::string percent(double share) {
  std::ostringstream text;
  text.setf(std::ios::fixed);
  text.precision(1);
  text << share;
  return text.str();
}

void print_row(const Row &row, const Figures &figures) {
  std::cout << "| " << row.name << " |";
  for (const char *column : columns) {
    const auto found = figures.find(column);
    std::cout << ' ' << (found == figures.end() ? "" : percent(100 * found->second)) << " |";
  }
  std::string paper;
  for (const double figure : row.paper) paper += (paper.empty() ? "" : " / ") + percent(figure);
  std::cout << ' ' << paper << " |" << std::endl;
}

}  // namespace

void sweep(const SweepOptions &options, Progress &progress) {
  for (const std::string &data : options.data)
    if (data.find("://") != std::string::npos)
      throw Error(ErrorKind::InvalidArgument, without_credentials(data),
                  "is a live stream, which would differ for each training", "use the path of a recording");
  const Table table = read_table(options);
  for (const Row &row : table.rows) {
    for (const TrainingRun &run : runs_of(row, options)) {
      command_of(run, options.file.string() + ", row " + row.name);
      if (options.dry_run) std::cout << "uniad " << CLI::detail::join(run.arguments, " ") << '\n';
    }
  }
  if (options.dry_run) return;
  check_json(options.json, "--json");
  make_folder(options.out, "--out");
  const bool to_output = options.json == "-";
  if (!to_output)
    std::cout << table.title << "\n\n| | image AUROC | pixel AUROC | paper |\n|---|---|---|---|" << std::endl;
  ordered_json json{{"title", table.title}, {"rows", ordered_json::array()}};
  std::string failed;
  for (const Row &row : table.rows) {
    ordered_json entry{{"name", row.name}};
    try {
      const Figures figures = figures_of(row, options, progress);
      for (const auto &[column, value] : figures) entry[column] = value;
      if (!to_output) print_row(row, figures);
    } catch (const Error &error) {
      if (interrupted()) throw;
      progress.say(row.name + ": " + error.what());
      entry["error"] = error.what();
      failed += (failed.empty() ? "" : ", ") + row.name;
    }
    json["rows"].push_back(std::move(entry));
  }
  if (!options.json.empty()) {
    Output output(options.json);
    output.stream() << json_text(json, 2) << '\n';
    output.close();
  }
  if (!failed.empty())
    throw Error(ErrorKind::InvalidArgument, options.file.string(), "rows failed: " + failed,
                "the messages above give the reasons; run the command again to repeat only these rows");
}

}  // namespace uniad
