// SPDX-License-Identifier: Apache-2.0
#include "training/cli/options.h"
#include "training/extract/extract.h"

namespace uniad {

void describe_extract(CLI::App &app, ExtractOptions &options) {
  add_path(app, "recording", options.recording, "Recording of uniadrecord with embed-results=true")
      ->type_name("FILE")
      ->required();
  add_json(app, options.json);
}

}  // namespace uniad
