// SPDX-License-Identifier: Apache-2.0
#include "training/base/output.h"

#include <gtest/gtest.h>

#include "model/base/error.h"
#include "tests/support/as_nobody.h"
#include "tests/support/refusal.h"
#include "tests/support/scratch_folder.h"

namespace uniad {
namespace {

using test::AsNobody;
using test::holds;
using test::refusal;

class OutputChecks : public test::ScratchFolder {
 protected:
  // Returns the message of each check for a file name, in an existing or a missing folder.
  static std::string of_file(const std::filesystem::path &file) {
    return refusal([&] { check_writable(file, "--model"); });
  }
  static std::string of_opened(const std::filesystem::path &file) {
    return refusal([&] { check_openable(file.string(), "--json"); });
  }
  static std::string of_folder(const std::filesystem::path &folder) {
    return refusal([&] { make_folder(folder, "--overlay"); });
  }
  static void says(const std::string &text, const std::filesystem::path &where, const std::string &what,
                   const std::string &option) {
    EXPECT_TRUE(text.starts_with(where.string() + ": ")) << text;
    EXPECT_TRUE(holds(text, what)) << text;
    EXPECT_TRUE(holds(text, "choose another " + option)) << text;
  }
};

TEST_F(OutputChecks, AFolderThatIsNotWritableIsNamedWithTheReasonAndTheOption) {
  const auto locked = folder_ / "locked";
  std::filesystem::create_directory(locked);
  std::filesystem::permissions(folder_, std::filesystem::perms(0755));
  std::filesystem::permissions(locked, std::filesystem::perms(0555));
  {
    const AsNobody nobody;
    says(of_file(locked / "a"), locked / "a", "Permission denied", "--model");
    says(of_opened(locked / "a"), locked / "a", "Permission denied", "--json");
    says(of_folder(locked), locked, "Permission denied", "--overlay");
    says(of_folder(locked / "new"), locked / "new", "Permission denied", "--overlay");
  }
  std::filesystem::permissions(locked, std::filesystem::perms(0755));
  EXPECT_TRUE(std::filesystem::is_empty(locked));
}

TEST_F(OutputChecks, AFileThatIsNotWritableCanStillBeReplaced) {
  std::filesystem::permissions(folder_, std::filesystem::perms(0777));
  const auto path = write("a", "old");
  std::filesystem::permissions(path, std::filesystem::perms(0444));
  const AsNobody nobody;
  EXPECT_EQ(of_file(path), "");
  says(of_opened(path), path, "Permission denied", "--json");
}

TEST_F(OutputChecks, WhatCannotBeAFileOrAFolderIsNamed) {
  const auto path = write("a", "x");
  says(of_file(folder_ / "none" / "b"), folder_ / "none" / "b", "there is no folder", "--model");
  says(of_opened(folder_ / "none" / "b"), folder_ / "none" / "b", "there is no folder", "--json");
  says(of_file(path / "b"), path / "b", "there is no folder", "--model");
  says(of_folder(path), path, "Not a directory", "--overlay");
  says(of_folder(path / "b"), path / "b", "Not a directory", "--overlay");
  EXPECT_TRUE(holds(of_file(folder_), "is a folder (give --model the name of a file)"));
  EXPECT_TRUE(holds(of_opened(folder_), "is a folder (give --json the name of a file)"));
}

TEST_F(OutputChecks, LeaveWhatIsThereAndMakeFoldersOnly) {
  const auto path = write("a", "old");
  for (const std::string &good :
       {path.string(), file("b").string(), std::string("/dev/null"), std::string("-"), std::string()})
    EXPECT_EQ(of_opened(good), "") << good;
  EXPECT_EQ(of_file(path), "");
  EXPECT_EQ(of_file(file("b")), "");
  EXPECT_EQ(of_folder(folder_ / "c" / "d"), "");
  EXPECT_TRUE(std::filesystem::is_directory(folder_ / "c" / "d"));
  EXPECT_FALSE(std::filesystem::exists(file("b")));
  EXPECT_EQ(std::filesystem::file_size(path), 3U);
}

TEST_F(OutputChecks, NothingTakesThePlaceOfAFileOfAnotherKind) {
  const std::string footage(
      "\0\0\0\x20"
      "ftypisom....",
      16);
  const std::string model("\x02\0\0\0\0\0\0\0{}", 10);
  const auto of_json = [&](const std::string &bytes) {
    return refusal([&] { check_json(write("there", bytes).string(), "--json"); });
  };
  const auto of_model = [&](const std::string &bytes) {
    return refusal([&] { check_model(write("there", bytes), "--model"); });
  };
  for (const std::string &bytes : {footage, model, std::string("[server]\n")})
    says(of_json(bytes), folder_ / "there", "is not JSON", "--json");
  for (const std::string &bytes : {footage, std::string("{\"a\":1}"), std::string("x")})
    says(of_model(bytes), folder_ / "there", "is not a model", "--model");
  for (const char *bytes : {"", "{\"a\":1}\n", "\n{}"}) EXPECT_EQ(of_json(bytes), "") << bytes;
  for (const std::string &bytes : {std::string(), model}) EXPECT_EQ(of_model(bytes), "");
  EXPECT_EQ(refusal([&] { check_json("/dev/stdout", "--json"); }), "");
  EXPECT_EQ(content(folder_ / "there"), model);
}

}  // namespace
}  // namespace uniad
