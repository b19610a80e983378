// SPDX-License-Identifier: Apache-2.0
// The subcommand bench.
#pragma once

#include <filesystem>
#include <string>

#include "model/engine/detector.h"
#include "training/base/progress.h"

namespace CLI {
class App;
}

namespace uniad {

// Larger batches are not faster but need more memory.
inline constexpr int most_bench_pictures = 1024;
inline constexpr int most_bench_streams = 256;

struct BenchOptions {
  std::filesystem::path model;
  int batch = 8;    // pictures
  int streams = 0;  // 0: not measured
  int rounds = 100;
  bool serve = false;
  bool self_test = false;
  std::string json;  // file or "-"; empty: only the table
  DetectorOptions detector;
};

// Measures the inference speed of a model on this machine. Prints a table on standard output, or JSON:
// {"model", "backbone", "input": {"width", "height"}, "device", "precision", "description", "rounds",
// "latency_ms": {"p50", "p99"} (one picture in memory), "batch", "images_per_second" (of batches),
// "stages_ms": {"preprocess" (1080p NV12), "network", "statistics" (if the model has them)},
// "peak_rss_mb", "streams": {"count", "frames_per_second", "latency_ms", "one_stream": {"frames_per_second",
// "latency_ms"}, "ratio", "peak_rss_mb"} (if requested)}.
//
// With `serve`, it measures on request, so that a caller can time several engines in turn: it prints
// "description", then answers each line of standard input, a number of pictures, with the median time per
// picture in milliseconds over `rounds` calls with that many pictures. It sleeps between requests.
//
// With `self_test`, it compares every GPU kernel and the network on the GPU with the CPU instead of
// measuring. It prints a line for each check, and throws Error if one fails.
void run_bench(const BenchOptions &options, Progress &progress);

void describe_bench(CLI::App &app, BenchOptions &options);

}  // namespace uniad
