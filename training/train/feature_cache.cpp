// SPDX-License-Identifier: Apache-2.0
#include "training/train/feature_cache.h"

#include <glib.h>

#include <algorithm>
#include <cstddef>
#include <system_error>
#include <utility>

#include "model/base/error.h"
#include "model/file/atomic_file.h"
#include "training/train/digest.h"
#include "training/train/features.h"

namespace uniad {
namespace {

namespace fs = std::filesystem;

std::span<const std::byte> bytes_of(const torch::Tensor &half) {
  return {static_cast<const std::byte *>(half.data_ptr()), half.nbytes()};
}

// Returns the end of a cache file, which shows that the file is complete and belongs to this name.
std::string seal_of(const fs::path &file, std::span<const std::byte> values) {
  Digest digest;
  digest.add(file.filename().string());
  digest.add(values);
  return digest.text();
}

}  // namespace

fs::path default_cache_folder() {
  return fs::path(g_get_user_cache_dir()) / "uniad" / "features";
}

FeatureCache::FeatureCache(FeatureExtractor &extractor, Progress &progress, FeatureCacheOptions options)
    : extractor_(extractor),
      progress_(progress),
      options_(std::move(options)),
      memory_left_(options_.memory),
      writes_(!options_.folder.empty()) {
  if (!writes_) return;
  network_folder_ = options_.folder / extractor.digest();
  trim();
}

FeatureRows FeatureCache::read(std::span<const Item> items, int batch, const std::string &stage,
                               const PictureChange &observe, const Zones *zones) {
  const std::string paint = begin_zones(zones, items);
  std::vector<FeatureRows::Row> all(items.size());
  std::vector<bool> known(items.size(), false);
  std::vector<Item> unknown;
  std::vector<std::size_t> places;  // positions of the unknown items
  for (std::size_t i = 0; i < items.size(); ++i) {
    all[i] = {items[i], file_of(items[i], paint), {}};
    known[i] = has_file(all[i].file);
    if (known[i] && take_memory()) {
      all[i].half = load(all[i].file);
      known[i] = all[i].half.defined();
      if (!known[i]) memory_left_ += row_bytes();
    }
    if (known[i]) continue;
    unknown.push_back(items[i]);
    places.push_back(i);
  }
  if (unknown.size() < items.size())
    progress_.say(stage + ": features of " + std::to_string(items.size() - unknown.size()) + " of " +
                  std::to_string(items.size()) + " are known");

  FeatureRows result;
  result.cache_ = this;
  result.zones_ = extractor_.zones_in_force();
  const auto keep = [&](std::span<const std::size_t> indices, const torch::Tensor &features) {
    const torch::Tensor halves = features.to(torch::kFloat16);
    for (std::size_t i = 0; i < indices.size(); ++i) {
      const std::size_t place = places[indices[i]];
      const torch::Tensor half = halves[static_cast<std::int64_t>(i)].clone();
      store(all[place].file, half);
      if (take_memory()) all[place].half = half;
      known[place] = true;
    }
  };
  if (!unknown.empty()) {
    const PictureChange of_items = [&](std::size_t index, std::span<std::uint8_t> rgb) {
      if (observe) observe(places[index], rgb);
    };
    result.unread_ = visit_features(extractor_, unknown, batch, stage, keep, progress_, of_items);
    for (Unread &unread : result.unread_) unread.index = places[unread.index];
  }
  for (std::size_t i = 0; i < all.size(); ++i)
    if (known[i]) result.rows_.push_back(std::move(all[i]));
  return result;
}

std::string FeatureCache::begin_zones(const Zones *zones, std::span<const Item> items) {
  extractor_.set_zones(zones);
  const auto &in_force = extractor_.zones_in_force();
  if (!in_force || !in_force->input_paint().ignores_any()) return {};
  const auto ignore_features = [](std::span<const std::size_t>, const torch::Tensor &) {};
  for (std::size_t i = 0; i < items.size(); ++i)
    if (visit_features(extractor_, items.subspan(i, 1), 1, ignore_features).empty()) break;
  const InputPaint &paint = in_force->input_paint();
  Digest digest;
  digest.add(std::as_bytes(std::span(paint.pixels())));
  digest.add(std::as_bytes(std::span(paint.first().ignored)));
  digest.add(std::as_bytes(std::span(paint.first().kept)));
  return digest.text();
}

fs::path FeatureCache::file_of(const Item &item, const std::string &paint) const {
  if (network_folder_.empty()) return {};
  std::error_code error;
  const fs::path path = fs::canonical(item.path, error);
  const auto size = fs::file_size(path, error);
  const auto changed = fs::last_write_time(path, error);
  if (error) return {};
  Digest digest;
  digest.add(path.string());
  digest.add(std::to_string(size) + " " + std::to_string(changed.time_since_epoch().count()) + " frame " +
             std::to_string(item.frame.value_or(-1)) + " record " + std::to_string(item.record.value_or(-1)) +
             " bits " + std::to_string(item.bit_depth.value_or(16)));
  if (!paint.empty()) digest.add(paint);
  const std::string name = digest.text();
  return network_folder_ / name.substr(0, 2) / name;
}

bool FeatureCache::has_file(const fs::path &file) const {
  std::error_code error;
  const auto size = file.empty() ? 0 : fs::file_size(file, error);
  return !error && size == row_bytes() + Digest::length;
}

torch::Tensor FeatureCache::load(const fs::path &file) const {
  if (!has_file(file)) return {};
  try {
    const std::vector<std::byte> bytes = read_whole_file(file);
    const auto values = std::span(bytes).first(bytes.size() - std::min(bytes.size(), Digest::length));
    const auto seal = std::span(bytes).last(bytes.size() - values.size());
    torch::Tensor half = torch::empty(extractor_.shape(), torch::kFloat16);
    if (values.size() != half.nbytes()) return {};
    const std::string expected = seal_of(file, values);
    if (!std::ranges::equal(seal, std::as_bytes(std::span(expected)))) return {};
    std::ranges::copy(values, static_cast<std::byte *>(half.data_ptr()));
    return half;
  } catch (const Error &) {
    return {};  // another process has removed the file
  }
}

void FeatureCache::store(const fs::path &file, const torch::Tensor &half) {
  if (!writes_ || file.empty()) return;
  try {
    fs::create_directories(file.parent_path());
    const std::string seal = seal_of(file, bytes_of(half));
    AtomicFileWriter fresh(file);
    fresh.write(bytes_of(half));
    fresh.write(std::as_bytes(std::span(seal)));
    fresh.replace();
  } catch (const Error &error) {
    stop_writing(error.what());
  } catch (const fs::filesystem_error &error) {
    stop_writing(error.what());
  }
}

void FeatureCache::stop_writing(const std::string &reason) {
  writes_ = false;
  progress_.say("features are no longer cached on disk: " + reason +
                "; features that do not fit into memory are recomputed whenever they are needed");
}

std::uint64_t FeatureCache::row_bytes() const {
  return c10::multiply_integers(extractor_.shape()) * sizeof(c10::Half);
}

bool FeatureCache::take_memory() {
  if (memory_left_ < row_bytes()) return false;
  memory_left_ -= row_bytes();
  return true;
}

torch::Tensor FeatureCache::compute(std::span<const Item> items) {
  torch::Tensor features;
  const auto unread =
      visit_features(extractor_, items, static_cast<int>(items.size()),
                     [&](std::span<const std::size_t>, const torch::Tensor &some) { features = some; });
  if (!unread.empty())
    throw Error(ErrorKind::InvalidArgument, unread.front().reason,
                "was readable when the training started but no longer is",
                "do not move the pictures until the training has finished");
  return features;
}

void FeatureCache::trim() const {
  struct File {
    fs::file_time_type written;
    std::uint64_t size;
    fs::path path;
  };
  std::vector<File> files;
  std::uint64_t total = 0;
  std::error_code error;  // for files that other processes remove meanwhile; they are skipped
  for (fs::recursive_directory_iterator at(options_.folder, error), end; !error && at != end;
       at.increment(error)) {
    std::error_code gone;
    if (!at->is_regular_file(gone)) continue;
    const auto size = at->file_size(gone);
    const auto written = at->last_write_time(gone);
    if (gone) continue;
    files.push_back({written, size, at->path()});
    total += size;
  }
  if (total <= options_.disk) return;
  std::ranges::sort(files, {}, &File::written);
  for (auto file = files.begin(); file != files.end() && total > options_.disk; ++file) {
    fs::remove(file->path, error);
    total -= file->size;
  }
}

torch::Tensor FeatureRows::gather(std::span<const std::int64_t> rows) const {
  const torch::NoGradGuard no_grad;
  std::vector<std::int64_t> shape{std::ssize(rows)};
  const auto &of_row = cache_->extractor_.shape();
  shape.insert(shape.end(), of_row.begin(), of_row.end());
  torch::Tensor batch = torch::empty(shape, torch::kFloat32);
  std::vector<std::size_t> lost;  // positions in the batch
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Row &row = rows_[static_cast<std::size_t>(rows[i])];
    const torch::Tensor half = row.half.defined() ? row.half : cache_->load(row.file);
    if (half.defined())
      batch[static_cast<std::int64_t>(i)].copy_(half);
    else
      lost.push_back(i);
  }
  if (lost.empty()) return batch;
  // The order of the items lets a video be decoded in one pass.
  std::ranges::sort(lost, {}, [&](std::size_t position) { return rows[position]; });
  std::vector<Item> items;
  for (const std::size_t position : lost) items.push_back(item(rows[position]));
  cache_->extractor_.set_zones(zones_);
  const torch::Tensor halves = cache_->compute(items).to(torch::kFloat16);
  for (std::size_t i = 0; i < lost.size(); ++i) {
    const torch::Tensor half = halves[static_cast<std::int64_t>(i)];
    cache_->store(rows_[static_cast<std::size_t>(rows[lost[i]])].file, half);
    batch[static_cast<std::int64_t>(lost[i])].copy_(half);
  }
  return batch;
}

}  // namespace uniad
