// SPDX-License-Identifier: Apache-2.0
#include <signal.h>

#include <nlohmann/json.hpp>
#include <numeric>
#include <set>
#include <sstream>

#include "model/engine/tail.h"
#include "model/file/model_file.h"
#include "model/file/weights.h"
#include "tests/support/child_process.h"
#include "tests/support/free_port.h"
#include "tests/support/refusal.h"
#include "tests/support/tiny_model.h"
#include "tests/training/data/temporary_folder.h"
#include "tests/training/program.h"

namespace uniad {
namespace {

using test::holds;

using Json = nlohmann::json;
using test::Outcome;

class Cli : public test::TemporaryFolder {
 protected:
  Outcome uniad(const std::string &arguments) const { return test::run_uniad(arguments, folder_); }

  std::string tiny_model(std::optional<double> threshold = {}) const {
    const auto path = file("tiny.safetensors");
    test::write_tiny_model(path, threshold);
    return path.string();
  }

  // An MVTec folder of noise; its abnormal pictures have a white square in the middle, in a mask too.
  std::string write_product(int train, int test) const {
    cv::RNG random(1);
    const auto noise = [&] {
      cv::Mat picture(80, 80, CV_8UC3);
      random.fill(picture, cv::RNG::UNIFORM, 60, 120);
      return picture;
    };
    const cv::Rect square(30, 30, 24, 24);
    for (int n = 0; n < train; ++n)
      write_picture("product/train/good/" + std::to_string(n) + ".png", noise());
    for (int n = 0; n < test; ++n) {
      write_picture("product/test/good/" + std::to_string(n) + ".png", noise());
      auto broken = noise();
      broken(square).setTo(cv::Scalar(255, 255, 255));
      write_picture("product/test/broken/" + std::to_string(n) + ".png", broken);
      cv::Mat mask(80, 80, CV_8UC1, cv::Scalar(0));
      mask(square).setTo(255);
      write_picture("product/ground_truth/broken/" + std::to_string(n) + "_mask.png", mask);
    }
    return (folder_ / "product").string();
  }

