// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/publish/line_writer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <thread>

#include "model/base/error.h"
#include "tests/gst-plugin/standard_output.h"

namespace uniad::test {
namespace {

class LineWriterTest : public testing::Test {
 protected:
  LineWriterTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "uniad-lines-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    path_ = folder_ / "out.jsonl";
  }
  ~LineWriterTest() override { std::filesystem::remove_all(folder_); }

  std::string content() const { return content(path_); }

  static std::string content(const std::filesystem::path &path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }

  std::filesystem::path folder_, path_;
};

// Limits the size of files of this process, as on a full disk: the part of a write that fits is written.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t size) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{size, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() { setrlimit(RLIMIT_FSIZE, &before_); }
  FileSizeLimit(const FileSizeLimit &) = delete;
  FileSizeLimit &operator=(const FileSizeLimit &) = delete;

 private:
  rlimit before_{};
};

// The reading end of a named pipe, which reads on request.
class PipeReader {
 public:
  explicit PipeReader(const std::string &path) : fd_(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)) {}
  ~PipeReader() { close(fd_); }
  PipeReader(const PipeReader &) = delete;
  PipeReader &operator=(const PipeReader &) = delete;

  void shrink() const { fcntl(fd_, F_SETPIPE_SZ, 8192); }

  std::string read_all() const {
    std::string text;
    std::array<char, 4096> part{};
    for (ssize_t size; (size = read(fd_, part.data(), part.size())) > 0;)
      text.append(part.data(), static_cast<std::size_t>(size));
    return text;
  }

 private:
  int fd_;
};

TEST_F(LineWriterTest, EachLineIsThereAtOnce) {
  LineWriter file(path_.string(), {});
  EXPECT_FALSE(file.write("one"));
  EXPECT_EQ(content(), "one\n");
  EXPECT_FALSE(file.write("two"));
  EXPECT_EQ(content(), "one\ntwo\n");
}

TEST_F(LineWriterTest, BeginsAnewOrAppends) {
  std::ofstream(path_) << "old\n";
  EXPECT_FALSE(LineWriter(path_.string(), {.append = true}).write("new"));
  EXPECT_EQ(content(), "old\nnew\n");
  EXPECT_FALSE(LineWriter(path_.string(), {}).write("only"));
  EXPECT_EQ(content(), "only\n");
}

TEST_F(LineWriterTest, AppendsBehindALineThatWasCutShort) {
  std::ofstream(path_) << "whole\nhal";
  EXPECT_FALSE(LineWriter(path_.string(), {.append = true}).write("new"));
  EXPECT_EQ(content(), "whole\nhal\nnew\n");
}

TEST_F(LineWriterTest, LinesOfSeveralWritersDoNotMix) {
  LineWriter a(path_.string(), {});
  LineWriter b(path_.string(), {.append = true});
  const std::string line_a(5000, 'a');
  const std::string line_b(5000, 'b');
  std::thread other([&] {
    for (int i = 0; i < 500; ++i) EXPECT_FALSE(b.write(line_b));
  });
  for (int i = 0; i < 500; ++i) EXPECT_FALSE(a.write(line_a));
  other.join();
  std::ifstream stream(path_);
  int count_a = 0;
  int count_b = 0;
  for (std::string line; std::getline(stream, line);) {
    count_a += line == line_a ? 1 : 0;
    count_b += line == line_b ? 1 : 0;
  }
  EXPECT_EQ(count_a, 500);
  EXPECT_EQ(count_b, 500);
  EXPECT_EQ(std::filesystem::file_size(path_), 1000 * 5001U);
}

TEST_F(LineWriterTest, ALineThatDoesNotFitLeavesNothing) {
  LineWriter file(path_.string(), {});
  {
    const FileSizeLimit limit(10);
    EXPECT_FALSE(file.write("first"));
    EXPECT_EQ(file.write("second"), std::errc::file_too_large);
    EXPECT_EQ(content(), "first\n");
    EXPECT_FALSE(file.write("abc"));
    EXPECT_EQ(file.write("d"), std::errc::file_too_large);
  }
  EXPECT_FALSE(file.write("third"));
  EXPECT_EQ(content(), "first\nabc\nthird\n");
}

