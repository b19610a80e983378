// SPDX-License-Identifier: Apache-2.0
// Runs uniad.
#pragma once

#include <cstdint>
#include <opencv2/core.hpp>
#include <optional>
#include <string>

#include "tests/support/tiny_model.h"
#include "tests/training/data/temporary_folder.h"
#include "tests/training/program.h"

namespace uniad::test {

// A fixture with a folder to run `uniad` in.
class CliTest : public TemporaryFolder {
 protected:
  Outcome uniad(const std::string &arguments) const { return run_uniad(arguments, folder_); }

  std::string tiny_model(std::optional<double> threshold = {}) const {
    const auto path = file("tiny.safetensors");
    write_tiny_model(path, threshold);
    return path.string();
  }

  // Writes an MVTec folder of noise. Its abnormal pictures have a white square in the middle, which is also
  // in a mask.
  std::string write_product(int train, int test) const {
    cv::RNG random(1);
    const auto noise = [&] {
      cv::Mat picture(80, 80, CV_8UC3);
      random.fill(picture, cv::RNG::UNIFORM, 60, 120);
      return picture;
    };
    const cv::Rect square(30, 30, 24, 24);
    for (int n = 0; n < train; ++n)
      write_picture("product/train/good/" + std::to_string(n) + ".png", noise());
    for (int n = 0; n < test; ++n) {
      write_picture("product/test/good/" + std::to_string(n) + ".png", noise());
      auto broken = noise();
      broken(square).setTo(cv::Scalar(255, 255, 255));
      write_picture("product/test/broken/" + std::to_string(n) + ".png", broken);
      cv::Mat mask(80, 80, CV_8UC1, cv::Scalar(0));
      mask(square).setTo(255);
      write_picture("product/ground_truth/broken/" + std::to_string(n) + "_mask.png", mask);
    }
    return (folder_ / "product").string();
  }

  // Writes a folder of noise pictures, different ones for each seed.
  std::string write_noise(const std::string &name, int count, std::uint64_t seed) const {
    cv::RNG random(seed);
    for (int n = 0; n < count; ++n) {
      cv::Mat picture(80, 80, CV_8UC3);
      random.fill(picture, cv::RNG::UNIFORM, 60, 120);
      write_picture(name + "/" + std::to_string(n) + ".png", picture);
    }
    return (folder_ / name).string();
  }
};

}  // namespace uniad::test
