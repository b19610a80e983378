// SPDX-License-Identifier: Apache-2.0
#include "model/engine/addition.h"

#include <span>

#include "model/base/error.h"
#include "model/base/torch_tensors.h"
#include "model/file/fingerprint.h"
#include "model/file/model_statistics.h"
#include "model/scoring/calibration.h"
#include "model/statistics/clusters.h"

namespace uniad {

std::uint64_t identity_of(const Statistics &statistics) {
  Fingerprint fingerprint;
  for (const ClusterSums &cluster : statistics) {
    fingerprint.add(std::as_bytes(std::span(&cluster.pictures, 1)));
    fingerprint.add(to_stored(cluster.descriptors).bytes);
  }
  return fingerprint.value();
}

void add_to(Model &model, const Addition &addition, const std::string &where) {
  if (network_fingerprint(model) != addition.network) {
    throw Error(ErrorKind::InvalidArgument, where,
                "was replaced by a model with another network: what was learned cannot be added to it",
                "start the pipeline again, to learn on top of what it holds now");
  }
  const Statistics known = statistics_of(model);
  if (identity_of(known) == addition.base) {
    set_statistics(model, addition.whole);
  } else if (addition.gained.empty()) {
    throw Error(ErrorKind::Unwritable, where,
                "was changed since it was opened: what was followed cannot be written into it",
                "start the pipeline again, to follow what it holds now");
  } else {
    set_statistics(model, known.empty() ? addition.gained : merge(known, addition.gained));
  }
  model.calibration = combine(std::move(model.calibration), addition.calibration);
  merge_into(model.health, addition.health);
  merge_into(model.motion, addition.motion);
  for (const SourceProvenance &source : addition.sources) add_source(model.provenance, source);
}

Model add_to_file(const std::filesystem::path &path, const Addition &addition) {
  const FileLock right_to_write(path);
  Model model = read_model(path);
  add_to(model, addition, path.string());
  write_model(model, right_to_write);
  return model;
}

}  // namespace uniad
