// SPDX-License-Identifier: Apache-2.0
#include "training/train/train_command.h"

#include <map>
#include <regex>
#include <set>
#include <tuple>
#include <utility>

#include "model/base/error.h"
#include "model/config/taps.h"
#include "training/cli/options.h"

namespace uniad {
namespace {

// Parses "N" or "HxW" to height and width; absent if the text is neither.
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
         "Height and width of the network's input in pixels; the query and position tables are sized "
         "accordingly")
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
         "Attentions in which a token does not see its neighbors: none, all, or any of encoder, decoder "
         "(both of its attentions), decoder1, decoder2, separated by commas")
      ->type_name("NAME,...")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(one_of({"none", "encoder", "decoder", "decoder1", "decoder2", "all"}))
      ->default_str("all");
  app.add_option("--mask-size", options.mask_size, "Side length of that neighborhood, in tokens")
      ->type_name("N")
      ->check(from_to(1, 127))
      ->default_str("7");
}

// The options for the paper's experiments. `for_steps` contains those of the reconstruction network.
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
         "Backbone stages whose features are used, in ascending order, separated by commas (default: "
         "1,2,3,4; for a ResNet 1,2,3)")
      ->type_name("N,...")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(from_to(1, 5));
  add_input_size(app, options);
  add_choice(app, "--score", options.score, score_choices(), "max",
             "How the anomaly map is reduced to the score of a picture; max is the maximum of its 16x16 "
             "average pooling");
  add_named_choice(app, "--network", options.network,
                   Choices<NetworkName>{{NetworkName::UniAD, "uniad"},
                                        {NetworkName::Transformer, "transformer"},
                                        {NetworkName::Mlp, "mlp"},
                                        {NetworkName::Cnn, "cnn"}},
                   "Network that reconstructs the features: uniad, or a baseline of its paper: transformer "
                   "(one query, no mask, no jitter), mlp (one query, no jitter) or cnn (no jitter)")
      ->default_str("uniad");
  add_choice(app, "--queries", options.queries, query_choices(), "the network's",
             "Decoder layers that have a learned query (no layer, the first or each layer)");
  add_choice(app, "--decoder-variant", options.decoder_variant, variant_choices(), "a",
             "With a query for each layer: the inputs of the two attentions of a decoder layer, as in table "
             "A3 of the paper");
  app.add_option("--encoder-layers", options.encoder_layers, "Number of encoder layers")
      ->type_name("N")
      ->check(from_to(0, 12))
      ->default_str("4");
  app.add_option("--decoder-layers", options.decoder_layers, "Number of decoder layers")
      ->type_name("N")
      ->check(from_to(0, 12))
      ->default_str("4");
  add_mask(app, options);
  app.add_option("--jitter-scale", options.jitter_scale,
                 "Scale of the noise that training adds to every token, as a multiple of the token's norm "
                 "divided by its number of channels; 0 adds none")
      ->type_name("X")
      ->check(number_from_to(0, 1e6))
      ->default_str("20, of the others 0");
  app.add_option("--jitter-probability", options.jitter_probability, "Probability of adding that noise")
      ->type_name("P")
      ->check(number_from_to(0, 1))
      ->default_str("1");
  add_choice(app, "--jitter-per", options.jitter_per_token, {{false, "forward"}, {true, "token"}}, "forward",
             "Whether to decide on that noise for each forward pass or for each token");
  add_choice(app, "--position", options.position, position_choices(), "learned", "Position embedding");
  add_choice(app, "--norm", options.pre_norm, {{false, "post"}, {true, "pre"}}, "post",
             "Layer norm after or before attentions and feed-forward networks");
  add_choice(app, "--loss", options.loss, loss_choices(), "mse",
             "Distance between features and reconstruction, in training and in the anomaly map");
  app.add_option("--dropout", options.dropout, "Dropout probability in training (default: the recipe's)")
      ->type_name("P")
      ->check(number_from_to(0, 0.999));
  app.add_flag("--train-backbone", train_backbone, "Train the backbone too; features are then not cached");
}

// Rejects options that have no effect on the chosen network.
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
  if (!query_a_layer) refuse({"--decoder-variant"}, "requires a query for each layer: add --queries layer");
}