  // A folder of pictures of noise, others for every seed.
  std::string write_noise(const std::string &name, int count, std::uint64_t seed) const {
    cv::RNG random(seed);
    for (int n = 0; n < count; ++n) {
      cv::Mat picture(80, 80, CV_8UC3);
      random.fill(picture, cv::RNG::UNIFORM, 60, 120);
      write_picture(name + "/" + std::to_string(n) + ".png", picture);
    }
    return (folder_ / name).string();
  }
};

TEST_F(Cli, WrongUsageExitsWith2AndSaysWhy) {
  for (const char *arguments : {"",
                                "frobnicate",
                                "train",
                                "train --data x",
                                "train --model y",
                                "evaluate --model x",
                                "predict --model x",
                                "info",
                                "import x",
                                "train --data x --model y --bogus",
                                "info a b",
                                "train --data x --model y --lr nan",
                                "train --data x --model y --lr -1",
                                "train --data x --model y --steps 0",
                                "train --data x --model y --steps 3 --epochs 3",
                                "train --data x --model y --backbone vgg16",
                                "train --data x --model y --recipe slow",
                                "train --data x --model y --recipe instant --steps 3",
                                "train --data x --model y --whiten",
                                "train --data x --model y --steps 3",
                                "train --data x --model y --epochs 3",
                                "train --data x --model y --lr 0.1",
                                "train --data x --model y --log l",
                                "train --data x --model y --network vae",
                                "train --data x --model y --input-size 100",
                                "train --data x --model y --input-size 224x",
                                "train --data x --model y --input-size 99999x224",
                                "train --data x --model y --score median",
                                "train --data x --model y --stages 1,6",
                                "calibrate --model y --quantile 0.9",
                                "calibrate --model y --sigma 3 --frame-rate 5",
                                "train --data x --model y --recipe fast --encoder-layers 13",
                                "train --data x --model y --recipe fast --mask middle",
                                "train --data x --model y --recipe fast --mask-size 0",
                                "train --data x --model y --recipe fast --jitter-probability 1.5",
                                "train --data x --model y --recipe fast --jitter-scale nan",
                                "train --data x --model y --recipe fast --loss mae",
                                "train --data x --model y --recipe fast --dropout 1",
                                "train --data x --model y --recipe fast --network cnn --queries one",
                                "train --data x --model y --recipe fast --network mlp --mask all",
                                "train --data x --model y --recipe fast --queries one --decoder-variant b",
                                "train --data x --model y --network mlp",
                                "train --data x --model y --loss cosine",
                                "train --data x --model y --device gpu",
                                "train --data x --model y --precision fp8",
                                "train --data x --model y --batch 0",
                                "train --data x --model y --max-frames 0",
                                "train --data x --model y --quantile 1.5",
                                "train --data x --model y --held-back 1",
                                "train --data x --model y --cache-memory -1",
                                "train --data x --model y --cache-dir z --no-cache",
                                "train --data x --model y --quantile 0.9 --sigma 3",
                                "train --data x --model y --false-alarms-per-hour 0",
                                "train --data x --model y --false-alarms-per-hour 1 --sigma 3",
                                "calibrate --data x",
                                "calibrate --model y",
                                "calibrate --data x --model y --frame-rate 0",
                                "calibrate --data x --model y --quantile 0.9 --false-alarms-per-hour 1",
                                "train --data x --model y --seed -1",
                                "update --data x",
                                "update --model y",
                                "merge --model x",
                                "merge a --model x",
                                "merge a b",
                                "bench",
                                "bench --model x y",
                                "evaluate --model x --data y --device cuda:x",
                                "evaluate --model x --data y --label-rule lax",
                                "evaluate --model x --data y --event-gap -1",
                                "evaluate --model x --data y --training-log z"}) {
    const auto outcome = uniad(arguments);
    EXPECT_EQ(outcome.code, 2) << arguments;
    EXPECT_TRUE(outcome.out.empty()) << arguments;
    EXPECT_FALSE(outcome.err.empty()) << arguments;
  }
  EXPECT_TRUE(holds(uniad("train --data x --model y --backbone vgg16").err, "efficientnet-b4"));
  EXPECT_TRUE(holds(uniad("train --data x --model y --steps 3").err, "instant takes no steps"));
}

TEST_F(Cli, HelpManPageAndReadmeComeFromOneTable) {
  const auto man = uniad("--man");
  const auto markdown = uniad("--markdown");
  EXPECT_EQ(man.code, 0);
  EXPECT_TRUE(holds(uniad("--version").out, "uniad "));
  EXPECT_FALSE(holds(uniad("--help").out, "--man"));
  for (const std::string command : {"train", "sweep", "update", "merge", "evaluate", "calibrate", "predict",
                                    "render", "import", "export", "info", "bench"}) {
    const auto help = uniad(command + " --help");
    EXPECT_EQ(help.code, 0);
    EXPECT_TRUE(holds(uniad("--help").out, command));
    std::istringstream words(help.out);
    for (std::string word; words >> word;) {
      if (!word.starts_with("--")) continue;
      EXPECT_TRUE(holds(markdown.out, "`" + word)) << word;
      std::string escaped;
      for (const char c : word) escaped += c == '-' ? "\\-" : std::string(1, c);
      EXPECT_TRUE(holds(man.out, escaped)) << word;
    }
  }
}

TEST_F(Cli, BashCompletesCommandsAndOptions) {
  const auto script = file("completion.bash");
  write("completion.bash", uniad("--completion").out);
  const auto complete = [&](const std::string &words, int current) {
    const auto out = file("completed");
    const std::string command = "bash -c 'source " + script.string() + "; COMP_WORDS=(" + words +
                                "); COMP_CWORD=" + std::to_string(current) +
                                "; _uniad; echo \"${COMPREPLY[*]}\"' >" + out.string();
    EXPECT_EQ(std::system(command.c_str()), 0);
    return content(out);
  };
  EXPECT_EQ(complete("uniad ev", 1), "evaluate\n");
  EXPECT_EQ(complete("uniad train --check", 2), "--checkpoint-every\n");
  EXPECT_EQ(complete("uniad info --log-j", 2), "--log-json\n");
  EXPECT_EQ(complete("uniad train --data ./pic", 3), "\n") << "bash's own completion of files";
}

TEST_F(Cli, ThreadsOfATrainingWaitBrieflyForOneAnotherUnlessTold) {
  const std::vector<std::string> command{UNIAD_EXECUTABLE, "train",    "--recipe", "fast",
                                         "--data",         "/nowhere", "--model",  file("m")};
  const auto usual = test::run(command, {{"OMP_DISPLAY_ENV", "verbose"}});
  EXPECT_EQ(usual.status, 1);
  EXPECT_TRUE(holds(usual.err, "GOMP_SPINCOUNT = '1000'")) << usual.err;
  const auto told = test::run(command, {{"OMP_DISPLAY_ENV", "verbose"}, {"GOMP_SPINCOUNT", "7"}});
  EXPECT_TRUE(holds(told.err, "GOMP_SPINCOUNT = '7'")) << told.err;
  EXPECT_FALSE(holds(told.err, "GOMP_SPINCOUNT = '1000'")) << told.err;
}

TEST_F(Cli, ProgramsGetProgressAndErrorsAsJsonLines) {
  const auto model = tiny_model();
  write_plain("pictures/a.png");
  const auto judged =
      uniad("predict --log-json --json - --model " + model + " " + (folder_ / "pictures").string());
  ASSERT_EQ(judged.code, 0) << judged.err;
  std::istringstream lines(judged.err);
  bool told = false;
  for (std::string line; std::getline(lines, line);) {
    const Json json = Json::parse(line);
    told = told || json.contains("message");
  }
  EXPECT_TRUE(told);
  const auto failed = uniad("--log-json info " + file("none.safetensors").string());
  EXPECT_EQ(failed.code, 1);
  EXPECT_TRUE(holds(Json::parse(failed.err)["error"].get<std::string>(), "none.safetensors"));
}

TEST_F(Cli, FailedWorkExitsWith1AndNamesFileAndReason) {
  const auto picture = write_plain("pictures/a.png").parent_path().string();
  const auto garbage = write("garbage.safetensors", "this is no model").string();
  const auto empty = write("empty/.keep", "").parent_path().string();
  const auto model = tiny_model();
  const std::pair<std::string, std::string> cases[] = {
      {"info " + garbage, "garbage.safetensors"},
      {"info /nowhere.safetensors", "/nowhere.safetensors"},
      {"evaluate --model /nowhere.safetensors --data " + picture, "/nowhere.safetensors"},
      {"evaluate --model " + model + " --data /nowhere", "/nowhere: no such file"},
      {"evaluate --model " + model + " --data " + empty, "no picture in this folder"},
      {"evaluate --model " + model + " --data " + picture + " --labels /nowhere.csv", "/nowhere.csv"},
      {"evaluate --model " + model + " --data " + picture + " --json /nowhere/x.json", "/nowhere/x.json"},
      {"evaluate --model " + model + " --data " + picture + " --report /proc/nowhere", "/proc/nowhere"},
      {"evaluate --model " + model + " --data " + picture + " --report " + garbage, "garbage.safetensors"},
      {"evaluate --model " + model + " --data " + picture + " --report " + (folder_ / "r").string() +
           " --training-log " + garbage,
       "garbage.safetensors: holds no step of a training"},
      {"predict --model " + garbage + " " + picture, "garbage.safetensors"},
      {"predict --model " + model + " " + write("b/x.png", "text").string(), "x.png"},
      {"import " + garbage + " --model " + file("out").string(), "garbage.safetensors"},
      {"train --data " + picture + " --model /nowhere/m.safetensors", "/nowhere/m.safetensors"},
      {"train --data " + picture + " --weights /nowhere.pth --backbone resnet18 --model " +
           file("out").string(),
       "/nowhere.pth"},
  };
  for (const auto &[arguments, reason] : cases) {
    const auto outcome = uniad(arguments);
    EXPECT_EQ(outcome.code, 1) << arguments;
    EXPECT_TRUE(holds(outcome.err, "uniad: ")) << outcome.err;
    EXPECT_TRUE(holds(outcome.err, reason)) << outcome.err;
    EXPECT_TRUE(outcome.out.empty()) << outcome.out;
  }
  EXPECT_FALSE(std::filesystem::exists(file("out")));
}

TEST_F(Cli, AModelWithoutStatisticsCannotBeAddedTo) {
  const auto model = tiny_model();
  const auto before = test::read_all(model);
  const auto pictures = write_plain("pictures/a.png").parent_path().string();
  const auto merged = file("merged.safetensors").string();
  for (const std::string &arguments : {"merge " + model + " " + model + " --model " + merged,
                                       "update --model " + model + " --data " + pictures}) {
    const auto outcome = uniad(arguments);
    EXPECT_EQ(outcome.code, 1) << arguments;
    EXPECT_TRUE(holds(outcome.err, "tiny.safetensors: has no statistics")) << outcome.err;
  }
  EXPECT_FALSE(std::filesystem::exists(merged));
  EXPECT_EQ(test::read_all(model), before);
}

TEST_F(Cli, MissingWeightsNameTheThreePlaces) {
  setenv("UNIAD_WEIGHTS_DIR", folder_.c_str(), 1);
  setenv("XDG_CACHE_HOME", (folder_ / "cache").c_str(), 1);
  const auto picture = write_plain("pictures/a.png").parent_path().string();
  const auto outcome = uniad("train --data " + picture + " --model " + file("m").string());
  unsetenv("UNIAD_WEIGHTS_DIR");
  unsetenv("XDG_CACHE_HOME");
  EXPECT_EQ(outcome.code, 1);
  for (const std::string place : {"--weights", "UNIAD_WEIGHTS_DIR", "cache/uniad", "setup.sh"})
    EXPECT_TRUE(holds(outcome.err, place)) << place << ": " << outcome.err;
}

TEST_F(Cli, InfoTellsTheModel) {
  const auto model = tiny_model(4.5);
  const auto text = uniad("info " + model);
  EXPECT_EQ(text.code, 0);
  EXPECT_TRUE(holds(text.out, "efficientnet-lite0"));
  EXPECT_TRUE(holds(text.out, "threshold 4.5"));
  const auto json = Json::parse(uniad("info --json - " + model).out);
  EXPECT_EQ(json["config"]["backbone"]["name"], "efficientnet-lite0");
  EXPECT_GT(json["parameters"].get<int>(), 10000);
}

TEST_F(Cli, InfoTellsWhatEveryStageCosts) {
  const auto model = tiny_model();
  const auto json = Json::parse(uniad("info --complexity --json - " + model).out);
  std::int64_t parameters = 0;
  std::vector<std::string> names;
  for (const auto &stage : json.at("stages")) {
    names.push_back(stage.at("name"));
    parameters += stage.at("parameters").get<std::int64_t>();
    if (names.back() != "neck") {
      EXPECT_GE(stage.at("milliseconds").get<double>(), 0.0);
    }
  }
  EXPECT_EQ(names, (std::vector<std::string>{"backbone", "neck", "projections", "encoder", "decoder"}));
  EXPECT_EQ(json.at("parameters"), parameters);
  EXPECT_TRUE(holds(uniad("info --complexity " + model).out, "MMAC"));
}

TEST_F(Cli, EvaluateWritesTheSchema) {
  const auto product = write_product(0, 3);
  const auto model = tiny_model(1e9);
  const auto piped = uniad("evaluate --json - --model " + model + " --data gadget=" + product);
  ASSERT_EQ(piped.code, 0) << piped.err;
  const auto json = Json::parse(piped.out);
  const auto &figures = json["classes"]["gadget"];
  EXPECT_EQ(figures["images"], 6);
  for (const char *name :
       {"image_auroc", "image_ap", "image_f1max", "pixel_auroc", "pixel_ap", "pixel_f1max", "aupro"}) {
    EXPECT_GE(figures[name].get<double>(), 0.0) << name;
    EXPECT_LE(figures[name].get<double>(), 1.0) << name;
    EXPECT_EQ(json["mean"][name], figures[name]);
  }
  EXPECT_EQ(figures["detection_rate"], 0.0);  // no score reaches that threshold

  const auto file_json = file("figures.json");
  const auto table =
      uniad("evaluate --json " + file_json.string() + " --model " + model + " --data gadget=" + product);
  EXPECT_TRUE(holds(table.out, "AUROC"));
  EXPECT_EQ(Json::parse(test::read_all(file_json)), json);
}

TEST_F(Cli, EvaluateWithoutLabelsOrMasksLeavesFiguresOut) {
  write_plain("flat/a.png");
  write_plain("flat/b.png");
  const auto json = Json::parse(
      uniad("evaluate --json - --model " + tiny_model() + " --data " + (folder_ / "flat").string()).out);
  EXPECT_EQ(json["classes"]["flat"], Json({{"images", 2}}));
  EXPECT_EQ(json["mean"], Json::object());
}

TEST_F(Cli, EvaluateJudgesAVideoFrameByFrame) {
  const auto video = write_video("clip.avi", 6, "jpegenc ! avimux").string();
  const auto labels =
      write("labels.csv", "video,frame0,abnormal\nclip,0,0\nclip,1,0\nclip,4,1\nother,2,1\n").string();
  const auto outcome =
      uniad("evaluate --json - --model " + tiny_model(0) + " --data " + video + " --labels " + labels);
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto figures = Json::parse(outcome.out)["classes"]["clip"];
  EXPECT_EQ(figures["images"], 6);
  EXPECT_EQ(figures["frame_auroc"], figures["image_auroc"]);
  EXPECT_EQ(figures["false_alarm_rate"], 1.0);  // every score is above 0
  EXPECT_EQ(figures["detection_rate"], 1.0);
  EXPECT_EQ(figures["events"]["found"], 1);
  EXPECT_EQ(figures["events"]["alarms"], 1);
}

TEST_F(Cli, EvaluateWritesAReportWhole) {
  const auto product = write_product(0, 3);
  const auto log = write("train.jsonl", "{\"step\":1,\"loss\":2}\n{\"step\":2,\"loss\":1}\n").string();
  const auto folder = folder_ / "new" / "report";
  const auto outcome = uniad("evaluate --model " + tiny_model(0) + " --data '<i>=" + product + "' --report " +
                             folder.string() + " --training-log " + log);
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_TRUE(holds(outcome.err, (folder / "report.html").string()));
  const auto page = test::read_all(folder / "report.html");
  EXPECT_TRUE(page.starts_with("<!DOCTYPE html>"));
  EXPECT_TRUE(page.ends_with("</html>\n"));
  EXPECT_TRUE(holds(page, "&lt;i&gt;"));
  EXPECT_TRUE(holds(page, "loss over steps"));
  EXPECT_TRUE(holds(page, "3 (100.0 %)"));  // every score reaches the threshold 0
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 1);

