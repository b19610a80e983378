// SPDX-License-Identifier: Apache-2.0
#include "training/data/labels.h"

#include <csv.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "model/base/error.h"
#include "training/data/name_some.h"

namespace uniad {
namespace {

namespace fs = std::filesystem;

struct Row {
  std::int64_t line = 0;  // number of its last line in the file, from 1
  std::vector<std::string> cells;
};

// The state of libcsv's callbacks. They are called from C, so no exception may leave them.
struct Reading {
  std::int64_t line = 0;
  std::vector<std::string> cells;
  std::vector<Row> rows;
  bool out_of_memory = false;

  static void end_cell(void *text, std::size_t size, void *self) {
    static_cast<Reading *>(self)->guard(
        [&](Reading &reading) { reading.cells.emplace_back(static_cast<const char *>(text), size); });
  }
  static void end_row(int /*terminator*/, void *self) {
    static_cast<Reading *>(self)->guard([](Reading &reading) {
      reading.rows.push_back({reading.line, std::exchange(reading.cells, {})});
    });
  }

 private:
  template <typename Work>
  void guard(Work work) noexcept {
    try {
      work(*this);
    } catch (const std::bad_alloc &) {
      out_of_memory = true;
    }
  }
};

struct FreeParser {
  void operator()(csv_parser *parser) const {
    csv_free(parser);
    delete parser;
  }
};

// Reads the rows of an RFC 4180 file that are not blank.
std::vector<Row> read_rows(const fs::path &csv) {
  std::ifstream file(csv, std::ios::binary);
  if (!file) throw Error(ErrorKind::Unreadable, csv.string(), "cannot be opened", "check the path");
  const std::unique_ptr<csv_parser, FreeParser> parser(new csv_parser());
  if (csv_init(parser.get(), CSV_STRICT | CSV_STRICT_FINI) != 0) throw std::bad_alloc();
  Reading reading;
  const auto refuse = [&] {
    if (reading.out_of_memory || csv_error(parser.get()) == CSV_ENOMEM) throw std::bad_alloc();
    throw Error(ErrorKind::Malformed, csv.string() + ", line " + std::to_string(reading.line),
                "a quote is not closed or not doubled",
                "quote fields as in RFC 4180: \"front door, \"\"north\"\".mp4\"");
  };
  std::string line;
  while (std::getline(file, line)) {
    // Spreadsheet programs start UTF-8 files with a byte order mark.
    if (++reading.line == 1 && line.starts_with("\xEF\xBB\xBF")) line.erase(0, 3);
    line += '\n';
    const auto parsed =
        csv_parse(parser.get(), line.data(), line.size(), Reading::end_cell, Reading::end_row, &reading);
    if (parsed != line.size() || reading.out_of_memory) refuse();
  }
  if (csv_fini(parser.get(), Reading::end_cell, Reading::end_row, &reading) != 0 || reading.out_of_memory)
    refuse();
  return std::move(reading.rows);
}

std::optional<std::int64_t> parse_number(const std::string &text) {
  std::int64_t number = 0;
  const auto *const end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, number);
  if (result.ec != std::errc() || result.ptr != end) return std::nullopt;
  return number;
}

std::string joined(const std::vector<std::string> &cells) {
  std::string text;
  for (const std::string &cell : cells) text += (&cell == &cells.front() ? "" : ",") + cell;
  return text;
}

// Labels by video, as named in the CSV (empty if it names none), and by frame number.
using FrameLabels = std::map<std::int64_t, bool>;
using Labels = std::map<std::string, FrameLabels>;

Labels read_labels(const fs::path &csv) {
  const std::vector<Row> rows = read_rows(csv);
  const std::vector<std::string> header = rows.empty() ? std::vector<std::string>() : rows.front().cells;
  const auto column = [&](const char *name) {
    return static_cast<std::size_t>(std::find(header.begin(), header.end(), name) - header.begin());
  };
  const auto video = column("video");
  const auto frame = column("frame0");
  const auto abnormal = column("abnormal");
  if (frame == header.size() || abnormal == header.size())
    throw Error(ErrorKind::Malformed, csv.string(),
                "the first line, \"" + joined(header) + "\", does not name the columns",
                "start the file with `frame0,abnormal` or `video,frame0,abnormal`");

  Labels labels;
  for (std::size_t i = 1; i < rows.size(); ++i) {
    const auto &[line, cells] = rows[i];
    const auto frame_number = cells.size() == header.size() ? parse_number(cells[frame]) : std::nullopt;
    const auto label = frame_number ? parse_number(cells[abnormal]) : std::nullopt;
    if (!label || *frame_number < 0 || *label < 0 || *label > 1)
      throw Error(ErrorKind::Malformed, csv.string() + ", line " + std::to_string(line),
                  "\"" + joined(cells) + "\" is not a label",
                  "write a frame number, counted from 0, and 0 or 1");
    labels[video == header.size() ? std::string() : cells[video]][*frame_number] = *label == 1;
  }
  return labels;
}

// Returns whether `name` refers to this file: by its path or the end of it, with or without the extension.
bool names_file(const fs::path &name, const fs::path &file) {
  if (name.filename() != file.filename() && name.filename() != file.stem()) return false;
  const fs::path folders = name.lexically_normal().parent_path();
  const fs::path folder = fs::absolute(file).lexically_normal().parent_path();
  auto at = folder.end();
  for (auto part = folders.end(); part != folders.begin();) {
    --part;
    if (at == folder.begin() || *--at != *part) return false;
  }
  return true;
}

// Collects the labels of each video, which the CSV may refer to by several names.
std::map<fs::path, FrameLabels> by_file(const fs::path &csv, const Labels &labels,
                                        const std::set<fs::path> &videos) {
  std::map<fs::path, FrameLabels> found;
  for (const auto &label : labels) {
    const std::string &name = label.first;
    std::vector<fs::path> meant;
    std::copy_if(videos.begin(), videos.end(), std::back_inserter(meant),
                 [&](const fs::path &video) { return name.empty() || names_file(name, video); });
    if (meant.size() > 1 && name.empty())
      throw Error(ErrorKind::Malformed, csv.string(),
                  "does not say which of " + std::to_string(meant.size()) + " videos it labels",
                  "add a column `video` with the file names");
    if (meant.size() > 1)
      throw Error(
          ErrorKind::Malformed, csv.string(),
          "\"" + name + "\" is ambiguous: it could be " + meant[0].string() + " or " + meant[1].string(),
          "write more of the path");
    if (!meant.empty()) found[meant.front()].insert(label.second.begin(), label.second.end());
  }
  return found;
}

std::vector<std::string> names_of(const Labels &labels) {
  std::vector<std::string> names;
  for (const auto &[name, of_video] : labels) names.push_back("\"" + name + "\"");
  return names;
}

}  // namespace

