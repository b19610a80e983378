// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/record/index_file.h"

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include "gst-plugin/record/line_file.h"

namespace uniad {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr std::size_t lines_in_memory = 10000;
constexpr std::size_t segments_between_tidying = 64;

// Locked, so that the lines of several processes do not mix and none is lost in tidying.
std::unique_ptr<LineFile> locked(const std::string &path) {
  auto file = std::make_unique<LineFile>(path);
  while (!file->lock()) file = std::make_unique<LineFile>(path);
  return file;
}

std::string text_at(const Json &json, const char *object, const char *field) {
  const auto found = json.find(object);
  if (found == json.end() || !found->is_object()) return {};
  const auto text = found->find(field);
  return text != found->end() && text->is_string() ? text->get<std::string>() : std::string();
}

// The files that a line is about.
std::set<std::string> files_of(const Json &line) {
  std::set<std::string> files;
  for (const char *part : {"segment", "event"}) {
    const auto body = line.find(part);
    if (body == line.end() || !body->is_object()) continue;
    if (body->contains("file") && (*body)["file"].is_string())
      files.insert((*body)["file"].get<std::string>());
    for (const char *moment : {"begin", "end"}) files.insert(text_at(*body, moment, "file"));
  }
  files.erase("");
  return files;
}

// The line of an end says all that the line of the begin says.
std::string subject_of(const Json &line) {
  const std::string file = text_at(line, "segment", "file");
  return file.empty() ? "event " + text_at(line, "event", "id") : "segment " + file;
}

std::vector<std::string> lines_worth_keeping(const std::string &path, const fs::path &folder) {
  std::vector<std::pair<std::string, std::string>> lines;  // with what they are about
  std::map<std::string, std::size_t> newest;
  std::map<std::string, bool> exists;
  std::ifstream file(path);
  for (std::string text; std::getline(file, text);) {
    const Json line = Json::parse(text, nullptr, false);
    if (!line.is_object()) continue;
    bool is_present = false;
    for (const std::string &name : files_of(line)) {
      const auto [known, is_new] = exists.try_emplace(name, false);
      std::error_code unreadable;
      if (is_new) known->second = fs::exists(folder / name, unreadable) || unreadable;
      is_present = is_present || known->second;
    }
    if (!is_present) continue;
    newest[subject_of(line)] = lines.size();
    lines.emplace_back(subject_of(line), std::move(text));
  }
  std::vector<std::string> kept;
  for (std::size_t i = 0; i < lines.size(); ++i)
    if (newest[lines[i].first] == i) kept.push_back(std::move(lines[i].second));
  return kept;
}

}  // namespace

IndexFile::IndexFile(const std::string &folder)
    : folder_(folder), path_((fs::path(folder) / "index.jsonl").string()) {}

void IndexFile::append(std::string line) {
  waiting_.push_back(std::move(line) + '\n');
  if (waiting_.size() > lines_in_memory) waiting_.pop_front();
  const auto file = locked(path_);
  while (!waiting_.empty()) {
    file->write(waiting_.front());
    waiting_.pop_front();
  }
}

void IndexFile::tidy() {
  if (until_tidy_ > 0) {
    --until_tidy_;
    return;
  }
  until_tidy_ = segments_between_tidying;
  const auto lock = locked(path_);
  const std::string beside = path_ + ".new";
  std::error_code error;
  fs::remove(beside, error);
  std::string text;
  for (const std::string &line : lines_worth_keeping(path_, folder_)) text += line + '\n';
  if (text.size() == fs::file_size(path_, error)) return;
  LineFile(beside).write(text);
  fs::rename(beside, path_, error);
}

}  // namespace uniad