  // A report that cannot be finished leaves the old one as it is, and nothing else behind.
  const auto broken = write("broken/a.png", "no picture").parent_path().string();
  const auto failed =
      uniad("evaluate --model " + tiny_model(0) + " --data " + broken + " --report " + folder.string());
  EXPECT_EQ(failed.code, 1);
  EXPECT_EQ(test::read_all(folder / "report.html"), page);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 1);
}

TEST_F(Cli, EvaluateTakesNamesThatAreNotUtf8) {
  write_plain("\xff/a.png");
  const auto outcome =
      uniad("evaluate --json - --model " + tiny_model() + " --data " + (folder_ / "\xff").string());
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_TRUE(Json::parse(outcome.out)["classes"].contains("\xef\xbf\xbd"));
}

TEST_F(Cli, PredictJudgesPicturesAndFramesAndSkipsWhatItCannotRead) {
  write_plain("cam0/a.png", 30);
  write("cam0/broken.png", "");
  const auto video = write_video("clip.avi", 5, "jpegenc ! avimux").string();
  const auto overlay = folder_ / "overlay";
  const auto outcome = uniad("predict --json - --overlay " + overlay.string() + " --model " + tiny_model(0) +
                             " " + (folder_ / "cam0").string() + " '" + video + "#3-4'");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_TRUE(holds(outcome.err, "broken.png: the file is empty"));
  EXPECT_TRUE(holds(outcome.err, "1 of 2 pictures could not be read"));
  std::istringstream lines(outcome.out);
  std::vector<Json> objects;
  for (std::string line; std::getline(lines, line);) objects.push_back(Json::parse(line));
  ASSERT_EQ(objects.size(), 3U);
  EXPECT_EQ(objects[0]["source"], "cam0");
  EXPECT_FALSE(objects[0].contains("frame"));
  EXPECT_EQ(objects[0]["anomalous"], true);
  EXPECT_GT(objects[0]["score"].get<double>(), 0.0);
  EXPECT_EQ(objects[0]["threshold"], 0.0);
  EXPECT_GT(objects[0]["probability"].get<double>(), 0.5);
  const auto &region = objects[0]["regions"].at(0);
  for (const char *key : {"x", "y", "w", "h"}) {
    EXPECT_GE(region[key].get<double>(), 0.0);
    EXPECT_LE(region[key].get<double>(), 1.0);
  }
  EXPECT_EQ(objects[1]["source"], "clip");
  EXPECT_EQ(objects[1]["frame"], 3);
  EXPECT_EQ(objects[2]["frame"], 4);
  EXPECT_EQ(cv::imread((overlay / "000000_a.jpg").string()).size(), cv::Size(8, 8));
  EXPECT_EQ(cv::imread((overlay / "000002_clip_000004.jpg").string()).size(), cv::Size(64, 64));
}

TEST_F(Cli, PredictWithoutCalibrationCallsNothingAnomalous) {
  const auto outcome =
      uniad("predict --json - --model " + tiny_model() + " " + write_plain("a.png").string());
  const auto object = Json::parse(outcome.out);
  EXPECT_EQ(object["anomalous"], false);
  EXPECT_FALSE(object.contains("threshold"));
  EXPECT_TRUE(object["regions"].empty());
  EXPECT_TRUE(holds(outcome.err, "no calibration"));
}

class Calibrating : public Cli {
 protected:
  Json calibrate(const std::string &arguments) const {
    const auto outcome = uniad("calibrate --json - " + arguments);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return outcome.code == 0 ? Json::parse(outcome.out) : Json();
  }

  static Calibration in(const std::string &model) { return read_model(model).calibration; }

