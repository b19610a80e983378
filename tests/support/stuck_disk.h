// SPDX-License-Identifier: Apache-2.0
// A disk that does not answer.
#pragma once

namespace uniad::test {

// While an instance exists, whoever writes to a file waits. Programs that link stuck_disk.cpp can use it.
class StuckDisk {
 public:
  StuckDisk();
  ~StuckDisk();
  StuckDisk(const StuckDisk &) = delete;
  StuckDisk &operator=(const StuckDisk &) = delete;

  // Waits until someone waits for the disk.
  static void await_writer();
};

}  // namespace uniad::test
