// SPDX-License-Identifier: Apache-2.0
#include "training/evaluate/report/training_log.h"

#include "model/base/error.h"
#include "tests/support/scratch_folder.h"

namespace uniad {
namespace {

using TrainingLog = test::ScratchFolder;

TEST_F(TrainingLog, HasACurveAKey) {
  const auto curves = read_training_log(write("log.jsonl",
                                              "{\"step\":1,\"loss\":4.5,\"gradient_norm\":0.5,\"lr\":0.001}\n"
                                              "{\"step\":2,\"loss\":null,\"lr\":0.002}\n\n"
                                              "{\"step\":3,\"loss\":3.5,\"epoch\":1}\n"
                                              "{\"step\":4,\"lo"));  // still being written
  EXPECT_EQ(curves.size(), 3U);
  ASSERT_EQ(curves.at("loss").size(), 2U);
  EXPECT_EQ(curves.at("loss")[1].x, 3);
  EXPECT_EQ(curves.at("loss")[1].y, 3.5);
  EXPECT_EQ(curves.at("lr").size(), 2U);
  EXPECT_EQ(curves.at("gradient_norm").size(), 1U);
}

TEST_F(TrainingLog, OfSomethingElseIsAnErrorThatNamesTheLine) {
  const std::pair<const char *, const char *> cases[] = {
      {"{\"step\":1,\"loss\":1}\nnonsense\n{}\n", "line 2"},
      {"[1,2]\n", "line 1"},
      {"{\"step\":\"x\"}\n", "line 1"},
      {"", "no training steps"},
      {"{\"step\":1}\n", "no training steps"}};
  for (const auto &[text, reason] : cases) {
    try {
      read_training_log(write("log.jsonl", text));
      ADD_FAILURE() << text;
    } catch (const Error &error) {
      EXPECT_NE(std::string(error.what()).find(reason), std::string::npos) << error.what();
    }
  }
  EXPECT_THROW(read_training_log("/nowhere.jsonl"), Error);
}

}  // namespace
}  // namespace uniad