void apply_labels(const fs::path &csv, std::span<Source> sources) {
  const Labels labels = read_labels(csv);
  std::set<fs::path> videos;
  for (const auto &source : sources)
    for (const auto &item : source.test)
      if (item.frame) videos.insert(item.path);
  if (videos.empty())
    throw Error(ErrorKind::Malformed, csv.string(), "labels frames of videos, but the data contains no video",
                "add a video with --data");
  const auto found = by_file(csv, labels, videos);

  std::set<fs::path> labeled;
  for (auto &source : sources)
    for (auto &item : source.test) {
      const auto of_video = item.frame ? found.find(item.path) : found.end();
      if (of_video == found.end()) continue;
      const auto label = of_video->second.find(*item.frame);
      if (label == of_video->second.end()) continue;
      item.abnormal = label->second;
      labeled.insert(item.path);
    }

  std::vector<std::string> without;
  for (const auto &video : videos)
    if (!labeled.contains(video)) without.push_back(video.string());
  if (without.empty()) return;
  const bool named = !labels.contains("");
  const std::string what = "labels no frame of " + list_some(without) +
                           (named ? "; its column `video` names " + list_some(names_of(labels)) : "");
  if (labeled.empty())
    throw Error(ErrorKind::Malformed, csv.string(), what,
                "name videos by file name or path, and count frames from 0");
  sources.front().warnings.push_back(csv.string() + ": " + what);
}

}  // namespace uniad
