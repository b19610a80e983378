// SPDX-License-Identifier: Apache-2.0
#include "training/data/labels.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "model/error.h"

namespace uniad {
namespace {

std::vector<std::string> split_row(std::string line) {
  line.erase(std::remove_if(line.begin(), line.end(), [](char c) { return c == ' ' || c == '\r'; }),
             line.end());
  std::vector<std::string> cells;
  std::istringstream row(line);
  for (std::string cell; std::getline(row, cell, ',');) cells.push_back(cell);
  return cells;
}

std::optional<std::int64_t> parse_number(const std::string &text) {
  std::int64_t number = 0;
  const auto *const end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, number);
  if (result.ec != std::errc() || result.ptr != end) return std::nullopt;
  return number;
}

// By video (empty: the CSV names none) and frame.
using Labels = std::map<std::string, std::map<std::int64_t, bool>>;

Labels read_labels(const std::filesystem::path &csv) {
  std::ifstream file(csv);
  if (!file) throw Error(csv.string(), "cannot be opened", "check the path");
  std::string line;
  std::getline(file, line);
  const auto header = split_row(line);
  const auto column = [&](const char *name) {
    return static_cast<std::size_t>(std::find(header.begin(), header.end(), name) - header.begin());
  };
  const auto video = column("video");
  const auto frame = column("frame0");
  const auto abnormal = column("abnormal");
  if (frame == header.size() || abnormal == header.size())
    throw Error(csv.string(), "the first line does not name the columns",
                "begin with `frame0,abnormal` or `video,frame0,abnormal`");

  Labels labels;
  for (std::int64_t number = 2; std::getline(file, line); ++number) {
    const auto cells = split_row(line);
    if (cells.empty()) continue;
    const auto frame_number = cells.size() == header.size() ? parse_number(cells[frame]) : std::nullopt;
    const auto label = frame_number ? parse_number(cells[abnormal]) : std::nullopt;
    if (!label || *frame_number < 0 || *label < 0 || *label > 1)
      throw Error(csv.string() + ", line " + std::to_string(number), "\"" + line + "\" is no label",
                  "write a frame number from 0 and 0 or 1");
    labels[video == header.size() ? std::string() : cells[video]][*frame_number] = *label == 1;
  }
  return labels;
}

}  // namespace

void apply_labels(const std::filesystem::path &csv, std::span<Source> sources) {
  const auto labels = read_labels(csv);
  std::set<std::filesystem::path> videos;
  std::size_t labelled = 0;
  for (auto &source : sources)
    for (auto &item : source.test) {
      if (!item.frame) continue;
      videos.insert(item.path);
      const auto of_video = labels.find(labels.contains("") ? "" : item.path.stem().string());
      if (of_video == labels.end()) continue;
      const auto label = of_video->second.find(*item.frame);
      if (label == of_video->second.end()) continue;
      item.abnormal = label->second;
      ++labelled;
    }
  if (labels.contains("") && videos.size() > 1)
    throw Error(csv.string(), "does not say which of " + std::to_string(videos.size()) + " videos it labels",
                "add a column `video` with the files' names without extension");
  if (labelled == 0)
    throw Error(csv.string(), "labels no frame of the data",
                "check the column `video`, the frame numbers, and that --data is a video");
}

}  // namespace uniad
