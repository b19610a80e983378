// SPDX-License-Identifier: Apache-2.0
#include "model/engine/detector.h"

#include <torch/torch.h>

#include <algorithm>
#include <mutex>
#include <system_error>
#include <utility>

#include "model/base/error.h"
#include "model/engine/cuda_module.h"
#include "model/engine/engine.h"
#include "model/engine/image_part.h"
#include "model/engine/judged_frames.h"
#include "model/engine/learned_sources.h"
#include "model/engine/learner.h"
#include "model/engine/learning_base.h"
#include "model/engine/live_learning.h"
#include "model/engine/model_store.h"
#include "model/engine/new_model.h"
#include "model/engine/zones_in_force.h"
#include "model/file/fingerprint.h"
#include "model/file/interrupted_learning.h"
#include "model/file/model_statistics.h"
#include "model/file/writable.h"
#include "model/scoring/anomaly_map.h"
#include "model/scoring/calibration.h"
#include "model/statistics/one_torch_thread.h"
#include "model/statistics/routed_gaussians.h"

namespace uniad {
namespace {

double watching_rate(double adapt_rate) {
  return adapt_rate > 0 ? adapt_rate : 0.01;
}

// A Detector that judges frames with a shared Engine, and learns into its model.
class EngineDetector final : public Detector, private LearningModel {
 public:
  EngineDetector(std::filesystem::path path, const DetectorOptions &options)
      : path_(std::move(path)),
        batch_{options.batch_size, options.batch_timeout},
        adapt_rate_(options.adapt_rate),
        tell_(options.tell),
        save_again_after_(options.save_again_after),
        keep_interval_(options.keep_interval),
        store_(model_store_of(path_)) {
    std::error_code unreadable;
    const bool begins = !std::filesystem::exists(path_, unreadable) &&
                        (!options.new_on_backbone.empty() || store_->has_unsaved());
    if (begins) {
      begun_ = begin_model(options.new_on_backbone.empty() ? "auto" : options.new_on_backbone);
      engine_ = Engine::of_new_model(*begun_, path_.string(), options.device, options.precision);
    } else {
      learned_.use(read_model_header(path_).provenance);
      engine_ = Engine::of_file(path_, options.device, options.precision);
    }
    can_learn_ = begins || engine_->config().statistics.has_value();
    if (options.device == "auto") gpu_warning_ = cuda_unavailable_warning();
    stream_ = engine_->open_stream();
    calibration_ = std::make_shared<Calibration>(engine_->calibration());
    const ModelConfig &config = engine_->config();
    shape_ = shape_of_grids(config);
    scorer_.emplace(shape_.width, shape_.height, config.score);
    learned_.use(engine_->health());
    learned_.use(engine_->motion());
    in_file_ = engine_->known();
    if (engine_->statistics()) {
      gaussians_ = *engine_->statistics();
      gaussians_->adapt(adapt_rate_ > 0);
    }
    if (store_->has_unsaved()) take_over_unsaved();
  }

  // Stops the learner first, while the members that it uses still exist.
  ~EngineDetector() override { learner_.reset(); }

  void detect(std::span<const FrameView> frames, std::vector<Detection> &detections) override {
    const std::scoped_lock one_call_at_a_time(detecting_);
    const c10::InferenceMode inference;
    const std::shared_ptr<ZonesInForce> zones = zones_in_force();
    tokens_.resize(std::max(tokens_.size(), frames.size()));
    detections.resize(frames.size());
    // Frames after the one that completes learning are judged by what was learned.
    pictures_.assign(frames.size(), {});
    for (std::size_t i = 0; i < frames.size(); ++i)
      pictures_[i] = {&frames[i], &tokens_[i], nullptr, &detections[i].luma};
    if (zones) zones->paint(pictures_);
    stream_->run(pictures_, batch_);
    if (zones) zones->painted();
    for (std::size_t i = 0; i < frames.size(); ++i) {
      if (pictures_[i].failure) std::rethrow_exception(pictures_[i].failure);
      detections[i].unjudged = false;
      if (learns_from(tokens_[i], detections[i].luma, frames[i], zones.get())) {
        detections[i] = {};
        detections[i].unjudged = true;
        continue;
      }
      const std::scoped_lock lock(mutex_);
      judge(tokens_[i], zones.get(), detections[i]);
    }
  }

