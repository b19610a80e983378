// SPDX-License-Identifier: Apache-2.0
#include "training/bench/bare_engine.h"

#include <algorithm>

#include "model/engine/engine.h"
#include "training/bench/timing.h"

namespace uniad {

BareEngine::BareEngine(const std::filesystem::path &model, const std::string &device,
                       const std::string &precision)
    : engine_(Engine::of_file(model, device, precision)),
      stream_(engine_->open_stream()),
      frame_(NoisyFrame::rgb(config().input.width, config().input.height)) {}

BareEngine::BareEngine(const Model &model, const std::string &name, const std::string &device,
                       const std::string &precision)
    : engine_(Engine::of_new_model(model, name, device, precision)),
      stream_(engine_->open_stream()),
      frame_(NoisyFrame::rgb(config().input.width, config().input.height)) {}

double BareEngine::run(int pictures) {
  const auto count = static_cast<std::size_t>(pictures);
  tokens_.resize(std::max(tokens_.size(), count));
  pictures_.resize(count);
  for (std::size_t i = 0; i < count; ++i) pictures_[i] = {&frame_.view(), &tokens_[i], nullptr};
  const double time = milliseconds([&] { stream_->run(pictures_, {.size = count, .timeout = {}}); });
  for (const Picture &picture : pictures_)
    if (picture.failure) std::rethrow_exception(picture.failure);
  return time;
}

std::optional<double> BareEngine::judge() {
  if (!engine_->statistics() || tokens_.empty()) return std::nullopt;
  const RoutedGaussians &statistics = *engine_->statistics();
  const Tokens &tokens = tokens_.front();
  const InputConfig &input = config().input;
  grid_.resize(static_cast<std::size_t>(input.height / 16) * static_cast<std::size_t>(input.width / 16));
  return milliseconds([&] {
    const Scene scene = statistics.scene_of(tokens.features, scratch_);
    statistics.measure(tokens.features, tokens.residuals, scene.cluster, grid_, scratch_);
  });
}

const ModelConfig &BareEngine::config() const {
  return engine_->config();
}

std::string BareEngine::description() const {
  return engine_->description();
}

std::string BareEngine::warning() const {
  return engine_->warning();
}

}  // namespace uniad
