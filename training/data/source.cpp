// SPDX-License-Identifier: Apache-2.0
#include "training/data/source.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <chrono>
#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>
#include <utility>

#include "model/base/address.h"
#include "model/base/error.h"
#include "model/base/json_text.h"
#include "training/data/cifar.h"
#include "training/data/cut_short.h"
#include "training/data/name_some.h"
#include "training/data/shuffle.h"
#include "training/data/video.h"

namespace uniad {
namespace {

namespace fs = std::filesystem;

template <typename T>
void append(std::vector<T> &to, const std::vector<T> &from) {
  to.insert(to.end(), from.begin(), from.end());
}

std::string lower_extension(const fs::path &path) {
  auto extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return extension;
}

bool is_picture(const fs::path &path) {
  static constexpr std::array extensions{".jpg", ".jpeg", ".jpe",  ".jfif", ".png", ".bmp",
                                         ".dib", ".tif",  ".tiff", ".pgm",  ".ppm", ".pbm",
                                         ".pnm", ".webp", ".jp2",  ".exr",  ".hdr"};
  return std::find(extensions.begin(), extensions.end(), lower_extension(path)) != extensions.end();
}

bool is_list(const fs::path &path) {
  const auto extension = lower_extension(path);
  return extension == ".json" || extension == ".jsonl";
}

struct Folder {
  std::vector<fs::path> pictures;
  std::vector<fs::path> folders;
  std::vector<fs::path> others;
};

// Returns the entries of a folder, sorted by name, without hidden files.
Folder entries_of(const fs::path &path) {
  std::vector<fs::path> entries;
  for (const auto &entry : fs::directory_iterator(path))
    if (!entry.path().filename().string().starts_with('.')) entries.push_back(entry.path());
  std::sort(entries.begin(), entries.end());
  Folder folder;
  for (const auto &entry : entries) {
    std::error_code broken;  // set for broken links
    if (fs::is_directory(entry, broken))
      folder.folders.push_back(entry);
    else if (is_picture(entry) && fs::is_regular_file(entry, broken))
      folder.pictures.push_back(entry);
    else
      folder.others.push_back(entry);
  }
  return folder;
}

// Warns of files that are not used, because users expect every picture in a folder to be used.
void warn_of_left_out(Source &source, const fs::path &folder, std::span<const fs::path> files,
                      std::span<const fs::path> folders = {}) {
  std::vector<std::string> names;
  for (const auto &file : files) names.push_back(file.filename().string());
  for (const auto &sub_folder : folders) names.push_back(sub_folder.filename().string() + "/");
  if (!names.empty())
    source.warnings.push_back(folder.string() + ": " +
                              name_some(names, "skipped, not in a supported picture format"));
}

// Paths such as "x/" and "." have no last component, so the name is taken from the absolute path.
std::string name_of_folder(const fs::path &path) {
  auto folder = fs::absolute(path).lexically_normal();
  if (!folder.has_filename()) folder = folder.parent_path();
  return folder.filename().string();
}

bool is_mvtec(const fs::path &folder) {
  return fs::is_directory(folder / "train" / "good") || fs::is_directory(folder / "test");
}

// Returns the stem of the picture that a mask belongs to: "000" for 000, 000_mask and 000_mask_1.
std::string without_mask_suffix(std::string stem) {
  const auto mask = stem.rfind("_mask");
  if (mask == std::string::npos) return stem;
  const auto number = stem.find_first_not_of('_', mask + 5);
  if (number == std::string::npos || stem.find_first_not_of("0123456789", number) == std::string::npos)
    stem.resize(mask);
  return stem;
}

using Masks = std::map<std::string, std::vector<fs::path>>;  // by the stem of their picture

Masks masks_in(const fs::path &truth) {
  Masks masks;
  if (!fs::is_directory(truth)) return masks;
  const Folder entries = entries_of(truth);
  for (const auto &mask : entries.pictures) masks[without_mask_suffix(mask.stem().string())].push_back(mask);
  for (const auto &folder : entries.folders)
    append(masks[without_mask_suffix(folder.filename().string())], entries_of(folder).pictures);
  return masks;
}

Source open_mvtec(const fs::path &folder) {
  Source source;
  if (const auto good = folder / "train" / "good"; fs::is_directory(good)) {
    const Folder entries = entries_of(good);
    for (const auto &picture : entries.pictures) source.train.push_back({picture, {}, false, "good", {}});
    warn_of_left_out(source, good, entries.others, entries.folders);
    Folder beside = entries_of(folder / "train");
    std::erase(beside.folders, good);
    append(beside.others, beside.pictures);
    warn_of_left_out(source, folder / "train", beside.others, beside.folders);
  }
  if (!fs::is_directory(folder / "test")) return source;
  Folder tests = entries_of(folder / "test");
  append(tests.others, tests.pictures);
  warn_of_left_out(source, folder / "test", tests.others);
  for (const auto &type : tests.folders) {
    const auto defect = type.filename().string();
    auto masks = masks_in(folder / "ground_truth" / defect);
    const Folder entries = entries_of(type);
    warn_of_left_out(source, type, entries.others, entries.folders);
    for (const auto &picture : entries.pictures) {
      auto of_picture = masks.extract(picture.stem().string());
      source.test.push_back({picture,
                             {},
                             defect != "good",
                             defect,
                             of_picture ? std::move(of_picture.mapped()) : std::vector<fs::path>()});
    }
    std::vector<std::string> lost;
    for (const auto &[stem, of_nobody] : masks) lost.push_back(stem);
    if (!lost.empty())
      source.warnings.push_back((folder / "ground_truth" / defect).string() + ": " +
                                name_some(lost, "masks have no matching picture in test/" + defect));
  }
  return source;
}

Source open_pictures(const std::vector<fs::path> &pictures) {
  Source source;
  for (const auto &picture : pictures) source.test.push_back({picture, {}, {}, {}, {}});
  source.train = source.test;
  return source;
}

// If a line has no "clsname", its class is the fourth path component from the end.
std::string class_of(const nlohmann::json &line, const fs::path &filename, const std::string &otherwise) {
  if (line.contains("clsname")) return line.at("clsname").get<std::string>();
  auto folder = filename;
  for (int up = 0; up < 3; ++up) folder = folder.parent_path();
  return folder.has_filename() ? folder.filename().string() : otherwise;
}

// Converts a line of a list to an item. Throws nlohmann's exceptions and std::invalid_argument.
Item item_of(const nlohmann::json &line, const fs::path &image_dir) {
  Item item{image_dir / line.at("filename").get<std::string>(), {}, {}, line.value("label_name", ""), {}};
  if (line.contains("label")) {
    const auto &label = line.at("label");
    if (label != 0 && label != 1)
      throw std::invalid_argument("\"label\" is " + json_text(label) + ", not 0 or 1");
    item.abnormal = label == 1;
  }
  const char *const contradiction = item.abnormal.value_or(false) ? "good" : "defective";
  if (item.abnormal && item.defect == contradiction)
    throw std::invalid_argument("\"label\" " + json_text(line.at("label")) + " and \"label_name\" \"" +
                                item.defect + "\" contradict each other");
  if (const auto masks = line.find("maskname"); masks != line.end())
    for (const auto &mask : masks->is_array() ? *masks : nlohmann::json::array({*masks}))
      item.masks.push_back(image_dir / mask.get<std::string>());
  return item;
}

std::vector<Source> open_list(const fs::path &list, const fs::path &image_dir) {
  std::ifstream file(list);
  std::vector<Source> sources;
  std::map<std::string, std::size_t> by_name;
  std::set<std::string> known;
  std::vector<std::string> missing;
  std::vector<std::string> twice;
  std::string text;
  for (std::int64_t number = 1; std::getline(file, text); ++number) {
    if (text.find_first_not_of(" \t\r") == std::string::npos) continue;
    const auto refuse = [&](const std::exception &error) {
      throw Error(ErrorKind::Malformed, list.string() + ", line " + std::to_string(number), error.what(),
                  "a list has one JSON object per line: {\"filename\": ..., \"label\": 0 or 1, ...}");
    };
    try {
      const auto line = nlohmann::json::parse(text);
      Item item = item_of(line, image_dir);
      const auto filename = line.at("filename").get<std::string>();
      if (!known.insert(filename).second) {
        twice.push_back(filename);
        continue;
      }
      if (!fs::exists(item.path)) {
        missing.push_back(filename);
        continue;
      }
      const auto name = class_of(line, filename, list.stem().string());
      const auto [at, is_new] = by_name.emplace(name, sources.size());
      if (is_new) sources.emplace_back().name = name;
      Source &source = sources[at->second];
      if (!item.abnormal.value_or(false)) source.train.push_back(item);
      source.test.push_back(std::move(item));
    } catch (const nlohmann::json::exception &error) {
      refuse(error);
    } catch (const std::invalid_argument &error) {
      refuse(error);
    }
  }
  if (known.empty())
    throw Error(ErrorKind::Malformed, list.string(), "the list contains no pictures",
                "write one JSON object per line");
  if (sources.empty())
    throw Error(ErrorKind::Malformed, list.string(),
                name_some(missing, "files, all in the list, are missing"),
                "its file names are relative to " + image_dir.string() + "; use another --image-dir");
  if (!missing.empty())
    sources.front().warnings.push_back(list.string() + ": " + name_some(missing, "files are missing"));
  if (!twice.empty())
    sources.front().warnings.push_back(list.string() + ": " +
                                       name_some(twice, "names occur more than once and are used once"));
  return sources;
}

struct FrameRange {
  std::int64_t first = 0;
  std::optional<std::int64_t> last;  // inclusive; absent: to the end
};

// Parses the "0-399" of "VIDEO#0-399"; "400-" extends to the end.
FrameRange parse_range(const std::string &text) {
  const Error refusal(ErrorKind::InvalidArgument, "#" + text, "selects no frames",
                      "write VIDEO#FIRST-LAST, for example clip.mp4#0-399");
  FrameRange range;
  const char *const end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, range.first);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != '-') throw refusal;
  if (first.ptr + 1 == end) return range;
  const auto last = std::from_chars(first.ptr + 1, end, range.last.emplace());
  if (last.ec != std::errc() || last.ptr != end || *range.last < range.first) throw refusal;
  return range;
}

