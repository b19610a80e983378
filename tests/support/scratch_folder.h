// SPDX-License-Identifier: Apache-2.0
// A folder for one test.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace uniad::test {

// A fixture with a temporary folder for each test, which is removed afterwards.
class ScratchFolder : public ::testing::Test {
 protected:
  ScratchFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "uniad-test-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  ~ScratchFolder() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path file(const std::string &name) const {
    std::filesystem::create_directories((folder_ / name).parent_path());
    return folder_ / name;
  }

  std::filesystem::path write(const std::string &name, const std::string &bytes) const {
    std::ofstream(file(name), std::ios::binary) << bytes;
    return folder_ / name;
  }

  static std::string content(const std::filesystem::path &path) {
    std::ifstream stream(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }

  // Names of the files and folders in it, including hidden ones.
  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto &entry : std::filesystem::directory_iterator(folder_))
      found.push_back(entry.path().filename().string());
    return found;
  }

  std::filesystem::path folder_;
};

}  // namespace uniad::test
