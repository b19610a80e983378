// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "model/base/error.h"
#include "model/file/model_file.h"
#include "tests/support/memory_file.h"

namespace {

std::optional<uniad::Model> accepted(const uniad::test::MemoryFile &file) {
  try {
    return uniad::read_model(file.path());
  } catch (const uniad::Error &) {  // refused with a reason, as it should be
    return std::nullopt;
  }
}

}  // namespace

// What is accepted is fit for use, and its header alone is accepted too: an Error here is a finding.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  const uniad::test::MemoryFile file(std::as_bytes(std::span(data, size)));
  if (const auto model = accepted(file)) {
    uniad::check(model->config, "accepted");
    uniad::read_model_header(file.path());
  }
  return 0;
}
