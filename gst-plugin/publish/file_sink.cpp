// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/publish/file_sink.h"

#include <system_error>
#include <utility>

namespace uniad {

namespace {

const char *hint(const std::error_code &error) {
  if (error == std::errc::timed_out) return "its reader is too slow: read faster, or publish to a file";
  if (error == std::errc::broken_pipe || error == std::errc::no_such_device_or_address)
    return "it has no reader: restart its reader";
  if (error == std::errc::no_space_on_device) return "free some space on that disk";
  return "check that it is writable";
}

}  // namespace

FileSink::FileSink(std::string path, const LineWriterOptions &options)
    : name_(path), file_(std::move(path), options) {}

Delivery FileSink::deliver(std::span<const PublishedResult> results, const std::stop_token &stop) {
  Delivery delivery;
  for (const PublishedResult &result : results) {
    if (stop.stop_requested()) break;
    if (const std::error_code error = file_.write(result.line)) {
      delivery.failure = Failure{error.message(), hint(error)};
      break;
    }
    ++delivery.done;
  }
  return delivery;
}

std::optional<Failure> FileSink::reopen() {
  const std::error_code error = file_.reopen();
  if (!error) return std::nullopt;
  return Failure{error.message(), hint(error)};
}

}  // namespace uniad
