// SPDX-License-Identifier: Apache-2.0
#include "model/file/atomic_file.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <set>
#include <thread>

#include "model/file/model_file.h"
#include "model/file/safetensors.h"
#include "model/file/torch_file.h"
#include "model/file/weights.h"
#include "tests/model/file/safetensors_bytes.h"
#include "tests/support/as_nobody.h"
#include "tests/support/full_disk.h"
#include "tests/support/heap_meter.h"
#include "tests/support/refusal.h"
#include "tests/support/scratch_folder.h"

namespace uniad {
namespace {

using test::AsNobody;
using test::bytes_of;
using test::FullDisk;
using test::holds;
using test::refusal;

class WholeFile : public test::ScratchFolder {
 protected:
  // Returns the error of every reader of model/file for a path. All must refuse it and name it.
  static std::string refused_by_all(const std::filesystem::path &path) {
    std::string reasons;
    const auto add = [&](auto read) {
      const std::string reason = refusal([&] { read(path); });
      EXPECT_TRUE(holds(reason, path.string() + ": "));
      reasons += reason + "\n";
    };
    add([](const auto &p) { read_safetensors(p); });
    add([](const auto &p) { read_safetensors_header(p); });
    add([](const auto &p) { read_torch_file(p); });
    add([](const auto &p) { read_tensor_file(p); });
    add([](const auto &p) { read_model(p); });
    add([](const auto &p) { read_model_header(p); });
    add([](const auto &p) { read_backbone_weights(p); });
    return reasons;
  }
};

TEST_F(WholeFile, ReadsAllOrAnyPart) {
  const auto path = write("a", "0123456789");
  const InputFile input(path);
  EXPECT_EQ(input.size(), 10U);
  std::string part(4, '\0');
  input.read(6, std::as_writable_bytes(std::span(part)));
  EXPECT_EQ(part, "6789");
  EXPECT_EQ(read_whole_file(path).size(), 10U);
  EXPECT_TRUE(read_whole_file(write("empty", "")).empty());
}

TEST_F(WholeFile, ReadingBeyondTheEndOrAFileThatShrinksIsAnError) {
  const auto path = write("a", "0123456789");
  const InputFile input(path);
  std::string part(4, '\0');
  const auto read = [&] { input.read(6, std::as_writable_bytes(std::span(part))); };
  std::filesystem::resize_file(path, 8);
  EXPECT_TRUE(holds(refusal(read), path.string() + ": cannot be read to its end: it has become shorter"));
}

TEST_F(WholeFile, AReplacedFileIsReadAsItWasOpened) {
  const auto path = write("a", "old");
  const InputFile input(path);
  AtomicFileWriter output(path);
  output.write(bytes_of("new, and longer"));
  output.commit();
  std::string part(3, '\0');
  input.read(0, std::as_writable_bytes(std::span(part)));
  EXPECT_EQ(part, "old");
  EXPECT_EQ(content(path), "new, and longer");
}

TEST_F(WholeFile, WhatIsNoFileIsRefusedByEveryReader) {
  EXPECT_TRUE(holds(refused_by_all(file("absent")), "no such file"));
  EXPECT_TRUE(holds(refused_by_all(write("file", "x") / "below"), "no such file"));
  EXPECT_TRUE(holds(refused_by_all(folder_), "not a regular file"));
  EXPECT_TRUE(holds(refused_by_all("/dev/zero"), "not a regular file"));
  EXPECT_TRUE(holds(refused_by_all(folder_ / std::string(300, 'x')), "cannot be opened: File name too long"));

  ASSERT_EQ(mkfifo(file("fifo").c_str(), 0600), 0);
  EXPECT_TRUE(holds(refused_by_all(file("fifo")), "not a regular file"));  // and no reader waits for a writer

  std::filesystem::create_symlink("loop", file("loop"));
  EXPECT_TRUE(holds(refused_by_all(file("loop")), "cannot be opened"));

  const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{AF_UNIX, {}};
  file("socket").string().copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(bind(listener, reinterpret_cast<const sockaddr *>(&address), sizeof address), 0);
  EXPECT_TRUE(holds(refused_by_all(file("socket")), "cannot be opened"));
  close(listener);
}

TEST_F(WholeFile, AFileWithoutPermissionIsRefused) {
  const auto path = write("secret", "x");
  std::filesystem::permissions(path, std::filesystem::perms::none);
  std::filesystem::permissions(folder_, std::filesystem::perms::all);
  const AsNobody nobody;
  EXPECT_TRUE(holds(refused_by_all(path), "cannot be opened: Permission denied"));
}

TEST_F(WholeFile, EmptyAndMeaninglessFilesAreRefusedByEveryReader) {
  refused_by_all(write("empty", ""));
  for (const std::string start : {"x", "PK\x03\x04", "\x80\x02", "{}"}) {
    refused_by_all(write("short", start));
    refused_by_all(write("long", start + std::string(10'000, '\xff')));
  }
}

// A sparse file of 1 TB takes no disk; reading it would take 1 TB of memory.
TEST_F(WholeFile, ASparseTerabyteTakesNoMemory) {
  const std::string tensor =
      R"({"w":{"dtype":"U8","shape":[1099511627776],"data_offsets":[0,1099511627776]}})";
  for (const std::string &start :
       {std::string(8, '\0'), std::string("PK\x03\x04"), test::safetensors_bytes(tensor)}) {
    const auto path = write("sparse", start);
    std::error_code error;
    std::filesystem::resize_file(path, (1ULL << 40) + (start.size() > 8 ? start.size() : 0), error);
    if (error) GTEST_SKIP() << "this file system has no sparse files of 1 TB: " << error.message();
    const test::HeapMeter meter;
    EXPECT_TRUE(holds(refused_by_all(path), "more than any weight or model file"));
    EXPECT_LT(meter.peak(), 1'000'000U);
  }
}

TEST_F(WholeFile, TheGoalIsOldUntilItIsNew) {
  const auto path = write("a", "old");
  AtomicFileWriter output(path);
  output.write(bytes_of("new"));
  EXPECT_EQ(content(path), "old");
  EXPECT_EQ(names().size(), 2U);
  output.commit();
  EXPECT_EQ(content(path), "new");
  EXPECT_EQ(names(), std::vector<std::string>{"a"});
}

TEST_F(WholeFile, WhatIsNotCommittedLeavesNothing) {
  const auto path = write("a", "old");
  { AtomicFileWriter(path).write(bytes_of("new")); }
  { const AtomicFileWriter absent(file("b")); }
  EXPECT_EQ(content(path), "old");
  EXPECT_EQ(names(), std::vector<std::string>{"a"});
}

TEST_F(WholeFile, AFullDiskKeepsTheOldFile) {
  const auto path = write("a", "old");
  const TensorFile large{{{"w", {DType::U8, {100'000}, std::vector<std::byte>(100'000)}}}, {}};
  {
    const FullDisk full(50'000);
    EXPECT_TRUE(
        holds(refusal([&] { write_safetensors(large, path); }), path.string() + ": cannot be written"));
    EXPECT_FALSE(refusal([&] { write_safetensors(large, file("b")); }).empty());
  }
  EXPECT_EQ(content(path), "old");
  EXPECT_EQ(names(), std::vector<std::string>{"a"});
  write_safetensors(large, path);  // with enough space, it is written
  EXPECT_GT(content(path).size(), 100'000U);
}

TEST_F(WholeFile, AFolderThatIsNotWritableKeepsTheOldFile) {
  const auto path = write("a", "old");
  const auto try_to_write = [&] { return refusal([&] { write_safetensors({}, path); }); };
  std::filesystem::permissions(folder_, std::filesystem::perms(0555));
  {
    const AsNobody nobody;
    EXPECT_TRUE(holds(try_to_write(), path.string() + ": cannot be written: Permission denied"));
  }
  std::filesystem::permissions(folder_, std::filesystem::perms::none);  // the folder cannot even be listed
  {
    const AsNobody nobody;
    EXPECT_TRUE(holds(try_to_write(), path.string() + ": cannot be written: Permission denied"));
  }
  std::filesystem::permissions(folder_, std::filesystem::perms(0700));
  EXPECT_EQ(content(path), "old");
  EXPECT_EQ(names(), std::vector<std::string>{"a"});
}

TEST_F(WholeFile, AGoalThatCannotBeAFileIsRefused) {
  const auto refused = [](const std::filesystem::path &goal) {
    const std::string reason = refusal([&] { write_safetensors({}, goal); });
    EXPECT_TRUE(holds(reason, goal.string() + ": "));
    return reason;
  };
  EXPECT_TRUE(holds(refused(folder_), "not a regular file"));
  EXPECT_TRUE(holds(refused("/dev/full"), "not a regular file"));
  EXPECT_TRUE(holds(refused(folder_ / "absent" / "a"), "No such file or directory"));
  EXPECT_TRUE(holds(refused(write("file", "x") / "a"), "Not a directory"));
  EXPECT_TRUE(holds(refused(folder_ / std::string(300, 'x')), "File name too long"));
  EXPECT_TRUE(holds(refused(""), "cannot be written"));
  EXPECT_EQ(names(), std::vector<std::string>{"file"});
}

// Processes and threads of different containers can have equal ids, so the name must not depend on them. Nor
// may other users who can write to the folder be able to guess the name and create a link there.
TEST_F(WholeFile, TheTemporaryNameIsNeverTheSame) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const AtomicFileWriter output(
        file("a"));  // one after the other, so that a name that depends on the thread would be used again
    const auto present = names();
    ASSERT_EQ(present.size(), 1U);
    EXPECT_TRUE(seen.insert(present.front()).second) << present.front() << " came twice";
  }
}

TEST_F(WholeFile, WritersOfOneFileDoNotMixTheirBytes) {
  constexpr int writers = 8;
  std::vector<std::thread> threads;
  for (int i = 0; i < writers; ++i)
    threads.emplace_back([&, i] {
      const std::string letters(100'000, static_cast<char>('a' + i));
      for (int round = 0; round < 10; ++round) {
        AtomicFileWriter output(file("shared"));
        output.write(bytes_of(letters));
        output.replace();
      }
    });
  for (auto &thread : threads) thread.join();
  const std::string whole = content(file("shared"));
  EXPECT_EQ(whole, std::string(100'000, whole.front()));
  EXPECT_EQ(names(), std::vector<std::string>{"shared"});
}

}  // namespace
}  // namespace uniad