  // Files in the folder with this in their names, hidden ones too.
  std::ptrdiff_t names_with(const std::string &part) const {
    const auto all = names();
    return std::count_if(all.begin(), all.end(), [&](const std::string &name) { return holds(name, part); });
  }
};

TEST_F(Calibrating, ReplacesTheThresholdsOfNewFootageInTheFile) {
  const auto model = tiny_model(1e9);
  const auto video = write_video("cam0.avi", 60, "jpegenc ! avimux").string();
  const auto before = test::read_all(model);
  const auto tried = calibrate("--dry-run --false-alarms-per-hour 100 --model " + model + " --data " + video);
  EXPECT_EQ(test::read_all(model), before);
  EXPECT_EQ(tried.at("written"), false);

  const auto json = calibrate("--false-alarms-per-hour 100 --model " + model + " --data " + video);
  EXPECT_EQ(json.at("written"), true);
  EXPECT_EQ(json.at("rule"), "100 false alarms an hour");
  const auto &source = json.at("sources").at("cam0");
  EXPECT_EQ(source, tried.at("sources").at("cam0"));
  EXPECT_EQ(source.at("frames"), 60);
  EXPECT_EQ(source.at("old_threshold"), 1e9);
  // The tiny model's normal scores are 5e8 with a standard deviation of 1.25e8.
  EXPECT_NEAR(source.at("shift").get<double>(), (source.at("mean").get<double>() - 5e8) / 1.25e8, 1e-9);
  // Frames of one colour are so much alike that the least threshold holds, a hundredth above their mean.
  EXPECT_NEAR(source.at("threshold").get<double>(), 1.01 * source.at("mean").get<double>(), 1e-9);
  EXPECT_LT(source.at("false_alarms_per_hour").get<double>(), 100);
  EXPECT_LE(source.at("interval").at(0), source.at("threshold"));
  EXPECT_GE(source.at("interval").at(1), source.at("threshold"));
  // 60 frames at 25 a second are 2.4 s; one alarm in 36 s is asked for.
  EXPECT_TRUE(holds(source.at("doubts").at(0), "15 times"));

  const Calibration now = in(model);
  EXPECT_EQ(now.rule, "100 false alarms an hour");
  const ScoreStatistics &stored = now.sources.at("cam0");
  EXPECT_EQ(stored.threshold, source.at("threshold"));
  EXPECT_EQ(stored.tail->frame_rate, 25);
  EXPECT_LT(stored.tail->peaks.size(), 15U);  // frames that follow one another are alike
  EXPECT_EQ(now.pooled->count, 60);
  EXPECT_EQ(names_with("tiny"), 1);  // nothing left beside it
}

TEST_F(Calibrating, KeepsSourcesThatTheDataDoesNotNameAndTheRuleWithoutAnother) {
  const auto model = tiny_model(1e9);
  const auto video = write_video("cam0.avi", 40, "jpegenc ! avimux").string();
  calibrate("--quantile 0.9 --model " + model + " --data cam0=" + video);
  const Calibration first = in(model);
  const auto second = calibrate("--model " + model + " --data 'cam1=" + video + "#10-39'");
  EXPECT_EQ(second.at("rule"), "quantile 0.9");
  EXPECT_EQ(second.at("kept"), Json({"cam0"}));
  const Calibration now = in(model);
  EXPECT_EQ(now.sources.at("cam0").threshold, first.sources.at("cam0").threshold);
  EXPECT_EQ(now.sources.at("cam1").count, 30);
  EXPECT_EQ(now.pooled->count, 70);
}

TEST_F(Calibrating, WithoutFootageAnotherRuleDrawsThresholdsFromTheKnownScores) {
  const auto model = tiny_model(1e9);
  const auto json = calibrate("--sigma 2 --model " + model);
  // The tiny model's normal scores are 5e8 with a standard deviation of 1.25e8.
  EXPECT_EQ(json.at("pooled").at("threshold"), 7.5e8);
  EXPECT_EQ(in(model).rule, "mean + 2 sd");
  EXPECT_EQ(in(model).pooled->threshold, 7.5e8);
  EXPECT_EQ(in(model).pooled->mean, 5e8);
  const auto unknown = uniad("calibrate --false-alarms-per-hour 1 --model " + model);
  EXPECT_EQ(unknown.code, 1);
  EXPECT_TRUE(holds(unknown.err, "no frame rate")) << unknown.err;

  const auto video = write_video("cam0.avi", 60, "jpegenc ! avimux").string();
  calibrate("--false-alarms-per-hour 2000 --model " + model + " --data " + video);
  const Calibration by_footage = in(model);
  calibrate("--sigma 900 --model " + model);
  EXPECT_NE(in(model).sources.at("cam0").threshold, by_footage.sources.at("cam0").threshold);
  calibrate("--false-alarms-per-hour 2000 --model " + model);
  EXPECT_EQ(in(model).sources.at("cam0").threshold, by_footage.sources.at("cam0").threshold);
  EXPECT_EQ(in(model).pooled->threshold, by_footage.pooled->threshold);
}

TEST_F(Calibrating, LeavesAbnormalItemsOutAndCountsThem) {
  const auto model = tiny_model(1e9);
  const auto video = write_video("cam0.avi", 40, "jpegenc ! avimux").string();
  const auto labels = write("labels.csv", "frame0,abnormal\n3,1\n4,1\n5,0\n").string();
  const auto film = calibrate("--model " + model + " --labels " + labels + " --data " + video);
  EXPECT_EQ(film.at("sources").at("cam0").at("frames"), 38);
  EXPECT_EQ(film.at("sources").at("cam0").at("abnormal_left_out"), 2);
  const auto product = calibrate("--model " + model + " --data " + write_product(3, 20));
  EXPECT_EQ(product.at("sources").at("product").at("frames"), 20);
  EXPECT_EQ(product.at("sources").at("product").at("abnormal_left_out"), 20);
}

TEST_F(Calibrating, RefusesWhatGivesNoThresholdAndLeavesTheFileWhole) {
  const auto model = tiny_model(1e9);
  const auto before = test::read_all(model);
  const auto pictures = write_noise("pictures", 25, 1);
  write("broken/a.png", "text");
  write_product(3, 0);
  const std::pair<std::string, std::string> cases[] = {
      {"--data " + pictures + " --false-alarms-per-hour 1", "add --frame-rate"},
      {"--data " + (folder_ / "broken").string(), "none of 1 pictures could be read"},
      {"--data " + (folder_ / "product").string(), "nothing normal to judge"},
      {"--data " + write_noise("few", 19, 1), "too few normal pictures"},
      {"--data " + pictures + " --json /nowhere/x.json", "/nowhere/x.json"},
      {"--data /nowhere", "/nowhere: no such file"}};
  for (const auto &[arguments, reason] : cases) {
    const auto outcome = uniad("calibrate --model " + model + " " + arguments);
    EXPECT_EQ(outcome.code, 1) << arguments;
    EXPECT_TRUE(holds(outcome.err, reason)) << outcome.err;
    EXPECT_EQ(test::read_all(model), before) << arguments;
  }
  EXPECT_EQ(uniad("calibrate --model /nowhere/m --data " + pictures).code, 1);
  const auto json = write("old.json", "old").string();
  for (const std::string &rest : {std::string(" --sigma 3"), " --data " + pictures})
    EXPECT_EQ(uniad("calibrate --model /nowhere/m --json " + json + rest).code, 1);
  EXPECT_EQ(test::read_all(json), "old");
}

