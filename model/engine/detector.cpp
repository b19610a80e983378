// SPDX-License-Identifier: Apache-2.0
#include "model/engine/detector.h"

#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <mutex>
#include <utility>

#include "model/backbone/displacement.h"
#include "model/engine/anomaly_map.h"
#include "model/engine/calibration.h"
#include "model/engine/cuda_module.h"
#include "model/engine/engine.h"
#include "model/engine/live_learning.h"
#include "model/error.h"
#include "model/file/network_tensors.h"
#include "model/file/weights.h"
#include "model/statistics/one_torch_thread.h"
#include "model/statistics/routed_gaussians.h"

namespace uniad {
namespace {

// A model that has learned nothing yet.
Model begin_model(const std::string &wanted_backbone) {
  const std::string backbone = choose_backbone(wanted_backbone);
  const std::filesystem::path file = need_weight_file(backbone);
  BackboneWeights weights = read_backbone_weights(file, backbone);
  Model model;
  model.config = config_on(weights);
  model.config.reconstruction.reset();
  model.provenance.recipe = "instant";
  model.provenance.weight_file = file.filename().string();
  model.provenance.weight_licence = weights.licence;
  const auto needed = backbone_tensors(model.config.backbone);
  for (auto &[name, tensor] : weights.tensors)
    if (needed.contains(name)) model.tensors.emplace("backbone." + name, std::move(tensor));
  return model;
}

double watching_rate(double adapt_rate) {
  return adapt_rate > 0 ? adapt_rate : 0.01;
}

// What follow() needs of a frame.
struct Judged {
  std::uint64_t number = 0;
  std::size_t cluster = 0;
  std::vector<float> features;
};

// Where this installation has the CUDA module, and cannot use it.
std::string why_not_the_gpu() {
  std::string why;
  if (!has_cuda_module() || cuda_usable(&why)) return {};
  return "device=auto: " + why + "; the CPU is used.";
}

class EngineDetector : public Detector {
 public:
  EngineDetector(std::filesystem::path path, const DetectorOptions &options)
      : path_(std::move(path)),
        batch_{options.batch_size, options.batch_timeout},
        adapt_rate_(options.adapt_rate) {
    if (!options.new_on_backbone.empty() && !std::filesystem::exists(path_)) {
      begun_ = begin_model(options.new_on_backbone);
      engine_ = Engine::of_new_model(*begun_, path_.string(), options.device, options.precision);
    } else {
      opened_ = state_of(path_);
      for (const SourceProvenance &source : read_model_header(path_).provenance.sources)
        aspect_ratios_[source.name] = source.aspect_ratio;
      engine_ = Engine::of_file(path_, options.device, options.precision);
    }
    if (options.device == "auto") gpu_remark_ = why_not_the_gpu();
    stream_ = engine_->open_stream();
    calibration_ = std::make_shared<Calibration>(engine_->calibration());
    const ModelConfig &config = engine_->config();
    scorer_.emplace(config.input.width / 16, config.input.height / 16, config.score);
    origin_ = grid_origin(config);
    if (engine_->statistics()) {
      gaussians_ = *engine_->statistics();
      gaussians_->adapt(adapt_rate_ > 0);
    }
  }

  void detect(std::span<const FrameView> frames, std::vector<Detection> &detections) override {
    const std::scoped_lock one_call_at_a_time(detecting_);
    const c10::InferenceMode inference;
    tokens_.resize(std::max(tokens_.size(), frames.size()));
    detections.resize(frames.size());
    // Frames behind the one that ends learning are judged by what was learned.
    pictures_.assign(frames.size(), {});
    for (std::size_t i = 0; i < frames.size(); ++i) pictures_[i] = {&frames[i], &tokens_[i], nullptr};
    stream_->run(pictures_, batch_);
    for (std::size_t i = 0; i < frames.size(); ++i) {
      if (pictures_[i].failure) std::rethrow_exception(pictures_[i].failure);
      const std::scoped_lock lock(mutex_);
      detections[i].learning.reset();
      if (learning_) {
        learned_ratio_ = static_cast<double>(frames[i].width) / frames[i].height;
        learn_from(tokens_[i], frames[i].time, detections[i]);
      } else {
        judge(tokens_[i], detections[i]);
      }
    }
  }

  void pause() override { stream_->pause(); }

