// SPDX-License-Identifier: Apache-2.0
// Converts a StatisticsLearner to tensors and back.
#include <nlohmann/json.hpp>

#include <array>
#include <sstream>
#include <utility>

#include "model/base/error.h"
#include "model/base/json_text.h"
#include "model/base/torch_tensors.h"
#include "model/statistics/learn_statistics.h"

namespace uniad {
namespace {

using nlohmann::json;
using Tensors = std::map<std::string, StoredTensor>;

constexpr const char *entry = "uniad.learner";
constexpr std::size_t most_clusters = 100'000;
constexpr std::size_t most_samples = 10'000'000;

Error not_of_a_learner(const std::string &what) {
  return {ErrorKind::Malformed, "what was learned so far", what, "learn it again"};
}

std::string cluster_name(std::size_t number) {
  return "cluster." + std::to_string(number) + ".";
}

std::string sample_name(std::size_t number) {
  return "sample." + std::to_string(number) + ".";
}

std::string products_name(std::size_t fold) {
  return "fold." + std::to_string(fold) + ".descriptor_products";
}

void store_cluster(const ClusterSums &cluster, const std::string &name, Tensors &tensors) {
  tensors[name + "descriptors"] = to_stored(cluster.descriptors);
  tensors[name + "descriptor_squares"] = to_stored(cluster.descriptor_squares);
  tensors[name + "features.positions"] = to_stored(cluster.features.positions);
  tensors[name + "features.products"] = to_stored(cluster.features.products);
  if (!cluster.residuals.defined()) return;
  tensors[name + "residuals.positions"] = to_stored(cluster.residuals.positions);
  tensors[name + "residuals.products"] = to_stored(cluster.residuals.products);
}

// Reads a tensor, which must have this shape and type.
class Reader {
 public:
  explicit Reader(const Tensors &tensors) : tensors_(tensors) {
    for (const auto &[name, tensor] : tensors) {
      if (!name.ends_with(".features.positions")) continue;
      if (tensor.shape.size() == 2)
        std::tie(tokens_, channels_) = std::pair(tensor.shape[0], tensor.shape[1]);
      break;
    }
  }

  bool has(const std::string &name) const { return tensors_.contains(name); }

  torch::Tensor numbers(const std::string &name, const std::vector<std::int64_t> &shape) const {
    torch::Tensor tensor = of_shape(name, shape, DType::F64);
    if (!tensor.isfinite().all().item<bool>())
      throw not_of_a_learner(name + " contains values that are not finite");
    return tensor;
  }
  torch::Tensor channels(const std::string &name) const { return numbers(name, {channels_}); }
  torch::Tensor products(const std::string &name) const { return numbers(name, {channels_, channels_}); }

  ClusterSums cluster(const std::string &name, std::int64_t pictures) const {
    ClusterSums sums;
    sums.pictures = pictures;
    sums.descriptors = channels(name + "descriptors");
    sums.descriptor_squares = channels(name + "descriptor_squares");
    sums.features = token_sums(name + "features.");
    if (has(name + "residuals.positions")) sums.residuals = token_sums(name + "residuals.");
    return sums;
  }

  torch::Tensor sample(const std::string &name) const {
    const auto found = tensors_.find(name);
    if (found == tensors_.end() || found->second.shape.size() != 3 || found->second.shape[0] != channels_ ||
        found->second.shape[1] < 1 || found->second.shape[2] < 1 ||
        found->second.shape[1] * found->second.shape[2] != tokens_ || found->second.dtype != DType::F16)
      throw not_of_a_learner(name + " is missing or has another shape");
    return to_torch(found->second);
  }

 private:
  TokenSums token_sums(const std::string &name) const {
    return {numbers(name + "positions", {tokens_, channels_}),
            numbers(name + "products", {channels_, channels_})};
  }
  torch::Tensor of_shape(const std::string &name, const std::vector<std::int64_t> &shape, DType type) const {
    const auto found = tensors_.find(name);
    if (found == tensors_.end() || found->second.shape != shape || found->second.dtype != type)
      throw not_of_a_learner(name + " is missing or has another shape");
    return to_torch(found->second);
  }

