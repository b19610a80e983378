// SPDX-License-Identifier: Apache-2.0
#include "model/engine/detector.h"

#include <torch/torch.h>

#include <algorithm>
#include <future>
#include <map>
#include <mutex>
#include <utility>

#include "model/engine/calibration.h"
#include "model/engine/live_learning.h"
#include "model/error.h"
#include "model/file/network_tensors.h"
#include "model/file/weights.h"
#include "model/network.h"

namespace uniad {
namespace {

torch::ScalarType choose_precision(const std::string &precision) {
  if (precision == "auto" || precision == "fp32") return torch::kFloat32;
  if (precision == "bf16") return torch::kBFloat16;
  throw Error("precision", "unknown value '" + precision + "'", "use auto, fp32 or bf16");
}

void require_cpu(const std::string &device) {
  if (device == "auto" || device == "cpu") return;
  if (device.starts_with("cuda"))
    throw Error(device, "this build has no CUDA module", "use device=cpu or device=auto");
  throw Error("device", "unknown value '" + device + "'", "use auto, cpu or cuda:N");
}

// What a frame looked like to the statistics.
struct Impression {
  torch::Tensor features;  // (channels, rows, columns)
  std::int64_t cluster = 0;
};

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

// Runs each batch on the caller's thread. One at a time: LibTorch's own threads already fill the machine.
class CpuDetector : public Detector {
 public:
  CpuDetector(Model model, const std::filesystem::path &path, torch::ScalarType precision, double adapt_rate)
      : path_(path),
        config_(model.config),
        precision_(precision),
        adapt_rate_(adapt_rate),
        calibration_(std::make_shared<Calibration>(model.calibration)),
        preprocessor_(model.config.input),
        network_(make_network(model, path.string())) {
    network_->set_precision(precision);
    if (network_->statistics) network_->statistics->adapt(adapt_rate_ > 0);
    if (config_.statistics) statistics_ = load_statistics(model.tensors, config_.statistics->residuals);
    if (!std::filesystem::exists(path)) begun_ = std::move(model);
  }

  void submit(std::span<const FrameView> frames, Done done) override {
    std::vector<Detection> detections;
    std::exception_ptr error;
    try {
      const std::scoped_lock lock(mutex_);
      const c10::InferenceMode inference;
      detections = learning_ ? learn_from(frames) : judge(frames);
    } catch (...) {
      error = std::current_exception();  // handed to `done`, which is the caller's catch
    }
    done(detections, error);
  }

  void learn(const LearnOptions &options) override {
    const std::scoped_lock lock(mutex_);
    if (options.frames < 1) throw Error("learn", "no frames are wanted", "learn from one or more");
    const bool can_learn = begun_ || config_.statistics;
    if (!can_learn) {
      throw Error(path_.string(), "has no statistics of what is normal that frames could be added to",
                  "train it with --recipe instant or fast");
    }
    if (learning_) throw Error(path_.string(), "learns already", "wait until it has finished");
    learning_.emplace(options, current_statistics(), config_.statistics.value_or(StatisticsConfig{}));
  }

  std::optional<Learning> finish_learning() override {
    const std::scoped_lock lock(mutex_);
    const c10::InferenceMode inference;
    if (!learning_) return std::nullopt;
    return take_in();
  }

  void follow(const Detection &normal) override {
    if (!normal.impression) return;
    const std::scoped_lock lock(mutex_);
    const c10::InferenceMode inference;
    const auto &impression = *static_cast<const Impression *>(normal.impression.get());
    if (network_->statistics && impression.cluster < network_->statistics->clusters()) {
      network_->statistics->follow(impression.features, impression.cluster, watching_rate(adapt_rate_));
    }
  }

  double drift() const override {
    const std::scoped_lock lock(mutex_);
    const c10::InferenceMode inference;
    return network_->statistics ? network_->statistics->drift() : 0;
  }

  void save(const std::filesystem::path &path) override {
    const std::scoped_lock one_at_a_time(saving_);
    Model model = begun_ ? *begun_ : read_model(path_);
    {
      const std::scoped_lock lock(mutex_);
      const Statistics statistics = current_statistics();
      if (statistics.empty())
        throw Error(path.string(), "nothing was learned that could be saved", "learn first");
      if (!model.config.statistics) model.config.statistics.emplace();
      model.config.statistics->clusters = static_cast<int>(statistics.size());
      store_statistics(statistics, model.tensors);
      model.calibration = *calibration_;
      for (const auto &[source, frames] : learned_) add_source(model.provenance, source, frames);
      learned_.clear();
    }
    if (begun_) begun_->provenance = model.provenance;
    write_model(model, path);
  }

  const ModelConfig &config() const override { return config_; }

  std::shared_ptr<const Calibration> calibration() const override {
    const std::scoped_lock lock(mutex_);
    return calibration_;
  }

  std::string description() const override {
    return config_.backbone.name + " at " + std::to_string(config_.input.width) + "x" +
           std::to_string(config_.input.height) + ", cpu, " +
           (precision_ == torch::kFloat32 ? "fp32" : "bf16");
  }

