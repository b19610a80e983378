// SPDX-License-Identifier: Apache-2.0
// The project's exception: its kind, what went wrong, where, and a hint.
#pragma once

#include <exception>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>

namespace uniad {

enum class ErrorKind {
  NotFound,         // a file, folder or plugin does not exist
  Unreadable,       // it exists but cannot be opened or read
  Unwritable,       // it cannot be created, written or locked
  Malformed,        // it is damaged, malicious or not in the format
  Unsupported,      // it is valid but not supported by this program
  InvalidArgument,  // an option, a property or a combination of them
  Device,           // a GPU, its driver, or another worker
  OutOfMemory,
  Interrupted,  // the user ended the work
  Internal,     // a fault of this program
};

// What went wrong, where (a file, a tensor, an option), and a hint on how to fix it. what() contains all
// three in one line: "WHERE: PROBLEM (HINT)".
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, std::string where, std::string problem, std::string hint)
      : std::runtime_error(where + ": " + problem + " (" + hint + ")"),
        kind_(kind),
        where_(std::move(where)),
        problem_(std::move(problem)),
        hint_(std::move(hint)) {}

  ErrorKind kind() const { return kind_; }
  const std::string &where() const { return where_; }
  const std::string &problem() const { return problem_; }
  const std::string &hint() const { return hint_; }

 private:
  ErrorKind kind_;
  std::string where_, problem_, hint_;
};

// Whether memory ran out, which LibTorch reports only in the text of its own exceptions.
inline bool is_out_of_memory(const std::exception &error) {
  const auto *own = dynamic_cast<const Error *>(&error);
  if (own != nullptr) return own->kind() == ErrorKind::OutOfMemory;
  const std::string text = error.what();
  return dynamic_cast<const std::bad_alloc *>(&error) != nullptr ||
         text.find("can't allocate memory") != std::string::npos ||
         text.find("CUDA out of memory") != std::string::npos;
}

}  // namespace uniad
