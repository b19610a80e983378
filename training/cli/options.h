// SPDX-License-Identifier: Apache-2.0
// Options that several subcommands share: data, device, thresholds and others.
#pragma once

#include <CLI/App.hpp>
#include <CLI/Validators.hpp>
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "model/config/choices.h"
#include "model/scoring/calibration.h"
#include "model/scoring/event_rule.h"

namespace uniad {

CLI::Option *add_path(CLI::App &app, const std::string &name, std::filesystem::path &path,
                      const std::string &help);

// Numbers; CLI11's own ranges accept "nan".
CLI::Validator between(double low, double high);           // exclusive
CLI::Validator number_from_to(double least, double most);  // inclusive
// Whole numbers; CLI11 reads -1 as a very large unsigned number.
CLI::Validator at_least(std::int64_t least);
CLI::Validator from_to(std::int64_t least, std::int64_t most);
CLI::Validator one_of(const std::vector<std::string> &names);

template <typename Value>
std::vector<std::string> names_of(const Choices<Value> &choices) {
  std::vector<std::string> names;
  for (const auto &[choice, called] : choices) names.push_back(called);
  return names;
}

// A choice by name; the help explains each name.
template <typename Target, typename Value>
CLI::Option *add_named_choice(CLI::App &app, const std::string &name, Target &value,
                              const Choices<Value> &choices, const std::string &help) {
  return app
      .add_option_function<std::string>(
          name,
          [&value, choices](const std::string &text) {
            for (const auto &[choice, called] : choices)
              if (called == text) value = choice;
          },
          help)
      ->type_name("NAME")
      ->check(one_of(names_of(choices)));
}

// The same, with the names appended to the help. otherwise: the default, which only the help shows.
template <typename Value>
void add_choice(CLI::App &app, const std::string &name, std::optional<Value> &value,
                const Choices<Value> &choices, const std::string &otherwise, const std::string &help) {
  add_named_choice(app, name, value, choices, help + ": " + CLI::detail::join(names_of(choices), ", "))
      ->default_str(otherwise);
}

// precisions: those that the subcommand supports.
void add_device(CLI::App &app, std::string &device, std::string &precision,
                const std::vector<std::string> &precisions);
CLI::Option *add_data(CLI::App &app, const std::string &name, std::vector<std::string> &data,
                      std::filesystem::path &image_dir, std::optional<int> &bit_depth);
void add_model(CLI::App &app, std::filesystem::path &model, const std::string &help);
void add_labels(CLI::App &app, std::filesystem::path &labels);
void add_zones(CLI::App &app, std::vector<std::string> &zones);
void add_event_rules(CLI::App &app, EventRules &rules);
void add_json(CLI::App &app, std::string &json);
void add_record(CLI::App &app, double &seconds);
void add_batch(CLI::App &app, int &batch);
void add_max_frames(CLI::App &app, std::size_t &frames);
// otherwise: the rule that is used by default.
void add_threshold(CLI::App &app, std::optional<ThresholdRule> &rule, std::optional<double> &frame_rate,
                   const std::string &otherwise);

}  // namespace uniad
