// SPDX-License-Identifier: Apache-2.0
// Writes a small random model to the given path, for tests that are not written in C++.
#include "tests/support/tiny_model.h"

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  uniad::test::write_tiny_model(argv[1]);
  return 0;
}
