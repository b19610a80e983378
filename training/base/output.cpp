// SPDX-License-Identifier: Apache-2.0
#include "training/base/output.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <iostream>
#include <system_error>

#include "model/base/error.h"
#include "model/base/json_text.h"
#include "model/file/writable.h"

namespace uniad {
namespace {

namespace fs = std::filesystem;

// Returns why this user lacks these rights to an existing path; empty if the user has them.
std::string refusal(const fs::path &path, int rights) {
  return eaccess(path.c_str(), rights) == 0 ? "" : std::generic_category().message(errno);
}

}  // namespace

void check_openable(const std::string &file, const std::string &option) {
  if (file.empty() || file == "-") return;
  refuse_folder(file, option);
  std::error_code unreadable;
  if (!fs::exists(file, unreadable)) return check_folder_of(file, option);
  if (const std::string reason = refusal(file, W_OK); !reason.empty())
    throw Error(ErrorKind::Unwritable, file, "cannot be written: " + reason,
                "give this user write permission, or choose another " + option);
}

void check_json(const std::string &file, const std::string &option) {
  check_openable(file, option);
  if (holds_other_than_json(file))
    throw Error(ErrorKind::InvalidArgument, file, "is not JSON and would be overwritten",
                "choose another " + option + ", or remove it first");
}

void check_model(const fs::path &file, const std::string &option) {
  check_writable(file, option);
  std::error_code unreadable;
  if (!fs::is_regular_file(file, unreadable) || fs::file_size(file, unreadable) == 0) return;
  // A safetensors file starts with the length of its header, followed by the header, which is JSON.
  std::ifstream stream(file, std::ios::binary);
  std::array<char, 9> begin{};
  stream.read(begin.data(), begin.size());
  if (!stream || begin[7] != 0 || begin[8] != '{')
    throw Error(ErrorKind::InvalidArgument, file.string(), "is not a model and would be overwritten",
                "choose another " + option + ", or remove it first");
}

void make_folder(const fs::path &folder, const std::string &option) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error)
    throw Error(ErrorKind::Unwritable, folder.string(), "cannot be created: " + error.message(),
                "create it, or choose another " + option);
  if (const auto reason = why_unwritable(folder))
    throw Error(ErrorKind::Unwritable, folder.string(), "is not writable: " + *reason,
                "give this user write permission there, or choose another " + option);
}

Output::Output(const std::string &target) : target_(target) {
  if (target_ == "-") return;
  file_.open(target_);
  if (!file_)
    throw Error(ErrorKind::Unwritable, target_, "cannot be written",
                "check that its folder exists and is writable");
}

std::ostream &Output::stream() {
  return target_ == "-" ? std::cout : file_;
}

void Output::close() {
  stream().flush();
  if (!stream())
    throw Error(ErrorKind::Unwritable, target_ == "-" ? "standard output" : target_,
                "could not be written completely", "check the space left on the disk");
}

}  // namespace uniad
