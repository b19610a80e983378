// SPDX-License-Identifier: Apache-2.0
// Learns statistics of normal pictures in one pass.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "model/base/stored_tensor.h"
#include "model/config/model_config.h"
#include "model/statistics/clusters.h"
#include "model/statistics/scenes.h"

namespace uniad {

// Learns statistics from normal pictures in one pass, with bounded memory and without gradient steps.
//
// Pictures are split into folds. The statistics without a fold are a difference of sums, so each fold can be
// held out in turn at no cost. The number of clusters is the one with the highest likelihood of the held-out
// pictures, and their anomaly grids give the scores of normal pictures that were not learned from.
class StatisticsLearner {
 public:
  static constexpr int folds = 5;
  static constexpr std::size_t clusters_a_fold =
      48;  // while learning; with more clusters, scenes are separated better

  // known: the statistics to extend, exactly; may be empty. Pictures of a known scene (Route) are added to
  // its cluster, other scenes form new clusters. sources: the number of sources, which share the memory for
  // held-out pictures.
  StatisticsLearner(Statistics known, const StatisticsConfig &config, std::size_t sources = 1);

  // features: (channels, rows, columns) of one picture, in fp32; residuals: the same shape, or undefined.
  // fold: neighboring frames of a video should be in the same fold. Returns false and skips the picture if a
  // feature is not finite.
  bool add(const std::string &source, int fold, const torch::Tensor &features,
           const torch::Tensor &residuals);

  std::int64_t pictures() const { return pictures_; }
  std::int64_t fewest() const { return fewest_; }  // number of pictures for reliable statistics

  struct Learned {
    Statistics statistics;     // of all pictures
    Statistics gained;         // of the added pictures only
    std::size_t clusters = 1;  // of new scenes
    // (pictures, rows, columns), fp32, by source: grids of held-out pictures, with statistics without their
    // fold. Empty if all pictures are in one fold.
    std::map<std::string, torch::Tensor> held_back_grids;
    // The number of each grid's picture among those of the source, in order of addition, from 0; ascending.
    std::map<std::string, std::vector<std::int64_t>> held_back_pictures;
    // The distance of each of these pictures as a whole (Scene::image), and its fold. No distances if the
    // known statistics cannot tell.
    std::map<std::string, std::vector<double>> held_back_images;
    std::map<std::string, std::vector<int>> held_back_folds;
  };
  // Throws Error if nothing was added and nothing is known.
  Learned finish() const;
  // The statistics without one fold, with this number of clusters, for judging the pictures of the fold.
  // Empty if there is nothing else.
  Statistics without(int fold, std::size_t clusters) const;

  // Stores the state, to resume learning later: a learner with the same known statistics that restores it
  // gives the same result. Throws Error if the state was stored by a learner with other known statistics.
  TensorFile store() const;
  void restore(const TensorFile &stored);

 private:
  struct Sample {
    std::string source;
    std::int64_t number = 0;  // among the pictures of the source
    int fold = 0;
    torch::Tensor features;   // fp16
    torch::Tensor residuals;  // fp16 or undefined
  };
  struct Fold {
    explicit Fold(std::size_t most) : fresh(most) {}
    std::map<std::size_t, ClusterSums> known;  // additions to known clusters
    OnlineClusters fresh;
    torch::Tensor descriptor_products;  // of all pictures; undefined without any
  };

  void keep_sample(Sample sample);
  Statistics known_without(int left_out) const;
  Statistics gained_by_known() const;
  Partition fresh_without(int left_out) const;
  torch::Tensor products_without(int left_out) const;
  std::vector<const Sample *> samples_of(int fold) const;
  ChannelScale scale() const;
  Statistics without(int fold, std::size_t clusters, const ChannelScale &scale) const;
  std::vector<double> densities_without(int fold, const ChannelScale &scale) const;
  std::size_t choose_clusters(const ChannelScale &scale) const;
  struct HeldOut {
    std::vector<torch::Tensor> grids;
    std::vector<double> images;
  };
  HeldOut judge_without(int fold, std::size_t clusters, const ChannelScale &scale) const;

  StatisticsConfig config_;
  Statistics known_;
  std::optional<Scenes> scenes_;  // of the known statistics
  std::size_t sources_;
  std::vector<Fold> folds_;
  std::int64_t pictures_ = 0;
  std::int64_t fewest_ = 0;
  std::map<std::string, std::int64_t> seen_;            // of each source
  std::map<std::string, std::vector<Sample>> samples_;  // a uniformly random choice for each source
  std::mt19937_64 random_;
};

}  // namespace uniad
