// SPDX-License-Identifier: Apache-2.0
#include "training/cli.h"

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>
#include <algorithm>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <tuple>
#include <utility>

#include "model/backbone/taps.h"
#include "model/error.h"
#include "model/file/choices.h"

namespace uniad {
namespace {

CLI::Option *add_path(CLI::App &app, const std::string &name, std::filesystem::path &path,
                      const std::string &help) {
  return app
      .add_option_function<std::string>(
          name, [&path](const std::string &value) { path = value; }, help)
      ->type_name("FILE");
}

enum class Ends { Without, With };

// A number from low to high; CLI11's own ranges let "nan" pass.
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

CLI::Validator between(double low, double high) {
  return in_range(low, high, Ends::Without);
}

CLI::Validator number_from_to(double least, double most) {
  return in_range(least, most, Ends::With);
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

template <typename Value>
std::vector<std::string> names_of(const Choices<Value> &choices) {
  std::vector<std::string> names;
  for (const auto &[choice, called] : choices) names.push_back(called);
  return names;
}

// A choice by name; the help says what each means.
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

// The same with the names in the help; what goes without saying, `otherwise`, is for the help alone.
template <typename Value>
void add_choice(CLI::App &app, const std::string &name, std::optional<Value> &value,
                const Choices<Value> &choices, const std::string &otherwise, const std::string &help) {
  add_named_choice(app, name, value, choices, help + ": " + CLI::detail::join(names_of(choices), ", "))
      ->default_str(otherwise);
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

CLI::Option *add_data(CLI::App &app, const std::string &name, std::vector<std::string> &data,
                      std::filesystem::path &image_dir, std::optional<int> &bit_depth) {
  auto *option =
      app.add_option(
             name, data,
             "A folder in MVTec-AD layout, a folder of pictures, a picture, a list (.json, .jsonl), a video "
             "or some of its frames (VIDEO#FIRST-LAST), CIFAR-10 with its normal classes "
             "(FOLDER#0,1,2,3,4); NAME is the source (camera, product) it belongs to, "
             "default the folder's or file's name; equal names join")
          ->type_name("[NAME=]PATH")
          ->required();
  add_path(app, "--image-dir", image_dir,
           "Folder that the file names of lists start from (default: the list's)")
      ->type_name("DIR");
  app.add_option(
         "--bit-depth", bit_depth,
         "Bits that the values of 16-bit pictures and videos use, as of a camera of 12 bits (default: 16)")
      ->type_name("N")
      ->check(from_to(9, 16));
  return option;
}

void add_model(CLI::App &app, std::filesystem::path &model, const std::string &help) {
  add_path(app, "--model", model, help)->required();
}

void add_labels(CLI::App &app, std::filesystem::path &labels) {
  add_path(app, "--labels", labels,
           "CSV that says which video frames are abnormal: frame0,abnormal or video,frame0,abnormal");
}

void add_json(CLI::App &app, std::string &json) {
  app.add_option("--json", json,
                 "Write JSON to this file; - is standard output, which then holds nothing else")
      ->type_name("FILE");
}

void add_record(CLI::App &app, double &seconds) {
  app.add_option("--record", seconds,
                 "Seconds to record where the data is a stream that runs now (rtsp://, http://, v4l2://)")
      ->type_name("SECONDS")
      ->check(between(0, 86400))
      ->capture_default_str();
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

// How the steps are taken.
void describe_learning(CLI::App &app, TrainOptions &options) {
  app.add_option("--lr", options.learning_rate, "Learning rate (default: the recipe's)")
      ->type_name("X")
      ->check(between(0, 10));
  add_named_choice(
      app, "--schedule", options.rate_schedule,
      Choices<RateSchedule>{{RateSchedule::Constant, "constant"},
                            {RateSchedule::Step, "step"},
                            {RateSchedule::Cosine, "cosine"}},
      "How the rate goes on: constant, step (a tenth from --decay-epoch on) or cosine (to a hundredth at "
      "the end) (default: the recipe's)");
  app.add_option("--warmup", options.warmup_steps,
                 "Steps over which the rate rises from 0 (default: the recipe's)")
      ->type_name("N")
      ->check(at_least(0));
  app.add_option("--decay-epoch", options.decay_epoch,
                 "Epoch, from 0, at which --schedule step drops the rate (default: 801)")
      ->type_name("N")
      ->check(at_least(0));
  app.add_option("--weight-decay", options.weight_decay, "AdamW's weight decay (default: 0.0001)")
      ->type_name("X")
      ->check(number_from_to(0, 10));
  app.add_option("--clip", options.clip,
                 "Largest L2 norm of a step's gradient; a longer one is scaled down (default: the recipe's)")
      ->type_name("X")
      ->check(between(0, 1e9));
  app.add_option("--ema", options.average,
                 "Keep a moving average of the weights, of this decay a step, and end with it")
      ->type_name("DECAY")
      ->check(between(0, 1));
  app.add_option_function<std::string>(
         "--augment", [&](const std::string &list) { options.augmentation = parse_augmentation(list); },
         "Vary the pictures of every epoch, each with a chance of one half: some of flip-h, flip-v, rotate, "
         "colour, with commas between; features are then not cached")
      ->type_name("NAME,...")
      ->check(CLI::Validator(
          [](const std::string &list) {
            try {
              parse_augmentation(list);
              return std::string();
            } catch (const Error &error) {
              return std::string(error.what());
            }
          },
          ""));
  add_choice(app, "--sampling", options.sampling,
             {{Sampling::Pictures, "pictures"}, {Sampling::Sources, "sources"}},
             "the recipe's: fast sources, paper pictures",
             "What is trained on equally often, every picture or every source however many pictures it has");
  add_named_choice(
      app, "--select", options.selection,
      Choices<Selection>{
          {Selection::Last, "last"}, {Selection::HeldBack, "held-back"}, {Selection::Test, "test"}},
      "Weights to end with: last, held-back (of the smallest loss on held-back normal data) or test (of "
      "the highest image AUROC on the test items, as papers do: do not trust figures on the same items)")
      ->type_name("BY")
      ->default_str("last");
  app.add_option("--validate-every", options.validate_every, "Steps between two looks of --select")
      ->type_name("N")
      ->check(at_least(1))
      ->capture_default_str();
  app.add_option("--checkpoint-every", options.checkpoint_every,
                 "Steps between two checkpoints, MODEL.checkpoint.safetensors")
      ->type_name("N")
      ->check(at_least(1))
      ->capture_default_str();
  add_path(app, "--resume", options.resume,
           "Checkpoint to go on from, with the options and the data it was begun with");
  app.add_option("--worker-timeout", options.worker_timeout,
                 "Seconds that one of several processes (RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT) waits "
                 "for the others")
      ->type_name("SECONDS")
      ->check(between(0, 1e6))
      ->capture_default_str();
  add_path(app, "--log", options.log, "Write loss, gradient norm and rate of every step as JSON lines");
  add_path(app, "--tensorboard", options.tensorboard,
           "Write the same, and what --select looks at, as TensorBoard events into this folder")
      ->type_name("DIR");
}

// Every option that has a say in what is learned, and its value.
std::map<std::string, std::string> said(const CLI::App &app) {
  static const std::set<std::string> silent{
      "--help",         "--config",           "--data",           "--image-dir", "--model",       "--weights",
      "--resume",       "--checkpoint-every", "--worker-timeout", "--log",       "--tensorboard", "--device",
      "--cache-memory", "--cache-dir",        "--no-cache"};
  std::map<std::string, std::string> all;
  for (const CLI::Option *option : app.get_options()) {
    if (silent.contains(option->get_name())) continue;
    all[option->get_name()] =
        option->count() > 0 ? CLI::detail::join(option->results(), ",") : option->get_default_str();
  }
  return all;
}

// `otherwise`: the rule where none is named.
void add_threshold(CLI::App &app, std::optional<ThresholdRule> &rule, std::optional<double> &frame_rate,
                   const std::string &otherwise) {
  const auto set = [&rule](auto member) {
    return [&rule, member](const double &value) { rule.emplace().*member = value; };
  };
  auto *sigma = app.add_option_function<double>(
      "--sigma", set(&ThresholdRule::standard_deviations),
      "Threshold: mean of normal scores that were not trained on plus this many standard deviations "
      "(without any rule: " +
          otherwise + ")");
  sigma->type_name("K")->check(between(0, 1000));
  auto *quantile =
      app.add_option_function<double>("--quantile", set(&ThresholdRule::quantile),
                                      "Threshold: this quantile of those scores, instead of --sigma");
  quantile->type_name("Q")->check(between(0, 1))->excludes(sigma);
  app.add_option_function<double>(
         "--false-alarms-per-hour", set(&ThresholdRule::false_alarms_per_hour),
         "Threshold: runs of consecutive normal frames reach it so often, by an extreme-value fit to the "
         "highest of those scores, instead of --sigma")
      ->type_name("R")
      ->check(between(0, most_false_alarms_per_hour))
      ->excludes(sigma)
      ->excludes(quantile);
  app.add_option("--frame-rate", frame_rate,
                 "Frames a second that will be judged, for --false-alarms-per-hour (default: what the "
                 "videos say)")
      ->type_name("F")
      ->check(between(0, 100'000));
}

// "N" or "HxW" -> height and width; nothing where it is neither.
std::optional<std::pair<int, int>> input_size(const std::string &text) {
  static const std::regex sizes("([0-9]{1,5})(?:x([0-9]{1,5}))?");
  std::smatch match;
  if (!std::regex_match(text, match, sizes)) return std::nullopt;
  const int height = std::stoi(match[1]);
  return std::pair{height, match[2].matched ? std::stoi(match[2]) : height};
}

void add_input_size(CLI::App &app, NetworkOptions &options) {
  const CLI::Validator is_size(
      [](const std::string &text) {
        const auto size = input_size(text);
        const auto fits = [](int extent) { return extent >= 32 && extent <= 2048 && extent % 16 == 0; };
        return size && fits(size->first) && fits(size->second)
                   ? std::string()
                   : "\"" + text + "\" is neither N nor HxW of multiples of 16 from 32 to 2048";
      },
      "");
  app.add_option_function<std::string>(
         "--input-size",
         [&options](const std::string &text) {
           std::tie(options.input_height, options.input_width) = *input_size(text);
         },
         "Height and width in pixels of what the network sees; query and position tables follow")
      ->type_name("N|HxW")
      ->check(is_size)
      ->default_str("224");
}

void add_mask(CLI::App &app, NetworkOptions &options) {
  app.add_option_function<std::vector<std::string>>(
         "--mask",
         [&options](const std::vector<std::string> &places) {
           options.mask.emplace();
           for (const std::string &place : places) {
             const bool all = place == "all";
             if (all || place == "encoder") options.mask->encoder = true;
             if (all || place == "decoder" || place == "decoder1") options.mask->decoder_first = true;
             if (all || place == "decoder" || place == "decoder2") options.mask->decoder_second = true;
           }
         },
         "Attentions in which a token does not see its neighbours: none, all, or some of encoder, decoder "
         "(both of its attentions), decoder1, decoder2, with commas between")
      ->type_name("NAME,...")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(one_of({"none", "encoder", "decoder", "decoder1", "decoder2", "all"}))
      ->default_str("all");
  app.add_option("--mask-size", options.mask_size, "Side of that neighbourhood, in tokens")
      ->type_name("N")
      ->check(from_to(1, 127))
      ->default_str("7");
}

// The switches of the paper's experiments. Of the network that reconstructs: `for_steps`.
const std::vector<const char *> for_steps{"--network",
                                          "--queries",
                                          "--decoder-variant",
                                          "--encoder-layers",
                                          "--decoder-layers",
                                          "--mask",
                                          "--mask-size",
                                          "--jitter-scale",
                                          "--position",
                                          "--jitter-probability",
                                          "--jitter-per",
                                          "--norm",
                                          "--loss",
                                          "--dropout",
                                          "--train-backbone"};

void describe_network(CLI::App &app, NetworkOptions &options, bool &train_backbone) {
  app.add_option_function<std::vector<int>>(
         "--stages", [&options](const std::vector<int> &stages) { options.stages = stages; },
         "Stages of the backbone whose features are used, ascending, with commas between (default: 1,2,3,4, "
         "of "
         "a ResNet 1,2,3)")
      ->type_name("N,...")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(from_to(1, 5));
  add_input_size(app, options);
  add_choice(app, "--score", options.score, score_choices(), "max",
             "A picture's score: of its anomaly map, max being that of its 16x16 means");
  add_named_choice(app, "--network", options.network,
                   Choices<NetworkName>{{NetworkName::UniAD, "uniad"},
                                        {NetworkName::Transformer, "transformer"},
                                        {NetworkName::Mlp, "mlp"},
                                        {NetworkName::Cnn, "cnn"}},
                   "What reconstructs the features: uniad, or one that its paper compares it with: "
                   "transformer (plain: one "
                   "query, no mask, no jitter), mlp (one query, no jitter) or cnn (no jitter)")
      ->default_str("uniad");
  add_choice(app, "--queries", options.queries, query_choices(), "the network's",
             "Learned queries of the decoder, for no layer, the first or each");
  add_choice(
      app, "--decoder-variant", options.decoder_variant, variant_choices(), "a",
      "With a query for each layer: what the two attentions of a decoder layer look at, as in the paper's "
      "table A3");
  app.add_option("--encoder-layers", options.encoder_layers, "Layers of the encoder")
      ->type_name("N")
      ->check(from_to(0, 12))
      ->default_str("4");
  app.add_option("--decoder-layers", options.decoder_layers, "Layers of the decoder")
      ->type_name("N")
      ->check(from_to(0, 12))
      ->default_str("4");
  add_mask(app, options);
  app.add_option("--jitter-scale", options.jitter_scale,
                 "Noise on every token in training, as a multiple of its length / channels; 0: none")
      ->type_name("X")
      ->check(number_from_to(0, 1e6))
      ->default_str("20, of the others 0");
  app.add_option("--jitter-probability", options.jitter_probability, "How often that noise is there")
      ->type_name("P")
      ->check(number_from_to(0, 1))
      ->default_str("1");
  add_choice(app, "--jitter-per", options.jitter_per_token, {{false, "forward"}, {true, "token"}}, "forward",
             "What that probability is drawn for");
  add_choice(app, "--position", options.position, position_choices(), "learned", "Position embedding");
  add_choice(app, "--norm", options.pre_norm, {{false, "post"}, {true, "pre"}}, "post",
             "Layer norm behind or before attentions and feed-forward networks");
  add_choice(app, "--loss", options.loss, loss_choices(), "mse",
             "Distance of features and reconstruction, in training and in the anomaly map");
  app.add_option("--dropout", options.dropout, "Dropout in training (default: the recipe's)")
      ->type_name("P")
      ->check(number_from_to(0, 0.999));
  app.add_flag("--train-backbone", train_backbone, "The backbone learns, too; features are not cached");
}

// Options that say nothing to the network that was chosen.
void check_network(const CLI::App &app, const NetworkOptions &options) {
  const auto refuse = [&](const std::vector<const char *> &names, const std::string &why) {
    for (const char *name : names)
      if (app.count(name) > 0) throw CLI::ValidationError(name, why);
  };
  if (options.network == NetworkName::Mlp)
    refuse({"--mask", "--mask-size", "--position"}, "the network mlp has no attention");
  if (options.network == NetworkName::Cnn)
    refuse({"--mask", "--mask-size", "--position", "--queries", "--decoder-variant", "--encoder-layers",
            "--decoder-layers", "--norm", "--dropout"},
           "the network cnn has no encoder and no decoder");
  const bool query_a_layer = options.queries.value_or(options.network == NetworkName::UniAD
                                                          ? QueryEmbedding::Layer
                                                          : QueryEmbedding::One) == QueryEmbedding::Layer;
  if (!query_a_layer) refuse({"--decoder-variant"}, "it needs a query for each layer: add --queries layer");
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
                 "Name so many of the pictures given as normal that score highest")
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
  add_data(app, "--data", command.data, command.image_dir, command.bit_depth);
  add_record(app, command.record_seconds);
  add_model(app, options.model, "Model file to write");
  app.add_option("--config",
                 "TOML file of these options by their names, such as batch = 16; the command line "
                 "goes before it")
      ->type_name("FILE");
  add_named_choice(
      app, "--recipe", options.recipe,
      Choices<Recipe>{{Recipe::Instant, "instant"}, {Recipe::Fast, "fast"}, {Recipe::Paper, "paper"}},
      "How to learn: instant (statistics of normal features, no training step), fast (UniAD in hundreds "
      "of steps, and the statistics of features and of what it leaves of them) or paper (UniAD as its "
      "authors train and score it)")
      ->type_name("RECIPE")
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
  describe_network(app, options.network, options.train_backbone);
  add_batch(app, options.batch);
  describe_learning(app, options);
  app.add_flag("--whiten", options.whiten,
               "With the recipe fast: the network reconstructs whitened features");
  add_device(app, options.device, options.precision, {"fp32", "bf16"});
  app.add_option("--seed", options.seed, "Seed of everything random")
      ->type_name("N")
      ->check(at_least(0))
      ->capture_default_str();
  add_max_frames(app, command.max_frames);
  add_held_back(app, options);
  add_cache(app, command);
  add_threshold(app, options.threshold, command.frame_rate, "mean + 4 standard deviations");
  app.final_callback([&app, &options] {
    if (options.whiten && options.recipe != Recipe::Fast)
      throw CLI::ValidationError("--whiten", "only the recipe fast whitens: add --recipe fast");
    options.said = said(app);
    if (options.train_backbone && options.recipe != Recipe::Paper)
      throw CLI::ValidationError("--train-backbone",
                                 "its features are standardised by no recipe: add --recipe paper");
    if (options.train_backbone && options.selection != Selection::Last)
      throw CLI::ValidationError("--select", "looks at features that a backbone that learns does not give");
    check_network(app, options.network);
    if (options.recipe != Recipe::Instant) return;
    for (const char *name : for_steps)
      if (app.count(name) > 0)
        throw CLI::ValidationError(name, "the recipe instant trains no network: add --recipe fast or paper");
    for (const char *name :
         {"--steps", "--epochs", "--lr", "--schedule", "--warmup", "--decay-epoch", "--weight-decay",
          "--clip", "--ema", "--augment", "--sampling", "--select", "--resume", "--log", "--tensorboard"})
      if (app.count(name) > 0)
        throw CLI::ValidationError(name, "the recipe instant takes no steps: add --recipe fast or paper");
  });
}

void describe_sweep(CLI::App &app, SweepOptions &options) {
  add_path(
      app, "file", options.file,
      "Table of experiments (TOML): title, [options] of every training, [[row]] with a name, options of its "
      "own, separate = true for a model a source, paper = [image, pixel] AUROC to print beside")
      ->type_name("TABLE")
      ->required();
  app.add_option("--data", options.data, "As uniad train takes it; abnormal test items are needed")
      ->type_name("[NAME=]PATH")
      ->required();
  add_path(app, "--out", options.out,
           "Folder for models and figures; what is finished there is not run again")
      ->type_name("DIR")
      ->required();
  app.add_option("--set", options.set, "Option of every training, over the table's own")
      ->type_name("KEY=VALUE");
  app.add_flag("--dry-run", options.dry_run, "Print the trainings as commands, and run none");
  app.add_option("--seeds", options.seeds, "Seeds; figures are means over them")
      ->type_name("N")
      ->check(at_least(0))
      ->capture_default_str();
  add_json(app, options.json);
}

void describe_update(CLI::App &app, TrainCommand &command) {
  add_model(app, command.options.model, "Model file to add to, replaced when done");
  add_data(app, "--data", command.data, command.image_dir, command.bit_depth);
  add_record(app, command.record_seconds);
  add_batch(app, command.options.batch);
  add_max_frames(app, command.max_frames);
  add_threshold(app, command.options.threshold, command.frame_rate, "the model's own");
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

void describe_calibrate(CLI::App &app, CalibrateOptions &options) {
  add_model(app, options.model, "Model file, whose calibration is replaced when done");
  add_data(app, "--data", options.data, options.image_dir, options.bit_depth)->required(false);
  add_labels(app, options.labels);
  add_threshold(app, options.threshold, options.frame_rate, "the model's own");
  app.add_option(
         "--max-frames", options.max_frames,
         "Frames to judge of a source's videos, evenly spread; each then counts by itself as an alarm "
         "(default: all)")
      ->type_name("N")
      ->check(at_least(1));
  app.add_flag("--dry-run", options.dry_run, "Print the thresholds, and leave the model file as it is");
  add_json(app, options.json);
  add_device(app, options.detector.device, options.detector.precision, {"auto", "fp32", "bf16", "int8"});
  app.final_callback([&app, &options] {
    if (!options.data.empty()) return;
    if (!options.threshold)
      throw CLI::ValidationError("--data", "is required, unless --sigma or --false-alarms-per-hour is given");
    for (const char *name :
         {"--quantile", "--frame-rate", "--labels", "--max-frames", "--image-dir", "--bit-depth"})
      if (app.count(name) > 0) throw CLI::ValidationError(name, "takes footage: add --data");
  });
}

void describe_evaluate(CLI::App &app, EvaluateOptions &options) {
  add_model(app, options.model, "Model file");
  add_data(app, "--data", options.data, options.image_dir, options.bit_depth);
  add_labels(app, options.labels);
  add_named_choice(
      app, "--label-rule", options.label_rule,
      Choices<LabelRule>{{LabelRule::Reference, "reference"}, {LabelRule::Strict, "strict"}},
      "What makes a picture with a mask abnormal: reference (a pixel of the mask that is left at the "
      "network's input size, as the paper's code has it) or strict (its label, or any pixel of the mask)")
      ->type_name("RULE")
      ->default_str("reference");
  app.add_option("--event-gap", options.event_gap,
                 "Abnormal frames, and alarms, at most so many seconds apart are one event")
      ->type_name("SECONDS")
      ->check(between(0, 86400))
      ->capture_default_str();
  add_json(app, options.json);
  auto *report = add_path(app, "--report", options.report,
                          "Write report.html into this folder: tables, curves, timelines, the best and worst "
                          "pictures under their heatmaps; one file, which needs no network");
  report->type_name("DIR");
  add_path(app, "--training-log", options.training_log,
           "The log of the steps that `uniad train` wrote: the report then shows the curve of training")
      ->needs(report);
  add_device(app, options.detector.device, options.detector.precision, {"auto", "fp32", "bf16", "int8"});
}

void describe_predict(CLI::App &app, PredictOptions &options) {
  add_model(app, options.model, "Model file");
  add_data(app, "data", options.data, options.image_dir, options.bit_depth);
  add_json(app, options.json);
  add_path(app, "--overlay", options.overlay, "Write every picture under its heatmap into this folder")
      ->type_name("DIR");
  add_device(app, options.detector.device, options.detector.precision, {"auto", "fp32", "bf16", "int8"});
}

void describe_render(CLI::App &app, RenderOptions &options) {
  add_model(app, options.model, "Model file with a reconstruction");
  add_data(app, "--data", options.data, options.image_dir, options.bit_depth);
  add_path(
      app, "--decoder", options.decoder,
      "Network that makes pictures of features; learned from these pictures and written where the file is "
      "missing")
      ->required();
  add_path(app, "--out", options.folder, "Folder for the pictures")->type_name("DIR")->required();
  app.add_option("--steps", options.steps, "Steps of learning that network")
      ->type_name("N")
      ->check(at_least(1))
      ->capture_default_str();
  add_batch(app, options.batch);
  app.add_option("--seed", options.seed, "Seed of everything random")
      ->type_name("N")
      ->check(at_least(0))
      ->capture_default_str();
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

void describe_export(CLI::App &app, ExportOptions &options) {
  add_model(app, options.model, "Model file");
  add_path(app, "--onnx", options.onnx, "ONNX file to write, for ONNX Runtime, OpenVINO and others")
      ->required();
}

void describe_info(CLI::App &app, InfoOptions &options) {
  add_path(app, "model", options.model, "Model file")->type_name("MODEL")->required();
  app.add_flag("--complexity", options.complexity,
               "Tell parameters, multiplications (MAC) and measured time of every stage instead");
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
  app->add_flag("--log-json", line.log_json, "Tell progress on standard error as JSON lines, for programs");
  app->add_flag("--completion", line.completion,
                "Print a script that completes commands and options in bash");
  app->add_flag("--man", line.man)->group("");
  app->add_flag("--markdown", line.markdown)->group("");
  describe_train(*app->add_subcommand("train", "Learn a model from normal pictures and videos"), line.train);
  describe_sweep(*app->add_subcommand("sweep", "Train and evaluate a table of experiments, and print it"),
                 line.sweep);
  describe_update(*app->add_subcommand("update", "Add new normal pictures and videos to what a model knows"),
                  line.update);
  describe_merge(*app->add_subcommand("merge", "Add up what several models know"), line.merge);
  describe_evaluate(*app->add_subcommand("evaluate", "Measure a model on labelled data"), line.evaluate);
  describe_calibrate(
      *app->add_subcommand("calibrate",
                           "Draw a model's thresholds anew, from new normal footage or, without "
                           "any, by another rule from the scores that they rest on"),
      line.calibrate);
  describe_predict(*app->add_subcommand("predict", "Judge pictures and videos"), line.predict);
  describe_render(*app->add_subcommand("render", "Show what a model reconstructs, as pictures"), line.render);
  describe_import(*app->add_subcommand("import", "Turn checkpoints of other projects into a model"),
                  line.import);
  describe_export(*app->add_subcommand("export", "Write a model as a file of another format"), line.exported);
  describe_info(*app->add_subcommand("info", "Tell what a model file holds"), line.info);
  describe_bench(*app->add_subcommand("bench", "Measure how fast a model judges on this machine"),
                 line.bench);
  for (CLI::App *command : app->get_subcommands([](CLI::App *) { return true; })) command->fallthrough();
  return app;
}

}  // namespace uniad