// Reports progress after a second, because counting takes long if frames must be decoded or the disk is slow.
FrameCount count_frames_aloud(const fs::path &path, std::int64_t limit, Progress *progress) {
  if (progress == nullptr) return count_frames(path, limit);
  const auto begun = std::chrono::steady_clock::now();
  bool told = false;
  auto count = count_frames(path, limit, [&](std::int64_t frames, double share) {
    if (!told && std::chrono::steady_clock::now() - begun < std::chrono::seconds(1)) return;
    if (!std::exchange(told, true)) progress->begin("counting frames of " + path.string(), 100);
    const double of_limit = static_cast<double>(frames) / static_cast<double>(limit);
    progress->update(std::clamp<std::int64_t>(std::llround(100 * std::max(share, of_limit)), 0, 100),
                     std::to_string(frames) + " frames");
  });
  if (told) progress->end();
  return count;
}

Source open_video(const fs::path &path, const FrameRange &range, Progress *progress) {
  const auto count = count_frames_aloud(
      path, range.last ? *range.last + 1 : std::numeric_limits<std::int64_t>::max(), progress);
  if (range.first >= count.frames)
    throw Error(ErrorKind::Malformed, path.string(),
                "frame " + std::to_string(range.first) + " is beyond its end (" +
                    std::to_string(count.frames) + " frames)",
                "use a VIDEO#FIRST-LAST within the video");
  Source source;
  for (auto frame = range.first; frame < count.frames; ++frame)
    source.test.push_back({path, frame, {}, {}, {}});
  source.train = source.test;
  source.frame_rate = count.frame_rate;
  if (range.last && count.frames > *range.last) return source;  // all requested frames exist
  if (const auto missing = missing_bytes(path); missing > 0)
    source.warnings.push_back("warning: " + path.string() + ": is cut short, " + std::to_string(missing) +
                              " bytes or more are missing at its end: it stops after " +
                              std::to_string(count.frames) + " frames");
  else if (!count.error.empty())
    source.warnings.push_back(path.string() + ": stops after " + std::to_string(count.frames) +
                              " frames: " + count.error);
  else if (range.last)
    source.warnings.push_back("warning: " + path.string() + ": has " + std::to_string(count.frames) +
                              " frames, from 0: those from " + std::to_string(count.frames) + " to " +
                              std::to_string(*range.last) + " are not there");
  return source;
}

