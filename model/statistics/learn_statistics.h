// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "model/file/model_file.h"
#include "model/statistics/clusters.h"
#include "model/statistics/scenes.h"

namespace uniad {

// Learns statistics from normal pictures that come one by one, each seen once, in bounded memory; without a
// gradient step.
//
// Pictures are parted into folds. The statistics without a fold are a difference of sums, so that each fold
// in turn is held back for nothing: the number of clusters is the one under which the pictures held back are
// most likely, and their anomaly grids tell what scores normal pictures get that were not learned from.
class StatisticsLearner {
 public:
  static constexpr int folds = 5;
  static constexpr std::size_t clusters_a_fold =
      48;  // while they gather: the more, the better they are told apart

  // `known`: to add to, exactly; may be empty. Of a scene that is known (Route) its cluster learns more, any
  // other scene begins clusters of its own. `sources`: how many there will be, which share the memory for
  // pictures held back.
  StatisticsLearner(Statistics known, const StatisticsConfig &config, std::size_t sources = 1);

  // features: (channels, rows, columns) of one picture, in fp32; residuals: as they, or undefined. fold: in
  // which neighbours of a video belong together. False where a feature is not a finite number: such a picture
  // is left out.
  bool add(const std::string &source, int fold, const torch::Tensor &features,
           const torch::Tensor &residuals);

  std::int64_t pictures() const { return pictures_; }
  std::int64_t fewest() const { return fewest_; }  // pictures for statistics that can be trusted

  struct Learned {
    Statistics statistics;     // of everything, nothing held back
    Statistics gained;         // of the pictures that were added alone
    std::size_t clusters = 1;  // of what was not known
    // (pictures, rows, columns), fp32, by source: grids of pictures under statistics without their fold.
    // Empty where all pictures lie in one fold.
    std::map<std::string, torch::Tensor> held_back_grids;
    // Which of the source's pictures each grid is of, in the order in which they were added, from 0.
    std::map<std::string, std::vector<std::int64_t>> held_back_pictures;
  };
  // Throws Error where nothing was added and nothing known.
  Learned finish() const;
  // Of everything but one fold, in as many clusters: for judging its pictures. Empty where there is nothing
  // else.
  Statistics without(int fold, std::size_t clusters) const;

  // All that was added, to go on with later: a learner that knows the same and restores it gives what this
  // one would have. Throws Error where the content was not stored by one that knew as much.
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
    std::map<std::size_t, ClusterSums> known;  // what known clusters gained
    OnlineClusters fresh;
  };

  void keep_sample(Sample sample);
  Statistics known_without(int left_out) const;
  Statistics gained_by_known() const;
  Partition fresh_without(int left_out) const;
  std::vector<const Sample *> samples_of(int fold) const;
  ChannelScale scale() const;
  Statistics without(int fold, std::size_t clusters, const ChannelScale &scale) const;
  std::vector<double> densities_without(int fold, const ChannelScale &scale) const;
  std::size_t choose_clusters(const ChannelScale &scale) const;
  std::vector<torch::Tensor> grids_without(int fold, std::size_t clusters, const ChannelScale &scale) const;

  StatisticsConfig config_;
  Statistics known_;
  std::optional<Scenes> scenes_;  // of what is known
  std::size_t sources_;
  std::vector<Fold> folds_;
  std::int64_t pictures_ = 0;
  std::int64_t fewest_ = 0;
  std::map<std::string, std::int64_t> seen_;            // of each source
  std::map<std::string, std::vector<Sample>> samples_;  // of each source a random choice, evenly likely
  std::mt19937_64 random_;
};

}  // namespace uniad
