// SPDX-License-Identifier: Apache-2.0
#include "training/render/render.h"

#include "training/cli/options.h"

namespace uniad {

void describe_render(CLI::App &app, RenderOptions &options) {
  add_model(app, options.model, "Model file with a reconstruction network");
  add_data(app, "--data", options.data, options.image_dir, options.bit_depth);
  add_path(app, "--decoder", options.decoder,
           "File of the network that generates pictures from features; if it does not exist, the network is "
           "trained on the given pictures and saved")
      ->required();
  add_path(app, "--out", options.folder, "Folder to write the pictures to")->type_name("DIR")->required();
  app.add_option("--steps", options.steps, "Number of training steps for that network")
      ->type_name("N")
      ->check(at_least(1))
      ->capture_default_str();
  add_batch(app, options.batch);
  app.add_option("--seed", options.seed, "Random seed")
      ->type_name("N")
      ->check(at_least(0))
      ->capture_default_str();
}

}  // namespace uniad
