// SPDX-License-Identifier: Apache-2.0
// The only door to detection: opens a model and judges frames. No type of LibTorch.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/engine/learning.h"
#include "model/file/model_file.h"
#include "model/health/picture.h"
#include "model/health/reference.h"
#include "model/preprocess/frame_view.h"
#include "model/scoring/score.h"
#include "model/scoring/zone_grid.h"

namespace uniad {

struct DetectorOptions {
  std::string device = "auto";  // auto, cpu, cuda, cuda:N
  // auto (fp32), fp32, bf16, fp16 (GPU), int8 (CPU); fp32 where the processor has no arithmetic for it:
  // warning().
  std::string precision = "auto";
  // Where there is no such model file: begin one that has learned nothing, on this backbone ("auto" as in
  // choose_backbone()). Empty: a model file that is missing is an error.
  std::string new_on_backbone{};
  // Drift: share of the way that the means of what is normal move towards each frame that update_means() is
  // told of, 0 to 0.01. 0: they stay as they were learned.
  double adapt_rate = 0;
  // Frames of all detectors that share a network run in batches: of so many at most, begun so long after the
  // oldest frame at the latest.
  std::size_t batch_size = 8;
  std::chrono::nanoseconds batch_timeout{0};  // 0: a frame waits only while the network is busy
  // Is told how learning goes, on a thread of its own; every twentieth of the way, and what comes of it.
  std::function<void(const LearningProgress &)> tell{};
  std::chrono::nanoseconds save_again_after = std::chrono::minutes(1);  // what could not be written
  // While it learns, what was learned so far is kept as often, for when the process does not end in order;
  // where that takes long, less often.
  std::chrono::nanoseconds keep_interval = std::chrono::seconds(10);
};

// The network's word on one frame, before any threshold.
struct Detection {
  Grid grid;        // input size / 16, e.g. 14x14
  float score = 0;  // config().score of it
  // Of models with statistics: how far the frame as a whole lies from the nearest scene that was learned,
  // as a share of what is still that scene.
  float scene_distance = 0;
  std::uint64_t frame_id = 0;  // of the frame, for update_means()
  // By which it was judged; null where there are no zones. Then the score of each of their parts, of which
  // `score` is the highest.
  std::shared_ptr<const ZoneGrid> zones;
  std::vector<float> part_scores;
  // The frame was learned from, or came while nothing is known yet: it has no grid and no score.
  bool unjudged = false;
  GrayPicture luma;  // of the network's input, for the checks of camera health

  bool unknown_scene() const { return scene_distance > 1; }

  // Whether the frame is held to be abnormal: its score reaches the threshold, or that of a zone its own, or,
  // given one, it shows an unknown scene (model/engine/judgment.h).
  bool anomalous(std::optional<double> threshold) const;
};

// What to learn from the frames that come: until there are so many, and until they cover so much time.
// Either may be 0, not both.
struct LearnOptions {
  std::string source;  // whose calibration the frames give
  std::int64_t frames = 0;
  std::chrono::nanoseconds time{0};
  double frame_rate = 0;  // frames that are judged a second; 0: not known. What their times say counts more.
  // Not where the model has learned from the source already. What was interrupted is gone on with.
  bool once = false;
  // detect() waits until a frame was learned from, and until what was learned is in force: no frame is left
  // out. Not for live streams.
  bool wait = false;
};

// A model ready to judge frames: the only door to the network, free of torch types. Thread-safe. Detectors
// of the same model file, device and precision share one network; what they learn is their own.
class Detector {
 public:
  // Throws Error (file, configuration, missing tensors, unknown or absent device).
  static std::shared_ptr<Detector> open(const std::filesystem::path &model,
                                        const DetectorOptions &options = {});

  // The number of the CUDA device that open() takes for this `device`; none for the CPU. Throws Error for
  // what names no device.
  static std::optional<int> cuda_device(const std::string &device);

  // Whether this process has learned what could not be written into that file: open() takes it over, and
  // begins the file where there is none.
  static bool holds_unsaved(const std::filesystem::path &model);

  virtual ~Detector() = default;
  Detector(const Detector &) = delete;
  Detector &operator=(const Detector &) = delete;

  // Judges frames of any sizes and layouts, in their order; waits for the result, and for the frames that
  // came before. `detections` keeps its memory from call to call. A score that is no number is the caller's
  // to find. Throws Error.
  virtual void detect(std::span<const FrameView> frames, std::vector<Detection> &detections) = 0;
  // The same; a score that is no number is an Error too.
  std::vector<Detection> detect(std::span<const FrameView> frames);

  // No frames come for now: other detectors' batches do not wait for them, and what waits in a batch is
  // judged at once. The next detect() ends the pause. Any thread.
  virtual void pause() = 0;

  // From the next detect() on, frames are judged and learned by these zones; without any, as a whole. Any
  // thread. Returns doubts for the user: zones in which nothing is judged.
  virtual std::vector<std::string> set_zones(Zones zones) = 0;

  // From now on frames are learned from instead of judged, until there are enough. They are added to what
  // the model knows, exactly, and to its file; nothing is forgotten. All that takes time happens beside the
  // stream; DetectorOptions::tell hears of it, also that the model's file could not be written and nothing is
  // learned. False: with `once`, there is nothing to learn. Throws Error where the model has no statistics to
  // add to, and while it is learning: that goes on.
  virtual bool learn(const LearnOptions &options) = 0;

  // No more frames come. Returns when what came is in force or kept, and was written if it could be.
  virtual void end_learning() = 0;

  // The frame of this detection was normal. Of the two newest frames; older ones are forgotten.
  virtual void update_means(const Detection &normal) = 0;

  // How far normal frames have moved from what was learned, in standard deviations of normal features:
  // below 0.2 is noise. 0 without statistics and before any update_means().
  virtual double drift() const = 0;

  // Writes the model's file as it is now, with what it learned and followed; the old file is whole until
  // the new one is. Throws Error: also where the file was changed meanwhile by others, so that what was
  // followed has no place in it.
  virtual void save() = 0;

  virtual const ModelConfig &config() const = 0;
  virtual std::shared_ptr<const Calibration> calibration() const = 0;
  // Width / height of the pictures that the source was learned from, or, of a source that the model does not
  // know, all of its sources; 0: not known, or not the same.
  virtual double aspect_ratio(const std::string &source) const = 0;
  // How the source's pictures look where its camera is in order; null: it was never learned.
  virtual std::shared_ptr<const HealthReference> health_reference(const std::string &source) const = 0;
  // "efficientnet-b4 at 224x224, cpu, fp32 (AVX-512)": what `auto` became.
  virtual std::string description() const = 0;
  // What was asked for and could not be, in a sentence for the user; mostly empty.
  virtual std::string warning() const { return {}; }

 protected:
  Detector() = default;
};

}  // namespace uniad
