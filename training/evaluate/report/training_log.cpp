// SPDX-License-Identifier: Apache-2.0
#include "training/evaluate/report/training_log.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include "model/base/error.h"

namespace uniad {

std::map<std::string, std::vector<Point>> read_training_log(const std::filesystem::path &path) {
  std::ifstream file(path);
  if (!file) throw Error(ErrorKind::Unreadable, path.string(), "cannot be opened", "check the path");
  std::map<std::string, std::vector<Point>> curves;
  std::string text;
  for (std::int64_t number = 1; std::getline(file, text); ++number) {
    const auto line = nlohmann::json::parse(text, nullptr, false);
    const bool cut_short = line.is_discarded() && file.eof();
    if (text.empty() || cut_short) continue;
    if (!line.is_object() || !line.contains("step") || !line["step"].is_number())
      throw Error(ErrorKind::InvalidArgument, path.string() + ", line " + std::to_string(number),
                  "is not a training step", "use the file that `uniad train --log` wrote");
    for (const char *curve : {"loss", "gradient_norm", "lr"})
      if (const auto value = line.find(curve); value != line.end() && value->is_number())
        curves[curve].push_back({line["step"].get<double>(), value->get<double>()});
  }
  if (curves.empty())
    throw Error(ErrorKind::InvalidArgument, path.string(), "contains no training steps",
                "use the file that `uniad train --log` wrote");
  return curves;
}

}  // namespace uniad
