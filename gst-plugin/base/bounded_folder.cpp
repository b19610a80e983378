// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/base/bounded_folder.h"

#include <glib.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#include "model/base/error.h"

namespace uniad {

namespace {

namespace fs = std::filesystem;

// A part of a file's name. Sources and ids may contain anything, also slashes.
std::string name_part(const std::string &text, std::size_t longest) {
  std::string part = text.substr(0, longest);
  std::replace_if(
      part.begin(), part.end(), [](char c) { return !g_ascii_isalnum(c) && c != '_'; }, '_');
  return part.empty() ? "_" : part;
}

std::string compact_utc(GstClockTime time) {
  const gint64 seconds = GST_CLOCK_TIME_IS_VALID(time) ? static_cast<gint64>(time / GST_SECOND)
                                                       : g_get_real_time() / G_USEC_PER_SEC;
  const std::unique_ptr<GDateTime, decltype(&g_date_time_unref)> utc(g_date_time_new_from_unix_utc(seconds),
                                                                     g_date_time_unref);
  if (!utc) return "00000000T000000Z";
  g_autofree gchar *text = g_date_time_format(utc.get(), "%Y%m%dT%H%M%SZ");
  return text;
}

struct OwnFile {
  fs::file_time_type changed;
  std::string path;
  std::uint64_t bytes;
};

bool is_own_name(const std::string &stem) {
  constexpr auto bytes_to_the_end = static_cast<GRegexCompileFlags>(G_REGEX_RAW | G_REGEX_DOLLAR_ENDONLY);
  constexpr auto anywhere = static_cast<GRegexMatchFlags>(0);
  return g_regex_match_simple("^[A-Za-z0-9_]+-[0-9]{8}T[0-9]{6}Z-[A-Za-z0-9_]+(-[0-9]+)?(\\.overlay)?$",
                              stem.c_str(), bytes_to_the_end, anywhere) != FALSE;
}

std::vector<OwnFile> own_files(const std::string &folder, const std::string &extension) {
  std::vector<OwnFile> files;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const fs::path &path = entry->path();
    if (path.extension() != extension || !is_own_name(path.stem().string())) continue;
    std::error_code gone;
    if (entry->symlink_status(gone).type() != fs::file_type::regular) continue;
    const auto changed = entry->last_write_time(gone);
    const std::uintmax_t bytes = entry->file_size(gone);
    if (!gone) files.push_back({changed, path.string(), bytes});
  }
  std::sort(files.begin(), files.end(), [](const OwnFile &a, const OwnFile &b) {
    return std::tie(a.changed, a.path) < std::tie(b.changed, b.path);
  });
  return files;
}

}  // namespace

BoundedFolder::BoundedFolder(std::string path, std::string extension, const FolderLimits &limits)
    : path_(std::move(path)), extension_(std::move(extension)), limits_(limits) {}

void BoundedFolder::create() const {
  std::error_code error;
  fs::create_directories(path_, error);
  if (error)
    throw Error(ErrorKind::Unwritable, path_, "the folder cannot be created: " + error.message(),
                "set the property to a folder that this user may create and write to");
}

std::string BoundedFolder::new_path(const std::string &source, GstClockTime time,
                                    const std::string &id) const {
  constexpr std::size_t longest_source = 64;
  constexpr std::size_t longest_id = 8;
  const std::string stem =
      name_part(source, longest_source) + "-" + compact_utc(time) + "-" + name_part(id, longest_id);
  const auto path_of = [this](const std::string &name) {
    return (fs::path(path_) / (name + extension_)).string();
  };
  std::string path = path_of(stem);
  std::error_code error;
  for (unsigned number = 2; fs::exists(fs::symlink_status(path, error)); ++number)
    path = path_of(stem + "-" + std::to_string(number));
  return path;
}

std::string BoundedFolder::overlay_path(const std::string &path) const {
  return path.substr(0, path.size() - extension_.size()) + ".overlay" + extension_;
}

void BoundedFolder::make_room(unsigned files, std::uint64_t bytes, const std::string &kept,
                              const std::string &also_kept) const {
  if (limits_.max_bytes == 0 && limits_.max_age == 0 && limits_.max_files == 0) return;
  std::vector<OwnFile> present = own_files(path_, extension_);
  std::erase_if(present, [&](const OwnFile &file) { return file.path == kept || file.path == also_kept; });
  std::uint64_t total = bytes;
  for (const OwnFile &file : present) total += file.bytes;
  std::size_t count = present.size() + files;
  const auto now = fs::file_time_type::clock::now();
  for (const OwnFile &file : present) {
    const bool is_old = limits_.max_age > 0 && now - file.changed > std::chrono::nanoseconds(limits_.max_age);
    const bool is_too_many = limits_.max_files > 0 && count > limits_.max_files;
    const bool is_too_much = limits_.max_bytes > 0 && total > limits_.max_bytes;
    if (!is_old && !is_too_many && !is_too_much) break;
    std::error_code error;
    fs::remove(file.path, error);
    total -= file.bytes;
    --count;
  }
}

}  // namespace uniad
