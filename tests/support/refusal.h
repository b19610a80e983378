// SPDX-License-Identifier: Apache-2.0
// Whether an Error says what it must.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "model/base/error.h"

namespace uniad::test {

// What the Error says that `work` throws; empty where it throws none. Anything else thrown fails the test.
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