Source open_folder(const fs::path &path) {
  if (is_mvtec(path)) return open_mvtec(path);
  const Folder entries = entries_of(path);
  Source source = open_pictures(entries.pictures);
  warn_of_left_out(source, path, entries.others, entries.folders);
  return source;
}

// Returns the given path, or the path of a file:// URI.
std::string path_in(const std::string &given) {
  const std::optional<std::string> path = local_path(given);
  if (path) return *path;
  const std::string where = without_credentials(given);
  if (scheme_of(given) == "file")
    throw Error(ErrorKind::Malformed, where, "is not a local file", "write file:///PATH or only the path");
  throw Error(ErrorKind::Malformed, where, "is a stream, which only uniad train and uniad update can record",
              "provide a recording, or use the element uniaddetect");
}

std::vector<Source> open_path(const std::string &given, const OpenOptions &options) {
  const std::string whole = path_in(given);
  fs::path path = whole;
  std::optional<std::string> selection;
  if (const auto hash = whole.rfind('#'); !fs::exists(path) && hash != std::string::npos) {
    path = whole.substr(0, hash);
    selection = whole.substr(hash + 1);
  }
  if (!fs::exists(path))
    throw Error(ErrorKind::NotFound, without_credentials(given), "no such file or folder",
                "check the path; the address of a stream starts with a scheme such as rtsp://");
  // Reading from a pipe would wait for a writer, and would be possible only once.
  if (!fs::is_regular_file(path) && !fs::is_directory(path))
    throw Error(ErrorKind::Malformed, without_credentials(given), "is neither a file nor a folder",
                "write its content to a file first");

  std::vector<Source> sources(1);
  if (is_cifar(path)) {
    sources[0] = open_cifar(path, selection.value_or(""));
    sources[0].name = name_of_folder(path);
  } else if (selection && (fs::is_directory(path) || is_picture(path) || is_list(path))) {
    throw Error(ErrorKind::Malformed, given, "frames can only be selected from a video",
                "remove #" + *selection + " out");
  } else if (fs::is_directory(path)) {
    sources[0] = open_folder(path);
    sources[0].name = name_of_folder(path);
    if (sources[0].train.empty() && sources[0].test.empty())
      throw Error(ErrorKind::Malformed, given,
                  "no picture in this folder" +
                      (sources[0].warnings.empty() ? "" : "; " + sources[0].warnings.front()),
                  "use a folder of pictures, or one with train/good and test/TYPE");
  } else if (is_list(path)) {
    sources = open_list(path, options.image_dir.empty() ? path.parent_path() : options.image_dir);
  } else if (is_picture(path)) {
    sources[0] = open_pictures({path});
    sources[0].name = name_of_folder(fs::absolute(path).parent_path());
  } else {
    sources[0] = open_video(path, selection ? parse_range(*selection) : FrameRange(), options.progress);
    sources[0].name = path.stem().string();
  }
  for (auto &source : sources) {
    source.path = given;
    for (auto *items : {&source.train, &source.test})
      for (auto &item : *items) item.bit_depth = options.bit_depth;
  }
  return sources;
}

