// SPDX-License-Identifier: Apache-2.0
#include "training/predict/predict.h"

#include "training/cli/options.h"

namespace uniad {

void describe_predict(CLI::App &app, PredictOptions &options) {
  add_model(app, options.model, "Model file");
  add_data(app, "data", options.data, options.image_dir, options.bit_depth);
  add_zones(app, options.zones);
  add_json(app, options.json);
  add_path(app, "--overlay", options.overlay, "Write every picture with its heatmap to this folder")
      ->type_name("DIR");
  add_device(app, options.detector.device, options.detector.precision, {"auto", "fp32", "bf16", "int8"});
}

}  // namespace uniad
