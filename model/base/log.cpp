// SPDX-License-Identifier: Apache-2.0
#include "model/base/log.h"

#include <memory>
#include <mutex>
#include <utility>

namespace uniad {
namespace {

// Shared, so that a replaced sink lives until all calls to it have returned.
struct CurrentSink {
  std::mutex mutex;
  std::shared_ptr<const LogSink> sink;
};

CurrentSink &current() {
  static CurrentSink current;
  return current;
}

}  // namespace

void set_log_sink(LogSink sink) {
  auto fresh = sink ? std::make_shared<const LogSink>(std::move(sink)) : nullptr;
  const std::scoped_lock lock(current().mutex);
  current().sink = std::move(fresh);
}

void log(LogLevel level, const std::string &message) {
  std::shared_ptr<const LogSink> sink;
  {
    const std::scoped_lock lock(current().mutex);
    sink = current().sink;
  }
  if (sink) (*sink)(level, message);
}

}  // namespace uniad