TEST_F(Calibrating, ADiskThatIsFullLeavesTheFileWhole) {
  const auto model = tiny_model(1e9);
  const auto before = test::read_all(model);
  const auto pictures = write_noise("pictures", 25, 1);
  // A limit on the size of files stands for the disk.
  const auto command = "trap '' XFSZ; ulimit -f 100; exec " UNIAD_EXECUTABLE " calibrate --model " + model +
                       " --data " + pictures + " 2>" + file(".err").string() + " >/dev/null";
  EXPECT_NE(std::system(command.c_str()), 0);
  EXPECT_TRUE(holds(test::read_all(file(".err")), "tiny.safetensors")) << test::read_all(file(".err"));
  EXPECT_EQ(test::read_all(model), before);
  EXPECT_EQ(names_with("tiny"), 1);
}

TEST_F(Calibrating, PrintsATableAndSaysWhatHasMoved) {
  const auto model = tiny_model(1e9);
  const auto pictures = write_noise("cam0", 25, 1);
  const auto outcome =
      uniad("calibrate --false-alarms-per-hour 5 --frame-rate 2 --model " + model + " --data " + pictures);
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_TRUE(holds(outcome.out, "threshold: 5 false alarms an hour"));
  EXPECT_TRUE(holds(outcome.out, "-4.00 sd")) << outcome.out;  // 5e8 is four of its deviations above 0
  EXPECT_TRUE(holds(outcome.err, "cam0: scores moved down by 4.0 sd")) << outcome.err;
}

class Training : public Cli {
 protected:
  void SetUp() override {
    if (!find_weight_file("efficientnet-lite2"))
      GTEST_SKIP() << "needs the weights of efficientnet-lite2: subprojects/setup.sh brings them";
  }

  // Learns `model` from this data, by the recipe that is the default.
  Outcome learn(const std::string &data, const std::string &model) const {
    return uniad("train --backbone efficientnet-lite2 --data " + data + " --model " + model);
  }

  // Reads on until the program begins this stage.
  static void await(test::ChildProcess &program, const std::string &stage) {
    std::optional<std::string> line;
    while ((line = program.read_err_line()) && *line != stage) {
    }
  }

  // The only source's threshold and what it rests on.
  static ScoreStatistics calibrated(const std::string &model) {
    return read_model(model).calibration.sources.begin()->second;
  }

  Json info_of(const std::string &model) const { return Json::parse(uniad("info --json - " + model).out); }

  // Those that the model's statistics are sums of.
  static float pictures_in(const std::string &model) {
    const auto tensors = read_model(model).tensors;
    const auto pictures = to_float(tensors.at("statistics.pictures"));
    return std::accumulate(pictures.begin(), pictures.end(), 0.0F);
  }
};

// The main job: learn from normal pictures, then tell the abnormal ones.
TEST_F(Training, LearnsEvaluatesAndTells) {
  const auto product = write_product(24, 6);
  write("product/train/good/broken.png", "");
  const auto model = file("model.safetensors").string();
  const auto trained = uniad(
      "train --recipe fast --no-cache --backbone efficientnet-lite2 --steps 5 --device cpu --seed 3 --data " +
      product + " --model " + model);
  ASSERT_EQ(trained.code, 0) << trained.err;
  EXPECT_TRUE(trained.out.empty());
  EXPECT_TRUE(holds(trained.err, "broken.png"));
  EXPECT_FALSE(std::filesystem::exists(model + ".checkpoint.safetensors"));

  const auto info = Json::parse(uniad("info --json - " + model).out);
  EXPECT_EQ(info["provenance"]["steps"], 5);
  EXPECT_EQ(info["provenance"]["seed"], 3);
  EXPECT_EQ(info["provenance"]["sources"][0]["name"], "product");

  // A white square amid noise is found even by a network that has hardly begun to learn.
  const auto evaluated = uniad("evaluate --json - --model " + model + " --data " + product);
  ASSERT_EQ(evaluated.code, 0) << evaluated.err;
  const auto figures = Json::parse(evaluated.out)["classes"]["product"];
  EXPECT_EQ(figures["images"], 12);
  EXPECT_GT(figures["image_auroc"].get<double>(), 0.9);
  EXPECT_GT(figures["pixel_auroc"].get<double>(), 0.8);
}

// Each of the paper's networks, learned in two steps, is a model like any other.
TEST_F(Training, EveryNetworkOfThePaperIsLearnedAndJudges) {
  const auto product = write_product(8, 2);
  const auto model = file("model.safetensors").string();
  struct Network {
    std::string arguments;
    Json expected;
    std::string text;
  };
  const Network networks[] = {
      {"--network uniad --input-size 160x192 --mask-size 3 --jitter-per token",
       {{"jitter_per_token", true}},
       "4 encoder and 4 decoder layers, dim 256, mask 3x3\n"},
      {"--network transformer",
       {{"queries", "one"}, {"mask_encoder", false}},
       "4 encoder and 4 decoder layers, dim 256, queries: one\n"},
      {"--network mlp --queries none",
       {{"kind", "mlp"}, {"queries", "none"}, {"jitter_scale", 0.0}},
       "mlp, 4 encoder and 4 decoder layers, dim 256, queries: none\n"},
      {"--network cnn --score mean", {{"kind", "cnn"}}, "cnn, dim 256\n"},
      {"--decoder-variant e --encoder-layers 0 --norm pre",
       {{"decoder_variant", "e"}, {"pre_norm", true}},
       "0 encoder and 4 decoder layers, dim 256, mask 5x5, decoder variant e\n"},
      {"--loss cosine --position sine --mask encoder,decoder2 --decoder-layers 1",
       {{"loss", "cosine"}, {"mask_decoder_first", false}, {"mask_decoder_second", true}},
       "4 encoder and 1 decoder layers, dim 256, mask 5x5, loss cosine\n"},
  };
  for (const auto &[arguments, expected, text] : networks) {
    SCOPED_TRACE(arguments);
    const std::string size = holds(arguments, "--input-size") ? "" : " --input-size 128 --mask-size 5";
    const bool without_mask = holds(arguments, "mlp") || holds(arguments, "cnn");
    const auto trained =
        uniad("train --recipe paper --backbone efficientnet-lite2 --steps 2 --device cpu " + arguments +
              (without_mask ? " --input-size 128" : size) + " --data " + product + " --model " + model);
    ASSERT_EQ(trained.code, 0) << trained.err;
    const auto reconstruction = info_of(model).at("config").at("reconstruction");
    for (const auto &[key, value] : expected.items()) EXPECT_EQ(reconstruction.at(key), value) << key;
    EXPECT_TRUE(holds(uniad("info " + model).out, "reconstruction  " + text)) << text;
    const auto evaluated = uniad("evaluate --json - --model " + model + " --data " + product);
    ASSERT_EQ(evaluated.code, 0) << evaluated.err;
    const auto figures = Json::parse(evaluated.out).at("classes").at("product");
    EXPECT_EQ(figures.at("images"), 4);
    EXPECT_TRUE(figures.at("image_auroc").is_number());
  }
}

