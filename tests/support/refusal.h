// SPDX-License-Identifier: Apache-2.0
// Returns the message of an expected Error.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "model/base/error.h"

namespace uniad::test {

// Returns the message of the Error that `work` throws, or an empty string if it throws none. Any other
// exception fails the test.
template <typename Work>
std::string refusal(Work work) {
  try {
    work();
  } catch (const Error &error) {
    return error.what();
  }
  return "";
}

inline testing::AssertionResult holds(const std::string &text, const std::string &part) {
  if (text.find(part) != std::string::npos) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "\"" << part << "\" is not in \"" << text << "\"";
}

}  // namespace uniad::test
