// SPDX-License-Identifier: Apache-2.0
#include "training/import/import.h"

#include "training/cli/options.h"

namespace uniad {

void describe_import(CLI::App &app, ImportOptions &options) {
  app.add_option("checkpoints", options.checkpoints,
                 "A checkpoint of the authors' code, together with a backbone's weight file if it lacks the "
                 "backbone, or a weight file alone (lukemelas, EfficientNet-Lite, torchvision, timm), in "
                 "torch.save or safetensors format. No code in it is executed")
      ->type_name("CHECKPOINT")
      ->required();
  add_model(app, options.model, "Model (or weight) file to write");
}

}  // namespace uniad