 private:
  bool learns_residuals() const { return config_.statistics && config_.statistics->residuals; }

  static void add_source(Provenance &provenance, const std::string &source, std::int64_t frames) {
    const auto known = std::find_if(provenance.sources.begin(), provenance.sources.end(),
                                    [&](const SourceProvenance &other) { return other.name == source; });
    if (known == provenance.sources.end())
      provenance.sources.push_back({source, "live", frames, 0});
    else
      known->trained += frames;
  }

  torch::Tensor features_of(std::span<const FrameView> frames) {
    const auto count = static_cast<std::int64_t>(frames.size());
    const std::int64_t pixels = std::int64_t{config_.input.height} * config_.input.width;
    const torch::Tensor images = torch::empty({count, 3, config_.input.height, config_.input.width});
    for (std::int64_t i = 0; i < count; ++i) {
      preprocessor_.run(frames[static_cast<std::size_t>(i)],
                        {images.data_ptr<float>() + i * 3 * pixels, static_cast<std::size_t>(3 * pixels)});
    }
    return network_->features(
        images.to(precision_, /*non_blocking=*/false, /*copy=*/false, torch::MemoryFormat::ChannelsLast));
  }

  std::vector<Detection> judge(std::span<const FrameView> frames) {
    if (!network_->reconstruction && !network_->statistics)
      throw Error(path_.string(), "nothing was learned yet", "learn from the camera first");
    const Judgement judgement = network_->judge_features(features_of(frames));
    std::vector<Detection> detections;
    for (Grid &grid : to_grids(judgement.grid)) {
      Detection detection;
      detection.score = image_score(grid, config_.score);
      detection.grid = std::move(grid);
      if (network_->statistics) {
        const auto i = static_cast<std::int64_t>(detections.size());
        detection.scene_distance = judgement.route.distance[i].item<float>();
        detection.impression = std::make_shared<Impression>(
            Impression{judgement.features[i], judgement.route.cluster[i].item<std::int64_t>()});
      }
      detections.push_back(std::move(detection));
    }
    return detections;
  }

  std::vector<Detection> learn_from(std::span<const FrameView> frames) {
    std::vector<Detection> detections;
    for (const FrameView &frame : frames) {
      if (!learning_) {  // the batch held more than was wanted
        detections.push_back(judge({&frame, 1}).front());
        continue;
      }
      const torch::Tensor features = features_of({&frame, 1});
      learning_->add(features, learns_residuals() ? network_->residuals(features) : torch::Tensor());
      Detection detection;
      detection.learning = learning_->complete() ? take_in_or_say_why_not() : learning_->progress();
      detections.push_back(std::move(detection));
    }
    return detections;
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
    const std::unique_ptr<const LiveLearning> learning =
        std::make_unique<LiveLearning>(std::move(*learning_));
    learning_.reset();
    LiveLearning::Outcome outcome = learning->finish(config_.score);
    network_->statistics.emplace(outcome.statistics, config_.statistics.value_or(StatisticsConfig{}));
    network_->statistics->adapt(adapt_rate_ > 0);
    statistics_ = std::move(outcome.statistics);
    calibration_ = std::make_shared<Calibration>(combine(*calibration_, outcome.calibration));
    learned_[learning->source()] += outcome.learning.frames;
    if (const auto *normal = calibration_->find(learning->source())) outcome.learning.normal = *normal;
    return outcome.learning;
  }

  // With the means where they have drifted to, where they may.
  Statistics current_statistics() const {
    return network_->statistics ? network_->statistics->moved(statistics_) : statistics_;
  }

  const std::filesystem::path path_;
  const ModelConfig config_;  // as the model was opened: learning changes the number of clusters alone
  const torch::ScalarType precision_;
  const double adapt_rate_;
  std::mutex saving_;           // one file is written at a time
  std::optional<Model> begun_;  // a model that had no file when it was opened
  // Guards what follows: preprocessor's buffers, network and statistics serve one batch at a time.
  mutable std::mutex mutex_;
  std::shared_ptr<const Calibration> calibration_;
  Preprocessor preprocessor_;
  std::shared_ptr<Network> network_;
  Statistics statistics_;
  std::optional<LiveLearning> learning_;
  std::map<std::string, std::int64_t> learned_;  // frames of each source, not saved yet
};

}  // namespace

std::shared_ptr<Detector> Detector::open(const std::filesystem::path &model, const DetectorOptions &options) {
  require_cpu(options.device);
  const torch::ScalarType precision = choose_precision(options.precision);
  const bool begin = !options.new_on_backbone.empty() && !std::filesystem::exists(model);
  return std::make_shared<CpuDetector>(begin ? begin_model(options.new_on_backbone) : read_model(model),
                                       model, precision, options.adapt_rate);
}

std::vector<Detection> Detector::detect(std::span<const FrameView> frames) {
  std::promise<std::vector<Detection>> promise;
  submit(frames, [&promise](std::span<const Detection> detections, std::exception_ptr error) {
    if (error) {
      promise.set_exception(std::move(error));
    } else {
      promise.set_value({detections.begin(), detections.end()});
    }
  });
  return promise.get_future().get();
}

}  // namespace uniad
