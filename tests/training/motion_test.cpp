// SPDX-License-Identifier: Apache-2.0
// Tests what the commands do with motion.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <sstream>

#include "model/file/model_file.h"
#include "model/motion/combined_score.h"
#include "tests/model/motion/scenes.h"
#include "tests/support/refusal.h"
#include "tests/training/cli_fixture.h"

namespace uniad {
namespace {

using Json = nlohmann::json;
using test::at_frame;
using test::holds;

class Motion : public test::CliTest {
 protected:
  // A model that knows the motion of the source cam0: speeds of an exponential distribution, a minute at ten
  // frames a second.
  std::string model_with_motion() const {
    std::mt19937 random(1);
    std::exponential_distribution<float> speed(5);
    MotionLearner learner;
    for (int i = 0; i < 700; ++i) {
      MotionMap map{42, 42, std::vector<float>(std::size_t{42} * 42)};
      for (int cell = 0; cell < 100; ++cell) map.speeds[random() % map.speeds.size()] = speed(random);
      learner.add(map, std::chrono::milliseconds(80), at_frame(i, 10), i / 80 % MotionLearner::folds);
    }
    const std::string path = tiny_model(1e9);
    Model model = read_model(path);
    model.motion["cam0"] = learner.finish({}, MotionUse::Auto);
    write_model(model, path);
    return path;
  }

  static MotionReference motion_of(const std::string &path) { return read_model(path).motion.at("cam0"); }

  // Each frame is brighter than the one before.
  std::string video(int frames) const { return write_video("cam0.avi", frames, "jpegenc ! avimux").string(); }

  Json lines_of(const std::string &arguments) const {
    const auto outcome = uniad(arguments);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    Json lines = Json::array();
    std::istringstream text(outcome.out);
    for (std::string line; std::getline(text, line);) lines.push_back(Json::parse(line));
    return lines;
  }
};

TEST_F(Motion, NewFootageGivesItANewThreshold) {
  const auto model = model_with_motion();
  const double before = motion_of(model).normal->threshold;
  const auto footage = video(80);
  const Json lines = lines_of("predict --json - --model " + model + " " + footage);
  double highest = 0;
  std::int64_t judged = 0;
  for (const Json &line : lines) {
    if (!line.contains("motion_score")) continue;
    highest = std::max(highest, line.at("motion_score").get<double>());
    ++judged;
  }
  const auto outcome =
      uniad("calibrate --json - --false-alarms-per-hour 60 --model " + model + " --data " + footage);
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Json motion = Json::parse(outcome.out).at("sources").at("cam0").at("motion");
  EXPECT_EQ(motion.at("frames"), judged);
  EXPECT_EQ(motion.at("old_threshold"), before);
  EXPECT_EQ(motion.at("rule"), "60 false alarms an hour");
  const MotionReference now = motion_of(model);
  EXPECT_EQ(now.normal->threshold, motion.at("threshold").get<double>());
  EXPECT_EQ(now.normal->count, judged);
  EXPECT_EQ(now.rule, "60 false alarms an hour");
  EXPECT_EQ(now.normal->tail->frame_rate, 25);
  EXPECT_GE(now.normal->threshold, highest) << "3 s of footage have no alarm in a minute";
  EXPECT_EQ(now.frames, 700) << "what was learned stays";
}

TEST_F(Motion, TheRuleOfThePicturesDoesNotChangeIt) {
  const auto model = model_with_motion();
  const double before = motion_of(model).normal->threshold;
  ASSERT_EQ(uniad("calibrate --sigma 3 --model " + model).code, 0);
  EXPECT_EQ(motion_of(model).normal->threshold, before);
  EXPECT_EQ(motion_of(model).rule, "6 false alarms an hour");
}

TEST_F(Motion, AbnormalFramesAreLeftOutOfItsThreshold) {
  const auto model = model_with_motion();
  const auto labels = write("labels.csv", "frame0,abnormal\n30,1\n31,1\n32,1\n").string();
  const auto outcome =
      uniad("calibrate --json - --model " + model + " --labels " + labels + " --data " + video(80));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Json source = Json::parse(outcome.out).at("sources").at("cam0");
  EXPECT_EQ(source.at("frames"), 77);
  EXPECT_EQ(source.at("motion").at("rule"), "6 false alarms an hour");
  EXPECT_EQ(motion_of(model).normal->count, source.at("motion").at("frames"));
  EXPECT_LE(source.at("motion").at("frames"), 76);
  EXPECT_GE(source.at("motion").at("frames"), 70);
}

TEST_F(Motion, TheCombinedScoreIsTheSumOfBothParts) {
  const auto model = model_with_motion();
  const ScoreStatistics normal = *read_model(model).calibration.find("cam0");
  int judged = 0;
  for (const Json &line : lines_of("predict --json - --model " + model + " " + video(20))) {
    EXPECT_EQ(line.contains("combined_score"), line.contains("motion_score"));
    if (!line.contains("motion_score")) continue;
    ++judged;
    const double expected = line.at("motion_score").get<double>() + appearance_part(line.at("score"), normal);
    EXPECT_NEAR(line.at("combined_score").get<double>(), expected, 1e-4 * expected);
  }
  EXPECT_GE(judged, 15);
}

TEST_F(Motion, EvaluateShowsItsCurves) {
  const auto model = model_with_motion();
  const auto labels = write("labels.csv", "frame0,abnormal\n0,0\n5,0\n30,1\n31,1\n").string();
  const auto outcome = uniad("evaluate --json - --model " + model + " --labels " + labels + " --data " +
                             video(40) + " --report " + file("report").string());
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Json motion = Json::parse(outcome.out).at("classes").at("cam0").at("motion");
  for (const char *figure : {"frame_auroc", "combined_auroc", "threshold"})
    EXPECT_TRUE(motion.contains(figure)) << figure;
  EXPECT_TRUE(holds(test::read_all(file("report") / "report.html"), "<h3>Motion</h3>"));
}

}  // namespace
}  // namespace uniad
