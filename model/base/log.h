// SPDX-License-Identifier: Apache-2.0
// Passes libuniad's log to the program that embeds it.
#pragma once

#include <functional>
#include <string>

namespace uniad {

enum class LogLevel { Debug, Info, Warning };

// Called on any thread, possibly concurrently. It must not throw and must not call set_log_sink().
using LogSink = std::function<void(LogLevel level, const std::string &message)>;

// Sets the sink of the process; an empty one, the default, disables logging. Messages that other threads log
// at the same time may still reach the previous sink.
void set_log_sink(LogSink sink);

// Messages are complete sentences without a trailing line break. They are for developers; information for
// users is thrown as an Error or returned as a warning.
void log(LogLevel level, const std::string &message);

}  // namespace uniad
