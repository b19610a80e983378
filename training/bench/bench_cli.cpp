// SPDX-License-Identifier: Apache-2.0
#include "training/bench/bench.h"

#include "training/cli/options.h"

namespace uniad {

void describe_bench(CLI::App &app, BenchOptions &options) {
  add_model(app, options.model, "Model file");
  add_device(app, options.detector.device, options.detector.precision, {"auto", "fp32", "bf16", "int8"});
  app.add_option("--batch", options.batch, "Batch size")
      ->type_name("N")
      ->check(from_to(1, most_bench_pictures))
      ->capture_default_str();
  auto *streams =
      app.add_option("--streams", options.streams,
                     "Also measure this many concurrent streams of 1080p frames, and a single stream");
  streams->type_name("N")->check(from_to(1, most_bench_streams));
  app.add_option("--rounds", options.rounds, "Number of pictures to time, one after the other")
      ->type_name("N")
      ->check(from_to(1, 1'000'000))
      ->capture_default_str();
  add_json(app, options.json);
  app.add_flag("--serve", options.serve,
               "Measure on request: print what the network runs on, then, for each number of pictures read "
               "from standard input, one per line, print the median time per picture in milliseconds, "
               "measured over --rounds calls with that many pictures")
      ->excludes(streams)
      ->excludes("--json");
  app.add_flag("--self-test", options.self_test,
               "Compare every GPU kernel, and the network on the GPU, with the CPU instead of measuring");
}

}  // namespace uniad
