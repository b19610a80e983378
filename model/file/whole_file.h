// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace uniad {

// No weights and no model are larger. A sparse file may claim any size.
inline constexpr std::uint64_t file_size_limit = std::uint64_t{4} << 30;

// A regular file of at most file_size_limit, open for reading. Throws Error naming it.
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

// A file that comes into being whole: written beside its goal under another name, synced and renamed by
// commit(), removed when neither commit() nor replace() is reached. Throws Error naming the goal.
class NewFile {
 public:
  explicit NewFile(std::filesystem::path goal);
  ~NewFile();
  NewFile(const NewFile &) = delete;
  NewFile &operator=(const NewFile &) = delete;

  void write(std::span<const std::byte> bytes);
  void commit();
  // commit() that does not wait for the disk: for what can be made again.
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
