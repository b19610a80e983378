// SPDX-License-Identifier: Apache-2.0
#include "training/sweep/sweep.h"

#include "training/cli/options.h"

namespace uniad {

void describe_sweep(CLI::App &app, SweepOptions &options) {
  add_path(app, "file", options.file,
           "Table of experiments (TOML) with a title, [options] for every training, and for each experiment "
           "a [[row]] with a name, its own options, separate = true to train one model per source, and paper "
           "= [image, pixel], the AUROC to print next to the results")
      ->type_name("TABLE")
      ->required();
  app.add_option("--data", options.data, "Data as for uniad train; must include abnormal test items")
      ->type_name("[NAME=]PATH")
      ->required();
  add_path(app, "--out", options.out,
           "Folder for models and results; rows that are already finished there are not run again")
      ->type_name("DIR")
      ->required();
  app.add_option("--set", options.set, "Option for every training; takes precedence over the table")
      ->type_name("KEY=VALUE");
  app.add_flag("--dry-run", options.dry_run, "Print the training commands without running them");
  app.add_option("--seeds", options.seeds, "Random seeds; results are averaged over them")
      ->type_name("N")
      ->check(at_least(0))
      ->capture_default_str();
  add_json(app, options.json);
}

}  // namespace uniad
