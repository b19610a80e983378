// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>
#include <sstream>

#include "model/file/model_file.h"
#include "tests/support/child_process.h"
#include "tests/support/refusal.h"
#include "tests/training/cli_fixture.h"

namespace uniad {
namespace {

using test::holds;

using Json = nlohmann::json;
using test::Outcome;

class Cli : public test::CliTest {};

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
                                    "extract", "render", "import", "export", "info", "bench"}) {
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
       "garbage.safetensors: contains no training steps"},
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

  // A report that cannot be finished leaves the old one unchanged and no other files behind.
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

// All JSON output accepts a name whose bytes are not valid UTF-8, among others.
TEST_F(Cli, EveryJsonTakesNamesThatAreNotUtf8) {
  constexpr auto name = "\xff", told = "\xef\xbf\xbd";
  write_plain("\xff/a.png");
  write_plain("\xff/b\xfe.png");
  for (int i = 10; i < 30; ++i) write_plain("\xff/c" + std::to_string(i) + ".png", 2 * i);  // for a threshold
  const std::string model = file("m\xfc.safetensors").string();
  test::write_tiny_model(model, 1e9);
  const std::string data = (folder_ / name).string();
  const auto json_of = [&](const std::string &arguments) {
    const auto outcome = uniad(arguments);
    EXPECT_EQ(outcome.code, 0) << arguments << ": " << outcome.err;
    std::vector<Json> lines;
    std::istringstream text(outcome.out);
    for (Json line; text >> std::ws && text.good() && text >> line;) lines.push_back(line);
    return lines;
  };
  const auto predicted = json_of("predict --json - --model " + model + " " + data);
  ASSERT_EQ(predicted.size(), 22U);
  for (const Json &line : predicted) EXPECT_EQ(line.at("source"), told);
  EXPECT_TRUE(holds(predicted[1].at("path"), std::string("b") + told + ".png"));

  const auto calibrated = json_of("calibrate --json - --model " + model + " --data " + data);
  ASSERT_EQ(calibrated.size(), 1U);
  EXPECT_TRUE(calibrated[0].at("sources").contains(told));
  // The calibration for that name is found under it.
  const double threshold = calibrated[0].at("sources").at(told).at("threshold");
  EXPECT_EQ(json_of("predict --json - --model " + model + " " + data).at(0).at("threshold"), threshold);
  EXPECT_TRUE(json_of("info --json - " + model).at(0).at("calibration").at("sources").contains(told));
  EXPECT_EQ(json_of("info --complexity --json - " + model).size(), 1U);
  EXPECT_TRUE(holds(json_of("bench --rounds 1 --json - --model " + model).at(0).at("model"), told));
  const auto failed = uniad("--log-json predict --model " + model + " " + data + "/none");
  EXPECT_TRUE(holds(Json::parse(failed.err).at("error"), told)) << failed.err;
}

// The data does not exist either, but the output is checked first.
TEST_F(Cli, OutputsThatCannotBeWrittenAreRefusedBeforeTheWork) {
  write("file", "");
  const std::string model = tiny_model(0), bad = (folder_ / "file/output").string();
  for (const std::string &arguments : {
           "predict --model " + model + " --json " + bad + " none.mp4",
           "predict --model " + model + " --overlay " + bad + " none.mp4",
           "evaluate --model " + model + " --json " + bad + " --data none.mp4",
           "evaluate --model " + model + " --report " + bad + " --data none.mp4",
           "calibrate --model " + model + " --json " + bad + " --data none.mp4",
           "calibrate --model " + bad + " --data none.mp4",
           "train --model " + bad + " --data none.mp4",
           "train --recipe fast --model " + file("m").string() + " --log " + bad + " --data none.mp4",
           "train --recipe fast --model " + file("m").string() + " --tensorboard " + bad + " --data none.mp4",
           "update --model " + bad + " --data none.mp4",
           "merge --model " + bad + " none.safetensors none.safetensors",
           "import --model " + bad + " none.pth",
           "export --model none.safetensors --onnx " + bad,
           "render --model none.safetensors --data none.mp4 --decoder none --out " + bad,
           "info --complexity --json " + bad + " none.safetensors",
           "bench --model none.safetensors --json " + bad,
       }) {
    const auto outcome = uniad(arguments);
    EXPECT_EQ(outcome.code, 1) << arguments << ": " << outcome.err;
    EXPECT_TRUE(outcome.err.starts_with("uniad: " + bad + ": cannot be "))
        << arguments << ": " << outcome.err;
    EXPECT_TRUE(holds(outcome.err, "choose another --")) << outcome.err;
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  }
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

TEST_F(Cli, ASourceThatTheModelDoesNotKnowIsToldWithThoseThatItDoes) {
  const auto path = tiny_model(0);
  Model model = read_model(path);
  model.calibration.sources["gate"] = *model.calibration.pooled;
  write_model(model, path);
  const auto picture = write_plain("a.png").string();
  for (const std::string &command :
       {"predict --json - --model " + path + " ", "evaluate --model " + path + " --data "}) {
    const auto outcome = uniad(command + "gtae=" + picture);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_TRUE(holds(outcome.err, path + ": the source \"gtae\" is not known")) << outcome.err;
    EXPECT_TRUE(holds(outcome.err, "known is \"gate\"")) << outcome.err;
    for (const std::string &right : {"gate=" + picture, picture})  // a single source needs no name
      EXPECT_FALSE(holds(uniad(command + right).err, "not known")) << right;
  }
}

class Calibrating : public Cli {
 protected:
  Json calibrate(const std::string &arguments) const {
    const auto outcome = uniad("calibrate --json - " + arguments);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return outcome.code == 0 ? Json::parse(outcome.out) : Json();
  }

  static Calibration in(const std::string &model) { return read_model(model).calibration; }

  // The number of files in the folder with this in their names, including hidden ones.
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
  // Frames of one color are so similar that the minimum threshold applies, a hundredth above their mean.
  EXPECT_NEAR(source.at("threshold").get<double>(), 1.01 * source.at("mean").get<double>(), 1e-9);
  EXPECT_LT(source.at("false_alarms_per_hour").get<double>(), 100);
  EXPECT_LE(source.at("interval").at(0), source.at("threshold"));
  EXPECT_GE(source.at("interval").at(1), source.at("threshold"));
  // 60 frames at 25 per second are 2.4 s; one alarm in 36 s is requested.
  EXPECT_TRUE(holds(source.at("doubts").at(0), "15 times"));

  const Calibration now = in(model);
  EXPECT_EQ(now.rule, "100 false alarms an hour");
  const ScoreStatistics &stored = now.sources.at("cam0");
  EXPECT_EQ(stored.threshold, source.at("threshold"));
  EXPECT_EQ(stored.tail->frame_rate, 25);
  EXPECT_LT(stored.tail->peaks.size(), 15U);  // consecutive frames are similar
  EXPECT_EQ(now.pooled->count, 60);
  EXPECT_EQ(names_with("tiny"), 1);  // no other files are left behind
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
      {"--data " + pictures + " --false-alarms-per-hour 1", "set --frame-rate"},
      {"--data " + (folder_ / "broken").string(), "none of 1 pictures could be read"},
      {"--data " + (folder_ / "product").string(), "there is no normal data to judge"},
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
  // A limit on the size of files simulates a full disk.
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
  EXPECT_TRUE(holds(outcome.out, "-4.00 sd")) << outcome.out;  // 5e8 is four standard deviations above 0
  EXPECT_TRUE(holds(outcome.err, "cam0: scores moved down by 4.0 sd")) << outcome.err;
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

}  // namespace
}  // namespace uniad