// Adds the options of the training steps.
void describe_learning(CLI::App &app, TrainOptions &options) {
  app.add_option("--lr", options.learning_rate, "Learning rate (default: the recipe's)")
      ->type_name("X")
      ->check(between(0, 10));
  add_named_choice(app, "--schedule", options.rate_schedule,
                   Choices<RateSchedule>{{RateSchedule::Constant, "constant"},
                                         {RateSchedule::Step, "step"},
                                         {RateSchedule::Cosine, "cosine"}},
                   "Learning rate schedule: constant, step (a tenth from --decay-epoch on) or cosine (down "
                   "to a hundredth at the end) (default: the recipe's)");
  app.add_option("--warmup", options.warmup_steps,
                 "Number of steps over which the learning rate rises from 0 (default: the recipe's)")
      ->type_name("N")
      ->check(at_least(0));
  app.add_option("--decay-epoch", options.decay_epoch,
                 "Epoch, counted from 0, at which --schedule step drops the learning rate (default: 801)")
      ->type_name("N")
      ->check(at_least(0));
  app.add_option("--weight-decay", options.weight_decay, "Weight decay of AdamW (default: 0.0001)")
      ->type_name("X")
      ->check(number_from_to(0, 10));
  app.add_option("--clip", options.clip,
                 "Maximum L2 norm of the gradient; a larger gradient is scaled down (default: the recipe's)")
      ->type_name("X")
      ->check(between(0, 1e9));
  app.add_option("--ema", options.average,
                 "Keep a moving average of the weights with this decay per step, and end with it")
      ->type_name("DECAY")
      ->check(between(0, 1));
  app.add_option_function<std::string>(
         "--augment", [&](const std::string &list) { options.augmentation = parse_augmentation(list); },
         "Augment the pictures in every epoch, each way with a probability of one half: any of flip-h, "
         "flip-v, rotate, color, separated by commas; features are then not cached")
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
             "Whether every picture or every source, however many pictures it has, is sampled equally often");
  add_named_choice(
      app, "--select", options.selection,
      Choices<Selection>{
          {Selection::Last, "last"}, {Selection::HeldBack, "held-back"}, {Selection::Test, "test"}},
      "Weights to end with: last, held-back (with the smallest loss on held-out normal data) or test (with "
      "the highest image AUROC on the test items, as in papers; metrics on the same items are then too "
      "optimistic)")
      ->type_name("BY")
      ->default_str("last");
  app.add_option("--validate-every", options.validate_every,
                 "Number of steps between two evaluations by --select")
      ->type_name("N")
      ->check(at_least(1))
      ->capture_default_str();
  app.add_option("--checkpoint-every", options.checkpoint_every,
                 "Number of steps between two checkpoints, MODEL.checkpoint.safetensors")
      ->type_name("N")
      ->check(at_least(1))
      ->capture_default_str();
  add_path(app, "--resume", options.resume,
           "Checkpoint to resume from; options and data must be the same as before");
  app.add_option("--worker-timeout", options.worker_timeout,
                 "Number of seconds that one of several processes (RANK, WORLD_SIZE, MASTER_ADDR, "
                 "MASTER_PORT) waits for the others")
      ->type_name("SECONDS")
      ->check(between(0, 1e6))
      ->capture_default_str();
  add_path(app, "--log", options.log,
           "Write the loss, gradient norm and learning rate of every step to this file as JSON lines");
  add_path(app, "--tensorboard", options.tensorboard,
           "Write the same, and the metric that --select uses, to this folder as TensorBoard events")
      ->type_name("DIR");
}

// Returns every option that affects what is learned, with its value.
std::map<std::string, std::string> identity_options(const CLI::App &app) {
  static const std::set<std::string> excluded{
      "--help",    "--config",      "--data",   "--image-dir",        "--zones",
      "--model",   "--weights",     "--resume", "--checkpoint-every", "--worker-timeout",
      "--log",     "--tensorboard", "--device", "--cache-memory",     "--cache-dir",
      "--no-cache"};
  std::map<std::string, std::string> all;
  for (const CLI::Option *option : app.get_options()) {
    if (excluded.contains(option->get_name())) continue;
    all[option->get_name()] =
        option->count() > 0 ? CLI::detail::join(option->results(), ",") : option->get_default_str();
  }
  return all;
}

void add_held_back(CLI::App &app, TrainOptions &options) {
  app.add_option("--held-back", options.held_back,
                 "Fraction of every source that is held out from training and used to compute the thresholds "
                 "(default: a tenth, or 20 pictures; with the recipe instant each fifth of the pictures in "
                 "turn, and all are learned from)")
      ->type_name("SHARE")
      ->check(between(0, 1));
  app.add_option("--report-outliers", options.report_outliers,
                 "Report this many of the normal pictures with the highest scores")
      ->type_name("N")
      ->check(at_least(1));
}

