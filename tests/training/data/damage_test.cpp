// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "model/base/error.h"
#include "tests/support/shared.h"
#include "tests/training/data/temporary_folder.h"
#include "training/data/source.h"
#include "training/data/visit.h"

namespace uniad {
namespace {

// Returns a copy with `count` zero bytes; place: their start, as a share of the length.
std::string with_zeros(std::string bytes, std::size_t count, double place = 0.5) {
  const auto first = static_cast<std::size_t>(place * static_cast<double>(bytes.size()));
  std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(first), std::min(count, bytes.size() - first),
              '\0');
  return bytes;
}

class DamagedPicture : public test::TemporaryFolder {
 protected:
  // A picture to compress: rings.
  static cv::Mat rings() {
    cv::Mat picture(300, 400, CV_8UC3);
    for (int y = 0; y < picture.rows; ++y)
      for (int x = 0; x < picture.cols; ++x)
        for (int c = 0; c < 3; ++c)
          picture.at<cv::Vec3b>(y, x)[c] = static_cast<unsigned char>((x * x + y * y * (c + 1)) / 90);
    return picture;
  }

  std::vector<Unread> unread_of(const std::filesystem::path &path) {
    Item item;
    item.path = path;
    return visit_items({&item, 1}, [](std::size_t, const FrameView &) {});
  }
};

TEST_F(DamagedPicture, OfEveryFormatIsNamedAndLeftOut) {
  using Settings = std::vector<int>;
  const std::vector<std::pair<const char *, Settings>> formats{
      {"a.jpg", {}},
      {"progressive.jpg", {cv::IMWRITE_JPEG_PROGRESSIVE, 1}},
      {"restarts.jpg", {cv::IMWRITE_JPEG_RST_INTERVAL, 8}},
      {"a.png", {}},
      {"a.webp", {cv::IMWRITE_WEBP_QUALITY, 101}},
      {"a.tif", {}}};
  for (const auto &[name, settings] : formats) {
    const auto whole = file(name);
    ASSERT_TRUE(cv::imwrite(whole.string(), rings(), settings));
    EXPECT_TRUE(unread_of(whole).empty()) << name;
    const auto bytes = content(whole);
    std::vector<std::string> damaged{bytes.substr(0, bytes.size() / 2)};
    // TIFF has no checksums: zeros are pixels like any other.
    if (whole.extension() != ".tif") damaged.push_back(with_zeros(bytes, 400));
    for (const auto &some : damaged) {
      const auto unread = unread_of(write("damaged_" + std::string(name), some));
      ASSERT_EQ(unread.size(), 1U) << name;
      EXPECT_NE(unread[0].reason.find("damaged_" + std::string(name)), std::string::npos) << unread[0].reason;
    }
  }
}

TEST_F(DamagedPicture, WhatAJpegHoldsBesideThePictureIsNoDamage) {
  const auto whole = file("a.jpg");
  ASSERT_TRUE(cv::imwrite(whole.string(), rings()));
  const auto bytes = content(whole);
  EXPECT_TRUE(unread_of(write("trailing.jpg", bytes + "what a phone appends")).empty());
  // Webcams pad the data to an even length.
  EXPECT_TRUE(unread_of(write("padded.jpg", bytes.substr(0, bytes.size() - 2) + std::string(1, '\0') +
                                                bytes.substr(bytes.size() - 2)))
                  .empty());
  EXPECT_TRUE(unread_of(write("a.jfif", bytes)).empty());
  EXPECT_TRUE(unread_of(write_picture("gray.jpg", cv::Mat(33, 57, CV_8UC1, cv::Scalar(9)))).empty());
}

class DamagedVideo : public test::TemporaryFolder, public ::testing::WithParamInterface<const char *> {
 protected:
  // Returns the luma of every frame that can be read.
  std::vector<cv::Mat> frames_of(const std::filesystem::path &video, std::vector<Unread> &unread) {
    const auto items = open_sources(std::vector{video.string()}).at(0).test;
    std::vector<cv::Mat> frames;
    unread = visit_items(items, [&](std::size_t, const FrameView &frame) {
      EXPECT_NE(frame.layout, PixelLayout::Rows);
      frames.push_back(cv::Mat(frame.height, frame.width, CV_8UC1,
                               const_cast<unsigned char *>(frame.planes[0].data),
                               static_cast<std::size_t>(frame.planes[0].stride))
                           .clone());
    });
    return frames;
  }
};

// Every frame that is returned equals one of the whole video, and every other one is reported. A decoder may
// notice the damage of a frame only when it decodes the next one: on a busy machine, one frame has already
// been returned by then.
TEST_P(DamagedVideo, GivesNoFrameThatIsNotWholeButTheOneBeforeTheDecoderNotices) {
  const std::string parameters = GetParam();
  const auto whole = file("whole." + parameters.substr(0, parameters.find(' ')));
  const auto command = "ffmpeg -v error -f lavfi -i testsrc2=size=320x240:rate=25:duration=6 " +
                       parameters.substr(parameters.find(' ')) + " -pix_fmt yuv420p " + whole.string();
  ASSERT_EQ(std::system(command.c_str()), 0) << command;
  std::vector<Unread> unread;
  const auto clean = frames_of(whole, unread);
  ASSERT_TRUE(unread.empty()) << unread.front().reason;
  ASSERT_EQ(clean.size(), 150U);

  const auto bytes = content(whole);
  std::size_t told = 0;
  for (const double place : {0.2, 0.5, 0.8}) {
    const auto damaged =
        frames_of(write("damaged" + whole.extension().string(), with_zeros(bytes, 1500, place)), unread);
    EXPECT_GE(damaged.size(), 90U) << place;
    told += unread.size();
    for (const auto &item : unread) EXPECT_NE(item.reason.find("damaged"), std::string::npos) << item.reason;
    auto next = clean.begin();
    int not_whole = 0;
    for (const cv::Mat &frame : damaged) {
      const auto same = std::find_if(next, clean.end(), [&](const cv::Mat &whole_frame) {
        return cv::norm(frame, whole_frame, cv::NORM_INF) == 0;
      });
      if (same == clean.end())
        ++not_whole;
      else
        next = std::next(same);
    }
    EXPECT_LE(not_whole, 1) << place;
  }
  EXPECT_GT(told, 0U);
}

INSTANTIATE_TEST_SUITE_P(Codecs, DamagedVideo,
                         ::testing::Values("mp4 -c:v libx264 -g 25", "ts -c:v libx264 -g 25",
                                           "mkv -c:v libx264 -g 25 -bf 0",
                                           "mp4 -c:v libx265 -x265-params log-level=1:keyint=25",
                                           "avi -c:v mpeg4 -g 25", "avi -c:v mjpeg -q:v 3"));

// Real footage, for which decoders report no errors.
TEST(RealVideo, IsNotTakenForDamaged) {
  for (const char *name : {"conveyor/conveyor.mp4", "avenue/train/12.avi", "ped1/Test003.avi"}) {
    UNIAD_NEED_SHARED(video, std::string("data/video/") + name);
    auto items = open_sources(std::vector{video.string()}).at(0).test;
    items.resize(std::min<std::size_t>(items.size(), 150));
    EXPECT_TRUE(visit_items(items, [](std::size_t, const FrameView &) {}).empty()) << name;
  }
}

}  // namespace
}  // namespace uniad
