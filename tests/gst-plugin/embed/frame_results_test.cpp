// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/embed/frame_results.h"

#include <gtest/gtest.h>

#include <string>

namespace uniad {
namespace {

const std::string frame = R"({"version":1,"source":"gate","score":3.1})";
const std::string event = R"({"version":1,"type":"event","source":"gate","event":{"type":"other"}})";

TEST(FrameResults, AreReadBackInTheirOrder) {
  FrameResults results;
  results.events_before = {event};
  results.frames = {frame, frame};
  results.events_after = {event, event};
  const FrameResults read = results_of(text_of(results));
  EXPECT_EQ(read.events_before, results.events_before);
  EXPECT_EQ(read.frames, results.frames);
  EXPECT_EQ(read.events_after, results.events_after);
  EXPECT_EQ(read.damaged, 0U);
  EXPECT_TRUE(results_of("").empty());
}

TEST(FrameResults, OnlyWholeLinesCount) {
  for (const std::string &damaged :
       {std::string("{"), std::string("garbage"), std::string("[1]"), std::string("1"), std::string("null"),
        frame + "x", frame.substr(0, frame.size() - 1), std::string(R"({"version":2,"source":"gate"})"),
        std::string(R"({"a":{"version":1,"source":"gate"}})"), std::string(R"({"version":1})"),
        std::string("\xff\xfe"), std::string(R"({"version":1,"source":"a\u001b)") + "\x1b\"}",
        std::string(3, '\0'), std::string(200000, '['),
        "{\"version\":1,\"source\":\"" + std::string(1, '\n')}) {
    const FrameResults read = results_of(damaged + "\n" + frame + "\n");
    EXPECT_GE(read.damaged, 1U) << damaged.substr(0, 40);
    EXPECT_EQ(read.frames, std::vector{frame}) << damaged.substr(0, 40);
    EXPECT_TRUE(read.events_before.empty());
  }
}

// What a later version adds is passed on.
TEST(FrameResults, UnknownKeysAreKept) {
  const std::string line = R"({"version":1,"new":[{"deep":[]}],"source":"gate","score":null})";
  EXPECT_EQ(results_of(line).frames, std::vector{line});
}

}  // namespace
}  // namespace uniad