// Groups the indices of frames by video. All pictures have the empty path.
std::map<fs::path, std::vector<std::size_t>> by_video(std::span<const Item> items) {
  std::map<fs::path, std::vector<std::size_t>> groups;
  for (std::size_t i = 0; i < items.size(); ++i)
    groups[items[i].frame ? items[i].path : fs::path()].push_back(i);
  return groups;
}

}  // namespace

std::pair<std::string, std::string> parse_spec(const std::string &spec) {
  const auto equals = spec.find('=');
  if (equals == std::string::npos || equals == 0 || spec.find('/') < equals || fs::exists(spec))
    return {{}, spec};
  return {spec.substr(0, equals), spec.substr(equals + 1)};
}

std::string describe(const Item &item) {
  const auto path = item.path.string();
  if (item.frame) return path + ", frame " + std::to_string(*item.frame);
  return item.record ? path + ", picture " + std::to_string(*item.record) : path;
}

std::vector<Source> open_sources(std::span<const std::string> specs, const OpenOptions &options) {
  std::vector<Source> sources;
  for (const auto &spec : specs) {
    const auto [name, path] = parse_spec(spec);
    for (auto &opened : open_path(path, options)) {
      opened.is_named = !name.empty();
      opened.name = valid_utf8(name.empty() ? opened.name : name);
      const auto known = std::find_if(sources.begin(), sources.end(),
                                      [&](const Source &source) { return source.name == opened.name; });
      if (known == sources.end()) {
        sources.push_back(std::move(opened));
        continue;
      }
      known->is_named = known->is_named || opened.is_named;
      if (known->path != opened.path) known->path += ", " + opened.path;
      append(known->train, opened.train);
      append(known->test, opened.test);
      append(known->warnings, opened.warnings);
      known->frame_rate = std::max(known->frame_rate, opened.frame_rate);
    }
  }
  return sources;
}

