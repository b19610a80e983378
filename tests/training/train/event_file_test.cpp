// SPDX-License-Identifier: Apache-2.0
#include "training/train/event_file.h"

#include <gtest/gtest.h>

#include "tests/support/refusal.h"
#include "tests/support/scratch_folder.h"

namespace uniad {
namespace {

std::string hex(const std::string &bytes) {
  std::string text;
  for (const char byte : bytes) {
    constexpr const char *digits = "0123456789abcdef";
    text += digits[static_cast<unsigned char>(byte) >> 4U];
    text += digits[static_cast<unsigned char>(byte) & 15U];
  }
  return text;
}

class Events : public test::ScratchFolder {};

// The bytes were written by tensorboardX 2.6: Event(wall_time=1700000000.25, step=300,
// summary=Summary(value=[Value(tag="loss", simple_value=0.5), Value(tag="lr", simple_value=0.001)])), framed
// by its RecordWriter.
TEST_F(Events, ARecordIsTensorBoards) {
  const std::string record = event_record(300, {{"loss", 0.5}, {"lr", 0.001}}, 1700000000.25);
  EXPECT_EQ(hex(framed(record)),
            "2600000000000000734fe300"
            "0900001040fc54d94110ac022a180a0b0a046c6f7373150000003f0a090a026c72156f12833a"
            "a626abbe");
}

TEST_F(Events, TheFileBeginsWithItsVersionAndGrowsByRecords) {
  EventFile events(folder_ / "run" / "one");
  EXPECT_TRUE(test::holds(content(events.path()), "brain.Event:2"));
  const std::string before = content(events.path());
  events.add(7, {{"loss", 1}}, 5);
  EXPECT_EQ(content(events.path()), before + framed(event_record(7, {{"loss", 1}}, 5)));
  EXPECT_TRUE(test::holds(events.path().filename().string(), "events.out.tfevents."));
}

TEST_F(Events, AFolderThatCannotBeMadeIsNamed) {
  write("file", "");
  EXPECT_TRUE(test::holds(test::refusal([&] { EventFile(folder_ / "file" / "run"); }), "cannot be written"));
}

}  // namespace
}  // namespace uniad