  void pause() override { stream_->pause(); }

  std::vector<std::string> set_zones(Zones zones) override {
    std::shared_ptr<ZonesInForce> in_force;
    if (!zones.empty()) in_force = std::make_shared<ZonesInForce>(std::move(zones), engine_->config());
    std::vector<std::string> warnings;
    if (in_force) warnings = warnings_about(*in_force->grid());
    const std::scoped_lock lock(mutex_);
    zones_ = std::move(in_force);
    return warnings;
  }

  void set_source(const std::string &source) override {
    const std::scoped_lock lock(mutex_);
    source_ = source;
  }

  bool learn(const LearnOptions &options) override {
    if (options.frames < 1 && options.time.count() <= 0)
      throw Error(ErrorKind::InvalidArgument, "learn", "no frames are wanted",
                  "learn from one or more, or for some time");
    if (!can_learn_) {
      throw Error(ErrorKind::InvalidArgument, path_.string(),
                  "has no statistics of what is normal that frames could be added to",
                  "train it with --recipe instant or fast");
    }
    if (options.once && calibration()->sources.contains(options.source) &&
        !store_->has_interrupted(options.source))
      return false;
    if (!learner().learn(options))
      throw Error(ErrorKind::InvalidArgument, path_.string(), "is already learning",
                  "wait until it has finished");
    return true;
  }

  void end_learning() override {
    if (Learner *learner = learner_if_any()) learner->end();
  }

  void update_means(const Detection &normal) override {
    const std::scoped_lock lock(mutex_);
    const JudgedFrame *judged = judged_.find(normal.frame_id);
    if (!gaussians_ || judged == nullptr) return;
    if (judged->cluster >= static_cast<std::size_t>(gaussians_->clusters())) return;
    std::span<const std::uint8_t> cells;
    if (judged->zones) cells = judged->zones->kept.cells;
    gaussians_->update_means(judged->features, judged->cluster, watching_rate(adapt_rate_), cells);
  }

  double drift() const override {
    const std::scoped_lock lock(mutex_);
    const c10::InferenceMode inference;
    return gaussians_ ? gaussians_->drift() : 0;
  }

  void save() override {
    const std::scoped_lock one_at_a_time(saving_);
    save_what_was_learned();
    Addition moves;
    moves.network = engine_->network();
    {
      const Statistics in_file = statistics_of(read_model(path_));
      const std::scoped_lock lock(mutex_);
      const c10::InferenceMode inference;
      if (!gaussians_)
        throw Error(ErrorKind::InvalidArgument, path_.string(), "nothing was learned that could be saved",
                    "learn first");
      moves.base = in_file_;
      if (identity_of(in_file) == in_file_ && !known_) known_ = in_file;
      moves.whole = known_ ? gaussians_->with_adapted_means(*known_) : in_file;
    }
    add_to_file(path_, moves);
    const std::scoped_lock lock(mutex_);
    in_file_ = identity_of(moves.whole);
  }

  const ModelConfig &config() const override { return engine_->config(); }

  std::shared_ptr<const Calibration> calibration() const override {
    const std::scoped_lock lock(mutex_);
    return calibration_;
  }

  double aspect_ratio(const std::string &source) const override {
    const std::scoped_lock lock(mutex_);
    return learned_.aspect_ratio(source);
  }

  std::shared_ptr<const HealthReference> health_reference(const std::string &source) const override {
    const std::scoped_lock lock(mutex_);
    return learned_.health(source);
  }

  std::shared_ptr<const MotionReference> motion_reference(const std::string &source) const override {
    const std::scoped_lock lock(mutex_);
    return learned_.motion(source);
  }