TEST_F(LineWriterTest, StandardOutputThatIsAFileKeepsWholeLinesToo) {
  std::optional<LineWriter> file;
  {
    const StandardOutput redirected(open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
    file.emplace("-", LineWriterOptions{});
  }
  {
    const FileSizeLimit limit(10);
    EXPECT_FALSE(file->write("first"));
    EXPECT_EQ(file->write("second"), std::errc::file_too_large);
  }
  EXPECT_FALSE(file->write("third"));
  EXPECT_EQ(content(), "first\nthird\n");
}

TEST_F(LineWriterTest, ANamedPipeTakesLinesWheneverItHasAReader) {
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  LineWriter file(path_.string(), {});
  EXPECT_EQ(file.write("nobody"), std::errc::no_such_device_or_address);
  {
    const PipeReader reader(path_.string());
    EXPECT_FALSE(file.write("one"));
    EXPECT_EQ(reader.read_all(), "one\n");
    EXPECT_FALSE(file.write("left in the pipe"));
  }
  EXPECT_EQ(file.write("nobody"), std::errc::broken_pipe);
  const PipeReader reader(path_.string());
  EXPECT_FALSE(file.write("two"));
  EXPECT_EQ(reader.read_all(), "two\n");
}

TEST_F(LineWriterTest, AReaderThatStandsStillLosesWholeLines) {
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  const PipeReader reader(path_.string());
  reader.shrink();
  LineWriter file(path_.string(), {});
  const std::string line(1500, 'x');
  std::string written;
  std::error_code error;
  while (!(error = file.write(line))) written += line + "\n";
  EXPECT_EQ(error, std::errc::timed_out);
  EXPECT_EQ(file.write("short"), std::errc::timed_out);
  EXPECT_EQ(reader.read_all(), written);
  EXPECT_FALSE(file.write("again"));
  EXPECT_EQ(reader.read_all(), "again\n");
}

TEST_F(LineWriterTest, ALineThatIsPartlyInAPipeIsCompletedFirst) {
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  const PipeReader reader(path_.string());
  reader.shrink();
  LineWriter file(path_.string(), {});
  const std::string line(10'000, 'x');
  EXPECT_FALSE(file.write(line));  // 8192 bytes of it fit
  EXPECT_EQ(file.write("lost"), std::errc::timed_out);
  const std::string text = reader.read_all();
  EXPECT_EQ(text.size(), 8192U);
  EXPECT_FALSE(file.write("next"));
  EXPECT_EQ(text + reader.read_all(), line + "\nnext\n");
}

TEST_F(LineWriterTest, TheRestOfALineIsNothingForTheNextReader) {
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  LineWriter file(path_.string(), {});
  {
    const PipeReader reader(path_.string());
    reader.shrink();
    EXPECT_FALSE(file.write("opens it"));
    EXPECT_FALSE(file.write(std::string(10'000, 'x')));
  }
  EXPECT_EQ(file.write("lost"), std::errc::broken_pipe);
  const PipeReader reader(path_.string());
  EXPECT_FALSE(file.write("two"));
  EXPECT_EQ(reader.read_all(), "two\n");
}

// Simulates log rotation: the writer is notified after the file has been renamed.
TEST_F(LineWriterTest, GoesOnInANewFileWhenTheOldOneWasRenamed) {
  LineWriter file(path_.string(), {});
  EXPECT_FALSE(file.write("one"));
  const auto moved = folder_ / "moved.jsonl";
  std::filesystem::rename(path_, moved);
  EXPECT_FALSE(file.write("two"));
  EXPECT_FALSE(std::filesystem::exists(path_));
  EXPECT_FALSE(file.reopen());
  EXPECT_FALSE(file.write("three"));
  EXPECT_EQ(content(), "three\n");
  EXPECT_EQ(content(moved), "one\ntwo\n");
  EXPECT_FALSE(file.reopen());  // without renaming, nothing is lost
  EXPECT_FALSE(file.write("four"));
  EXPECT_EQ(content(), "three\nfour\n");
}

TEST_F(LineWriterTest, KeepsTheOldFileWhereNoNewOneCanBeOpened) {
  LineWriter file(path_.string(), {});
  EXPECT_FALSE(file.write("one"));
  const auto moved = folder_ / "moved.jsonl";
  std::filesystem::rename(path_, moved);
  std::filesystem::create_directory(path_);
  EXPECT_EQ(file.reopen(), std::errc::is_a_directory);
  EXPECT_FALSE(file.write("two"));
  EXPECT_EQ(content(moved), "one\ntwo\n");
}

TEST_F(LineWriterTest, AFullFileIsRenamedAndTheOldestIsDropped) {
  LineWriter file(path_.string(), {.max_size = 8, .max_files = 3});
  for (const char *line : {"1aa", "1bb", "2aa", "2bb", "3 is longer than 8", "4aa", "4bb", "5aa"})
    EXPECT_FALSE(file.write(line));
  EXPECT_EQ(content(), "5aa\n");
  EXPECT_EQ(content(path_.string() + ".1"), "4aa\n4bb\n");
  EXPECT_EQ(content(path_.string() + ".2"), "3 is longer than 8\n");
  EXPECT_FALSE(std::filesystem::exists(path_.string() + ".3"));
}

TEST_F(LineWriterTest, OneFileAloneBeginsAnew) {
  LineWriter file(path_.string(), {.max_size = 8, .max_files = 1});
  for (const char *line : {"1aa", "1bb", "2aa"}) EXPECT_FALSE(file.write(line));
  EXPECT_EQ(content(), "2aa\n");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
}

TEST_F(LineWriterTest, AnOldFileIsRenamed) {
  LineWriter old(path_.string(), {.max_age = std::chrono::nanoseconds(1), .max_files = 3});
  for (const char *line : {"1", "2", "3", "4"}) EXPECT_FALSE(old.write(line));
  EXPECT_EQ(content(), "4\n");
  EXPECT_EQ(content(path_.string() + ".1"), "3\n");
  EXPECT_EQ(content(path_.string() + ".2"), "2\n");
  LineWriter young(path_.string(), {.append = true, .max_age = std::chrono::hours(24)});
  for (const char *line : {"5", "6"}) EXPECT_FALSE(young.write(line));
  EXPECT_EQ(content(), "4\n5\n6\n");
}

// gunzip says what is in them.
TEST_F(LineWriterTest, RenamedFilesAreCompressed) {
  const auto unzipped = [this](const char *suffix) {
    EXPECT_EQ(
        std::system(("gunzip -c " + path_.string() + suffix + " > " + (folder_ / "text").string()).c_str()),
        0);
    return content(folder_ / "text");
  };
  std::ofstream(path_.string() + ".1") << "from before\n";
  LineWriter file(path_.string(), {.max_size = 8, .max_files = 3, .gzip = true});
  for (const char *line : {"1aa", "1bb", "2aa"}) EXPECT_FALSE(file.write(line));
  EXPECT_EQ(unzipped(".1.gz"), "1aa\n1bb\n");
  EXPECT_EQ(content(path_.string() + ".2"), "from before\n");
  for (const char *line : {"2bb", "3aa"}) EXPECT_FALSE(file.write(line));
  EXPECT_EQ(content(), "3aa\n");
  EXPECT_EQ(unzipped(".1.gz"), "2aa\n2bb\n");
  EXPECT_EQ(unzipped(".2.gz"), "1aa\n1bb\n");
  for (const char *name : {".1", ".2", ".3", ".3.gz", ".gz"})
    EXPECT_FALSE(std::filesystem::exists(path_.string() + name)) << name;
}

TEST_F(LineWriterTest, WhatCannotBeCompressedIsKept) {
  std::filesystem::create_directories(path_.string() + ".1.gz.part");  // in the way
  std::ofstream(path_.string() + ".1.gz.part/file") << "x";
  LineWriter file(path_.string(), {.max_size = 8, .gzip = true});
  for (const char *line : {"1aa", "1bb", "2aa"}) EXPECT_FALSE(file.write(line));
  EXPECT_EQ(content(path_.string() + ".1"), "1aa\n1bb\n");
  EXPECT_FALSE(std::filesystem::exists(path_.string() + ".1.gz"));
}

// Two cameras may publish to one file. Each writer must notice that the other one has rotated it.
TEST_F(LineWriterTest, TwoWritersOfAFileRotateItOnce) {
  LineWriter a(path_.string(), {.append = true, .max_size = 8});
  LineWriter b(path_.string(), {.append = true, .max_size = 8});
  EXPECT_FALSE(a.write("1aa"));
  EXPECT_FALSE(b.write("1bb"));
  EXPECT_FALSE(a.write("2aa"));
  EXPECT_FALSE(b.write("2bb"));
  EXPECT_EQ(content(), "2aa\n2bb\n");
  EXPECT_EQ(content(path_.string() + ".1"), "1aa\n1bb\n");
  EXPECT_FALSE(std::filesystem::exists(path_.string() + ".2"));
}

TEST_F(LineWriterTest, WaitsForAFolderThatMayComeLater) {
  path_ = folder_ / "mounted" / "out.jsonl";
  LineWriter file(path_.string(), {.may_come_later = true});
  EXPECT_EQ(file.write("lost"), std::errc::no_such_file_or_directory);
  std::filesystem::create_directory(path_.parent_path());
  EXPECT_FALSE(file.write("one"));
  EXPECT_EQ(content(), "one\n");
}

TEST_F(LineWriterTest, SaysWhatCannotBeOpenedAndWhy) {
  std::ofstream(path_) << "a file";
  for (const auto &[path, reason] : {std::pair{folder_ / "missing" / "a", "No such file or directory"},
                                     {folder_, "Is a directory"},
                                     {path_ / "a", "Not a directory"}}) {
    try {
      const LineWriter file(path.string(), {.append = true});
      FAIL() << path;
    } catch (const Error &error) {
      EXPECT_TRUE(std::string(error.what()).starts_with(path.string() + ": ")) << error.what();
      EXPECT_NE(std::string(error.what()).find(reason), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace uniad::test
