// SPDX-License-Identifier: Apache-2.0
#include "training/train/fit.h"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <fstream>
#include <sstream>

#include "model/base/error.h"
#include "training/base/interrupt.h"
#include "training/metrics/metrics.h"
#include "training/train/event_file.h"

namespace uniad {
namespace {

constexpr std::int64_t report_interval = 25;  // number of steps whose mean loss is shown

std::string rounded(double value) {
  std::ostringstream text;
  text.precision(5);
  text << value;
  return text.str();
}

// Writes one JSON object per step. A resumed training appends to the existing file.
class StepLog {
 public:
  StepLog(const std::filesystem::path &path, bool append, const std::filesystem::path &tensorboard)
      : path_(path) {
    if (!tensorboard.empty()) events_.emplace(tensorboard);
    if (path.empty()) return;
    file_.open(path, append ? std::ios::app : std::ios::trunc);
    if (!file_)
      throw Error(ErrorKind::Unwritable, path.string(), "cannot be written",
                  "choose a file in a folder that exists");
  }
  void add_figure(std::int64_t step, const std::string &name, double value) {
    if (events_) events_->add(step, {{name, value}}, static_cast<double>(std::time(nullptr)));
  }
  void add(std::int64_t step, const StepResult &result, double rate) {
    if (events_)
      events_->add(step, {{"loss", result.loss}, {"gradient_norm", result.gradient_norm}, {"lr", rate}},
                   static_cast<double>(std::time(nullptr)));
    if (!file_.is_open()) return;
    file_ << R"({"step":)" << step << R"(,"loss":)" << result.loss << R"(,"gradient_norm":)"
          << result.gradient_norm << R"(,"lr":)" << rate << "}\n";
    if (!file_)
      throw Error(ErrorKind::Unwritable, path_.string(), "can no longer be written (disk full?)",
                  "free some disk space, then resume with --resume");
  }

 private:
  std::filesystem::path path_;
  std::ofstream file_;
  std::optional<EventFile> events_;
};

// Replaces the values of the parameters during its lifetime.
class ScopedParameterSwap {
 public:
  ScopedParameterSwap(const std::vector<torch::Tensor> &parameters, const std::vector<torch::Tensor> &values)
      : parameters_(parameters) {
    if (values.empty()) return;
    for (const torch::Tensor &parameter : parameters_) own_.push_back(parameter.detach().clone());
    put(values);
  }
  ~ScopedParameterSwap() {
    if (!own_.empty()) put(own_);
  }
  ScopedParameterSwap(const ScopedParameterSwap &) = delete;
  ScopedParameterSwap &operator=(const ScopedParameterSwap &) = delete;

 private:
  void put(const std::vector<torch::Tensor> &values) const {
    const torch::NoGradGuard no_grad;
    for (std::size_t i = 0; i < values.size(); ++i) parameters_[i].copy_(values[i]);
  }

  const std::vector<torch::Tensor> &parameters_;
  std::vector<torch::Tensor> own_;
};

// The mean loss on held-out data.
double held_back_loss(Network &network, const std::vector<SourceFeatures> &sources, int batch) {
  double sum = 0;
  double pictures = 0;
  for (const SourceFeatures &source : sources) {
    visit_set(source.held_back, batch, [&](const torch::Tensor &raw) {
      const torch::Tensor features = network.standardize(raw);
      const torch::Tensor reconstruction = features - network.residuals(features);
      const auto count = static_cast<double>(features.size(0));
      sum += count * feature_loss(network.reconstruction->config().loss, reconstruction, features,
                                  learned_cells_of(source, features))
                         .item<double>();
      pictures += count;
    });
  }
  return sum / pictures;
}

// Returns the mean image AUROC, scored by the network's own error, over the sources that have both normal and
// abnormal pictures.
double test_auroc(Network &network, const std::vector<TestFeatures> &tests, ScoreKind kind, int batch) {
  double sum = 0;
  int sources = 0;
  for (const TestFeatures &test : tests) {
    std::vector<float> normal;
    std::vector<float> abnormal;
    std::size_t at = 0;
    for (const double score : judge_set(network, test.pictures, kind, batch, test.zones.get()).local)
      (test.abnormal[at++] ? abnormal : normal).push_back(static_cast<float>(score));
    if (const auto ranking = rank(normal, abnormal)) {
      sum += ranking->auroc;
      ++sources;
    }
  }
  return sum / sources;
}

class Fitting {
 public:
  Fitting(Fit fit, const TrainOptions &options, Workers &workers, Progress &progress)
      : fit_(std::move(fit)),
        options_(options),
        workers_(workers),
        progress_(progress),
        checkpoint_(checkpoint_of(options.model)),
        log_(workers.first() ? options.log : std::filesystem::path(), !options.resume.empty(),
             workers.first() ? options.tensorboard : std::filesystem::path()),
        state_(begin_learning(fit_.network, fit_.rule)) {
    for (const auto &item : fit_.network.named_parameters()) {
      if (!fit_.rule.train_backbone && !item.key().starts_with("reconstruction.")) continue;
      names_.push_back(item.key());
      parameters_.push_back(item.value());
    }
    if (!options.resume.empty()) resume();
    workers_.broadcast(parameters_);
  }