TEST_F(Training, RenderShowsPicturesReconstructionsAndQueries) {
  const auto product = write_product(4, 1);
  const auto model = file("model.safetensors").string();
  ASSERT_EQ(
      uniad("train --recipe fast --backbone efficientnet-lite2 --steps 1 --decoder-layers 2 --input-size 64 "
            "--mask-size 3 --data " +
            product + " --model " + model)
          .code,
      0);
  const auto decoder = file("decoder.safetensors").string();
  const std::string render = "render --log-json --steps 12 --batch 2 --model " + model + " --data " +
                             product + " --decoder " + decoder;
  const auto first = uniad(render + " --out " + (folder_ / "a").string());
  ASSERT_EQ(first.code, 0) << first.err;
  const auto pictures = [&](const std::string &folder) {
    std::set<std::string> names;
    for (const auto &entry : std::filesystem::directory_iterator(folder_ / folder))
      names.insert(entry.path().filename().string());
    return names;
  };
  EXPECT_EQ(pictures("a"), (std::set<std::string>{"000000_product_0.png", "000001_product_0.png",
                                                  "query_0.png", "query_1.png"}));
  EXPECT_EQ(cv::imread((folder_ / "a" / "000000_product_0.png").string()).size(), cv::Size(3 * 64, 64));

  // The decoder learns: the mean squared error of its pictures falls.
  std::vector<double> losses;
  std::istringstream lines(first.err);
  for (std::string line; std::getline(lines, line);) {
    if (!holds(line, "\"learning to make pictures\",\"done\"")) continue;
    const std::string detail = nlohmann::json::parse(line).at("detail");
    losses.push_back(std::stod(detail.substr(detail.find(' '))));
  }
  ASSERT_GE(losses.size(), 2U) << first.err;
  EXPECT_LT(losses.back(), 0.6 * losses.front());

  // The decoder that was learned is taken again.
  const auto learned = test::read_all(decoder);
  const auto second = uniad(render + " --out " + (folder_ / "b").string());
  ASSERT_EQ(second.code, 0) << second.err;
  EXPECT_FALSE(holds(second.err, "learning to make pictures"));
  EXPECT_EQ(test::read_all(decoder), learned);
  EXPECT_EQ(test::read_all(folder_ / "b" / "query_0.png"), test::read_all(folder_ / "a" / "query_0.png"));

  const auto refused = uniad("render --model " + model + " --data " + product + " --decoder " + tiny_model() +
                             " --out " + (folder_ / "c").string());
  EXPECT_EQ(refused.code, 1);
  EXPECT_TRUE(holds(refused.err, "picture_decoder.")) << refused.err;
}

TEST_F(Training, AMaskThatHidesAllIsRefusedBeforeTheWork) {
  const auto outcome = uniad("train --recipe paper --backbone efficientnet-lite2 --input-size 96 --data " +
                             write_product(2, 0) + " --model " + file("m").string());
  EXPECT_EQ(outcome.code, 1);
  EXPECT_TRUE(holds(outcome.err, "a 7x7 mask on a 6x6 map hides every key")) << outcome.err;
}

TEST_F(Training, CtrlCKeepsTheCheckpointAndSaysWhere) {
  const auto model = file("model.safetensors").string();
  test::ChildProcess trainer({UNIAD_EXECUTABLE, "train", "--recipe", "fast", "--no-cache", "--backbone",
                              "efficientnet-lite2", "--steps", "100000", "--data", write_product(12, 0),
                              "--model", model});
  await(trainer, "learning");
  trainer.send_signal(SIGINT);
  const auto ended = trainer.wait();
  EXPECT_EQ(ended.status, 1);
  const auto checkpoint = model + ".checkpoint.safetensors";
  EXPECT_EQ(uniad("info " + checkpoint).code, 0);
  EXPECT_FALSE(std::filesystem::exists(model));
  EXPECT_TRUE(holds(ended.err, checkpoint)) << ended.err;
}

TEST_F(Training, CtrlCBehindTheLastStepLosesNoStep) {
  const auto product = write_noise("cam", 60, 1);
  const auto model = file("model.safetensors").string();
  const std::vector<std::string> command{
      UNIAD_EXECUTABLE, "train",   "--recipe", "fast", "--backbone", "efficientnet-lite2",
      "--cache-dir",    file("c"), "--steps",  "2",    "--data",     product,
      "--model",        model};
  test::ChildProcess trainer(command);
  await(trainer, "cam: learning statistics");
  trainer.send_signal(SIGINT);
  const auto ended = trainer.wait();
  EXPECT_EQ(ended.status, 1) << ended.err;
  EXPECT_TRUE(holds(ended.err, "--resume goes on from there")) << ended.err;
  EXPECT_FALSE(std::filesystem::exists(model));
  auto resumed = command;
  resumed.insert(resumed.end(), {"--resume", model + ".checkpoint.safetensors"});
  const auto done = test::run(resumed);
  EXPECT_EQ(done.status, 0) << done.err;
  EXPECT_TRUE(holds(done.err, "going on after step 2")) << done.err;
  EXPECT_TRUE(std::filesystem::exists(model));
}

TEST_F(Training, MemoryThatDoesNotSufficeIsSaidInAWord) {
  // Attention over 128x128 tokens takes 8 GiB.
  const auto command = "ulimit -v 6000000; exec " UNIAD_EXECUTABLE
                       " train --recipe paper --no-cache --backbone efficientnet-lite2 --input-size 2048 "
                       "--steps 1 --batch 1 --data " +
                       write_noise("cam", 2, 1) + " --model " + file("model.safetensors").string();
  const auto outcome = test::run({"/bin/sh", "-c", command});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_TRUE(holds(outcome.err, "uniad: there is not enough memory (")) << outcome.err;
}

TEST_F(Training, OfTwoWorkersTheFirstTellsAndWritesTheModel) {
  const auto product = write_product(12, 0);
  const auto model = file("model.safetensors").string();
  const std::string port = test::free_port();
  const auto start = [&](const char *rank) {
    return test::ChildProcess({UNIAD_EXECUTABLE, "train", "--recipe", "fast", "--no-cache", "--backbone",
                               "efficientnet-lite2", "--steps", "3", "--data", product, "--model", model},
                              {{"RANK", rank},
                               {"WORLD_SIZE", "2"},
                               {"MASTER_ADDR", "127.0.0.1"},
                               {"MASTER_PORT", port},
                               {"OMP_NUM_THREADS", "1"}});
  };
  auto first = start("0");
  auto second = start("1");
  const auto told = first.wait();
  ASSERT_EQ(told.status, 0) << told.err;
  EXPECT_TRUE(holds(told.err, "learning 3/3")) << told.err;
  const auto quiet = second.wait();
  EXPECT_EQ(quiet.status, 0) << quiet.err;
  EXPECT_FALSE(holds(quiet.err, "/3")) << quiet.err;
  EXPECT_FALSE(holds(quiet.err, "reading")) << quiet.err;
  EXPECT_EQ(uniad("info " + model).code, 0);
}

TEST_F(Training, AResumedRunMustBeTheSame) {
  const auto product = write_product(12, 0);
  const auto model = file("model.safetensors").string();
  const auto checkpoint = file("other.checkpoint.safetensors").string();
  const std::string options =
      "train --recipe paper --backbone efficientnet-lite2 --steps 2 --data " + product;
  ASSERT_EQ(uniad(options + " --model " + model).code, 0);
  const auto none = uniad(options + " --model " + model + " --resume " + model);
  EXPECT_EQ(none.code, 1);
  EXPECT_TRUE(holds(none.err, "is no checkpoint")) << none.err;
  const auto missing = uniad(options + " --model " + model + " --resume " + checkpoint);
  EXPECT_EQ(missing.code, 1);
  EXPECT_FALSE(holds(missing.err, "reading")) << "before pictures are read";
}

