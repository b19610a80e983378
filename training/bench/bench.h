// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "model/engine/detector.h"
#include "training/progress.h"

namespace uniad {

// A batch of more pictures gains nothing any more and costs their memory.
inline constexpr int most_bench_pictures = 1024;
inline constexpr int most_bench_streams = 256;

struct BenchOptions {
  std::filesystem::path model;
  int batch = 8;    // pictures
  int streams = 0;  // 0: they are not measured
  int rounds = 100;
  bool serve = false;
  bool self_test = false;
  std::string json;  // file or "-"; empty: the table alone
  DetectorOptions detector;
};

// Measures how fast a model judges on this machine, and tells it in a table on standard output, or in JSON:
// {"model", "backbone", "input": {"width", "height"}, "device", "precision", "description", "rounds",
// "latency_ms": {"p50", "p99"} (one picture that lies ready), "batch", "images_per_second" (of batches),
// "stages_ms": {"preprocess" (1080p NV12), "network", "statistics" (of models that have them)},
// "peak_rss_mb", "streams": {"count", "frames_per_second", "latency_ms", "one_stream": {"frames_per_second",
// "latency_ms"}, "ratio", "peak_rss_mb"} (where they were asked for)}.
//
// With `serve` it measures for somebody else, who times another engine in turn: it prints "description", then
// answers every line of standard input, a number of pictures, by the median milliseconds a picture of
// `rounds` calls with so many; between two lines it sleeps.
//
// With `self_test` it measures nothing: it holds every kernel of the GPU and the network there against the
// CPU, prints a line for each check, and throws Error where one fails.
void run_bench(const BenchOptions &options, Progress &progress);

}  // namespace uniad
