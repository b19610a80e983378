// SPDX-License-Identifier: Apache-2.0
// Finds a free port.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

namespace uniad::test {

// A port of the loopback interface that no process listens on.
inline std::string free_port() {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(bind(listener, reinterpret_cast<sockaddr *>(&address), size), 0);
  getsockname(listener, reinterpret_cast<sockaddr *>(&address), &size);
  close(listener);
  return std::to_string(ntohs(address.sin_port));
}

}  // namespace uniad::test