  std::string description() const override {
    const ModelConfig &config = engine_->config();
    return config.backbone.name + " at " + std::to_string(config.input.width) + "x" +
           std::to_string(config.input.height) + ", " + engine_->description();
  }

  std::string warning() const override {
    if (!unsaved_warning_.empty()) return unsaved_warning_;
    return gpu_warning_.empty() ? engine_->warning() : gpu_warning_;
  }

 private:
  Learner &learner() {
    const std::scoped_lock lock(mutex_);
    if (!learner_)
      learner_ = std::make_unique<Learner>(static_cast<LearningModel &>(*this), tell_, save_again_after_,
                                           keep_interval_);
    return *learner_;
  }

  Learner *learner_if_any() const {
    const std::scoped_lock lock(mutex_);
    return learner_.get();
  }

  std::shared_ptr<ZonesInForce> zones_in_force() const {
    const std::scoped_lock lock(mutex_);
    return zones_;
  }

  // The model of the file, with what is not in the file yet.
  Model whole_model() const {
    std::error_code unreadable;
    Model model = begun_ && !std::filesystem::exists(path_, unreadable) ? *begun_ : read_model(path_);
    if (network_fingerprint(model) != engine_->network()) {
      throw Error(ErrorKind::InvalidArgument, path_.string(),
                  "was replaced by a model with another network since it was opened",
                  "start the pipeline again, to learn on top of what it holds now");
    }
    store_->complete(model);
    return model;
  }

  // Puts in force what other detectors in this process learned and could not save.
  void take_over_unsaved() {
    try {
      const OneTorchThread one_thread;
      const c10::InferenceMode inference;
      put_in_force(whole_model());
    } catch (const Error &error) {
      unsaved_warning_ = std::string("What was learned and could not be saved is lost: ") + error.what();
      store_->forget_unsaved();
      return;
    }
    learner();  // it retries saving
  }

  // The caller must hold the mutex.
  void set_gaussians(RoutedGaussians gaussians) {
    gaussians_ = std::move(gaussians);
    ++gaussians_number_;
  }

  // model: includes everything that is in its file or will be saved to it.
  void put_in_force(const Model &model) {
    Statistics known = statistics_of(model);
    RoutedGaussians gaussians(known, model.config.statistics.value_or(StatisticsConfig{}));
    gaussians.adapt(adapt_rate_ > 0);
    const std::scoped_lock lock(mutex_);
    set_gaussians(std::move(gaussians));
    in_file_ = identity_of(known);
    known_ = std::move(known);
    calibration_ = std::make_shared<Calibration>(model.calibration);
    learned_.use(model.health);
    learned_.use(model.motion);
    learned_.use(model.provenance);
  }

  // Returns whether the frame is not judged, because it is learned from or because there are no statistics
  // yet.
  bool learns_from(Tokens &tokens, const GrayPicture &luma, const FrameView &frame,
                   const ZonesInForce *zones) {
    Learner *learner = learner_if_any();
    const Learner::Phase phase = learner != nullptr ? learner->phase() : Learner::Phase::Over;
    if (phase == Learner::Phase::Gathering) {
      {
        const std::scoped_lock lock(mutex_);
        learned_ratio_ = static_cast<double>(frame.width) / frame.height;
      }
      if (zones != nullptr) zones->fill_ignored(tokens);
      learner->add(std::move(tokens), luma, frame.time, frame.motion);
      return true;
    }
    if (!can_learn_ || engine_->config().reconstruction) return false;
    // A new model must report what it learned before it judges any frame.
    const std::scoped_lock lock(mutex_);
    return !gaussians_ || (phase == Learner::Phase::Fitting && !known_before_);
  }

