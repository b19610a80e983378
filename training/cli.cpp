// SPDX-License-Identifier: Apache-2.0
#include "training/cli.h"

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>
#include <algorithm>
#include <regex>

#include "model/backbone/taps.h"

namespace uniad {
namespace {

CLI::Option *add_path(CLI::App &app, const std::string &name, std::filesystem::path &path,
                      const std::string &help) {
  return app
      .add_option_function<std::string>(
          name, [&path](const std::string &value) { path = value; }, help)
      ->type_name("FILE");
}

// A number within (low, high); CLI11's own ranges let "nan" pass.
CLI::Validator between(double low, double high) {
  return CLI::Validator(
      [=](const std::string &text) {
        double value = 0;
        const bool inside = CLI::detail::lexical_cast(text, value) && value > low && value < high;
        return inside ? std::string()
                      : "must be between " + CLI::detail::to_string(low) + " and " +
                            CLI::detail::to_string(high) + ", not " + text;
      },
      "");
}

// CLI11 reads -1 as a very large unsigned number.
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
        return "\"" + text + "\" is none of " + CLI::detail::join(names, ", ");
      },
      "");
}

void add_device(CLI::App &app, std::string &device, std::string &precision,
                const std::vector<std::string> &precisions) {
  const CLI::Validator is_device(
      [](const std::string &text) {
        static const std::regex devices("auto|cpu|cuda(:[0-9]{1,3})?");
        return std::regex_match(text, devices) ? std::string()
                                               : "\"" + text + "\" is none of auto, cpu, cuda, cuda:N";
      },
      "");
  app.add_option("--device", device, "Where the network runs: auto, cpu, cuda or cuda:N")
      ->type_name("DEVICE")
      ->check(is_device)
      ->capture_default_str();
  app.add_option("--precision", precision,
                 "Arithmetic of the network: " + CLI::detail::join(precisions, ", "))
      ->type_name("PRECISION")
      ->check(one_of(precisions))
      ->capture_default_str();
}

void add_data(CLI::App &app, const std::string &name, std::vector<std::string> &data,
              std::filesystem::path &image_dir) {
  app.add_option(
         name, data,
         "A folder in MVTec-AD layout, a folder of pictures, a picture, a list (.json, .jsonl), a video or "
         "some of its frames (VIDEO#FIRST-LAST), CIFAR-10 with its normal classes (FOLDER#0,1,2,3,4); NAME "
         "is the source (camera, product) it belongs to, "
         "default the folder's or file's name; equal names join")
      ->type_name("[NAME=]PATH")
      ->required();
  add_path(app, "--image-dir", image_dir,
           "Folder that the file names of lists start from (default: the list's)")
      ->type_name("DIR");
}

void add_model(CLI::App &app, std::filesystem::path &model, const std::string &help) {
  add_path(app, "--model", model, help)->required();
}

void add_json(CLI::App &app, std::string &json) {
  app.add_option("--json", json,
                 "Write JSON to this file; - is standard output, which then holds nothing else")
      ->type_name("FILE");
}

void add_batch(CLI::App &app, int &batch) {
  app.add_option("--batch", batch, "Pictures a step")
      ->type_name("N")
      ->check(at_least(1))
      ->capture_default_str();
}

void add_max_frames(CLI::App &app, std::size_t &frames) {
  app.add_option("--max-frames", frames, "Frames to learn from a source's videos, evenly spread")
      ->type_name("N")
      ->check(at_least(1))
      ->capture_default_str();
}

void add_held_back(CLI::App &app, TrainOptions &options) {
  app.add_option(
         "--held-back", options.held_back,
         "Share of every source that is never trained on and makes the thresholds (default: a tenth, or "
         "20 pictures; with the recipe instant every fifth of the pictures in turn, and all are learned "
         "from)")
      ->type_name("SHARE")
      ->check(between(0, 1));
  app.add_option("--report-outliers", options.report_outliers,
                 "With the recipe instant: name so many of the normal pictures that score highest")
      ->type_name("N")
      ->check(at_least(1));
}