  void learn(const LearnOptions &options) override {
    const std::scoped_lock lock(mutex_);
    if (options.frames < 1 && options.time.count() <= 0)
      throw Error("learn", "no frames are wanted", "learn from one or more, or for some time");
    const bool can_learn = begun_ || engine_->config().statistics;
    if (!can_learn) {
      throw Error(path_.string(), "has no statistics of what is normal that frames could be added to",
                  "train it with --recipe instant or fast");
    }
    if (learning_) throw Error(path_.string(), "learns already", "wait until it has finished");
    learning_.emplace(options, current_statistics(),
                      engine_->config().statistics.value_or(StatisticsConfig{}));
  }

  std::optional<Learning> finish_learning() override {
    const std::scoped_lock lock(mutex_);
    const c10::InferenceMode inference;
    if (!learning_) return std::nullopt;
    return take_in();
  }

  void follow(const Detection &normal) override {
    const std::scoped_lock lock(mutex_);
    const Judged &judged = judged_[normal.number % judged_.size()];
    if (!gaussians_ || normal.number == 0 || judged.number != normal.number) return;
    if (judged.cluster < static_cast<std::size_t>(gaussians_->clusters()))
      gaussians_->follow(judged.features, judged.cluster, watching_rate(adapt_rate_));
  }

  double drift() const override {
    const std::scoped_lock lock(mutex_);
    const c10::InferenceMode inference;
    return gaussians_ ? gaussians_->drift() : 0;
  }

  void save(const std::filesystem::path &path) override {
    const std::scoped_lock one_at_a_time(saving_);
    Model model = begun_ ? *begun_ : read_model(path_);
    {
      const std::scoped_lock lock(mutex_);
      const Statistics statistics = current_statistics();
      if (statistics.empty())
        throw Error(path.string(), "nothing was learned that could be saved", "learn first");
      set_statistics(model, statistics);
      model.calibration = *calibration_;
      for (const auto &[source, frames] : learned_) add_source(model.provenance, source, frames);
      learned_.clear();
      for (SourceProvenance &source : model.provenance.sources) {
        const auto ratio = aspect_ratios_.find(source.name);
        if (ratio != aspect_ratios_.end()) source.aspect_ratio = ratio->second;
      }
    }
    if (begun_) begun_->provenance = model.provenance;
    write_model(model, path);
  }

  const ModelConfig &config() const override { return engine_->config(); }

  std::shared_ptr<const Calibration> calibration() const override {
    const std::scoped_lock lock(mutex_);
    return calibration_;
  }

  double aspect_ratio(const std::string &source) const override {
    const std::scoped_lock lock(mutex_);
    const auto own = aspect_ratios_.find(source);
    if (own != aspect_ratios_.end()) return own->second;
    double common = 0;
    for (const auto &[name, ratio] : aspect_ratios_) {
      if (common > 0 && !same_aspect_ratio(ratio, common)) return 0;
      common = ratio;
    }
    return common;
  }

  std::string description() const override {
    const ModelConfig &config = engine_->config();
    return config.backbone.name + " at " + std::to_string(config.input.width) + "x" +
           std::to_string(config.input.height) + ", " + engine_->description();
  }

  std::string remark() const override { return gpu_remark_.empty() ? engine_->remark() : gpu_remark_; }

 private:
  bool learns_residuals() const {
    return engine_->config().statistics && engine_->config().statistics->residuals;
  }

  static void add_source(Provenance &provenance, const std::string &source, std::int64_t frames) {
    const auto known = std::find_if(provenance.sources.begin(), provenance.sources.end(),
                                    [&](const SourceProvenance &other) { return other.name == source; });
    if (known == provenance.sources.end())
      provenance.sources.push_back({source, "live", frames, 0});
    else
      known->trained += frames;
  }

  void judge(Tokens &tokens, Detection &detection) {
    const ModelConfig &config = engine_->config();
    if (!config.reconstruction && !gaussians_)
      throw Error(path_.string(), "nothing was learned yet", "learn from the camera first");
    Grid &grid = detection.grid;
    grid.width = config.input.width / 16;
    grid.height = config.input.height / 16;
    grid.left = origin_.left;
    grid.top = origin_.top;
    grid.values.resize(static_cast<std::size_t>(grid.width) * static_cast<std::size_t>(grid.height));
    detection.scene_distance = 0;
    if (gaussians_) {
      const Scene scene = gaussians_->scene_of(tokens.features, scratch_);
      gaussians_->measure(tokens.features, tokens.residuals, scene.cluster, grid.values, scratch_);
      detection.scene_distance = scene.distance;
      detection.number = ++judged_frames_;
      Judged &judged = judged_[detection.number % judged_.size()];
      judged.number = detection.number;
      judged.cluster = scene.cluster;
      judged.features.swap(tokens.features);
    } else {
      anomaly_values(config.reconstruction->loss, tokens.features, tokens.residuals, grid.values);
    }
    detection.score = scorer_->score(grid);
  }

