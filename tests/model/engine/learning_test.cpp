// SPDX-License-Identifier: Apache-2.0
// Tests what a detector learns and how it is saved: interrupted, refused, shared with other processes,
// killed.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "model/base/error.h"
#include "model/engine/detector.h"
#include "model/file/file_lock.h"
#include "model/file/interrupted_learning.h"
#include "model/file/weights.h"
#include "model/preprocess/preprocess.h"
#include "tests/model/engine/pictures.h"
#include "tests/support/as_nobody.h"
#include "tests/support/child_process.h"
#include "tests/support/full_disk.h"
#include "tests/support/refusal.h"
#include "tests/support/scratch_folder.h"

namespace uniad {
namespace {

using State = LearningProgress::State;
using std::chrono::milliseconds;

constexpr std::int64_t enough = 12;
constexpr const char *backbone = "resnet18";

// Records the progress that a detector reports.
class Told {
 public:
  void add(const LearningProgress &learning) {
    const std::scoped_lock lock(mutex_);
    all_.push_back(learning);
    changed_.notify_all();
  }
  // Waits for the first report with that state.
  LearningProgress await(State state) {
    std::unique_lock lock(mutex_);
    for (std::size_t i = 0;; ++i) {
      changed_.wait(lock, [&] { return i < all_.size(); });
      if (all_[i].state == state) return all_[i];
    }
  }
  bool has(State state) {
    const std::scoped_lock lock(mutex_);
    return std::any_of(all_.begin(), all_.end(),
                       [&](const LearningProgress &told) { return told.state == state; });
  }
  LearningProgress first() {
    const std::scoped_lock lock(mutex_);
    return all_.at(0);
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<LearningProgress> all_;
};

// A detector with a stream of pictures, all different, 40 ms apart.
class Camera {
 public:
  explicit Camera(const std::filesystem::path &model, const std::string &source = "gate",
                  DetectorOptions options = {})
      : source_(source) {
    options.new_on_backbone = backbone;
    options.tell = [this](const LearningProgress &learning) { told.add(learning); };
    detector = Detector::open(model, options);
  }

  bool learn(std::int64_t frames = enough, bool wait = true, bool once = false) const {
    LearnOptions options;
    options.source = source_;
    options.frames = frames;
    options.wait = wait;
    options.once = once;
    return detector->learn(options);
  }

  // Returns the score of a frame, or nothing for a frame that was learned from.
  std::optional<float> see(unsigned picture) const {
    const test::RandomPicture pixels(96, 96, picture);
    FrameView frame = pixels.view();
    frame.time = picture * milliseconds(40);
    const Detection seen = detector->detect(std::span(&frame, 1)).front();
    if (seen.unjudged) return std::nullopt;
    return seen.score;
  }
  void see(unsigned from, unsigned to) const {
    for (unsigned picture = from; picture < to; ++picture) EXPECT_FALSE(see(picture).has_value()) << picture;
  }

  Told told;
  std::shared_ptr<Detector> detector;

 private:
  std::string source_;
};

std::int64_t pictures_in(const Model &model) {
  double sum = 0;
  for (const float pictures : to_float(model.tensors.at("statistics.pictures"))) sum += double{pictures};
  return static_cast<std::int64_t>(sum);
}

bool same_tensors(const Model &a, const Model &b) {
  return std::equal(a.tensors.begin(), a.tensors.end(), b.tensors.begin(), b.tensors.end(),
                    [](const auto &one, const auto &other) {
                      return one.first == other.first && one.second.bytes == other.second.bytes;
                    });
}

class Learn : public test::ScratchFolder {
 protected:
  void SetUp() override {
    try {
      need_weight_file(backbone);
    } catch (const Error &error) {
      GTEST_SKIP() << error.what();
    }
  }

  // Returns a model that has learned pictures 0 to 11 of `source`.
  std::filesystem::path learned(const std::string &name, const std::string &source = "gate") const {
    const Camera camera(file(name), source);
    camera.learn();
    camera.see(0, enough);
    camera.detector->end_learning();
    return file(name);
  }