void add_cache(CLI::App &app, TrainCommand &command) {
  auto &cache = command.options.cache;
  app.add_option_function<std::uint64_t>(
         "--cache-memory", [&](std::uint64_t mebibytes) { cache.memory = mebibytes << 20U; },
         "Memory for cached features, in MiB (recipes fast and paper)")
      ->type_name("MIB")
      ->check(from_to(0, std::int64_t{1} << 30U))
      ->default_str(std::to_string(cache.memory >> 20U));
  auto *folder = add_path(app, "--cache-dir", cache.folder,
                          "Folder for cached features that do not fit in memory, and for later runs; reduced "
                          "to 20 GiB at the start of a run (default: $XDG_CACHE_HOME/uniad/features)");
  folder->type_name("DIR");
  app.add_flag_callback(
         "--no-cache", [&command] { command.keep_features = false; }, "Do not cache features on disk")
      ->excludes(folder);
}

}  // namespace

void describe_train(CLI::App &app, TrainCommand &command) {
  auto &options = command.options;
  add_data(app, "--data", command.data, command.image_dir, command.bit_depth);
  add_zones(app, command.zones);
  add_record(app, command.record_seconds);
  add_model(app, options.model, "Model file to write");
  app.add_option("--config",
                 "TOML file with these options under their names, such as batch = 16; the command line takes "
                 "precedence")
      ->type_name("FILE");
  add_named_choice(
      app, "--recipe", options.recipe,
      Choices<Recipe>{{Recipe::Instant, "instant"}, {Recipe::Fast, "fast"}, {Recipe::Paper, "paper"}},
      "How to learn: instant (statistics of normal features, no training steps), fast (UniAD in hundreds of "
      "steps, plus statistics of the features and of the residual of their reconstruction) or paper (UniAD, "
      "trained and scored as by its authors)")
      ->type_name("RECIPE")
      ->default_str("instant");
  auto names = backbone_names();
  names.insert(names.begin(), "auto");
  app.add_option("--backbone", options.backbone,
                 "Pretrained network that computes the features; auto is efficientnet-b4 if its weights are "
                 "found, otherwise efficientnet-lite2")
      ->type_name("NAME")
      ->check(one_of(names))
      ->default_str("auto");
  add_path(
      app, "--weights", options.weights,
      "Weight file of the backbone (default: searched for in $UNIAD_WEIGHTS_DIR, then in the user's cache)");
  auto *steps = app.add_option("--steps", options.steps, "Number of training steps (default: the recipe's)");
  steps->type_name("N")->check(at_least(1));
  app.add_option("--epochs", options.epochs, "Number of passes over the data, instead of --steps")
      ->type_name("N")
      ->check(at_least(1))
      ->excludes(steps);
  describe_network(app, options.network, options.train_backbone);
  add_batch(app, options.batch);
  describe_learning(app, options);
  app.add_flag("--whiten", options.whiten, "Let the network reconstruct whitened features (recipe fast)");
  add_device(app, options.device, options.precision, {"fp32", "bf16"});
  app.add_option("--seed", options.seed, "Random seed")
      ->type_name("N")
      ->check(at_least(0))
      ->capture_default_str();
  add_max_frames(app, command.max_frames);
  add_named_choice(
      app, "--motion", options.motion, motion_choices(),
      "Whether the motion in videos is judged, too: auto, on or off; auto: if at least a minute of it "
      "was learned and most of the scene usually stands still")
      ->default_str("auto");
  add_held_back(app, options);
  add_cache(app, command);
  add_threshold(app, options.threshold, command.frame_rate, "mean + 4 standard deviations");
  app.final_callback([&app, &command, &options] {
    if (options.whiten && options.recipe != Recipe::Fast)
      throw CLI::ValidationError("--whiten", "only the recipe fast whitens: add --recipe fast");
    options.identity_options = identity_options(app);
    if (options.train_backbone && options.recipe != Recipe::Paper)
      throw CLI::ValidationError("--train-backbone",
                                 "the other recipes require a fixed backbone: add --recipe paper");
    if (options.train_backbone && options.selection != Selection::Last)
      throw CLI::ValidationError(
          "--select", "cannot be combined with --train-backbone, whose features change in training");
    check_network(app, options.network);
    if (!command.zones.empty() && options.train_backbone)
      throw CLI::ValidationError("--zones",
                                 "cannot be combined with --train-backbone, which has no way to hide "
                                 "ignored parts from the network: leave one of them out");
    if (!command.zones.empty() && options.augmentation.any())
      throw CLI::ValidationError("--zones",
                                 "cannot be combined with --augment, which moves the picture but "
                                 "not the zones: leave one of them out");
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

}  // namespace uniad