  const Tensors &tensors_;
  std::int64_t tokens_ = 0;
  std::int64_t channels_ = 0;
};

}  // namespace

TensorFile StatisticsLearner::store() const {
  TensorFile stored;
  json clusters = json::array();  // ordered by their numbers
  const auto store_one = [&](std::size_t fold, std::int64_t known, const ClusterSums &sums) {
    store_cluster(sums, cluster_name(clusters.size()), stored.tensors);
    clusters.push_back({{"fold", fold}, {"known", known}, {"pictures", sums.pictures}});
  };
  json tokens = json::array();  // for each fold
  for (std::size_t fold = 0; fold < folds_.size(); ++fold) {
    for (const auto &[cluster, gained] : folds_[fold].known)
      store_one(fold, static_cast<std::int64_t>(cluster), gained);
    const OnlineClusters::State fresh = folds_[fold].fresh.state();
    for (const auto &cluster : fresh.clusters) store_one(fold, -1, *cluster);
    tokens.push_back(fresh.tokens);
    if (!fresh.sum.defined()) continue;
    stored.tensors["fold." + std::to_string(fold) + ".sum"] = to_stored(fresh.sum);
    stored.tensors["fold." + std::to_string(fold) + ".squares"] = to_stored(fresh.squares);
  }
  for (std::size_t fold = 0; fold < folds_.size(); ++fold) {
    const torch::Tensor &products = folds_[fold].descriptor_products;
    if (products.defined()) stored.tensors[products_name(fold)] = to_stored(products);
  }
  json samples = json::array();
  for (const auto &[source, kept] : samples_) {
    for (const Sample &sample : kept) {
      const std::string name = sample_name(samples.size());
      stored.tensors[name + "features"] = to_stored(sample.features);
      if (sample.residuals.defined()) stored.tensors[name + "residuals"] = to_stored(sample.residuals);
      samples.push_back({{"source", source}, {"number", sample.number}, {"fold", sample.fold}});
    }
  }
  std::ostringstream random;
  random << random_;
  const json learner{{"pictures", pictures_}, {"fewest", fewest_},  {"seen", seen_},
                     {"clusters", clusters},  {"samples", samples}, {"tokens", tokens},
                     {"random", random.str()}};
  stored.metadata[entry] = json_text(learner);
  return stored;
}

void StatisticsLearner::restore(const TensorFile &stored) {
  const auto found = stored.metadata.find(entry);
  if (found == stored.metadata.end()) throw not_of_a_learner(std::string(entry) + " is missing");
  try {
    const json learner = json::parse(found->second);
    const Reader reader(stored.tensors);
    const auto fold_of = [](const json &item) {
      const int fold = item.at("fold").get<int>();
      if (fold < 0 || fold >= folds) throw not_of_a_learner("it refers to a fold that does not exist");
      return fold;
    };
    if (learner.at("clusters").size() > most_clusters || learner.at("samples").size() > most_samples)
      throw not_of_a_learner("it is too large");

    std::vector<Fold> restored(folds, Fold(clusters_a_fold));
    std::array<OnlineClusters::State, folds> fresh;
    std::int64_t pictures = 0;
    for (std::size_t i = 0; i < learner.at("clusters").size(); ++i) {
      const json &item = learner.at("clusters")[i];
      const auto count = item.at("pictures").get<std::int64_t>();
      const auto known = item.at("known").get<std::int64_t>();
      const auto fold = static_cast<std::size_t>(fold_of(item));
      if (count < 1 || count > 1'000'000'000'000 || known < -1 || known >= std::ssize(known_))
        throw not_of_a_learner("it belongs to another model");
      pictures += count;
      ClusterSums sums = reader.cluster(cluster_name(i), count);
      if (known >= 0)
        restored[fold].known[static_cast<std::size_t>(known)] = std::move(sums);
      else
        fresh[fold].clusters.push_back(std::make_shared<const ClusterSums>(std::move(sums)));
    }
    for (std::size_t fold = 0; fold < folds; ++fold) {
      if (reader.has(products_name(fold)))  // earlier versions stored none
        restored[fold].descriptor_products = reader.products(products_name(fold));
      OnlineClusters::State &state = fresh[fold];
      if (state.clusters.empty()) continue;
      if (state.clusters.size() > clusters_a_fold) throw not_of_a_learner("a fold has too many clusters");
      state.sum = reader.channels("fold." + std::to_string(fold) + ".sum");
      state.squares = reader.channels("fold." + std::to_string(fold) + ".squares");
      state.tokens = learner.at("tokens").at(fold).get<double>();
      restored[fold].fresh.restore(std::move(state));
    }
    std::map<std::string, std::vector<Sample>> samples;
    for (std::size_t i = 0; i < learner.at("samples").size(); ++i) {
      const json &item = learner.at("samples")[i];
      const std::string name = sample_name(i);
      if (item.at("number").get<std::int64_t>() < 0)
        throw not_of_a_learner("it has a negative picture number");
      Sample sample{item.at("source").get<std::string>(), item.at("number").get<std::int64_t>(),
                    fold_of(item), reader.sample(name + "features"),
                    reader.has(name + "residuals") ? reader.sample(name + "residuals") : torch::Tensor()};
      samples[sample.source].push_back(std::move(sample));
    }
    if (learner.at("pictures").get<std::int64_t>() != pictures)
      throw not_of_a_learner("its pictures do not add up");
    std::istringstream random(learner.at("random").get<std::string>());
    std::mt19937_64 generator;
    if (!(random >> generator)) throw not_of_a_learner("its random state cannot be read");

    const auto seen = learner.at("seen").get<std::map<std::string, std::int64_t>>();
    for (const auto &[source, count] : seen)
      if (count < 0 || count > pictures) throw not_of_a_learner("its pictures do not add up");

    pictures_ = pictures;
    fewest_ = learner.at("fewest").get<std::int64_t>();
    seen_ = seen;
    folds_ = std::move(restored);
    samples_ = std::move(samples);
    random_ = generator;
  } catch (const json::exception &error) {
    throw not_of_a_learner("it is not the stored state of a learner: " +
                           std::string(error.what()).substr(0, 200));
  }
}

}  // namespace uniad