std::vector<Item> limit_frames(std::span<const Item> items, std::size_t count) {
  const auto frames = static_cast<std::size_t>(
      std::count_if(items.begin(), items.end(), [](const Item &item) { return item.frame.has_value(); }));
  std::vector<Item> kept;
  std::size_t frame = 0;
  for (const auto &item : items) {
    // Frame i of n is kept if i * count / n, rounded down, increases after it.
    if (!item.frame || count >= frames || frame * count / frames != (frame + 1) * count / frames)
      kept.push_back(item);
    if (item.frame) ++frame;
  }
  return kept;
}

std::vector<bool> choose_held_back(std::span<const Item> items, std::uint64_t seed,
                                   std::optional<double> wanted) {
  const auto rounded_up = [&](double part) {
    return static_cast<std::size_t>(std::ceil(part * static_cast<double>(items.size()) - 1e-9));
  };
  auto share = rounded_up(wanted.value_or(0.1));
  if (!wanted && items.size() >= 100) share = std::max<std::size_t>(20, share);
  auto groups = by_video(items);

  std::vector<bool> held_back(items.size(), false);
  for (auto &[video, members] : groups) {
    if (members.size() < 2) continue;
    if (video.empty()) shuffle(members, seed);
    const auto kept =
        std::min((share * members.size() + items.size() - 1) / items.size(), members.size() - 1);
    std::for_each(members.end() - static_cast<std::ptrdiff_t>(kept), members.end(),
                  [&](std::size_t index) { held_back[index] = true; });
  }
  return held_back;
}

Split hold_back(std::span<const Item> items, std::uint64_t seed, std::optional<double> share) {
  const std::vector<bool> held_back = choose_held_back(items, seed, share);
  Split split;
  for (std::size_t i = 0; i < items.size(); ++i)
    (held_back[i] ? split.held_back : split.train).push_back(items[i]);
  return split;
}

std::vector<int> assign_folds(std::span<const Item> items, int folds) {
  std::vector<int> assigned(items.size());
  const auto count = static_cast<std::size_t>(folds);
  for (const auto &[video, members] : by_video(items)) {
    for (std::size_t i = 0; i < members.size(); ++i)
      assigned[members[i]] = static_cast<int>(video.empty() ? i % count : i * count / members.size());
  }
  return assigned;
}

}  // namespace uniad
