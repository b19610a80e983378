// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/base/bounded_folder.h"

#include <glib.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <mutex>
#include <set>
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
  std::uint64_t bytes;  // with its companion
};

std::string with_extension(const std::string &path, const std::string &extension) {
  return fs::path(path).replace_extension(extension).string();
}

bool is_own_name(const std::string &stem) {
  constexpr auto bytes_to_the_end = static_cast<GRegexCompileFlags>(G_REGEX_RAW | G_REGEX_DOLLAR_ENDONLY);
  constexpr auto anywhere = static_cast<GRegexMatchFlags>(0);
  return g_regex_match_simple("^[A-Za-z0-9_]+-[0-9]{8}T[0-9]{6}Z-[A-Za-z0-9_]+(-[0-9]+)?(\\.overlay)?$",
                              stem.c_str(), bytes_to_the_end, anywhere) != FALSE;
}

std::uint64_t bytes_of(const std::string &path) {
  std::error_code error;
  const std::uintmax_t bytes = fs::file_size(path, error);
  return error ? 0 : bytes;
}

std::vector<OwnFile> own_files(const std::string &folder, const std::string &extension,
                               const std::string &companion) {
  std::vector<OwnFile> files;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const fs::path &path = entry->path();
    if (path.extension() != extension || !is_own_name(path.stem().string())) continue;
    std::error_code gone;
    if (entry->symlink_status(gone).type() != fs::file_type::regular) continue;
    const auto changed = entry->last_write_time(gone);
    std::uintmax_t bytes = entry->file_size(gone);
    if (gone) continue;
    if (!companion.empty()) bytes += bytes_of(with_extension(path.string(), companion));
    files.push_back({changed, path.string(), bytes});
  }
  std::sort(files.begin(), files.end(), [](const OwnFile &a, const OwnFile &b) {
    return std::tie(a.changed, a.path) < std::tie(b.changed, b.path);
  });
  return files;
}

}  // namespace

struct BoundedFolder::InUse {
  std::mutex mutex;  // guards the following members, which threads of several writers use
  std::set<std::string> paths;
  std::string stem;  // of the newest path, without its number, which is the next
  unsigned number = 0;

  bool contains(const std::string &path) {
    const std::lock_guard lock(mutex);
    return paths.contains(path);
  }
};

BoundedFolder::BoundedFolder(std::string path, std::string extension, const FolderLimits &limits,
                             std::string companion)
    : path_(std::move(path)),
      extension_(std::move(extension)),
      companion_(std::move(companion)),
      limits_(limits),
      in_use_(std::make_shared<InUse>()) {}

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
  const std::lock_guard lock(in_use_->mutex);
  if (std::exchange(in_use_->stem, stem) != stem) in_use_->number = 0;
  std::string path;
  std::error_code error;
  do {
    ++in_use_->number;
    path = path_of(in_use_->number == 1 ? stem : stem + "-" + std::to_string(in_use_->number));
  } while (fs::exists(fs::symlink_status(path, error)));
  return path;
}

std::string BoundedFolder::overlay_path(const std::string &path) const {
  return path.substr(0, path.size() - extension_.size()) + ".overlay" + extension_;
}

std::string BoundedFolder::companion_of(const std::string &path) const {
  return with_extension(path, companion_);
}

void BoundedFolder::use(const std::string &path) const {
  const std::lock_guard lock(in_use_->mutex);
  in_use_->paths.insert(path);
}

void BoundedFolder::release(const std::string &path) const {
  const std::lock_guard lock(in_use_->mutex);
  in_use_->paths.erase(path);
}

void BoundedFolder::finish(const std::string &path) const {
  // Times further ahead come from a clock that was wrong, and would keep max_age from ever being reached.
  constexpr std::chrono::hours farthest(24);
  std::error_code error;
  const auto own = fs::last_write_time(path, error);
  for (const OwnFile &file : own_files(path_, extension_, {}))
    if (file.path != path && !in_use_->contains(file.path) && file.changed >= own &&
        file.changed < own + farthest)
      fs::last_write_time(path, file.changed + std::chrono::microseconds(1), error);
}

void BoundedFolder::make_room(unsigned files, std::uint64_t bytes, const std::string &kept,
                              const std::string &also_kept) const {
  if (limits_.max_bytes == 0 && limits_.max_age == 0 && limits_.max_files == 0) return;
  std::vector<OwnFile> present = own_files(path_, extension_, companion_);
  std::erase_if(present, [&](const OwnFile &file) { return file.path == kept || file.path == also_kept; });
  std::uint64_t total = bytes;
  for (const OwnFile &file : present) total += file.bytes;
  std::size_t count = present.size() + files;
  std::erase_if(present, [this](const OwnFile &file) { return in_use_->contains(file.path); });
  const auto now = fs::file_time_type::clock::now();
  for (const OwnFile &file : present) {
    const bool is_old = limits_.max_age > 0 && now - file.changed > std::chrono::nanoseconds(limits_.max_age);
    const bool is_too_many = limits_.max_files > 0 && count > limits_.max_files;
    const bool is_too_much = limits_.max_bytes > 0 && total > limits_.max_bytes;
    if (!is_old && !is_too_many && !is_too_much) break;
    std::error_code error;
    fs::remove(file.path, error);
    if (!companion_.empty()) fs::remove(companion_of(file.path), error);
    total -= file.bytes;
    --count;
  }
}

}  // namespace uniad
