// SPDX-License-Identifier: Apache-2.0
#include <signal.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>
#include <sstream>

#include "model/file/file_lock.h"
#include "model/file/model_file.h"
#include "model/file/weights.h"
#include "model/scoring/extreme_value.h"
#include "tests/support/child_process.h"
#include "tests/support/free_port.h"
#include "tests/support/refusal.h"
#include "tests/training/cli_fixture.h"

namespace uniad {
namespace {

using test::holds;

using Json = nlohmann::json;
using test::Outcome;

class Training : public test::CliTest {
 protected:
  void SetUp() override {
    if (!find_weight_file("efficientnet-lite2"))
      GTEST_SKIP() << "needs the weights of efficientnet-lite2: subprojects/setup.sh brings them";
  }

  // Learns `model` from this data with the default recipe.
  Outcome learn(const std::string &data, const std::string &model) const {
    return uniad("train --backbone efficientnet-lite2 --data " + data + " --model " + model);
  }

  // Reads output until the program begins this stage.
  static void await(test::ChildProcess &program, const std::string &stage) {
    std::optional<std::string> line;
    while ((line = program.read_err_line()) && *line != stage) {
    }
  }

  // The calibration of the only source.
  static ScoreStatistics calibrated(const std::string &model) {
    return read_model(model).calibration.sources.begin()->second;
  }

  Json info_of(const std::string &model) const { return Json::parse(uniad("info --json - " + model).out); }

  // The number of pictures of each source that the model was trained on, according to its file.
  using Trained = std::vector<std::pair<std::string, int>>;
  Trained trained_of_sources(const std::string &model) const {
    const Json info = info_of(model);
    Trained result;
    for (const Json &source : info.at("provenance").at("sources"))
      result.emplace_back(source.at("name"), source.at("trained"));
    return result;
  }

  // The number of pictures that the model's statistics contain.
  static float pictures_in(const std::string &model) {
    const auto tensors = read_model(model).tensors;
    const auto pictures = to_float(tensors.at("statistics.pictures"));
    return std::accumulate(pictures.begin(), pictures.end(), 0.0F);
  }
};

// The main task: learn from normal pictures, then find the abnormal ones.
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

  // Even a network with hardly any training finds a white square in noise.
  const auto evaluated = uniad("evaluate --json - --model " + model + " --data " + product);
  ASSERT_EQ(evaluated.code, 0) << evaluated.err;
  const auto figures = Json::parse(evaluated.out)["classes"]["product"];
  EXPECT_EQ(figures["images"], 12);
  EXPECT_GT(figures["image_auroc"].get<double>(), 0.9);
  EXPECT_GT(figures["pixel_auroc"].get<double>(), 0.8);
}

// Each of the paper's networks, trained for two steps, results in a usable model.
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

  // The decoder learns: the mean squared error of its pictures decreases.
  std::vector<double> losses;
  std::istringstream lines(first.err);
  for (std::string line; std::getline(lines, line);) {
    if (!holds(line, "\"training the network that generates pictures\",\"done\"")) continue;
    const std::string detail = nlohmann::json::parse(line).at("detail");
    losses.push_back(std::stod(detail.substr(detail.find(' '))));
  }
  ASSERT_GE(losses.size(), 2U) << first.err;
  EXPECT_LT(losses.back(), 0.6 * losses.front());

