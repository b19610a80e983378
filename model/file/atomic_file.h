// SPDX-License-Identifier: Apache-2.0
// Reads untrusted files, and replaces files atomically.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace uniad {

// No weight or model file is larger. A sparse file may have any size.
inline constexpr std::uint64_t file_size_limit = std::uint64_t{4} << 30;

// A regular file of at most file_size_limit, open for reading. Throws Error with its name.
class InputFile {
 public:
  explicit InputFile(const std::filesystem::path &path);
  ~InputFile();
  InputFile(const InputFile &) = delete;
  InputFile &operator=(const InputFile &) = delete;

  std::uint64_t size() const { return size_; }  // bytes, when it was opened
  void read(std::uint64_t offset, std::span<std::byte> bytes) const;

 private:
  InputFile(int fd, std::string name) : name_(std::move(name)), fd_(fd) {}

  std::string name_;
  std::uint64_t size_ = 0;
  int fd_ = -1;
};

std::vector<std::byte> read_whole_file(const std::filesystem::path &path);

// Writes a file atomically: it is written under another name in the same folder, then synced and renamed by
// commit(), or removed if neither commit() nor replace() is called. Throws Error with the name of the target.
class AtomicFileWriter {
 public:
  explicit AtomicFileWriter(std::filesystem::path goal);
  ~AtomicFileWriter();
  AtomicFileWriter(const AtomicFileWriter &) = delete;
  AtomicFileWriter &operator=(const AtomicFileWriter &) = delete;

  void write(std::span<const std::byte> bytes);
  void commit();
  // commit() without waiting for the disk, for data that can be recreated.
  void replace();

 private:
  void open_temporary();
  void sync_folder() const;
  [[noreturn]] void fail(const std::string &what) const;

  std::filesystem::path goal_;
  std::filesystem::path temporary_;
  int fd_ = -1;
};

}  // namespace uniad
