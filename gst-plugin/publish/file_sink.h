// SPDX-License-Identifier: Apache-2.0
// Publishes to a file, a named pipe or standard output.
#pragma once

#include "gst-plugin/publish/line_writer.h"
#include "gst-plugin/publish/sink.h"

namespace uniad {

class FileSink : public Sink {
 public:
  // Throws Error if the file cannot be opened, unless options.may_come_later is set.
  FileSink(std::string path, const LineWriterOptions &options);

  std::string name() const override { return name_; }
  Delivery deliver(std::span<const PublishedResult> results, const std::stop_token &stop) override;
  std::optional<Failure> reopen() override;

 private:
  std::string name_;
  LineWriter file_;
};

}  // namespace uniad
