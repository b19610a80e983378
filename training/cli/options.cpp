// SPDX-License-Identifier: Apache-2.0
#include "training/cli/options.h"

#include <chrono>
#include <cmath>
#include <regex>

#include "model/base/error.h"

namespace uniad {
namespace {

enum class Ends { Without, With };

CLI::Validator in_range(double low, double high, Ends ends) {
  return CLI::Validator(
      [=](const std::string &text) {
        double value = 0;
        const bool with = ends == Ends::With;
        const bool inside = CLI::detail::lexical_cast(text, value) &&
                            (with ? value >= low && value <= high : value > low && value < high);
        const auto range = (with ? "from " : "between ") + CLI::detail::to_string(low) +
                           (with ? " to " : " and ") + CLI::detail::to_string(high);
        return inside ? std::string() : "must be " + range + ", not " + text;
      },
      "");
}

}  // namespace

CLI::Option *add_path(CLI::App &app, const std::string &name, std::filesystem::path &path,
                      const std::string &help) {
  return app
      .add_option_function<std::string>(
          name, [&path](const std::string &value) { path = value; }, help)
      ->type_name("FILE");
}

CLI::Validator between(double low, double high) {
  return in_range(low, high, Ends::Without);
}

CLI::Validator number_from_to(double least, double most) {
  return in_range(least, most, Ends::With);
}

CLI::Validator at_least(std::int64_t least) {
  return CLI::Validator(
      [=](const std::string &text) {
        std::int64_t value = 0;
        const bool fits = CLI::detail::lexical_cast(text, value) && value >= least;
        return fits ? std::string()
                    : "must be a whole number of at least " + std::to_string(least) + ", not " + text;
      },
      "");
}

CLI::Validator from_to(std::int64_t least, std::int64_t most) {
  return CLI::Validator(
      [=](const std::string &text) {
        std::int64_t value = 0;
        const bool fits = CLI::detail::lexical_cast(text, value) && value >= least && value <= most;
        return fits ? std::string()
                    : "must be a whole number from " + std::to_string(least) + " to " + std::to_string(most) +
                          ", not " + text;
      },
      "");
}

CLI::Validator one_of(const std::vector<std::string> &names) {
  return CLI::Validator(
      [=](const std::string &text) {
        if (std::find(names.begin(), names.end(), text) != names.end()) return std::string();
        return "\"" + text + "\" is not one of " + CLI::detail::join(names, ", ");
      },
      "");
}

void add_device(CLI::App &app, std::string &device, std::string &precision,
                const std::vector<std::string> &precisions) {
  const CLI::Validator is_device(
      [](const std::string &text) {
        static const std::regex devices("auto|cpu|cuda(:[0-9]{1,3})?");
        return std::regex_match(text, devices) ? std::string()
                                               : "\"" + text + "\" is not one of auto, cpu, cuda, cuda:N";
      },
      "");
  app.add_option("--device", device, "Device to run the network on: auto, cpu, cuda or cuda:N")
      ->type_name("DEVICE")
      ->check(is_device)
      ->capture_default_str();
  app.add_option("--precision", precision,
                 "Numeric precision of the network: " + CLI::detail::join(precisions, ", "))
      ->type_name("PRECISION")
      ->check(one_of(precisions))
      ->capture_default_str();
}

CLI::Option *add_data(CLI::App &app, const std::string &name, std::vector<std::string> &data,
                      std::filesystem::path &image_dir, std::optional<int> &bit_depth) {
  auto *option =
      app.add_option(
             name, data,
             "A folder in MVTec-AD layout, a folder of pictures, a picture, a list (.json, .jsonl), a video "
             "or a range of its frames (VIDEO#FIRST-LAST), or CIFAR-10 with its normal classes "
             "(FOLDER#0,1,2,3,4). NAME is the source (camera or product) that the data belongs to, by "
             "default the name of the folder or file; data with the same NAME is combined")
          ->type_name("[NAME=]PATH")
          ->required();
  add_path(app, "--image-dir", image_dir,
           "Folder that file names in lists are relative to (default: the folder of the list)")
      ->type_name("DIR");
  app.add_option("--bit-depth", bit_depth,
                 "Number of significant bits in 16-bit pictures and videos, such as 12 for a 12-bit camera "
                 "(default: 16)")
      ->type_name("N")
      ->check(from_to(9, 16));
  return option;
}

void add_model(CLI::App &app, std::filesystem::path &model, const std::string &help) {
  add_path(app, "--model", model, help)->required();
}

void add_labels(CLI::App &app, std::filesystem::path &labels) {
  add_path(app, "--labels", labels,
           "CSV file that labels video frames, with the columns frame0,abnormal or video,frame0,abnormal");
}

void add_zones(CLI::App &app, std::vector<std::string> &zones) {
  app.add_option("--zones", zones,
                 "JSON file of zones to ignore or to watch, of the source NAME or of every source without "
                 "zones of its own")
      ->type_name("[NAME=]FILE");
}

void add_json(CLI::App &app, std::string &json) {
  app.add_option("--json", json,
                 "Write JSON to this file; - is standard output, which then contains nothing else")
      ->type_name("FILE");
}

void add_record(CLI::App &app, double &seconds) {
  app.add_option("--record", seconds,
                 "Number of seconds to record from a live stream (rtsp://, http://, v4l2://)")
      ->type_name("SECONDS")
      ->check(between(0, 86400))
      ->capture_default_str();
}

namespace {

// Returns an error message; empty if the text is valid.
std::string event_confirm(const std::string &text) {
  try {
    event_confirm_of(text);
    return {};
  } catch (const Error &error) {
    return error.problem() + ": " + error.hint();
  }
}

CLI::Option *add_seconds(CLI::App &app, const std::string &name, std::chrono::nanoseconds &time,
                         const std::string &help) {
  return app
      .add_option_function<double>(
          name, [&time](double seconds) { time = std::chrono::nanoseconds(std::llround(seconds * 1e9)); },
          help)
      ->type_name("SECONDS")
      ->check(number_from_to(0, 86400))
      ->default_str(std::to_string(time / std::chrono::seconds(1)));
}

}  // namespace

void add_event_rules(CLI::App &app, EventRules &rules) {
  app.add_option_function<std::string>(
         "--event-confirm", [&rules](const std::string &text) { rules.confirm = event_confirm_of(text); },
         "Number of frames that must be abnormal before an event begins, out of so many")
      ->type_name("N/M")
      ->check(event_confirm)
      ->default_str(text_of(rules.confirm));
  add_seconds(
      app, "--event-hold", rules.hold,
      "An event ends when the score has been below the release threshold for this long; labeled frames "
      "at most this far apart form one event, too");
  add_seconds(app, "--event-gap", rules.hold, "Former name of --event-hold")->group("");
  app.add_option("--event-release", rules.release, "Release threshold as a share of the threshold")
      ->type_name("SHARE")
      ->check(number_from_to(0, 1))
      ->capture_default_str();
  add_seconds(app, "--event-cooldown", rules.cooldown,
              "Time after the end of an event before the next one can begin");
  add_seconds(app, "--event-min-duration", rules.min_duration,
              "Time that an event must last before it is reported");
}

void add_batch(CLI::App &app, int &batch) {
  app.add_option("--batch", batch, "Batch size")->type_name("N")->check(at_least(1))->capture_default_str();
}

void add_max_frames(CLI::App &app, std::size_t &frames) {
  app.add_option("--max-frames", frames,
                 "Maximum number of video frames to learn from per source, evenly spaced")
      ->type_name("N")
      ->check(at_least(1))
      ->capture_default_str();
}

void add_threshold(CLI::App &app, std::optional<ThresholdRule> &rule, std::optional<double> &frame_rate,
                   const std::string &otherwise) {
  const auto set = [&rule](auto member) {
    return [&rule, member](const double &value) { rule.emplace().*member = value; };
  };
  auto *sigma = app.add_option_function<double>("--sigma", set(&ThresholdRule::standard_deviations),
                                                "Set the threshold to the mean of held-out normal scores "
                                                "plus this many standard deviations (if no rule is given: " +
                                                    otherwise + ")");
  sigma->type_name("K")->check(between(0, 1000));
  auto *quantile = app.add_option_function<double>(
      "--quantile", set(&ThresholdRule::quantile),
      "Set the threshold to this quantile of held-out normal scores, instead of --sigma");
  quantile->type_name("Q")->check(between(0, 1))->excludes(sigma);
  app.add_option_function<double>(
         "--false-alarms-per-hour", set(&ThresholdRule::false_alarms_per_hour),
         "Set the threshold to the score that runs of consecutive normal frames reach this often, estimated "
         "by an extreme-value fit to the highest held-out normal scores, instead of --sigma")
      ->type_name("R")
      ->check(between(0, most_false_alarms_per_hour))
      ->excludes(sigma)
      ->excludes(quantile);
  app.add_option("--frame-rate", frame_rate,
                 "Number of frames that will be judged per second, for --false-alarms-per-hour (default: the "
                 "frame rate of the videos)")
      ->type_name("F")
      ->check(between(0, 100'000));
}

}  // namespace uniad
