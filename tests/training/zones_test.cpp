// SPDX-License-Identifier: Apache-2.0
// The option --zones, on pictures of a scene with a light that flashes in an ignored corner. Each command
// must do the same as on the same pictures without the flashes.
#include <signal.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "model/file/model_file.h"
#include "model/file/weights.h"
#include "tests/support/child_process.h"
#include "tests/support/refusal.h"
#include "tests/training/cli_fixture.h"

namespace uniad {
namespace {

using test::holds;

using Json = nlohmann::json;
using test::Outcome;

constexpr int side = 112;
const cv::Rect light(4, 4, 32, 32);  // well within the zone
const cv::Rect stain(64, 64, 32, 32);

class CliZones : public test::CliTest {
 protected:
  void SetUp() override {
    if (!find_weight_file("efficientnet-lite2"))
      GTEST_SKIP() << "needs the weights of efficientnet-lite2: subprojects/setup.sh brings them";
    write("corner.json", R"({"zones": [{"name": "light", "kind": "ignore",
                             "polygon": [[0, 0], [0.5, 0], [0.5, 0.5], [0, 0.5]]}]})");
  }

  // A picture of the scene. Pictures with the same seed differ in the light alone.
  static cv::Mat picture(std::uint64_t seed, bool flashes) {
    cv::Mat scene(side, side, CV_8UC3);
    cv::RNG(7).fill(scene, cv::RNG::UNIFORM, 60, 120);
    cv::Mat noise(side, side, CV_8UC3);
    cv::RNG(seed).fill(noise, cv::RNG::UNIFORM, 0, 12);
    cv::Mat result = scene + noise;
    if (flashes) result(light).setTo(cv::Scalar(40.0 * static_cast<double>(seed % 7), 255, 255));
    return result;
  }

  // Writes a folder of pictures of the scene, the first of which does not flash.
  std::string write_scene(const std::string &name, int count, std::uint64_t seed, bool flashes) const {
    for (int n = 0; n < count; ++n)
      write_picture(name + "/" + std::to_string(100 + n) + ".png",
                    picture(seed + static_cast<std::uint64_t>(n), flashes && n > 0));
    return (folder_ / name).string();
  }

  void run(const std::string &arguments) const {
    const Outcome outcome = uniad(arguments);
    ASSERT_EQ(outcome.code, 0) << arguments << "\n" << outcome.err;
  }

  void train(const std::string &data, const std::string &model, const std::string &options) const {
    run("train --backbone efficientnet-lite2 --device cpu --data scene=" + data + " --model " + model + " " +
        options);
  }

  std::string zones() const { return " --zones scene=" + file("corner.json").string(); }

  // Bit for bit, besides the health reference, which shows the whole picture.
  static bool same_model(const std::string &a, const std::string &b) {
    const Model one = read_model(a);
    const Model other = read_model(b);
    for (const auto &[name, tensor] : one.tensors)
      if (!name.starts_with("health") &&
          (!other.tensors.contains(name) || other.tensors.at(name).bytes != tensor.bytes))
        return false;
    return threshold_of(a) == threshold_of(b);
  }

  static double threshold_of(const std::string &model) {
    return read_model(model).calibration.find("scene")->threshold;
  }

  std::vector<Json> predict(const std::string &model, const std::string &data,
                            const std::string &options) const {
    const Outcome outcome = uniad("predict --json - --model " + model + " scene=" + data + options);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    std::vector<Json> lines;
    std::istringstream text(outcome.out);
    for (std::string line; std::getline(text, line);) lines.push_back(Json::parse(line));
    return lines;
  }
};

TEST_F(CliZones, TrainLearnsNothingFromWhatIsIgnored) {
  const std::string still = write_scene("still", 12, 1, false);
  const std::string flashing = write_scene("flashing", 12, 1, true);
  const std::string a = file("a.safetensors"), b = file("b.safetensors");
  const std::string cache = " --cache-dir " + file("cache").string();
  const std::string small =
      " --mask-size 3 --input-size 96x96 --encoder-layers 1 --decoder-layers 1 --steps 2" + cache;
  train(still, a, "");
  train(flashing, b, "");
  EXPECT_FALSE(same_model(a, b));
  for (const std::string &options : {std::string(), "--recipe fast" + small, "--recipe paper" + small}) {
    SCOPED_TRACE(options);
    train(still, a, options + zones());
    train(flashing, b, options + zones());
    EXPECT_TRUE(same_model(a, b));
    train(flashing, a, options + zones());  // with cached features
    EXPECT_TRUE(same_model(a, b));
  }
}

TEST_F(CliZones, UpdateAndCalibrateDoNotCountWhatIsIgnored) {
  const std::string a = file("a.safetensors"), b = file("b.safetensors");
  train(write_scene("normal", 20, 1, false), a, "");
  const std::string still = write_scene("still", 20, 100, false);
  const std::string flashing = write_scene("flashing", 20, 100, true);
  for (const std::string command : {"update", "calibrate"}) {
    SCOPED_TRACE(command);
    for (const bool ignored : {false, true}) {
      const std::string of_still = file("of-still.safetensors"),
                        of_flashing = file("of-flashing.safetensors");
      for (const auto &[data, model] : {std::pair(still, of_still), std::pair(flashing, of_flashing)}) {
        std::filesystem::copy_file(a, model, std::filesystem::copy_options::overwrite_existing);
        run(command + " --model " + model + " --data scene=" + data + (ignored ? zones() : ""));
      }
      EXPECT_EQ(same_model(of_still, of_flashing), ignored);
    }
  }
}