  // The trained decoder is used again.
  const auto learned = test::read_all(decoder);
  const auto second = uniad(render + " --out " + (folder_ / "b").string());
  ASSERT_EQ(second.code, 0) << second.err;
  EXPECT_FALSE(holds(second.err, "training the network that generates pictures"));
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

TEST_F(Training, ASignalEndsItWhileACameraSaysNothing) {
  g_autoptr(GSocketListener) silent = g_socket_listener_new();
  const auto port = g_socket_listener_add_any_inet_port(silent, nullptr, nullptr);
  ASSERT_NE(port, 0);
  const auto scratch = folder_ / "scratch";
  std::filesystem::create_directories(scratch);
  for (const int signal : {SIGTERM, SIGINT}) {
    test::ChildProcess recorder(
        {UNIAD_EXECUTABLE, "train", "--backbone", "efficientnet-lite2", "--data",
         "http://127.0.0.1:" + std::to_string(port) + "/cam0", "--model", file("b.safetensors").string()},
        {{"TMPDIR", scratch.string()}});
    await(recorder, "recording");
    recorder.send_signal(signal);
    const auto stopped = recorder.wait();
    EXPECT_EQ(stopped.status, 1) << stopped.err;
    EXPECT_TRUE(holds(stopped.err, "interrupted")) << stopped.err;
    EXPECT_TRUE(std::filesystem::is_empty(scratch));
  }
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
  EXPECT_TRUE(holds(ended.err, "resume from it with --resume")) << ended.err;
  EXPECT_FALSE(std::filesystem::exists(model));
  auto resumed = command;
  resumed.insert(resumed.end(), {"--resume", model + ".checkpoint.safetensors"});
  const auto done = test::run(resumed);
  EXPECT_EQ(done.status, 0) << done.err;
  EXPECT_TRUE(holds(done.err, "resumed after step 2")) << done.err;
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
  EXPECT_TRUE(holds(outcome.err, "uniad: not enough memory (")) << outcome.err;
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
  EXPECT_TRUE(holds(none.err, "is not a training checkpoint")) << none.err;
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
  EXPECT_TRUE(holds(selected("--select held-back --validate-every 2"), "of 4: smallest held-out loss, "));
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

// The network of `fast` is trained on a part of the pictures only, but the statistics beside it include all
// of them, except for the share that the user holds back.
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
  EXPECT_TRUE(holds(trained.err, "threshold of its own; it has no threshold")) << trained.err;

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
    ASSERT_TRUE(object.at("threshold").is_number()) << line;  // JSON does not support infinity
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
  EXPECT_EQ(trained_of_sources(model), (Trained{{"cam0", 7}, {"cam1", 2}}));
  EXPECT_EQ(info_of(model).at("calibration").at("pooled").at("count"), 9);  // old and new scores
}

TEST_F(Training, TwoUpdatesOfOneModelAtATimeAreBothKept) {
  const auto model = file("model.safetensors").string();
  const auto trained = learn(write_noise("cam0", 4, 1), model);
  ASSERT_EQ(trained.code, 0) << trained.err;
  const auto update = [&](const std::string &data) {
    return test::ChildProcess({UNIAD_EXECUTABLE, "update", "--model", model, "--data", data});
  };
  // When it begins to learn, it has read the model.
  const auto await_learning = [](test::ChildProcess &program) {
    std::optional<std::string> line;
    while ((line = program.read_err_line()) && !holds(*line, "learning what is normal")) {
    }
    EXPECT_TRUE(line.has_value());
  };
  auto lock = std::make_optional<FileLock>(model);  // neither process writes before both have read
  auto one = update(write_noise("cam1", 3, 2));
  auto other = update(write_noise("cam2", 2, 3));
  await_learning(one);
  await_learning(other);
  lock.reset();
  const auto one_end = one.wait();
  const auto other_end = other.wait();
  EXPECT_EQ(one_end.status, 0) << one_end.err;
  EXPECT_EQ(other_end.status, 0) << other_end.err;
  EXPECT_NE(holds(one_end.err, "was changed in the meantime"),
            holds(other_end.err, "was changed in the meantime"));
  EXPECT_EQ(pictures_in(model), 9.0F);
  auto sources = trained_of_sources(model);
  std::sort(sources.begin(), sources.end());
  EXPECT_EQ(sources, (Trained{{"cam0", 4}, {"cam1", 3}, {"cam2", 2}}));
  EXPECT_EQ(info_of(model).at("calibration").at("pooled").at("count"), 9);
}

// The threshold is the lowest with at most this many alarms an hour.
void expect_alarms(double rate, const ScoreStatistics &statistics) {
  EXPECT_LE(alarms_per_hour(*statistics.tail, statistics.count, statistics.threshold), rate * (1 + 1e-9));
  EXPECT_GT(alarms_per_hour(*statistics.tail, statistics.count, statistics.threshold * (1 - 1e-6)),
            rate * (1 - 1e-3));
}

TEST_F(Training, ThresholdsByFalseAlarmsAnHourGoIntoTheModelAndStay) {
  const auto model = file("model.safetensors").string();
  const auto data = write_noise("cam0", 30, 1);
  const std::string rule = " --false-alarms-per-hour 60";
  const auto unknown =
      uniad("train --backbone efficientnet-lite2 --data " + data + " --model " + model + rule);
  EXPECT_EQ(unknown.code, 1);
  EXPECT_TRUE(holds(unknown.err, "the frame rate of source cam0 is not known")) << unknown.err;
  EXPECT_FALSE(std::filesystem::exists(model));

  const auto trained = learn(data, model + rule + " --frame-rate 2");
  ASSERT_EQ(trained.code, 0) << trained.err;
  EXPECT_EQ(read_model(model).calibration.rule, "60 false alarms an hour");
  const ScoreStatistics first = calibrated(model);
  expect_alarms(60, first);

  // From now on, the rule and the frame rate are stored in the model.
  const auto updated = uniad("update --model " + model + " --data cam0=" + write_noise("more", 25, 2));
  ASSERT_EQ(updated.code, 0) << updated.err;
  const ScoreStatistics second = calibrated(model);
  EXPECT_EQ(second.count, 55);
  EXPECT_EQ(second.tail->frame_rate, 2);
  expect_alarms(60, second);

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
  EXPECT_EQ(trained_of_sources(c), (Trained{{"left", 3}, {"right", 2}}));
  EXPECT_EQ(uniad("predict --model " + c + " " + left).code, 0);

  const auto refused = uniad("merge " + a + " " + tiny_model() + " --model " + file("d").string());
  EXPECT_EQ(refused.code, 1);
  EXPECT_TRUE(holds(refused.err, "tiny.safetensors: has no statistics")) << refused.err;
  EXPECT_FALSE(std::filesystem::exists(file("d")));
}

// A model as an earlier version wrote it.
void forget_whole_pictures(const std::string &path) {
  Model model = read_model(path);
  model.tensors.erase("statistics.descriptor_products");
  for (auto &[source, statistics] : model.calibration.sources) statistics.image.reset();
  if (model.calibration.pooled) model.calibration.pooled->image.reset();
  write_model(model, path);
}

TEST_F(Training, ThePictureAsAWholeIsAPartOfScoresAndAModelOfAnEarlierVersionStaysWithoutIt) {
  const auto data = write_noise("cam0", 30, 1);
  const auto with = file("with.safetensors").string();
  const auto trained = learn(data, with);
  ASSERT_EQ(trained.code, 0) << trained.err;
  EXPECT_TRUE(holds(trained.err, " of 30 held-out normal pictures reach")) << trained.err;
  EXPECT_TRUE(calibrated(with).image);

  const auto without = file("without.safetensors").string();
  std::filesystem::copy_file(with, without);
  forget_whole_pictures(without);
  const auto updated = uniad("update --model " + without + " --data cam0=" + write_noise("more", 25, 2));
  ASSERT_EQ(updated.code, 0) << updated.err;
  EXPECT_EQ(calibrated(without).count, 55);
  EXPECT_FALSE(calibrated(without).image);
  EXPECT_EQ(uniad("predict --model " + without + " " + data).code, 0);

  const auto both = file("both.safetensors").string();
  const auto merged = uniad("merge " + with + " " + without + " --model " + both);
  ASSERT_EQ(merged.code, 0) << merged.err;
  EXPECT_TRUE(holds(merged.err, "a model of an earlier version is among them")) << merged.err;
  EXPECT_FALSE(calibrated(both).image);
  EXPECT_EQ(uniad("predict --model " + both + " " + data).code, 0);

  const auto whole = uniad("merge " + with + " " + with + " --model " + both);
  ASSERT_EQ(whole.code, 0) << whole.err;
  EXPECT_TRUE(calibrated(both).image);
  EXPECT_FALSE(holds(whole.err, "earlier version")) << whole.err;
}

}  // namespace
}  // namespace uniad