  void learn_from(const Tokens &tokens, std::optional<std::chrono::nanoseconds> time, Detection &detection) {
    const OneTorchThread one_thread;
    const ModelConfig &config = engine_->config();
    const std::int64_t rows = config.input.height / 16;
    const std::int64_t columns = config.input.width / 16;
    const auto as_map = [&](const std::vector<float> &values) {
      return torch::tensor(values).view({1, rows, columns, -1}).permute({0, 3, 1, 2}).contiguous();
    };
    learning_->add(as_map(tokens.features), learns_residuals() ? as_map(tokens.residuals) : torch::Tensor(),
                   time);
    detection.learning = learning_->complete() ? take_in_or_say_why_not() : learning_->progress();
    detection.number = 0;
    detection.grid = {};
    detection.score = 0;
    detection.scene_distance = 0;
  }

  Learning take_in_or_say_why_not() {
    Learning learning = learning_->progress();
    try {
      return take_in();
    } catch (const Error &error) {
      learning.finished = true;
      learning.failure = error.what();
      return learning;
    }
  }

  // What learning gathered is in force from now on.
  Learning take_in() {
    const OneTorchThread one_thread;
    const std::unique_ptr<const LiveLearning> learning =
        std::make_unique<LiveLearning>(std::move(*learning_));
    learning_.reset();
    LiveLearning::Outcome outcome = learning->finish(engine_->config().score, rule_of(calibration_->rule));
    gaussians_.emplace(outcome.statistics, engine_->config().statistics.value_or(StatisticsConfig{}));
    gaussians_->adapt(adapt_rate_ > 0);
    known_ = std::move(outcome.statistics);
    calibration_ = std::make_shared<Calibration>(combine(*calibration_, outcome.calibration));
    learned_[learning->source()] += outcome.learning.frames;
    aspect_ratios_[learning->source()] = learned_ratio_;
    if (const auto *normal = calibration_->find(learning->source())) outcome.learning.normal = *normal;
    return outcome.learning;
  }

  // What the model has learned, with the means where they have drifted to, where they may.
  Statistics current_statistics() {
    if (!gaussians_) return {};
    if (!known_) {
      if (state_of(path_) != opened_)
        throw Error(path_.string(), "was written by somebody else since it was opened",
                    "restart, to learn on top of what it holds now");
      known_ = load_statistics(read_model(path_).tensors, learns_residuals());
    }
    return gaussians_->moved(*known_);
  }

  const std::filesystem::path path_;
  const BatchOptions batch_;
  const double adapt_rate_;
  std::optional<Model> begun_;  // a model that had no file when it was opened
  FileState opened_;            // else the file that was
  std::shared_ptr<Engine> engine_;
  std::unique_ptr<Executor::Stream> stream_;
  std::string gpu_remark_;  // why device=auto is not the GPU
  std::mutex saving_;       // one file is written at a time
  std::mutex detecting_;    // guards the two below: one call's frames
  std::vector<Tokens> tokens_;
  std::vector<Picture> pictures_;
  mutable std::mutex mutex_;  // guards what follows
  std::shared_ptr<const Calibration> calibration_;
  std::optional<RoutedGaussians> gaussians_;
  TokenGaussian::Scratch scratch_;
  std::optional<Scorer> scorer_;
  GridOrigin origin_{};
  std::uint64_t judged_frames_ = 0;
  std::array<Judged, 2> judged_;     // the newest
  std::optional<Statistics> known_;  // what `gaussians_` was made from; read from the file when it is needed
  std::optional<LiveLearning> learning_;
  std::map<std::string, std::int64_t> learned_;  // frames of each source, not saved yet
  std::map<std::string, double> aspect_ratios_;  // of each source's pictures
  double learned_ratio_ = 0;                     // of the newest frame that was learned from
};

}  // namespace

std::shared_ptr<Detector> Detector::open(const std::filesystem::path &model, const DetectorOptions &options) {
  return std::make_shared<EngineDetector>(model, options);
}

std::optional<int> Detector::cuda_device(const std::string &device) {
  const std::string chosen = choose_device(device);
  if (chosen == "cpu") return std::nullopt;
  return cuda_device_number(chosen);
}

std::vector<Detection> Detector::detect(std::span<const FrameView> frames) {
  std::vector<Detection> detections;
  detect(frames, detections);
  for (const Detection &detection : detections)
    if (!std::isfinite(detection.score))
      throw Error("detect", "the score of a frame is no number", "the model file is damaged: train it again");
  return detections;
}

}  // namespace uniad