TEST_F(CliZones, PredictAndEvaluateJudgeTheRest) {
  const std::string model = file("model.safetensors");
  train(write_scene("normal", 20, 1, false), model, "");
  const std::string still = write_scene("still", 4, 200, false);
  const std::string flashing = write_scene("flashing", 4, 200, true);
  EXPECT_TRUE(predict(model, flashing, "").back().at("anomalous").get<bool>());
  const auto of_still = predict(model, still, zones());
  const auto of_flashing = predict(model, flashing, zones());
  ASSERT_EQ(of_flashing.size(), 4U);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(of_flashing[i].at("score"), of_still[i].at("score"));
    EXPECT_FALSE(of_flashing[i].at("anomalous").get<bool>());
  }

  // Abnormal pictures are the normal ones with the light; then also with a stain beside the zone.
  for (int n = 0; n < 4; ++n) {
    const std::string name = "/" + std::to_string(n) + ".png";
    const std::uint64_t seed = 300 + static_cast<std::uint64_t>(n);
    write_picture("lights/test/good" + name, picture(seed, false));
    write_picture("lights/test/broken" + name, picture(seed, true));
    write_picture("stains/test/good" + name, picture(seed, true));
    cv::Mat stained = picture(seed, false);
    stained(stain).setTo(cv::Scalar(255, 255, 255));
    write_picture("stains/test/broken" + name, stained);
  }
  const auto auroc = [&](const std::string &data, const std::string &options) {
    const Outcome outcome =
        uniad("evaluate --json - --model " + model + " --data scene=" + file(data).string() + options);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return Json::parse(outcome.out).at("classes").at("scene").at("image_auroc").get<double>();
  };
  EXPECT_EQ(auroc("lights", ""), 1);
  EXPECT_EQ(auroc("lights", zones()), 0.5) << "scores of pairs are equal";
  EXPECT_EQ(auroc("stains", zones()), 1);
}

TEST_F(CliZones, RegionsNameTheWatchZone) {
  const std::string model = file("model.safetensors");
  train(write_scene("normal", 20, 1, false), model, "");
  write("watch.json", R"({"zones": [{"name": "gate", "kind": "watch",
                          "polygon": [[0.5, 0.5], [1, 0.5], [1, 1], [0.5, 1]]}]})");
  const std::string watch = " --zones " + file("watch.json").string();
  cv::Mat stained = picture(400, false);
  stained(cv::Rect(72, 72, 16, 16)).setTo(cv::Scalar(255, 255, 255));
  write_picture("stained/0.png", stained);
  write_picture("light/0.png", picture(400, true));  // outside of the watch zone
  EXPECT_FALSE(predict(model, file("light"), watch).at(0).at("anomalous").get<bool>());
  const Json found = predict(model, file("stained"), watch).at(0);
  ASSERT_TRUE(found.at("anomalous").get<bool>());
  for (const Json &region : found.at("regions")) EXPECT_EQ(region.at("zone"), "gate");
}

TEST_F(CliZones, WhatCannotWorkIsRefused) {
  const std::string model = file("model.safetensors");
  const std::string data = write_scene("normal", 12, 1, false);
  const std::string command =
      "train --backbone efficientnet-lite2 --data scene=" + data + " --model " + model + " ";
  const auto refusal = [&](const std::string &options, int code) {
    const Outcome outcome = uniad(command + options);
    EXPECT_EQ(outcome.code, code) << options;
    return outcome.err;
  };
  EXPECT_TRUE(holds(refusal("--recipe paper --train-backbone" + zones(), 2), "--train-backbone"));
  EXPECT_TRUE(holds(refusal("--recipe fast --augment flip-h" + zones(), 2), "--augment"));
  EXPECT_TRUE(holds(refusal("--zones cam=" + file("corner.json").string(), 1), "use one of: scene"));
  write("bad.json", "{\"zones\": [\n{\"kind\": \"ignore\"}]}");
  EXPECT_TRUE(holds(refusal("--zones " + file("bad.json").string(), 1), "bad.json:2: zone 1"));
}

TEST_F(CliZones, TrainingIsNotResumedWithOtherZones) {
  const std::string model = file("model.safetensors");
  std::vector<std::string> command{UNIAD_EXECUTABLE,
                                   "train",
                                   "--recipe",
                                   "fast",
                                   "--backbone",
                                   "efficientnet-lite2",
                                   "--no-cache",
                                   "--steps",
                                   "2",
                                   "--zones",
                                   file("corner.json"),
                                   "--data",
                                   write_scene("scene", 60, 1, true),
                                   "--model",
                                   model};
  test::ChildProcess trainer(command);
  while (const auto line = trainer.read_err_line())
    if (*line == "scene: learning statistics") break;
  trainer.send_signal(SIGINT);
  EXPECT_EQ(trainer.wait().status, 1);
  command.insert(command.end(), {"--resume", model + ".checkpoint.safetensors"});
  const std::string known = content(file("corner.json"));
  write("corner.json", R"({"zones": [{"kind": "ignore", "polygon": [[0, 0], [1, 0], [1, 0.5]]}]})");
  const auto refused = test::run(command);
  EXPECT_EQ(refused.status, 1);
  EXPECT_TRUE(holds(refused.err, "is of another run: zones scene")) << refused.err;
  write("corner.json", known);
  EXPECT_EQ(test::run(command).status, 0);
}

}  // namespace
}  // namespace uniad