void add_cache(CLI::App &app, TrainCommand &command) {
  auto &cache = command.options.cache;
  app.add_option_function<std::uint64_t>(
         "--cache-memory", [&](std::uint64_t mebibytes) { cache.memory = mebibytes << 20U; },
         "MiB of features to keep in memory (recipes fast and paper)")
      ->type_name("MIB")
      ->check(from_to(0, std::int64_t{1} << 30U))
      ->default_str(std::to_string(cache.memory >> 20U));
  auto *folder =
      add_path(app, "--cache-dir", cache.folder,
               "Where features are kept that memory does not hold, and for later runs; cut to 20 GiB "
               "to begin with (default: $XDG_CACHE_HOME/uniad/features)");
  folder->type_name("DIR");
  app.add_flag_callback(
         "--no-cache", [&command] { command.keep_features = false; }, "Keep no features on disk")
      ->excludes(folder);
}

void describe_train(CLI::App &app, TrainCommand &command) {
  auto &options = command.options;
  add_data(app, "--data", command.data, command.image_dir);
  add_model(app, options.model, "Model file to write");
  app.add_option_function<std::string>(
         "--recipe",
         [&](const std::string &name) {
           options.recipe = name == "instant" ? Recipe::Instant
                            : name == "fast"  ? Recipe::Fast
                                              : Recipe::Paper;
         },
         "How to learn: instant (statistics of normal features, no training step), fast (UniAD in hundreds "
         "of "
         "steps, and the statistics of features and of what it leaves of them) or paper (UniAD as its "
         "authors "
         "train and score it)")
      ->type_name("RECIPE")
      ->check(one_of({"instant", "fast", "paper"}))
      ->default_str("instant");
  auto names = backbone_names();
  names.insert(names.begin(), "auto");
  app.add_option(
         "--backbone", options.backbone,
         "Pretrained network whose features are reconstructed; auto: efficientnet-b4 where its weights "
         "are found, else efficientnet-lite2")
      ->type_name("NAME")
      ->check(one_of(names))
      ->default_str("auto");
  add_path(
      app, "--weights", options.weights,
      "The backbone's weight file (default: looked for in $UNIAD_WEIGHTS_DIR, then in the user's cache)");
  auto *steps = app.add_option("--steps", options.steps, "Training steps (default: the recipe's)");
  steps->type_name("N")->check(at_least(1));
  app.add_option("--epochs", options.epochs, "Passes over the data, instead of --steps")
      ->type_name("N")
      ->check(at_least(1))
      ->excludes(steps);
  add_batch(app, options.batch);
  app.add_option("--lr", options.learning_rate, "Learning rate (default: the recipe's)")
      ->type_name("X")
      ->check(between(0, 10));
  app.add_flag("--whiten", options.whiten,
               "With the recipe fast: the network reconstructs whitened features");
  add_path(app, "--log", options.log, "Write loss, gradient norm and rate of every step as JSON lines");
  add_device(app, options.device, options.precision, {"fp32", "bf16"});
  app.add_option("--seed", options.seed, "Seed of everything random")
      ->type_name("N")
      ->check(at_least(0))
      ->capture_default_str();
  add_max_frames(app, command.max_frames);
  add_held_back(app, options);
  add_cache(app, command);
  auto *sigma =
      app.add_option("--sigma", options.threshold.standard_deviations,
                     "Threshold: mean of held-back normal scores plus this many standard deviations");
  sigma->type_name("K")->check(between(0, 1000))->capture_default_str();
  app.add_option("--quantile", options.threshold.quantile,
                 "Threshold: this quantile of held-back normal scores, instead of --sigma")
      ->type_name("Q")
      ->check(between(0, 1))
      ->excludes(sigma);
  app.final_callback([&app, &options] {
    if (options.whiten && options.recipe != Recipe::Fast)
      throw CLI::ValidationError("--whiten", "only the recipe fast whitens: add --recipe fast");
    if (options.recipe != Recipe::Instant) {
      if (options.report_outliers > 0)
        throw CLI::ValidationError("--report-outliers", "only the recipe instant scores what it learns from");
      return;
    }
    for (const char *name : {"--steps", "--epochs", "--lr", "--log"})
      if (app.count(name) > 0)
        throw CLI::ValidationError(name, "the recipe instant takes no steps: add --recipe fast or paper");
  });
}

void describe_update(CLI::App &app, TrainCommand &command) {
  add_model(app, command.options.model, "Model file to add to, replaced when done");
  add_data(app, "--data", command.data, command.image_dir);
  add_batch(app, command.options.batch);
  add_max_frames(app, command.max_frames);
}

