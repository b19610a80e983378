// SPDX-License-Identifier: Apache-2.0
#include "training/data/cifar.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <set>
#include <sstream>
#include <vector>

#include "model/base/error.h"
#include "model/preprocess/filter.h"
#include "training/data/shuffle.h"

namespace uniad {
namespace {

namespace fs = std::filesystem;

constexpr std::array<const char *, 10> class_names{"airplane", "automobile", "bird",  "cat",  "deer",
                                                   "dog",      "frog",       "horse", "ship", "truck"};
constexpr int picture_size = 32;
constexpr int plane_size = picture_size * picture_size;
constexpr std::int64_t record_size = 1 + 3 * plane_size;
constexpr int enlarged_size = 224;

const char *const use_binary_version = "use the binary version of CIFAR-10";

std::vector<fs::path> training_files(const fs::path &folder) {
  std::vector<fs::path> files;
  for (const auto &entry : fs::directory_iterator(folder)) {
    const auto name = entry.path().filename().string();
    if (name.starts_with("data_batch_") && name.ends_with(".bin")) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::set<std::size_t> parse_classes(const fs::path &folder, const std::string &text) {
  const auto refuse = [&](const std::string &what) {
    return Error(ErrorKind::Malformed, folder.string(), what,
                 "append the normal classes, as in " + folder.filename().string() +
                     "#0,1,2,3,4 or #airplane,automobile,bird,cat,deer");
  };
  std::set<std::size_t> classes;
  std::istringstream list(text);
  for (std::string name; std::getline(list, name, ',');) {
    auto number = static_cast<std::size_t>(std::find(class_names.begin(), class_names.end(), name) -
                                           class_names.begin());
    if (name.size() == 1 && name[0] >= '0' && name[0] <= '9')
      number = static_cast<std::size_t>(name[0] - '0');
    if (number == class_names.size()) throw refuse("\"" + name + "\" is not a class of CIFAR-10");
    classes.insert(number);
  }
  if (classes.empty()) throw refuse("no class is normal");
  if (classes.size() == class_names.size()) throw refuse("every class is normal");
  return classes;
}

// Reads the class of every record.
std::vector<std::size_t> read_classes(const fs::path &path) {
  const auto size = static_cast<std::int64_t>(fs::file_size(path));
  if (size == 0 || size % record_size != 0)
    throw Error(ErrorKind::Malformed, path.string(),
                std::to_string(size) + " bytes are not a whole number of records", use_binary_version);
  std::ifstream file(path, std::ios::binary);
  std::vector<std::size_t> classes;
  for (std::int64_t at = 0; at < size; at += record_size) {
    const auto label = static_cast<std::size_t>(file.seekg(at).get());
    if (label >= class_names.size())
      throw Error(ErrorKind::Malformed, path.string(),
                  "record " + std::to_string(at / record_size) + " has an unknown class", use_binary_version);
    classes.push_back(label);
  }
  return classes;
}

// Resizes every row of `levels` (rows x columns, interleaved channels) with Pillow's filter and transposes
// the result, so that a second call resizes the columns.
cv::Mat filter_rows_and_turn(const cv::Mat &levels, const Filter &filter) {
  cv::Mat out(filter.out_size, levels.rows, CV_8UC3);
  for (int y = 0; y < levels.rows; ++y)
    for (int x = 0; x < filter.out_size; ++x) {
      const auto window = filter.windows[static_cast<std::size_t>(x)];
      const auto *weights = filter.weights.data() + std::ptrdiff_t{x} * filter.taps;
      for (int c = 0; c < 3; ++c) {
        int sum = 1 << (Filter::weight_bits - 1);
        for (int i = 0; i < window.count; ++i)
          sum += levels.at<cv::Vec3b>(y, window.first + i)[c] * weights[i];
        out.at<cv::Vec3b>(x, y)[c] =
            static_cast<std::uint8_t>(std::clamp(sum >> Filter::weight_bits, 0, 255));
      }
    }
  return out;
}

}  // namespace

bool is_cifar(const fs::path &folder) {
  return fs::is_regular_file(folder / "test_batch.bin") && fs::is_directory(folder);
}

Source open_cifar(const fs::path &folder, const std::string &normal) {
  const auto is_normal = parse_classes(folder, normal);
  Source source;
  for (const auto &file : training_files(folder)) {
    const auto classes = read_classes(file);
    for (std::size_t i = 0; i < classes.size(); ++i)
      if (is_normal.contains(classes[i]))
        source.train.push_back({file, {}, false, "good", {}, static_cast<std::int64_t>(i)});
  }
  const auto file = folder / "test_batch.bin";
  const auto classes = read_classes(file);
  std::vector<Item> others;
  for (std::size_t i = 0; i < classes.size(); ++i) {
    const auto record = static_cast<std::int64_t>(i);
    if (is_normal.contains(classes[i]))
      source.test.push_back({file, {}, false, "good", {}, record});
    else
      others.push_back({file, {}, true, class_names[classes[i]], {}, record});
  }
  shuffle(others, 0);
  others.resize(std::min(others.size(), source.test.size()));
  source.test.insert(source.test.end(), others.begin(), others.end());
  return source;
}

cv::Mat read_cifar(const fs::path &path, std::int64_t record) {
  std::array<char, record_size> bytes{};
  std::ifstream file(path, std::ios::binary);
  if (!file.seekg(record * record_size).read(bytes.data(), record_size))
    throw Error(ErrorKind::Unreadable, path.string(), "picture " + std::to_string(record) + " cannot be read",
                use_binary_version);
  cv::Mat picture(picture_size, picture_size, CV_8UC3);
  for (int i = 0; i < plane_size; ++i)
    for (int c = 0; c < 3; ++c)
      picture.at<cv::Vec3b>(i / picture_size, i % picture_size)[c] = static_cast<std::uint8_t>(bytes.at(
          std::size_t{1} + static_cast<std::size_t>(2 - c) * plane_size + static_cast<std::size_t>(i)));
  const auto filter = make_filter(picture_size, enlarged_size, FilterShape::Lanczos);
  return filter_rows_and_turn(filter_rows_and_turn(picture, filter), filter);
}

}  // namespace uniad