  std::filesystem::path interrupted(const std::filesystem::path &model, unsigned frames,
                                    const std::string &source = "gate") const {
    Camera camera(model, source);
    camera.learn();
    camera.see(0, frames);
    camera.detector->end_learning();
    EXPECT_EQ(camera.told.await(State::Interrupted).frames, frames);
    return interrupted_learning_path(model, source);
  }
};

TEST_F(Learn, AFrameAfterTheLastIsJudgedAndTheModelIsWritten) {
  Camera camera(file("m.safetensors"));
  ASSERT_TRUE(camera.learn());
  camera.see(0, enough);
  EXPECT_TRUE(camera.see(100).has_value());
  const LearningProgress saved = camera.told.await(State::Saved);
  EXPECT_EQ(saved.frames, enough);
  EXPECT_TRUE(saved.normal.has_value());
  const Model model = read_model(file("m.safetensors"));
  EXPECT_EQ(pictures_in(model), enough);
  EXPECT_TRUE(model.calibration.sources.contains("gate"));
  EXPECT_FALSE(model.provenance.program_version.empty());
  EXPECT_EQ(names(), std::vector<std::string>{"m.safetensors"});
}

TEST_F(Learn, WhatTheCameraLooksLikeIsInForceAndInTheFile) {
  Camera camera(file("m.safetensors"));
  EXPECT_EQ(camera.detector->health_reference("gate"), nullptr);
  camera.learn();
  camera.see(0, 5);
  camera.detector->end_learning();  // interrupted
  Camera again(file("m.safetensors"));
  again.learn();
  again.see(5, enough);
  again.told.await(State::Saved);
  const auto in_force = again.detector->health_reference("gate");
  ASSERT_NE(in_force, nullptr);
  const HealthReferences in_file = read_model(file("m.safetensors")).health;
  ASSERT_TRUE(in_file.contains("gate"));
  ASSERT_FALSE(in_file.at("gate").empty());
  EXPECT_EQ(in_file.at("gate").looks.front().mean.values, in_force->looks.front().mean.values);
  EXPECT_EQ(in_file.at("gate").darkest, in_force->darkest);
  EXPECT_NE(Camera(file("m.safetensors")).detector->health_reference("gate"), nullptr);
  EXPECT_EQ(again.detector->health_reference("yard"), nullptr);
}

TEST_F(Learn, EveryFrameComesWithWhatTheNetworkSaw) {
  const auto detector = Detector::open(learned("m.safetensors"));
  const test::RandomPicture pixels(96, 96, 50);
  const FrameView frame = pixels.view();
  const Detection seen = detector->detect(std::span(&frame, 1)).front();
  EXPECT_EQ(seen.luma.width, detector->config().input.width);
  EXPECT_EQ(seen.luma.height, detector->config().input.height);
  std::vector<std::uint8_t> rgb(seen.luma.values.size() * 3);
  Preprocessor(detector->config().input).resize(frame, rgb);
  GrayPicture expected;
  luma_of_rgb(rgb, seen.luma.width, seen.luma.height, expected);
  ASSERT_EQ(seen.luma.values.size(), expected.values.size());
  for (std::size_t i = 0; i < expected.values.size(); ++i)
    ASSERT_NEAR(seen.luma.values[i], expected.values[i], 1) << i;  // halves may be rounded up or down
}

TEST_F(Learn, InterruptedLearningIsNoModelAndGoesOnWhereItWas) {
  const auto model = file("m.safetensors");
  const auto kept = interrupted(model, 5);
  EXPECT_EQ(names(), std::vector<std::string>{kept.filename().string()});
  const std::string refusal = test::refusal([&] { read_model(kept); });
  EXPECT_NE(refusal.find("interrupted"), std::string::npos) << refusal;

  Camera again(model);
  again.learn();
  again.see(5, enough);
  EXPECT_EQ(again.told.first().frames, 5);
  ASSERT_EQ(again.told.first().warnings.size(), 1U);
  EXPECT_EQ(again.told.first().warnings[0], "learning resumes at 5 of 12 frames");
  again.told.await(State::Saved);
  EXPECT_EQ(names(), std::vector<std::string>{"m.safetensors"});
  const Model resumed = read_model(model);
  const Model whole = read_model(learned("whole.safetensors"));
  EXPECT_TRUE(same_tensors(resumed, whole));
  EXPECT_EQ(resumed.calibration.sources.at("gate").threshold, whole.calibration.sources.at("gate").threshold);
}

TEST_F(Learn, WhatCameBeforeAnInterruptionCanBeAcceptedAsEnough) {
  const auto model = file("m.safetensors");
  interrupted(model, 8);
  Camera again(model);
  again.learn(8);
  again.told.await(State::Saved);
  EXPECT_EQ(pictures_in(read_model(model)), 8);
}

TEST_F(Learn, InterruptedLearningLeavesTheOldModelInForce) {
  const auto model = learned("m.safetensors");
  const std::string before = content(model);
  interrupted(model, 5);
  EXPECT_EQ(content(model), before);
  Camera again(model);
  EXPECT_TRUE(again.see(3).has_value());
  again.learn();
  again.see(20, 20 + enough - 5);
  again.told.await(State::Saved);
  EXPECT_EQ(pictures_in(read_model(model)), 2 * enough);
}

TEST_F(Learn, WhatCannotBeGoneOnWithIsBegunAnewAndSaid) {
  const std::map<std::string,
                 std::function<void(const std::filesystem::path &, const std::filesystem::path &)>>
      faults{{"damaged",
              [&](const auto &, const auto &kept) {
                std::string bytes = content(kept);
                bytes[bytes.size() - 100] = static_cast<char>(bytes[bytes.size() - 100] ^ 1);
                std::ofstream(kept, std::ios::binary) << bytes;
              }},
             {"cut short", [](const auto &, const auto &kept) { std::filesystem::resize_file(kept, 5000); }},
             {"of a model that has changed", [](const auto &model, const auto &) {
                Camera other(model, "yard");
                other.learn();
                other.see(50, 50 + enough);
                other.told.await(State::Saved);
              }}};
  for (const auto &[name, inflict] : faults) {
    SCOPED_TRACE(name);
    const auto model = file(name + "/m.safetensors");
    inflict(model, interrupted(model, 5));
    Camera again(model);
    again.learn();
    again.see(0, enough);
    EXPECT_EQ(again.told.first().frames, 0);
    EXPECT_TRUE(again.told.first().warnings.empty());
    const std::string failure = again.told.first().failure;
    for (const std::string &words : {interrupted_learning_path(model, "gate").string(),
                                     std::string("starts anew"), std::string("cannot be used")})
      EXPECT_NE(failure.find(words), std::string::npos) << words << ": " << failure;
    again.told.await(State::Saved);
    EXPECT_FALSE(std::filesystem::exists(interrupted_learning_path(model, "gate")));
  }
}

TEST_F(Learn, AModelThatCannotBeWrittenIsRefusedBeforeAFrameIsLearned) {
  const auto model = learned("m.safetensors");
  Camera camera(model);
  std::filesystem::permissions(folder_, std::filesystem::perms(0555));
  {
    const test::AsNobody nobody;  // also applies to the learner's thread
    camera.learn();
    const LearningProgress failed = camera.told.await(State::Failed);
    EXPECT_EQ(failed.frames, 0);
    EXPECT_NE(failed.failure.find(model.string()), std::string::npos) << failed.failure;
    EXPECT_NE(failed.failure.find("Permission denied"), std::string::npos) << failed.failure;
  }
  std::filesystem::permissions(folder_, std::filesystem::perms(0755));
  EXPECT_TRUE(camera.see(0).has_value());
}

TEST_F(Learn, AModelThatCannotBeWrittenStaysInForceForTheNextAndIsWrittenLater) {
  const auto folder = folder_ / "folder";
  const auto model = folder / "m.safetensors";
  std::optional<float> score;
  {
    std::filesystem::create_directory(folder);
    Camera camera(model);
    camera.learn();
    camera.see(0, enough - 1);
    std::filesystem::remove(folder);
    write("folder", "no folder");
    camera.see(enough - 1, enough);
    EXPECT_FALSE(camera.told.await(State::Unsaved).failure.empty());
    score = camera.see(100);
  }
  DetectorOptions options;
  options.save_again_after = milliseconds(10);
  Camera again(model, "gate", options);
  EXPECT_FALSE(again.learn(enough, true, true));  // although other pictures are in view now
  EXPECT_EQ(again.see(100), score);
  std::filesystem::remove(folder);
  std::filesystem::create_directory(folder);
  again.told.await(State::Saved);
  EXPECT_EQ(pictures_in(read_model(model)), enough);
}

TEST_F(Learn, OnAFullDiskWhatWasLearnedIsKeptInMemory) {
  const auto model = file("m.safetensors");
  {
    Camera camera(model);
    camera.learn();
    camera.see(0, 5);
    const test::FullDisk full(1000);
    camera.detector->end_learning();
    EXPECT_EQ(camera.told.await(State::Interrupted).kept, "");
  }
  EXPECT_EQ(names(), std::vector<std::string>{});
  Camera again(model);
  again.learn();
  again.see(5, enough);
  EXPECT_EQ(again.told.first().frames, 5);
  again.told.await(State::Saved);
}

TEST_F(Learn, TwoThatLearnIntoOneFileAreBothKept) {
  const auto model = file("both.safetensors");
  Camera gate(model, "gate");
  Camera yard(model, "yard");
  gate.learn();
  yard.learn();
  gate.see(0, enough);
  yard.see(50, 50 + enough);
  gate.told.await(State::Saved);
  yard.told.await(State::Saved);
  const Model both = read_model(model);
  EXPECT_EQ(pictures_in(both), 2 * enough);
  EXPECT_TRUE(both.calibration.sources.contains("gate"));
  EXPECT_TRUE(both.calibration.sources.contains("yard"));
}

// Runs in the other process: learns `enough` frames of $UNIAD_TEST_SOURCE into $UNIAD_TEST_MODEL.
TEST_F(Learn, DISABLED_InAnotherProcess) {
  const std::string source = std::getenv("UNIAD_TEST_SOURCE");
  Camera camera(std::getenv("UNIAD_TEST_MODEL"), source);
  for (unsigned round = 0; round < static_cast<unsigned>(std::atoi(std::getenv("UNIAD_TEST_ROUNDS")));
       ++round) {
    camera.learn();
    camera.see(0, enough);
    camera.detector->end_learning();
    std::printf("round\n");
    std::fflush(stdout);
  }
}

// Runs in another process: learns from some frames, and then waits to be killed.
TEST_F(Learn, DISABLED_UntilItIsKilled) {
  const std::filesystem::path model = std::getenv("UNIAD_TEST_MODEL");
  DetectorOptions options;
  options.keep_interval = milliseconds(0);
  Camera camera(model, "gate", options);
  camera.learn();
  camera.see(0, 8);
  while (!std::filesystem::exists(interrupted_learning_path(model, "gate"))) std::this_thread::yield();
  std::printf("kept\n");
  std::fflush(stdout);
  pause();
}

test::ChildProcess learning_process(const std::filesystem::path &model, const std::string &source, int rounds,
                                    const std::string &test = "InAnotherProcess") {
  return test::ChildProcess({std::filesystem::read_symlink("/proc/self/exe").string(),
                             "--gtest_filter=Learn.DISABLED_" + test, "--gtest_also_run_disabled_tests"},
                            {{"UNIAD_TEST_MODEL", model.string()},
                             {"UNIAD_TEST_SOURCE", source},
                             {"UNIAD_TEST_ROUNDS", std::to_string(rounds)}});
}

TEST_F(Learn, TwoProcessesThatLearnIntoOneFileAreBothKept) {
  const auto model = file("both.safetensors");
  auto gate = learning_process(model, "gate", 3);
  auto yard = learning_process(model, "yard", 3);
  EXPECT_EQ(gate.wait().status, 0);
  EXPECT_EQ(yard.wait().status, 0);
  const Model both = read_model(model);
  EXPECT_EQ(pictures_in(both), 6 * enough);
  EXPECT_EQ(both.provenance.sources.size(), 2U);
}

TEST_F(Learn, AProcessThatIsKilledWhileItSavesLeavesAWholeModelAndNobodyWaiting) {
  const auto model = learned("m.safetensors");
  for (int round = 0; round < 3; ++round) {
    auto other = learning_process(model, "yard", 1000);
    while (other.read_out_line() != "round") {
    }
    other.send_signal(SIGKILL);
    other.wait();
    const std::int64_t before = pictures_in(read_model(model));
    Camera camera(model);
    camera.learn();
    camera.see(0, enough);
    camera.told.await(State::Saved);
    EXPECT_EQ(pictures_in(read_model(model)), before + enough);
  }
}

TEST_F(Learn, AProcessThatIsKilledWhileItLearnsHasKeptWhatItLearned) {
  const auto model = file("m.safetensors");
  auto other = learning_process(model, "gate", 1, "UntilItIsKilled");
  while (other.read_out_line() != "kept") {
  }
  other.send_signal(SIGKILL);
  other.wait();
  EXPECT_FALSE(std::filesystem::exists(model));
  Camera again(model);
  again.learn();
  again.see(0, 4);
  const LearningProgress resumed = again.told.first();
  EXPECT_EQ(resumed.failure, "");
  EXPECT_GE(resumed.frames, 1);
  EXPECT_LE(resumed.frames, 8);
  again.see(4, static_cast<unsigned>(enough - resumed.frames));
  again.told.await(State::Saved);
  EXPECT_EQ(pictures_in(read_model(model)), enough);
}

TEST_F(Learn, WhatWasKeptStaysUntilItIsInTheModelsFile) {
  const auto model = file("m.safetensors");
  const auto kept = interrupted(model, 5);
  Camera again(model);
  {
    const FileLock somebody_else(model);
    again.learn();
    again.see(5, enough);
    again.told.await(State::Done);
    EXPECT_TRUE(std::filesystem::exists(kept));
    EXPECT_FALSE(again.learn(enough, true, /*once=*/true));
  }
  again.told.await(State::Saved);
  EXPECT_FALSE(std::filesystem::exists(kept));
}

TEST_F(Learn, ALockThatAKilledProgramLeftHoldsNobodyUp) {
  write("m.safetensors.lock", "");
  learned("m.safetensors");
  EXPECT_EQ(names(), std::vector<std::string>{"m.safetensors"});
}

TEST_F(Learn, ALiveStreamIsJudgedWhileTheFileWaitsForSomebodyElse) {
  const auto model = file("m.safetensors");
  Camera camera(model);
  camera.learn(enough, /*wait=*/false);
  {
    const FileLock somebody_else(model);
    for (unsigned picture = 0; !camera.see(picture).has_value(); ++picture) {
    }
    EXPECT_TRUE(camera.told.has(State::Done));
    EXPECT_FALSE(std::filesystem::exists(model));
    EXPECT_TRUE(camera.see(100).has_value());
  }
  camera.told.await(State::Saved);
}

TEST_F(Learn, OldStatisticsDoNotGoIntoAModelThatTookTheFilesPlace) {
  const auto model = learned("m.safetensors");
  Camera camera(model);
  const auto fresh = learned("fresh.safetensors", "fresh");
  std::filesystem::rename(fresh, model);
  camera.learn();
  camera.see(30, 30 + enough);
  camera.told.await(State::Saved);
  const Model both = read_model(model);
  EXPECT_EQ(pictures_in(both), 2 * enough);  // of `fresh` and of what was learned now, without earlier ones
  EXPECT_TRUE(both.calibration.sources.contains("fresh"));
}

TEST_F(Learn, WhatWasFollowedHasNoPlaceInAFileThatWasChanged) {
  const auto model = learned("m.safetensors");
  DetectorOptions adapting;
  adapting.adapt_rate = 0.01;
  Camera camera(model, "gate", adapting);
  Camera other(model, "yard");
  camera.detector->save();
  other.learn();
  other.see(50, 50 + enough);
  other.told.await(State::Saved);
  const std::string before = content(model);
  const std::string refusal = test::refusal([&] { camera.detector->save(); });
  EXPECT_NE(refusal.find("was changed since"), std::string::npos) << refusal;
  EXPECT_EQ(content(model), before);
}

}  // namespace
}  // namespace uniad
