// SPDX-License-Identifier: Apache-2.0
#include "training/calibrate/calibrate.h"

#include "training/cli/options.h"

namespace uniad {

void describe_calibrate(CLI::App &app, CalibrateOptions &options) {
  add_model(app, options.model, "Model file, whose calibration is replaced on success");
  add_data(app, "--data", options.data, options.image_dir, options.bit_depth)->required(false);
  add_labels(app, options.labels);
  add_zones(app, options.zones);
  add_threshold(app, options.threshold, options.frame_rate, "the model's own");
  app.add_option("--max-frames", options.max_frames,
                 "Maximum number of video frames to judge per source, evenly spaced; each frame then counts "
                 "as an alarm of its own (default: all)")
      ->type_name("N")
      ->check(at_least(1));
  app.add_flag("--dry-run", options.dry_run, "Print the thresholds without changing the model file");
  add_json(app, options.json);
  add_device(app, options.detector.device, options.detector.precision, {"auto", "fp32", "bf16", "int8"});
  app.final_callback([&app, &options] {
    if (!options.data.empty()) return;
    if (!options.threshold)
      throw CLI::ValidationError("--data", "is required, unless --sigma or --false-alarms-per-hour is given");
    for (const char *name :
         {"--quantile", "--frame-rate", "--labels", "--max-frames", "--image-dir", "--bit-depth", "--zones"})
      if (app.count(name) > 0) throw CLI::ValidationError(name, "requires footage: add --data");
  });
}

}  // namespace uniad
