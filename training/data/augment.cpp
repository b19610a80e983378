// SPDX-License-Identifier: Apache-2.0
#include "training/data/augment.h"

#include <array>
#include <cmath>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>
#include <random>
#include <sstream>
#include <vector>

#include "model/base/error.h"
#include "training/data/shuffle.h"

namespace uniad {
namespace {

// Random numbers that are the same with every standard library.
class Chance {
 public:
  explicit Chance(const AugmentationDraw &draw) {
    std::array<std::uint32_t, 6> words{};
    for (std::size_t i = 0; i < 2; ++i) {
      words[i] = static_cast<std::uint32_t>(draw.seed >> (32 * i));
      words[2 + i] = static_cast<std::uint32_t>(draw.epoch >> (32 * i));
      words[4 + i] = static_cast<std::uint32_t>(draw.picture >> (32 * i));
    }
    std::seed_seq sequence(words.begin(), words.end());
    random_.seed(sequence);
  }

  bool half() { return random_() % 2 == 0; }
  int below(int end) { return static_cast<int>(random_() % static_cast<std::uint64_t>(end)); }
  double between(double low, double high) {
    return low + (high - low) * std::ldexp(static_cast<double>(random_() >> 11U), -53);
  }
  std::uint64_t number() { return random_(); }

 private:
  std::mt19937_64 random_;
};

constexpr double brightness = 0.1;
constexpr double contrast = 0.5;
constexpr double saturation = 0.5;
constexpr double hue = 0.07;

// factor * rgb + (1 - factor) * other
void blend(cv::Mat &rgb, const cv::Mat &other, double factor) {
  cv::addWeighted(rgb, factor, other, 1 - factor, 0, rgb);
}

cv::Mat gray_of(const cv::Mat &rgb) {
  cv::Mat gray;
  cv::cvtColor(rgb, gray, cv::COLOR_RGB2GRAY);
  return gray;
}

void turn_hue(cv::Mat &rgb, double share) {
  cv::Mat hsv;
  cv::cvtColor(rgb, hsv, cv::COLOR_RGB2HSV_FULL);  // hue has 256 steps
  const auto steps = static_cast<int>(std::lround(share * 256));
  for (auto pixel = hsv.begin<cv::Vec3b>(); pixel != hsv.end<cv::Vec3b>(); ++pixel)
    (*pixel)[0] = static_cast<std::uint8_t>((*pixel)[0] + steps);
  cv::cvtColor(hsv, rgb, cv::COLOR_HSV2RGB_FULL);
}

void change_colors(cv::Mat &rgb, Chance &chance) {
  enum class Change { Brightness, Contrast, Saturation, Hue };
  std::vector changes{Change::Brightness, Change::Contrast, Change::Saturation, Change::Hue};
  shuffle(changes, chance.number());
  for (const Change change : changes) {
    if (!chance.half()) continue;
    switch (change) {
      case Change::Brightness:
        blend(rgb, cv::Mat::zeros(rgb.size(), CV_8UC3), chance.between(1 - brightness, 1 + brightness));
        break;
      case Change::Contrast: {
        const double mean = std::floor(cv::mean(gray_of(rgb))[0] + 0.5);
        blend(rgb, cv::Mat(rgb.size(), CV_8UC3, cv::Scalar::all(mean)),
              chance.between(1 - contrast, 1 + contrast));
        break;
      }
      case Change::Saturation: {
        cv::Mat gray;
        cv::cvtColor(gray_of(rgb), gray, cv::COLOR_GRAY2RGB);
        blend(rgb, gray, chance.between(1 - saturation, 1 + saturation));
        break;
      }
      case Change::Hue:
        turn_hue(rgb, chance.between(-hue, hue));
        break;
    }
  }
}

void turn(cv::Mat &rgb, int quarters) {
  constexpr std::array turns{cv::ROTATE_90_COUNTERCLOCKWISE, cv::ROTATE_180, cv::ROTATE_90_CLOCKWISE};
  if (quarters == 0) return;
  cv::Mat turned;
  cv::rotate(rgb, turned, turns[static_cast<std::size_t>(quarters - 1)]);
  turned.copyTo(rgb);
}

}  // namespace

Augmentation parse_augmentation(const std::string &list) {
  Augmentation augmentation;
  std::istringstream names(list);
  for (std::string name; std::getline(names, name, ',');) {
    if (name == "flip-h")
      augmentation.flip_horizontal = true;
    else if (name == "flip-v")
      augmentation.flip_vertical = true;
    else if (name == "rotate")
      augmentation.rotate = true;
    else if (name == "color" || name == "colour")  // "colour": the name until 0.1
      augmentation.color = true;
    else
      throw Error(ErrorKind::Unsupported, "augment", "\"" + name + "\" is not an augmentation",
                  "give any of flip-h, flip-v, rotate, color");
  }
  return augmentation;
}

void augment(std::span<std::uint8_t> rgb, int width, int height, const Augmentation &augmentation,
             const AugmentationDraw &draw) {
  Chance chance(draw);
  cv::Mat picture(height, width, CV_8UC3, rgb.data());
  if (augmentation.flip_horizontal && chance.half()) cv::flip(picture, picture, 1);
  if (augmentation.flip_vertical && chance.half()) cv::flip(picture, picture, 0);
  if (augmentation.rotate) turn(picture, width == height ? chance.below(4) : 2 * chance.below(2));
  if (augmentation.color) change_colors(picture, chance);
}

}  // namespace uniad
