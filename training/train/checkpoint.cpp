// SPDX-License-Identifier: Apache-2.0
#include "training/train/checkpoint.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "model/base/error.h"
#include "model/base/json_text.h"
#include "model/base/torch_tensors.h"

namespace uniad {
namespace {

constexpr const char *state_tensor = "training.state";

void store(const std::vector<std::string> &names, const std::vector<torch::Tensor> &tensors,
           const std::string &what, Model &model) {
  for (std::size_t i = 0; i < tensors.size(); ++i)
    model.tensors["training." + what + "." + names[i]] = to_stored(tensors[i]);
}

// Loads into existing tensors. Returns false, and changes nothing, if the file has no tensors of this kind.
bool load(const Model &model, const std::vector<std::string> &names, const std::string &what,
          const std::vector<torch::Tensor> &tensors, const std::string &file) {
  const torch::NoGradGuard no_grad;
  const std::string prefix = what.empty() ? "" : "training." + what + ".";
  if (!model.tensors.contains(prefix + names.front())) return false;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto stored = model.tensors.find(prefix + names[i]);
    if (stored == model.tensors.end() || stored->second.shape != tensors[i].sizes().vec())
      throw Error(ErrorKind::Malformed, file, prefix + names[i] + " is missing or has another shape",
                  "start the training over");
    tensors[i].copy_(to_torch(stored->second));
  }
  return true;
}

std::vector<torch::Tensor> like(const std::vector<torch::Tensor> &tensors) {
  std::vector<torch::Tensor> made;
  for (const torch::Tensor &tensor : tensors) made.push_back(torch::empty_like(tensor.detach()));
  return made;
}

void require_same_run(const RunIdentity &then, const RunIdentity &now, const std::string &file) {
  std::set<std::string> names;
  for (const RunIdentity *run : {&then, &now})
    for (const auto &[name, value] : *run) names.insert(name);
  const auto value_in = [](const RunIdentity &run, const std::string &name) {
    const auto found = run.find(name);
    return found == run.end() ? "nothing" : found->second.empty() ? "nothing" : found->second;
  };
  std::string differences;
  for (const std::string &name : names) {
    const std::string before = value_in(then, name);
    const std::string after = value_in(now, name);
    if (before == after) continue;
    differences += (differences.empty() ? "" : "; ") + name + ": " + before + " then, " + after + " now";
  }
  if (!differences.empty())
    throw Error(ErrorKind::Malformed, file, "is of another run: " + differences,
                "resume with the options and data that it was started with, or start over without --resume");
}

// Reads the state of a checkpoint. Throws Error if it belongs to another run.
nlohmann::json read_state(const Model &model, const RunIdentity &identity, const std::string &file) {
  const auto stored = model.tensors.find(state_tensor);
  if (stored == model.tensors.end() || stored->second.dtype != DType::U8)
    throw Error(ErrorKind::Malformed, file, "is not a training checkpoint",
                "a checkpoint is MODEL.checkpoint.safetensors");
  const auto *text = reinterpret_cast<const char *>(stored->second.bytes.data());
  try {
    nlohmann::json json = nlohmann::json::parse(text, text + stored->second.bytes.size());
    require_same_run(json.at("run").get<RunIdentity>(), identity, file);
    return json;
  } catch (const nlohmann::json::exception &error) {
    throw Error(ErrorKind::Malformed, file, "its state cannot be read: " + std::string(error.what()),
                "start the training over");
  }
}

}  // namespace

void write_checkpoint(Model model, const std::vector<std::string> &parameters, const LearningState &state,
                      const std::optional<BestWeights> &best, const RunIdentity &identity,
                      const std::filesystem::path &path) {
  store(parameters, state.optimizer.first_moments(), "first_moment", model);
  store(parameters, state.optimizer.second_moments(), "second_moment", model);
  store(parameters, state.average, "average", model);
  nlohmann::json json{{"step", state.step}, {"run", identity}};
  if (best) {
    store(parameters, best->weights, "best", model);
    json["best"] = {{"step", best->step}, {"figure", best->figure}};
  }
  const std::string text = json_text(json);
  const auto *bytes = reinterpret_cast<const std::byte *>(text.data());
  model.tensors[state_tensor] = {
      DType::U8, {static_cast<std::int64_t>(text.size())}, {bytes, bytes + text.size()}};
  write_model(model, path);
}

void check_checkpoint(const std::filesystem::path &path, const RunIdentity &identity) {
  read_state(read_model(path), identity, path.string());
}

ResumedLearning read_checkpoint(const std::filesystem::path &path, const std::vector<std::string> &parameters,
                                const std::vector<torch::Tensor> &trained, const LearningRule &rule,
                                const RunIdentity &identity) {
  const std::string file = path.string();
  const Model model = read_model(path);
  ResumedLearning resumed{{0, Optimizer(trained, rule.schedule.weight_decay), {}}, {}};
  LearningState &state = resumed.state;
  try {
    const nlohmann::json json = read_state(model, identity, file);
    state.step = json.at("step").get<std::int64_t>();
    if (json.contains("best"))
      resumed.best = BestWeights{json["best"].at("step").get<std::int64_t>(),
                                 json["best"].at("figure").get<double>(), like(trained)};
  } catch (const nlohmann::json::exception &error) {
    throw Error(ErrorKind::Malformed, file, "its state cannot be read: " + std::string(error.what()),
                "start the training over");
  }
  if (state.step < 0 || state.step > rule.schedule.steps)
    throw Error(ErrorKind::Malformed, file, "records that " + std::to_string(state.step) + " steps are done",
                "start the training over");
  load(model, parameters, "", trained, file);
  if (!load(model, parameters, "first_moment", state.optimizer.first_moments(), file) ||
      !load(model, parameters, "second_moment", state.optimizer.second_moments(), file))
    throw Error(ErrorKind::Malformed, file, "lacks the optimizer's moments", "start the training over");
  state.optimizer.set_steps(state.step);
  if (rule.average) {
    state.average = like(trained);
    if (!load(model, parameters, "average", state.average, file))
      throw Error(ErrorKind::Malformed, file, "lacks the averaged weights", "start the training over");
  }
  if (resumed.best && !load(model, parameters, "best", resumed.best->weights, file))
    throw Error(ErrorKind::Malformed, file, "lacks the best weights", "start the training over");
  return resumed;
}

}  // namespace uniad
