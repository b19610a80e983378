// SPDX-License-Identifier: Apache-2.0
// Checks before long work whether its result can be written.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>

#include "model/base/error.h"

namespace uniad {

// The reason why no file can be created in the folder; absent if one can. Permissions are not sufficient to
// tell (read-only file systems, root), so this creates a temporary file.
inline std::optional<std::string> why_unwritable(const std::filesystem::path &folder) {
  std::string file = (folder / ".uniad-check-XXXXXX").string();
  const int fd = mkostemp(file.data(), O_CLOEXEC);
  if (fd < 0) return std::generic_category().message(errno);
  close(fd);
  unlink(file.c_str());
  return std::nullopt;
}

// The functions below throw Error with the name of the file. option: the option that the file was given with.
inline void refuse_folder(const std::filesystem::path &file, const std::string &option) {
  std::error_code unreadable;
  if (std::filesystem::is_directory(file, unreadable))
    throw Error(ErrorKind::Unwritable, file.string(), "is a folder",
                "give " + option + " the name of a file");
}

inline void check_folder_of(const std::filesystem::path &file, const std::string &option) {
  const std::filesystem::path folder = std::filesystem::absolute(file).parent_path();
  std::error_code unreadable;
  if (!std::filesystem::is_directory(folder, unreadable))
    throw Error(ErrorKind::NotFound, file.string(),
                "cannot be written: there is no folder " + folder.string(),
                "create the folder, or choose another " + option);
  if (const auto reason = why_unwritable(folder))
    throw Error(ErrorKind::Unwritable, file.string(),
                "cannot be written to " + folder.string() + ": " + *reason,
                "give this user write permission there, or choose another " + option);
}

// For a file that is created or replaced, such as a model.
inline void check_writable(const std::filesystem::path &file, const std::string &option) {
  refuse_folder(file, option);
  check_folder_of(file, option);
}

}  // namespace uniad