  // zones: may be null.
  void judge(Tokens &tokens, ZonesInForce *zones, Detection &detection) {
    const ModelConfig &config = engine_->config();
    Grid &grid = detection.grid;
    grid.width = shape_.width;
    grid.height = shape_.height;
    grid.left = shape_.left;
    grid.top = shape_.top;
    grid.values.resize(static_cast<std::size_t>(grid.width) * static_cast<std::size_t>(grid.height));
    detection.scene_distance = 0;
    std::optional<float> distance;  // of the picture as a whole
    if (gaussians_) {
      const Scene scene = zones != nullptr ? zones->scene_of(*gaussians_, gaussians_number_, tokens, scratch_)
                                           : gaussians_->scene_of(tokens.features, scratch_);
      gaussians_->measure(tokens.features, tokens.residuals, scene.cluster, grid.values, scratch_);
      detection.scene_distance = scene.distance;
      if (gaussians_->measures_images()) distance = scene.image;
      JudgedFrame &judged = judged_.next();
      detection.frame_id = judged.id;
      judged.cluster = scene.cluster;
      judged.features.swap(tokens.features);
      judged.zones = zones != nullptr ? zones->grid() : nullptr;
    } else {
      anomaly_values(config.reconstruction->loss, tokens.features, tokens.residuals, grid.values);
    }
    detection.zones.reset();
    detection.part_scores.clear();
    if (zones != nullptr)
      zones->score(detection);
    else
      detection.score = scorer_->score(grid);
    add_image_part(calibration_->find(source_), distance, detection);
  }

  // Functions of LearningModel, called on the learner's thread.

  std::unique_ptr<LiveLearning> begin_learning(const LearnOptions &options,
                                               LearningProgress &begun) override {
    const OneTorchThread one_thread;
    const c10::InferenceMode inference;
    const ModelConfig &config = engine_->config();
    check_writable(path_, "model");
    const Model model = whole_model();
    Statistics known = statistics_of(model);
    base_ = identity_of(known);
    base_calibration_ = model.calibration;
    base_health_ = model.health;
    base_motion_ = model.motion;
    {
      const std::scoped_lock lock(mutex_);
      known_before_ = gaussians_.has_value();
      if (base_ == in_file_ && gaussians_) {
        if (!known_) known_ = known;
        known = gaussians_->with_adapted_means(*known_);
      }
    }
    const auto begin = [&] {
      return std::make_unique<LiveLearning>(
          options, known, model.config.statistics.value_or(StatisticsConfig{}), config.input.height / 16,
          config.input.width / 16, base_motion_[options.source]);
    };
    auto learning = begin();
    try {
      const auto interrupted = store_->interrupted(options.source);
      if (!interrupted) return learning;
      require_base(*interrupted, {engine_->network(), base_}, path_.string());
      learning->restore(*interrupted);
      begun.warnings.push_back("learning resumes at " + learning->progress().progress_text());
    } catch (const Error &error) {
      begun.failure = "Learning of \"" + options.source + "\" starts anew, as what was kept in " +
                      interrupted_learning_path(path_, options.source).string() +
                      " cannot be used: " + error.what() + ". That file will be overwritten.";
      learning = begin();
    }
    return learning;
  }

  LearningProgress adopt(const LiveLearning &learning) override {
    const c10::InferenceMode inference;
    const OneTorchThread one_thread;
    const std::shared_ptr<const ZonesInForce> zones = zones_in_force();
    LiveLearning::Outcome outcome = learning.finish(engine_->config().score, rule_of(base_calibration_.rule),
                                                    zones ? zones->grid().get() : nullptr);
    RoutedGaussians gaussians(outcome.statistics, engine_->config().statistics.value_or(StatisticsConfig{}));
    gaussians.adapt(adapt_rate_ > 0);
    auto calibration = std::make_shared<Calibration>(combine(base_calibration_, outcome.calibration));
    if (const auto *normal = calibration->find(learning.source())) outcome.learning.normal = *normal;
    double ratio = 0;
    {
      const std::scoped_lock lock(mutex_);
      ratio = learned_ratio_;
      learned_.set_aspect_ratio(learning.source(), ratio);
    }
    store_->add({engine_->network(),
                 base_,
                 outcome.statistics,
                 std::move(outcome.gained),
                 std::move(outcome.calibration),
                 {{learning.source(), "live", outcome.learning.frames, 0, ratio}},
                 {{learning.source(), outcome.health}},
                 {{learning.source(), outcome.motion}}});
    const std::scoped_lock lock(mutex_);
    merge_into(base_health_, {{learning.source(), std::move(outcome.health)}});
    merge_into(base_motion_, {{learning.source(), std::move(outcome.motion)}});
    learned_.use(base_health_);
    learned_.use(base_motion_);
    set_gaussians(std::move(gaussians));
    known_ = std::move(outcome.statistics);
    calibration_ = std::move(calibration);
    return outcome.learning;
  }

