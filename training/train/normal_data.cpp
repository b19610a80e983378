// SPDX-License-Identifier: Apache-2.0
#include "training/train/normal_data.h"

#include <iterator>
#include <span>
#include <utility>

#include "model/base/error.h"
#include "model/preprocess/preprocess.h"
#include "model/statistics/learn_statistics.h"
#include "training/data/report.h"
#include "training/data/visit.h"
#include "training/train/health.h"
#include "training/train/statistics.h"

namespace uniad {

std::vector<std::int64_t> NormalPictures::numbers(bool of_held_back) const {
  std::vector<std::int64_t> chosen;
  for (std::size_t i = 0; i < held_back.size(); ++i)
    if (held_back[i] == of_held_back) chosen.push_back(static_cast<std::int64_t>(i));
  return chosen;
}

FeatureSet as_set(FeatureRows rows) {
  const std::int64_t pictures = rows.rows();
  return {pictures,
          [rows = std::move(rows)](std::span<const std::int64_t> numbers) { return rows.gather(numbers); }};
}

FeatureSet some_of(const FeatureSet &set, std::vector<std::int64_t> chosen) {
  const std::int64_t pictures = std::ssize(chosen);
  return {pictures, [gather = set.gather, chosen = std::move(chosen)](std::span<const std::int64_t> numbers) {
            std::vector<std::int64_t> of_set;
            for (const std::int64_t number : numbers)
              of_set.push_back(chosen[static_cast<std::size_t>(number)]);
            return gather(of_set);
          }};
}

FeatureRows read_items(FeatureCache &cache, const std::vector<Item> &items, const TrainOptions &options,
                       const std::string &source, const std::string &what, Progress &progress,
                       const PictureChange &observe) {
  FeatureRows rows =
      cache.read(items, options.batch, source + ": " + what, observe, find_zones(options.zones, source));
  name_unread(items, rows.unread(), progress);
  return rows;
}

namespace {

// Learns the health reference of a source from some of its pictures, if training does not read them.
HealthReference look_at_some(const Source &source, const InputConfig &input) {
  constexpr std::size_t enough = 50;
  const std::vector<Item> some = limit_frames(source.train, enough);
  ReferenceLearner learner;
  Preprocessor preprocessor(input);
  std::vector<std::uint8_t> rgb(std::size_t{3} * static_cast<std::size_t>(input.width) *
                                static_cast<std::size_t>(input.height));
  const PictureChange observe = health_observer(learner, some, 0, input);
  visit_items(some, [&](std::size_t index, const FrameView &frame) {
    preprocessor.resize(frame, rgb);
    observe(index, rgb);
  });
  return learner.finish();
}

NormalPictures read_pictures(FeatureCache &cache, const Source &source, const TrainOptions &options,
                             Progress &progress, HealthReferences &health) {
  ReferenceLearner learner;
  FeatureRows rows = read_items(cache, source.train, options, source.name, "reading normal data", progress,
                                health_observer(learner, source.train, source.frame_rate, cache.input()));
  health[source.name] = learner.finish();
  if (health[source.name].empty()) health[source.name] = look_at_some(source, cache.input());
  std::vector<bool> readable(source.train.size(), true);
  for (const Unread &unread : rows.unread()) readable[unread.index] = false;
  const std::vector<bool> held_back = choose_held_back(source.train, options.seed, options.held_back);
  const std::vector<int> folds = assign_folds(source.train, StatisticsLearner::folds);
  NormalPictures pictures;
  for (std::size_t i = 0; i < source.train.size(); ++i) {
    if (!readable[i]) continue;
    pictures.items.push_back(source.train[i]);
    pictures.held_back.push_back(held_back[i]);
    pictures.folds.push_back(folds[i]);
  }
  pictures.zones = rows.zones();
  pictures.features = as_set(std::move(rows));
  return pictures;
}

}  // namespace

NormalData read_normal(FeatureCache &cache, const TrainOptions &options, Provenance &provenance,
                       Progress &progress) {
  NormalData data;
  for (const Source &source : options.sources) {
    NormalPictures pictures = read_pictures(cache, source, options, progress, data.health);
    const std::vector<std::int64_t> trained = pictures.numbers(false);
    const std::vector<std::int64_t> held_back = pictures.numbers(true);
    if (trained.empty())
      throw Error(ErrorKind::InvalidArgument, source.path, "none of its pictures could be read",
                  "the messages above give the reasons");
    provenance.sources.push_back({source.name, source.path, std::ssize(trained), std::ssize(held_back),
                                  aspect_ratio_of(source.train)});
    for (const std::int64_t number : trained)
      data.trained.push_back(pictures.items[static_cast<std::size_t>(number)]);
    data.sources.push_back({source.name, some_of(pictures.features, trained),
                            some_of(pictures.features, held_back), pictures.zones});
    data.pictures.push_back(std::move(pictures));
  }
  return data;
}

}  // namespace uniad