  std::string run() {
    const std::int64_t steps = fit_.rule.schedule.steps;
    progress_.begin("learning", steps);
    learn(fit_.network, fit_.reader,
          Batches(counts_of(fit_.sources), fit_.rule.batch, fit_.rule.schedule.balance, fit_.rule.seed,
                  workers_.rank()),
          fit_.rule, state_, workers_, interrupted,
          [this](std::int64_t step, const StepResult &result, double rate) { watch(step, result, rate); });
    progress_.end();
    return choose();
  }

 private:
  void resume() {
    ResumedLearning resumed = read_checkpoint(options_.resume, names_, parameters_, fit_.rule, fit_.identity);
    state_ = std::move(resumed.state);
    best_ = std::move(resumed.best);
    checkpointed_ = true;
    progress_.say("resumed after step " + std::to_string(state_.step) + ", " + options_.resume.string());
  }

  void watch(std::int64_t step, const StepResult &result, double rate) {
    if (!std::isfinite(result.loss) || !std::isfinite(result.gradient_norm)) {
      throw Error(ErrorKind::InvalidArgument, "step " + std::to_string(step), "the loss is not finite",
                  checkpointed_ ? "the last valid state is " + checkpoint_.string() + "; try a smaller --lr"
                                : "try a smaller --lr");
    }
    if (!workers_.first()) {
      if (result.stop)
        throw Error(ErrorKind::Interrupted, "train", "interrupted", "the first worker writes the checkpoint");
      return;
    }
    log_.add(step, result, rate);
    recent_loss_ += (result.loss - recent_loss_) / static_cast<double>(std::min(++seen_, report_interval));
    progress_.update(step, "loss " + rounded(recent_loss_));
    const std::int64_t steps = fit_.rule.schedule.steps;
    if (options_.selection != Selection::Last && (step % options_.validate_every == 0 || step == steps))
      validate(step);
    if (result.stop && step < steps) {
      save();
      throw Error(ErrorKind::Interrupted, "train",
                  "interrupted after step " + std::to_string(step) + " of " + std::to_string(steps),
                  "what was learned is in " + checkpoint_.string() + "; resume with --resume " +
                      checkpoint_.string());
    }
    if (step % options_.checkpoint_every == 0 || step == steps) save();
  }

  void validate(std::int64_t step) {
    const torch::NoGradGuard no_grad;
    fit_.network.eval();
    const bool by_loss = options_.selection == Selection::HeldBack;
    double figure = 0;
    {
      const ScopedParameterSwap averaged(parameters_, state_.average);
      figure = by_loss ? held_back_loss(fit_.network, fit_.sources, fit_.rule.batch)
                       : test_auroc(fit_.network, fit_.tests, fit_.model.config.score, fit_.rule.batch);
      if (!best_ || (by_loss ? figure < best_->figure : figure > best_->figure)) {
        best_ = BestWeights{step, figure, {}};
        for (const torch::Tensor &parameter : parameters_)
          best_->weights.push_back(parameter.detach().clone());
      }
    }
    fit_.network.reconstruction->train();
    log_.add_figure(step, by_loss ? "held_back_loss" : "test_image_auroc", figure);
    progress_.say("step " + std::to_string(step) + ": " + (by_loss ? "held-out loss " : "test AUROC ") +
                  rounded(figure) + (best_->step == step ? ", the best so far" : ""));
  }

  void save() {
    Model model = fit_.model;
    model.provenance.steps = state_.step;
    model.config.statistics.reset();  // they are learned after the steps
    store_network(fit_.network, model);
    write_checkpoint(std::move(model), names_, state_, best_, fit_.identity, checkpoint_);
    checkpointed_ = true;
  }

  // Sets the weights that the training ends with, and returns a description of the choice.
  std::string choose() {
    const torch::NoGradGuard no_grad;
    const std::vector<torch::Tensor> &chosen = best_ ? best_->weights : state_.average;
    for (std::size_t i = 0; i < chosen.size(); ++i) parameters_[i].copy_(chosen[i]);
    const std::string steps = std::to_string(fit_.rule.schedule.steps);
    const std::string averaged = state_.average.empty() ? "" : ", averaged";
    if (!best_) return "step " + steps + " of " + steps + averaged;
    return "step " + std::to_string(best_->step) + " of " + steps + averaged + ": " +
           (options_.selection == Selection::HeldBack ? "smallest held-out loss, "
                                                      : "highest image AUROC on the test items, ") +
           rounded(best_->figure);
  }

  Fit fit_;
  const TrainOptions &options_;
  Workers &workers_;
  Progress &progress_;
  std::filesystem::path checkpoint_;
  StepLog log_;
  LearningState state_;
  std::vector<std::string> names_;
  std::vector<torch::Tensor> parameters_;
  std::optional<BestWeights> best_;
  bool checkpointed_ = false;
  double recent_loss_ = 0;
  std::int64_t seen_ = 0;  // number of steps in this process
};

}  // namespace

std::string fit(Fit what, const TrainOptions &options, Workers &workers, Progress &progress) {
  return Fitting(std::move(what), options, workers, progress).run();
}

std::filesystem::path checkpoint_of(const std::filesystem::path &model) {
  return model.string() + ".checkpoint.safetensors";
}

}  // namespace uniad