void describe_merge(CLI::App &app, MergeOptions &options) {
  app.add_option_function<std::vector<std::string>>(
         "models",
         [&](const std::vector<std::string> &models) { options.models.assign(models.begin(), models.end()); },
         "Model files with statistics, on one backbone")
      ->type_name("MODEL")
      ->expected(2, 1000)
      ->required();
  add_model(app, options.model, "Model file to write");
}

void describe_evaluate(CLI::App &app, EvaluateOptions &options) {
  add_model(app, options.model, "Model file");
  add_data(app, "--data", options.data, options.image_dir);
  add_path(app, "--labels", options.labels,
           "CSV that says which video frames are abnormal: frame0,abnormal or video,frame0,abnormal");
  add_json(app, options.json);
  add_device(app, options.detector.device, options.detector.precision, {"auto", "fp32", "bf16", "int8"});
}

void describe_predict(CLI::App &app, PredictOptions &options) {
  add_model(app, options.model, "Model file");
  add_data(app, "data", options.data, options.image_dir);
  add_json(app, options.json);
  add_path(app, "--overlay", options.overlay, "Write every picture under its heatmap into this folder")
      ->type_name("DIR");
  add_device(app, options.detector.device, options.detector.precision, {"auto", "fp32", "bf16", "int8"});
}

void describe_import(CLI::App &app, ImportOptions &options) {
  app.add_option(
         "checkpoints", options.checkpoints,
         "A checkpoint of the authors' code, where it lacks the backbone with a backbone's weight file; "
         "or a weight file alone (lukemelas, EfficientNet-Lite, torchvision, timm); torch.save or "
         "safetensors. Nothing in it is executed")
      ->type_name("CHECKPOINT")
      ->required();
  add_model(app, options.model, "Model (or weight) file to write");
}

void describe_info(CLI::App &app, InfoOptions &options) {
  add_path(app, "model", options.model, "Model file")->type_name("MODEL")->required();
  add_json(app, options.json);
}

void describe_bench(CLI::App &app, BenchOptions &options) {
  add_model(app, options.model, "Model file");
  add_device(app, options.detector.device, options.detector.precision, {"auto", "fp32", "bf16", "int8"});
  app.add_option("--batch", options.batch, "Pictures of a batch")
      ->type_name("N")
      ->check(from_to(1, most_bench_pictures))
      ->capture_default_str();
  auto *streams = app.add_option("--streams", options.streams,
                                 "Measure so many streams of 1080p frames at once, too, and one alone");
  streams->type_name("N")->check(from_to(1, most_bench_streams));
  app.add_option("--rounds", options.rounds, "Pictures, one after the other, whose times are counted")
      ->type_name("N")
      ->check(from_to(1, 1'000'000))
      ->capture_default_str();
  add_json(app, options.json);
  app.add_flag(
         "--serve", options.serve,
         "Measure when told: print what the network runs on, then answer every line on standard input, a "
         "number of pictures, with the median milliseconds a picture of calls with so many, as many calls "
         "as --rounds says")
      ->excludes(streams)
      ->excludes("--json");
  app.add_flag("--self-test", options.self_test,
               "Measure nothing: hold every kernel of the GPU, and the network on it, against the CPU");
}

}  // namespace

std::unique_ptr<CLI::App> describe_command_line(CommandLine &line) {
  auto app = std::make_unique<CLI::App>(
      "Learns what is normal from pictures and videos, and marks what is not", "uniad");
  app->set_version_flag("--version", "uniad " UNIAD_VERSION);
  app->require_subcommand(0, 1);
  app->add_flag("--man", line.man)->group("");
  app->add_flag("--markdown", line.markdown)->group("");
  describe_train(*app->add_subcommand("train", "Learn a model from normal pictures and videos"), line.train);
  describe_update(*app->add_subcommand("update", "Add new normal pictures and videos to what a model knows"),
                  line.update);
  describe_merge(*app->add_subcommand("merge", "Add up what several models know"), line.merge);
  describe_evaluate(*app->add_subcommand("evaluate", "Measure a model on labelled data"), line.evaluate);
  describe_predict(*app->add_subcommand("predict", "Judge pictures and videos"), line.predict);
  describe_import(*app->add_subcommand("import", "Turn checkpoints of other projects into a model"),
                  line.import);
  describe_info(*app->add_subcommand("info", "Tell what a model file holds"), line.info);
  describe_bench(*app->add_subcommand("bench", "Measure how fast a model judges on this machine"),
                 line.bench);
  return app;
}

}  // namespace uniad
