// SPDX-License-Identifier: Apache-2.0
#include "training/info/info.h"

#include "training/cli/options.h"

namespace uniad {

void describe_info(CLI::App &app, InfoOptions &options) {
  add_path(app, "model", options.model, "Model file")->type_name("MODEL")->required();
  app.add_flag("--complexity", options.complexity,
               "Show the parameters, multiplications (MAC) and measured time of every stage instead");
  add_json(app, options.json);
}

}  // namespace uniad
