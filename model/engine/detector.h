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
#include "model/motion/motion_reference.h"
#include "model/preprocess/frame_view.h"
#include "model/scoring/score.h"
#include "model/scoring/zone_grid.h"

namespace uniad {

struct DetectorOptions {
  std::string device = "auto";  // auto, cpu, cuda, cuda:N
  // auto (fp32), fp32, bf16, fp16 (GPU) or int8 (CPU). If the processor does not support it, fp32 is used,
  // and warning() says so.
  std::string precision = "auto";
  // The backbone of a new model, which is created if the model file does not exist ("auto" as in
  // choose_backbone()). Empty: a missing model file is an error.
  std::string new_on_backbone{};
  // Rate at which the means of normal features follow the frames given to update_means() (exponential moving
  // average), 0 to 0.01. 0: they stay as they were learned.
  double adapt_rate = 0;
  // Frames of all detectors that share a network run in batches.
  std::size_t batch_size = 8;                 // maximum number of frames
  std::chrono::nanoseconds batch_timeout{0};  // maximum wait; 0: a frame waits only while the network is busy
  // Receives the progress of learning, on a thread of its own: every twentieth of the way, and the outcome.
  std::function<void(const LearningProgress &)> tell{};
  std::chrono::nanoseconds save_again_after = std::chrono::minutes(1);  // what could not be written
  // How often interrupted learning is kept on disk, in case the process crashes; less often if writing is
  // slow.
  std::chrono::nanoseconds keep_interval = std::chrono::seconds(10);
};

// The result of the network for one frame, before any threshold.
struct Detection {
  Grid grid;              // input size / 16, e.g. 14x14
  float score = 0;        // config().score of it, plus `image_part`
  float image_part = 0;   // what the picture as a whole adds (model/scoring/image_term.h)
  float usual_score = 0;  // mean of normal pictures of the source; 0 if the picture as a whole does not count
  // For models with statistics: the distance of the whole frame from the nearest learned scene, as a share of
  // the distance up to which a frame belongs to that scene.
  float scene_distance = 0;
  std::uint64_t frame_id = 0;  // of the frame, for update_means()
  // The zones by which the frame was judged; null without zones. part_scores: the score of each of their
  // parts; `score` is the highest of them.
  std::shared_ptr<const ZoneGrid> zones;
  std::vector<float> part_scores;
  // The frame was learned from, or nothing is known yet: there is no grid and no score.
  bool unjudged = false;
  GrayPicture luma;  // of the network's input, for the checks of camera health

  bool unknown_scene() const { return scene_distance > 1; }

  // Whether the frame is anomalous: its score reaches the threshold, or the score of a zone reaches the
  // threshold of that zone, or, if there is a threshold, the scene is unknown (model/engine/judgment.h).
  bool anomalous(std::optional<double> threshold) const;
};

// What to learn: until there are `frames` frames and they cover `time`. One of the two may be 0.
struct LearnOptions {
  std::string source;  // whose calibration is computed
  std::int64_t frames = 0;
  std::chrono::nanoseconds time{0};
  double frame_rate = 0;  // judged frames per second if frames have no times; 0: not known
  MotionUse motion = MotionUse::Auto;
  bool once = false;  // only if the model does not know the source; interrupted learning is resumed anyway
  // detect() waits until the frame has been learned from, and until the result is in force, so that no frame
  // is left out. Not for live streams.
  bool wait = false;
};

// A model that is ready to judge frames. Detectors of the same model file, device and precision share one
// network, but each has what it learned for itself. Thread-safe.
class Detector {
 public:
  // Throws Error (file, configuration, missing tensors, unknown or absent device).
  static std::shared_ptr<Detector> open(const std::filesystem::path &model,
                                        const DetectorOptions &options = {});

  // The number of the CUDA device that open() would use for this `device`; none for the CPU. Throws Error if
  // `device` is not the name of a device.
  static std::optional<int> cuda_device(const std::string &device);

  // Whether this process has learned something that it could not write to this file. open() takes it over,
  // and creates the file if it does not exist.
  static bool holds_unsaved(const std::filesystem::path &model);

  virtual ~Detector() = default;
  Detector(const Detector &) = delete;
  Detector &operator=(const Detector &) = delete;

  // Judges frames of any size and layout, in order; waits for the results, and for the frames of earlier
  // calls. `detections` is reused from call to call. A score may not be finite; the caller must check. Throws
  // Error.
  virtual void detect(std::span<const FrameView> frames, std::vector<Detection> &detections) = 0;
  // The same, but throws Error if a score is not finite.
  std::vector<Detection> detect(std::span<const FrameView> frames);

  // Announces that no frames will come for now: batches of other detectors do not wait for them, and frames
  // that wait in a batch are judged at once. The next detect() ends the pause. Any thread.
  virtual void pause() = 0;

  // Sets the zones by which frames are judged and learned from the next detect() on. Without zones, frames
  // are judged as a whole. Returns warnings for the user about zones in which nothing is judged. Any thread.
  virtual std::vector<std::string> set_zones(Zones zones) = 0;

  // Sets the source of the frames of the next calls of detect(). Detection::image_part is relative to what is
  // usual for this source; by default, to what is usual for all sources together. Any thread.
  virtual void set_source(const std::string &source) = 0;

  // Learns from the frames of the next calls of detect() instead of judging them, until there are enough, and
  // adds them to the statistics of the model and to its file. The result equals that of learning everything
  // at once. The computation runs on a thread of its own, which reports to DetectorOptions::tell, also if the
  // file cannot be written. Returns false if there is nothing to learn because of `once`. Throws Error if the
  // model has no statistics, or is already learning, which then continues.
  virtual bool learn(const LearnOptions &options) = 0;

  // Ends learning because no more frames will come. Returns when what was learned is in force or kept for
  // later, and has been written if possible.
  virtual void end_learning() = 0;

  // Lets the means of normal features follow the frame of this detection, which must be one of the two
  // newest; older ones are ignored.
  virtual void update_means(const Detection &normal) = 0;

  // How far normal frames have moved from what was learned, in standard deviations of normal features:
  // below 0.2 is noise. 0 without statistics and before any update_means().
  virtual double drift() const = 0;

  // Writes the model to its file atomically, with what it has learned and the adapted means. Throws Error,
  // also if others have changed the file so that the adapted means do not fit its statistics.
  virtual void save() = 0;

  virtual const ModelConfig &config() const = 0;
  virtual std::shared_ptr<const Calibration> calibration() const = 0;
  // Width / height of the pictures that the source was learned from; for an unknown source, of those of all
  // sources. 0: not known, or they differ.
  virtual double aspect_ratio(const std::string &source) const = 0;
  // What the source's pictures look like if its camera is in order; null if it was never learned.
  virtual std::shared_ptr<const HealthReference> health_reference(const std::string &source) const = 0;
  // The normal motion of the source, or of the only source of the model; null if none was learned.
  virtual std::shared_ptr<const MotionReference> motion_reference(const std::string &source) const = 0;
  // "efficientnet-b4 at 224x224, cpu, fp32 (AVX-512)": what `auto` was resolved to.
  virtual std::string description() const = 0;
  // A sentence for the user about an option that could not be honored; usually empty.
  virtual std::string warning() const { return {}; }

 protected:
  Detector() = default;
};

}  // namespace uniad