TEST_F(Training, EndsWithTheWeightsAskedForAndSaysSo) {
  const auto product = write_product(12, 4);
  const auto model = file("model.safetensors").string();
  const auto selected = [&](const std::string &options) {
    const auto trained = uniad("train --recipe paper --backbone efficientnet-lite2 --steps 4 --data " +
                               product + " --model " + model + " " + options);
    EXPECT_EQ(trained.code, 0) << trained.err;
    return info_of(model)["provenance"]["selected"].get<std::string>();
  };
  EXPECT_EQ(selected(""), "step 4 of 4");
  EXPECT_EQ(selected("--ema 0.99 --sampling pictures --augment flip-h,rotate,colour"),
            "step 4 of 4, averaged");
  EXPECT_TRUE(holds(selected("--select held-back --validate-every 2"), "of 4: smallest held-back loss, "));
  EXPECT_TRUE(
      holds(selected("--select test --validate-every 2"), "of 4: highest image AUROC on the test items, "));
}

TEST_F(Training, TheBackboneLearnsWhereAsked) {
  const auto product = write_product(6, 2);
  const auto model = file("model.safetensors").string();
  const auto trained = uniad(
      "train --recipe paper --train-backbone --backbone efficientnet-lite2 --steps 2 --batch 2 "
      "--lr 0.01 --data " +
      product + " --model " + model);
  ASSERT_EQ(trained.code, 0) << trained.err;
  const auto learned = to_float(read_model(model).tensors.at("backbone._conv_stem.weight"));
  const auto before = to_float(
      read_backbone_weights(*find_weight_file("efficientnet-lite2")).tensors.at("_conv_stem.weight"));
  EXPECT_NE(learned, before);
  EXPECT_EQ(uniad("evaluate --model " + model + " --data " + product).code, 0);
}

TEST_F(Training, ASweepTrainsWhatIsMissingAndPrintsTheTable) {
  const auto product = write_product(12, 4);
  const auto table = write("table.toml", R"(
title = "Queries"
[options]
recipe = "paper"
backbone = "efficientnet-lite2"
steps = 5
[[row]]
name = "one query"
queries = "one"
paper = [87.6, 92.8]
[[row]]
name = "each"
separate = true
[[row]]
name = "no weights"
backbone = "efficientnet-b6"
)");
  const std::string command = "sweep " + table.string() + " --set steps=1 --data " + product + " --out " +
                              (folder_ / "runs").string();
  const auto first = uniad(command);
  EXPECT_EQ(first.code, 1) << "a row has failed";
  EXPECT_TRUE(holds(first.err, "rows failed: no weights"));
  std::istringstream lines(first.out);
  std::vector<std::string> rows;
  for (std::string line; std::getline(lines, line);) rows.push_back(line);
  ASSERT_EQ(rows.size(), 6U) << first.out << first.err;
  EXPECT_EQ(rows[0], "Queries");
  EXPECT_TRUE(rows[4].starts_with("| one query | ")) << rows[4];
  EXPECT_TRUE(rows[4].ends_with(" | 87.6 / 92.8 |")) << rows[4];
  EXPECT_TRUE(rows[5].starts_with("| each | ")) << rows[5];
  EXPECT_TRUE(std::filesystem::exists(folder_ / "runs/one-query-seed0.safetensors"));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "runs/each-product-seed0.safetensors"));

  const auto second = uniad(command);
  EXPECT_EQ(second.out, first.out);
  EXPECT_FALSE(holds(second.err, "learning"));
  const auto printed = uniad(command + " --dry-run");
  EXPECT_EQ(printed.code, 0);
  EXPECT_TRUE(holds(printed.out, "--queries one"));
  EXPECT_TRUE(holds(printed.out, "--steps 1"));
}

TEST_F(Cli, EveryTableOfThePaperCanBeSwept) {
  int tables = 0;
  for (const auto &entry : std::filesystem::directory_iterator(UNIAD_SOURCE_ROOT "/training/experiments")) {
    const auto printed =
        uniad("sweep " + entry.path().string() + " --dry-run --data x --out " + (folder_ / "runs").string());
    EXPECT_EQ(printed.code, 0) << printed.err;
    ++tables;
  }
  EXPECT_EQ(tables, 15);
  write("wrong.toml", "[[row]]\nname = \"a\"\nmask_sise = 3\n");
  const auto wrong = uniad("sweep " + file("wrong.toml").string() + " --data x --out " + folder_.string());
  EXPECT_EQ(wrong.code, 1);
  EXPECT_TRUE(holds(wrong.err, "did you mean \"mask-size\"?"));
}

TEST_F(Training, LearnsAtOnceWithoutAStepUnlessTold) {
  const auto product = write_product(12, 3);
  const auto model = file("model.safetensors").string();
  const auto trained = learn(product, model);
  ASSERT_EQ(trained.code, 0) << trained.err;
  EXPECT_TRUE(trained.out.empty());

  const auto info = info_of(model);
  EXPECT_EQ(info.at("provenance").at("recipe"), "instant");
  EXPECT_EQ(info.at("provenance").at("steps"), 0);
  EXPECT_FALSE(info.at("config").contains("reconstruction"));
  EXPECT_GE(info.at("config").at("statistics").at("clusters").get<int>(), 1);
  EXPECT_TRUE(holds(uniad("info " + model).out, "statistics"));
  EXPECT_EQ(pictures_in(model), 12.0F);

  const auto evaluated = uniad("evaluate --json - --model " + model + " --data " + product);
  ASSERT_EQ(evaluated.code, 0) << evaluated.err;
  const auto figures = Json::parse(evaluated.out).at("classes").at("product");
  EXPECT_EQ(figures.at("images"), 6);
  EXPECT_GT(figures.at("image_auroc").get<double>(), 0.9);
  EXPECT_GT(figures.at("pixel_auroc").get<double>(), 0.8);
}

TEST_F(Training, APictureThatIsNotNormalIsReportedWithItsFile) {
  const auto product = write_product(12, 1);
  std::filesystem::rename(product + "/test/broken/0.png", product + "/train/good/7.png");
  for (const char *recipe : {"", "--recipe fast --steps 5 --no-cache "}) {
    const auto trained =
        uniad("train --backbone efficientnet-lite2 --report-outliers 1 " + std::string(recipe) + "--data " +
              product + " --model " + file("model.safetensors").string());
    ASSERT_EQ(trained.code, 0) << trained.err;
    EXPECT_TRUE(holds(trained.err, "outlier? product: ")) << trained.err;
    EXPECT_TRUE(holds(trained.err, "train/good/7.png")) << trained.err;
  }
}

TEST_F(Training, TheShareThatIsHeldBackIsNotLearnedFrom) {
  const auto model = file("model.safetensors").string();
  const auto trained = uniad("train --backbone efficientnet-lite2 --held-back 0.25 --data " +
                             write_noise("cam", 24, 1) + " --model " + model);
  ASSERT_EQ(trained.code, 0) << trained.err;
  EXPECT_EQ(pictures_in(model), 18.0F);
  const auto source = info_of(model).at("provenance").at("sources").at(0);
  EXPECT_EQ(source.at("trained"), 18);
  EXPECT_EQ(source.at("held_back"), 6);
}

TEST_F(Training, AGpuThatIsNotThereIsNamedBeforeAnythingIsLearned) {
  const auto model = file("model.safetensors");
  for (const char *recipe : {"instant", "fast"}) {
    const auto trained =
        uniad("train --device cuda:99 --backbone efficientnet-lite2 --recipe " + std::string(recipe) +
              " --data " + write_noise("cam", 2, 1) + " --model " + model.string());
    EXPECT_EQ(trained.code, 1);
    EXPECT_TRUE(holds(trained.err, "cuda")) << trained.err;
    EXPECT_FALSE(holds(trained.err, "reading")) << trained.err;
    EXPECT_FALSE(std::filesystem::exists(model));
  }
}

