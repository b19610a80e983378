// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>
#include <numeric>
#include <sstream>

#include "tests/support/scratch_folder.h"
#include "tests/support/tiny_model.h"
#include "tests/training/program.h"
#include "training/bench/timing.h"

namespace uniad {
namespace {

using Json = nlohmann::json;
using test::Outcome;

class Bench : public test::ScratchFolder {
 protected:
  void SetUp() override { test::write_tiny_model(model_); }

  Outcome bench(const std::string &arguments) const {
    return test::run_uniad("bench --model " + model_.string() + " " + arguments, folder_);
  }

  std::filesystem::path model_ = file("tiny.safetensors");
};

void expect_latency(const Json &latency) {
  const auto p50 = latency.at("p50").get<double>();
  EXPECT_GT(p50, 0);
  EXPECT_LE(p50, latency.at("p99").get<double>());
}

TEST_F(Bench, StandardOutputIsJsonAlone) {
  const auto outcome = bench("--rounds 5 --batch 3 --json -");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto json = Json::parse(outcome.out);  // throws if there is anything else
  EXPECT_EQ(json.at("model"), model_.string());
  EXPECT_EQ(json.at("backbone"), "efficientnet-lite0");
  EXPECT_EQ(json.at("input"), Json({{"width", 64}, {"height", 64}}));
  EXPECT_EQ(json.at("rounds"), 5);
  EXPECT_EQ(json.at("batch"), 3);
  expect_latency(json.at("latency_ms"));
  EXPECT_GT(json.at("images_per_second").get<double>(), 0);
  EXPECT_GT(json.at("peak_rss_mb").get<double>(), 5);
  EXPECT_LT(json.at("peak_rss_mb").get<double>(), 100'000);
  EXPECT_GT(json.at("stages_ms").at("preprocess").get<double>(), 0);
  EXPECT_EQ(json.at("stages_ms").at("network"), json.at("latency_ms").at("p50"));
  EXPECT_FALSE(json.at("stages_ms").contains("statistics"));  // the model has none
  EXPECT_FALSE(json.contains("streams"));
}

TEST_F(Bench, AutoIsCalledByWhatItBecame) {
  const auto json = Json::parse(bench("--rounds 1 --batch 1 --json - --device auto").out);
  EXPECT_NE(json.at("device"), "auto");
  EXPECT_NE(json.at("precision"), "auto");
  const auto fp32 = Json::parse(bench("--rounds 1 --batch 1 --json - --device cpu --precision fp32").out);
  EXPECT_EQ(fp32.at("device"), "cpu");
  EXPECT_EQ(fp32.at("precision"), "fp32");
}

TEST_F(Bench, AJsonFileComesBesideTheTable) {
  const auto path = file("bench.json");
  const auto outcome = bench("--rounds 3 --batch 2 --json " + path.string());
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("one picture"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("batch of 2"), std::string::npos) << outcome.out;
  expect_latency(Json::parse(content(path)).at("latency_ms"));
}

TEST_F(Bench, StreamsAreMeasuredAgainstOne) {
  const auto outcome = bench("--rounds 3 --batch 2 --streams 2 --json -");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto streams = Json::parse(outcome.out).at("streams");
  EXPECT_EQ(streams.at("count"), 2);
  for (const auto &of : {streams, streams.at("one_stream")}) {
    EXPECT_GT(of.at("frames_per_second").get<double>(), 0);
    expect_latency(of.at("latency_ms"));
  }
  EXPECT_DOUBLE_EQ(streams.at("ratio").get<double>(),
                   streams.at("frames_per_second").get<double>() /
                       streams.at("one_stream").at("frames_per_second").get<double>());
  EXPECT_GT(streams.at("peak_rss_mb").get<double>(), 5);
}

TEST_F(Bench, ServesATimeForEveryLine) {
  const auto asked = write("asked", "1\n4\n1\n");
  const auto out = file("answers");
  const std::string command = std::string(UNIAD_EXECUTABLE) +
                              " bench --serve --rounds 2 --precision fp32 --model " + model_.string() + " <" +
                              asked.string() + " >" + out.string() + " 2>/dev/null";
  ASSERT_EQ(std::system(command.c_str()), 0);
  std::istringstream answers(content(out));
  std::string description;
  std::getline(answers, description);
  EXPECT_NE(description.find("fp32"), std::string::npos) << description;
  int count = 0;
  for (double time = 0; answers >> time; ++count) EXPECT_GT(time, 0);
  EXPECT_EQ(count, 3);
  EXPECT_TRUE(answers.eof());  // there are only numbers

  const auto unasked = bench("--serve --precision fp32");
  EXPECT_EQ(unasked.code, 0);
  EXPECT_EQ(unasked.out, description + "\n");
  for (const char *line : {"0", "1025", "-1", "two", "1 ", ""}) {
    const std::string refused = "printf '%s\\n' '" + std::string(line) + "' | " + UNIAD_EXECUTABLE +
                                " bench --serve --precision fp32 --model " + model_.string() + " >" +
                                out.string() + " 2>/dev/null";
    const int status = std::system(refused.c_str());
    EXPECT_EQ(WEXITSTATUS(status), 1) << line;
    EXPECT_EQ(content(out), description + "\n") << line;
  }
}

TEST_F(Bench, NumbersOutOfRangeAreWrongUsageAndNameTheRange) {
  const std::pair<std::string, std::string> cases[] = {
      {"--batch 0", "1 to 1024"},
      {"--batch 10000", "1 to 1024"},
      {"--batch -1", "1 to 1024"},
      {"--batch 1.5", "1 to 1024"},
      {"--batch many", "1 to 1024"},
      {"--streams 0", "1 to 256"},
      {"--streams 257", "1 to 256"},
      {"--rounds 0", "1 to 1000000"},
      {"--precision fp8", "fp32"},
      {"--device gpu", "cuda"},
      {"--serve --json -", "--json"},
      {"--serve --streams 2", "--streams"},
      {"--batch 99999999999999999999", "1 to 1024"},
  };
  for (const auto &[arguments, reason] : cases) {
    const auto outcome = bench(arguments);
    EXPECT_EQ(outcome.code, 2) << arguments;
    EXPECT_TRUE(outcome.out.empty()) << arguments;
    EXPECT_NE(outcome.err.find(reason), std::string::npos) << arguments << ": " << outcome.err;
  }
}

TEST_F(Bench, FailedWorkNamesTheFile) {
  const auto garbage = write("garbage.safetensors", "this is no model").string();
  for (const auto &arguments : std::initializer_list<std::string>{
           "bench --model /nowhere.safetensors", "bench --serve --model /nowhere.safetensors",
           "bench --json /nowhere/x.json --model " + model_.string(), "bench --model " + garbage}) {
    const auto outcome = test::run_uniad(arguments, folder_);
    EXPECT_EQ(outcome.code, 1) << arguments;
    EXPECT_TRUE(outcome.out.empty()) << arguments;
    EXPECT_TRUE(outcome.err.find("/nowhere") != std::string::npos ||
                outcome.err.find(garbage) != std::string::npos)
        << outcome.err;
  }
}

TEST(Quantile, IsTheValueThatTheShareDoesNotExceed) {
  std::vector<double> values(100);
  std::iota(values.rbegin(), values.rend(), 1.0);  // 100 to 1
  EXPECT_EQ(quantile(values, 0), 1);
  EXPECT_EQ(quantile(values, 0.5), 50);
  EXPECT_EQ(quantile(values, 0.99), 99);
  EXPECT_EQ(quantile(values, 1), 100);
  EXPECT_EQ(quantile({7}, 0.99), 7);
  EXPECT_EQ(quantile({2, 1, 3}, 0.5), 2);
  EXPECT_EQ(quantile({2, 1, 3}, 0.99), 3);
}

}  // namespace
}  // namespace uniad
