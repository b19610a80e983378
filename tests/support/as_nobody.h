// SPDX-License-Identifier: Apache-2.0
// Runs code as an unprivileged user.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

namespace uniad::test {

// If root runs the tests, switches to an unprivileged user, because root may write anywhere.
class AsNobody {
 public:
  AsNobody() : was_(geteuid()) { EXPECT_EQ(seteuid(was_ == 0 ? 65534 : was_), 0); }
  ~AsNobody() { EXPECT_EQ(seteuid(was_), 0); }
  AsNobody(const AsNobody &) = delete;
  AsNobody &operator=(const AsNobody &) = delete;

 private:
  uid_t was_;
};

}  // namespace uniad::test