// What the network of `fast` never sees is known to the statistics beside it, but for a share that the user
// holds back.
TEST_F(Training, StatisticsBesideANetworkAreOfAllPictures) {
  const auto model = file("model.safetensors").string();
  const std::string train = "train --recipe fast --steps 1 --no-cache --backbone efficientnet-lite2 --data " +
                            write_noise("cam", 24, 1) + " --model " + model;
  ASSERT_EQ(uniad(train).code, 0);
  EXPECT_EQ(pictures_in(model), 24.0F);
  EXPECT_EQ(info_of(model).at("provenance").at("sources").at(0).at("held_back"), 3);
  ASSERT_EQ(uniad(train + " --held-back 0.25").code, 0);
  EXPECT_EQ(pictures_in(model), 18.0F);
}

TEST_F(Training, OneNormalPictureIsLearnedButGivesNoThreshold) {
  const auto picture = write_noise("one", 1, 1);
  const auto model = file("model.safetensors").string();
  const auto trained = learn(picture, model);
  ASSERT_EQ(trained.code, 0) << trained.err;
  EXPECT_TRUE(holds(trained.err, "1 normal pictures are few")) << trained.err;
  EXPECT_TRUE(holds(trained.err, "threshold of its own; it has none")) << trained.err;

  const auto predicted = uniad("predict --json - --model " + model + " " + picture);
  ASSERT_EQ(predicted.code, 0) << predicted.err;
  const auto object = Json::parse(predicted.out);
  EXPECT_TRUE(object.at("score").is_number());
  EXPECT_FALSE(object.contains("threshold"));
  EXPECT_EQ(object.at("anomalous"), false);
}

TEST_F(Training, PicturesThatAreAllTheSameDoNotAlarmOnThemselves) {
  const auto folder = write_noise("still", 1, 1);
  for (int n = 1; n < 30; ++n)
    std::filesystem::copy_file(folder_ / "still" / "0.png", folder_ / "still" / (std::to_string(n) + ".png"));
  const auto model = file("model.safetensors").string();
  const auto trained = learn(folder, model);
  ASSERT_EQ(trained.code, 0) << trained.err;

  const auto predicted = uniad("predict --json - --model " + model + " " + folder);
  ASSERT_EQ(predicted.code, 0) << predicted.err;
  std::istringstream lines(predicted.out);
  int pictures = 0;
  for (std::string line; std::getline(lines, line); ++pictures) {
    const auto object = Json::parse(line);
    EXPECT_EQ(object.at("anomalous"), false) << line;
    ASSERT_TRUE(object.at("threshold").is_number()) << line;  // JSON has no infinity
    EXPECT_LT(object.at("score").get<double>(), object.at("threshold").get<double>()) << line;
  }
  EXPECT_EQ(pictures, 30);
}

TEST_F(Training, UpdateAddsNewPicturesToWhatAModelKnows) {
  const auto model = file("model.safetensors").string();
  const auto trained = learn(write_noise("cam0", 4, 1), model);
  ASSERT_EQ(trained.code, 0) << trained.err;
  EXPECT_EQ(pictures_in(model), 4.0F);

  const auto more = write_noise("more", 3, 2);
  const auto other = write_noise("cam1", 2, 3);
  const auto updated = uniad("update --model " + model + " --data cam0=" + more + " --data " + other);
  ASSERT_EQ(updated.code, 0) << updated.err;
  EXPECT_EQ(pictures_in(model), 9.0F);
  const auto info = info_of(model);
  const auto &sources = info.at("provenance").at("sources");
  ASSERT_EQ(sources.size(), 2U);
  EXPECT_EQ(sources.at(0).at("name"), "cam0");
  EXPECT_EQ(sources.at(0).at("trained"), 7);
  EXPECT_EQ(sources.at(1).at("name"), "cam1");
  EXPECT_EQ(sources.at(1).at("trained"), 2);
  EXPECT_EQ(info.at("calibration").at("pooled").at("count"), 9);  // old and new scores
}

TEST_F(Training, ThresholdsByFalseAlarmsAnHourGoIntoTheModelAndStay) {
  const auto model = file("model.safetensors").string();
  const auto data = write_noise("cam0", 30, 1);
  const std::string rule = " --false-alarms-per-hour 60";
  const auto unknown =
      uniad("train --backbone efficientnet-lite2 --data " + data + " --model " + model + rule);
  EXPECT_EQ(unknown.code, 1);
  EXPECT_TRUE(holds(unknown.err, "cam0 come in an hour is not known")) << unknown.err;
  EXPECT_FALSE(std::filesystem::exists(model));

  const auto trained = learn(data, model + rule + " --frame-rate 2");
  ASSERT_EQ(trained.code, 0) << trained.err;
  EXPECT_EQ(read_model(model).calibration.rule, "60 false alarms an hour");
  const ScoreStatistics first = calibrated(model);
  EXPECT_NEAR(alarms_per_hour(*first.tail, first.count, first.threshold), 60, 0.001);

  // The rule and the frame rate are the model's from now on.
  const auto updated = uniad("update --model " + model + " --data cam0=" + write_noise("more", 25, 2));
  ASSERT_EQ(updated.code, 0) << updated.err;
  const ScoreStatistics second = calibrated(model);
  EXPECT_EQ(second.count, 55);
  EXPECT_EQ(second.tail->frame_rate, 2);
  EXPECT_NEAR(alarms_per_hour(*second.tail, second.count, second.threshold), 60, 0.001);

  const auto changed =
      uniad("update --sigma 3 --model " + model + " --data cam0=" + write_noise("again", 20, 3));
  ASSERT_EQ(changed.code, 0) << changed.err;
  const ScoreStatistics third = calibrated(model);
  EXPECT_EQ(read_model(model).calibration.rule, "mean + 3 sd");
  EXPECT_NEAR(third.threshold, third.mean + 3 * third.standard_deviation, 1e-9 * third.threshold);
}

TEST_F(Training, MergeAddsUpWhatTwoModelsKnow) {
  const auto left = write_noise("left", 3, 1);
  const auto a = file("a.safetensors").string();
  const auto b = file("b.safetensors").string();
  const auto c = file("c.safetensors").string();
  ASSERT_EQ(learn(left, a).code, 0);
  ASSERT_EQ(learn(write_noise("right", 2, 2), b).code, 0);
  const auto merged = uniad("merge " + a + " " + b + " --model " + c);
  ASSERT_EQ(merged.code, 0) << merged.err;
  EXPECT_EQ(pictures_in(c), 5.0F);
  const auto info = info_of(c);
  const auto &sources = info.at("provenance").at("sources");
  ASSERT_EQ(sources.size(), 2U);
  EXPECT_EQ(sources.at(0).at("name"), "left");
  EXPECT_EQ(sources.at(0).at("trained"), 3);
  EXPECT_EQ(sources.at(1).at("name"), "right");
  EXPECT_EQ(sources.at(1).at("trained"), 2);
  EXPECT_EQ(uniad("predict --model " + c + " " + left).code, 0);

  const auto refused = uniad("merge " + a + " " + tiny_model() + " --model " + file("d").string());
  EXPECT_EQ(refused.code, 1);
  EXPECT_TRUE(holds(refused.err, "tiny.safetensors: has no statistics")) << refused.err;
  EXPECT_FALSE(std::filesystem::exists(file("d")));
}

}  // namespace
}  // namespace uniad
