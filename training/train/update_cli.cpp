// SPDX-License-Identifier: Apache-2.0
#include "training/train/update.h"

#include "training/cli/options.h"
#include "training/train/train_command.h"

namespace uniad {

void describe_update(CLI::App &app, TrainCommand &command) {
  add_model(app, command.options.model, "Model file to update, replaced on success");
  add_data(app, "--data", command.data, command.image_dir, command.bit_depth);
  add_zones(app, command.zones);
  add_record(app, command.record_seconds);
  add_batch(app, command.options.batch);
  add_max_frames(app, command.max_frames);
  add_threshold(app, command.options.threshold, command.frame_rate, "the model's own");
}

void describe_merge(CLI::App &app, MergeOptions &options) {
  app.add_option_function<std::vector<std::string>>(
         "models",
         [&](const std::vector<std::string> &models) { options.models.assign(models.begin(), models.end()); },
         "Model files with statistics and the same backbone")
      ->type_name("MODEL")
      ->expected(2, 1000)
      ->required();
  add_model(app, options.model, "Model file to write");
}

}  // namespace uniad