  TensorFile snapshot(const LiveLearning &learning) override {
    const c10::InferenceMode inference;
    TensorFile stored = learning.store();
    store_base({engine_->network(), base_}, stored);
    return stored;
  }

  std::filesystem::path keep(const std::string &source, TensorFile snapshot) override {
    const bool in_file = store_->keep_interrupted(source, std::move(snapshot));
    return in_file ? interrupted_learning_path(path_, source) : std::filesystem::path();
  }

  void save_learned() override {
    const std::scoped_lock one_at_a_time(saving_);
    save_what_was_learned();
  }

  bool has_unsaved() const override { return store_->has_unsaved(); }

  // This also puts in force what others have written in the meantime.
  void save_what_was_learned() {
    if (!store_->has_unsaved()) return;
    const c10::InferenceMode inference;
    const OneTorchThread one_thread;
    const Model model = store_->save(begun_ ? &*begun_ : nullptr);
    const std::uint64_t saved = identity_of(statistics_of(model));
    {
      const std::scoped_lock lock(mutex_);
      in_file_ = saved;
      if (known_ && identity_of(*known_) == saved) return;
    }
    put_in_force(model);
  }

  const std::filesystem::path path_;
  const BatchOptions batch_;
  const double adapt_rate_;
  const std::function<void(const LearningProgress &)> tell_;
  const std::chrono::nanoseconds save_again_after_;
  const std::chrono::nanoseconds keep_interval_;
  const std::shared_ptr<ModelStore> store_;
  std::optional<Model> begun_;  // a model that had no file when it was opened
  std::shared_ptr<Engine> engine_;
  bool can_learn_ = false;
  std::unique_ptr<Executor::Stream> stream_;
  Grid shape_;                   // of each anomaly grid, without values
  std::string gpu_warning_;      // why device=auto did not select the GPU
  std::string unsaved_warning_;  // why what others learned is lost
  std::mutex saving_;            // one file is written at a time
  std::mutex detecting_;         // guards the two members below, which belong to one call of detect()
  std::vector<Tokens> tokens_;
  std::vector<Picture> pictures_;
  // What is being extended by learning; used by the learner's thread only.
  std::uint64_t base_ = 0;  // identity_of() the statistics
  Calibration base_calibration_;
  HealthReferences base_health_;
  MotionReferences base_motion_;
  mutable std::mutex mutex_;  // guards what follows
  std::shared_ptr<const Calibration> calibration_;
  std::string source_;
  std::optional<RoutedGaussians> gaussians_;
  std::uint64_t gaussians_number_ = 0;   // changes whenever `gaussians_` is replaced
  std::shared_ptr<ZonesInForce> zones_;  // null: none
  TokenGaussian::Scratch scratch_;
  std::optional<Scorer> scorer_;
  JudgedFrames judged_;
  std::optional<Statistics> known_;  // the statistics of `gaussians_`; read from the file when needed
  LearnedSources learned_;
  double learned_ratio_ = 0;   // of the newest frame that was learned from
  std::uint64_t in_file_ = 0;  // identity_of() the statistics that were last the same here and in the file
  bool known_before_ = false;  // there were statistics when learning began
  std::unique_ptr<Learner> learner_;
};

}  // namespace

std::shared_ptr<Detector> Detector::open(const std::filesystem::path &model, const DetectorOptions &options) {
  return std::make_shared<EngineDetector>(model, options);
}

}  // namespace uniad
