// SPDX-License-Identifier: Apache-2.0
#include "training/data/visit.h"

#include <gst/gst.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <opencv2/core.hpp>
#include <optional>
#include <span>
#include <stdexcept>

#include "model/base/error.h"
#include "tests/support/refusal.h"
#include "tests/support/shared.h"
#include "tests/training/data/temporary_folder.h"
#include "training/data/gstreamer.h"
#include "training/data/mask.h"
#include "training/data/video.h"

namespace uniad {
namespace {

// The pixel in the middle, as B, G, R.
std::array<int, 3> middle(const FrameView &view) {
  EXPECT_EQ(view.layout, PixelLayout::BGR);
  const auto *pixel = view.planes[0].data + view.height / 2 * view.planes[0].stride + view.width / 2 * 3;
  return {pixel[0], pixel[1], pixel[2]};
}

int middle_luma(const FrameView &view) {
  EXPECT_EQ(view.width, 64);
  return view.planes[0].data[view.height / 2 * view.planes[0].stride + view.width / 2];
}

class Visit : public test::TemporaryFolder {
 protected:
  // Visits pictures of these names and returns their middle pixels in the order of the calls.
  std::vector<std::array<int, 3>> middles(const std::vector<std::string> &names) {
    std::vector<Item> items(names.size());
    for (std::size_t i = 0; i < names.size(); ++i) items[i].path = folder_ / names[i];
    std::vector<std::array<int, 3>> seen;
    unread_ = visit_items(items, [&](std::size_t index, const FrameView &frame) {
      indices_.push_back(index);
      seen.push_back(middle(frame));
    });
    return seen;
  }

  std::vector<std::size_t> indices_;
  std::vector<Unread> unread_;
};

TEST_F(Visit, KeepsTheOrder) {
  std::vector<std::string> names;
  for (int i = 0; i < 40; ++i) {
    names.push_back(std::to_string(i) + ".png");
    write_plain(names.back(), i);
  }
  const auto seen = middles(names);
  ASSERT_EQ(seen.size(), 40U);
  for (int i = 0; i < 40; ++i) EXPECT_EQ(seen[static_cast<std::size_t>(i)][0], i);
}

TEST_F(Visit, ReadsEveryKindOfPictureAsBgr) {
  write_picture("gray.png", cv::Mat(5, 5, CV_8UC1, cv::Scalar(77)));
  write_picture("deep.png", cv::Mat(5, 5, CV_16UC3, cv::Scalar(10 * 256 + 3, 20 * 256, 30 * 256)));
  write_picture("deep_gray.png", cv::Mat(5, 5, CV_16UC1, cv::Scalar(200 * 256 + 9)));
  write_picture("alpha.png", cv::Mat(5, 5, CV_8UC4, cv::Scalar(1, 2, 3, 0)));
  write_picture("tiny.png", cv::Mat(1, 1, CV_8UC3, cv::Scalar(9, 8, 7)));
  write_picture("wide.png", cv::Mat(2, 30000, CV_8UC3, cv::Scalar(4, 5, 6)));
  const auto seen = middles({"gray.png", "deep.png", "deep_gray.png", "alpha.png", "tiny.png", "wide.png"});
  using Pixels = std::vector<std::array<int, 3>>;
  EXPECT_EQ(seen, (Pixels{{77, 77, 77}, {10, 20, 30}, {200, 200, 200}, {1, 2, 3}, {9, 8, 7}, {4, 5, 6}}));
  EXPECT_TRUE(unread_.empty());
}

TEST_F(Visit, TurnsPicturesAsExifSays) {
  std::vector<unsigned char> jpeg;
  cv::imencode(".jpg", cv::Mat(16, 48, CV_8UC3, cv::Scalar(1, 2, 3)), jpeg);
  // Orientation 6: rotated by a quarter turn. One entry: tag 0x0112, type SHORT, count 1.
  const std::string exif(
      "\xFF\xE1\x00\x22"
      "Exif\0\0"
      "MM\0\x2A\0\0\0\x08"
      "\0\x01"
      "\x01\x12\0\x03\0\0\0\x01\0\x06\0\0"
      "\0\0\0\0",
      36);
  write("turned.jpg",
        std::string(jpeg.begin(), jpeg.begin() + 2) + exif + std::string(jpeg.begin() + 2, jpeg.end()));
  Item item;
  item.path = folder_ / "turned.jpg";
  const auto unread = visit_items({&item, 1}, [](std::size_t, const FrameView &frame) {
    EXPECT_EQ(frame.width, 16);
    EXPECT_EQ(frame.height, 48);
  });
  EXPECT_TRUE(unread.empty());
}

TEST_F(Visit, NamesWhatCannotBeReadAndGoesOn) {
  cv::Mat noise(64, 64, CV_8UC3);
  cv::randu(noise, 0, 255);
  std::vector<unsigned char> png;
  std::vector<unsigned char> jpeg;
  cv::imencode(".png", noise, png);
  cv::imencode(".jpg", noise, jpeg);
  write("empty.png", "");
  write("text.jpg", "this is no picture");
  write("cut.png", std::string(png.begin(), png.begin() + static_cast<std::ptrdiff_t>(png.size() / 2)));
  write("cut.jpg", std::string(jpeg.begin(), jpeg.begin() + static_cast<std::ptrdiff_t>(jpeg.size() / 2)));
  write("stub.jpg", "\xFF\xD8\xFF\xE0");
  write_plain("good.png", 50);
  const auto seen = middles(
      {"empty.png", "good.png", "text.jpg", "cut.png", "cut.jpg", "stub.jpg", "missing.png", "good.png"});
  EXPECT_EQ(indices_, (std::vector<std::size_t>{1, 7}));
  EXPECT_EQ(seen.size(), 2U);
  ASSERT_EQ(unread_.size(), 6U);
  EXPECT_NE(unread_[0].reason.find("empty.png: the file is empty"), std::string::npos);
  EXPECT_NE(unread_[1].reason.find("text.jpg: is not a picture"), std::string::npos);
  EXPECT_NE(unread_[2].reason.find("cut.png"), std::string::npos);
  EXPECT_NE(unread_[3].reason.find("cut.jpg: the picture is damaged or truncated"), std::string::npos);
  EXPECT_NE(unread_[4].reason.find("stub.jpg"), std::string::npos);
  EXPECT_NE(unread_[5].reason.find("missing.png: cannot be read"), std::string::npos);
  EXPECT_EQ(unread_[5].index, 6U);
}

TEST_F(Visit, EndsWithWhatTheVisitorThrows) {
  const std::vector<Item> items(20, Item{write_plain("a.png"), {}, {}, {}, {}});
  int calls = 0;
  EXPECT_THROW(visit_items(items,
                           [&](std::size_t, const FrameView &) {
                             if (++calls == 3) throw std::runtime_error("enough");
                           }),
               std::runtime_error);
  EXPECT_EQ(calls, 3);
}

class VisitVideo : public test::TemporaryFolder, public ::testing::WithParamInterface<const char *> {};

// The brightness is the frame's number: the numbers must be correct with codecs that reorder frames, with
// selections and with gaps.
TEST_P(VisitVideo, GivesTheSelectedFramesByNumber) {
  gst_init(nullptr, nullptr);
  const std::string encoder = GetParam();
  if (auto *factory = gst_element_factory_find(encoder.substr(0, encoder.find(' ')).c_str()))
    gst_object_unref(factory);
  else
    GTEST_SKIP() << "needs the GStreamer element of " << encoder;
  const auto video = write_video("clip", 120, encoder);
  std::vector<Item> items;
  for (const std::int64_t number : {20, 21, 22, 50, 119, 30, 31, 500, 501})
    items.push_back({video, number, {}, {}, {}});
  std::vector<std::size_t> indices;
  const auto unread = visit_items(items, [&](std::size_t index, const FrameView &frame) {
    indices.push_back(index);
    EXPECT_NEAR(middle_luma(frame), static_cast<int>(*items[index].frame), 1);
  });
  EXPECT_EQ(indices, (std::vector<std::size_t>{0, 1, 2, 3, 4, 5, 6}));
  ASSERT_EQ(unread.size(), 2U);
  EXPECT_EQ(unread[0].index, 7U);
  EXPECT_NE(unread[0].reason.find("frame 500: the video ends before it"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Codecs, VisitVideo,
                         ::testing::Values("jpegenc quality=100 ! avimux",
                                           "x264enc bframes=3 b-adapt=false qp-max=10 ! mp4mux"));

// A phone's video that was held upright is read as ffmpeg shows it, according to its rotation tag.
TEST_F(Visit, TurnsVideosAsTheirTagSays) {
  const auto base = file("base.mp4").string();
  const auto turned = file("turned.mp4").string();
  const auto shell = [](const std::string &command) { return std::system(command.c_str()) == 0; };
  ASSERT_TRUE(
      shell("ffmpeg -v error -f lavfi -i testsrc2=size=96x48:rate=25:duration=0.4 -c:v libx264 "
            "-pix_fmt yuv420p " +
            base));
  // The option since ffmpeg 6 or, if that fails, the tag before it.
  ASSERT_TRUE(shell("ffmpeg -v quiet -display_rotation 90 -i " + base + " -c copy " + turned +
                    " || ffmpeg -v error -i " + base + " -c copy -metadata:s:v rotate=270 " + turned));
  const auto picture = file("as_ffmpeg_turns_it.png").string();
  ASSERT_TRUE(shell("ffmpeg -v error -i " + turned + " -frames:v 1 -pix_fmt gray " + picture));
  const cv::Mat expected = cv::imread(picture, cv::IMREAD_GRAYSCALE);
  ASSERT_EQ(expected.size(), cv::Size(48, 96));

  const auto items = open_sources(std::vector{turned}).at(0).test;
  EXPECT_EQ(items.size(), 10U);
  std::size_t seen = 0;
  visit_items(items, [&](std::size_t index, const FrameView &frame) {
    ++seen;
    ASSERT_EQ(cv::Size(frame.width, frame.height), expected.size());
    if (index > 0) return;
    const cv::Mat luma(frame.height, frame.width, CV_8UC1, const_cast<unsigned char *>(frame.planes[0].data),
                       static_cast<std::size_t>(frame.planes[0].stride));
    cv::Mat full;  // ffmpeg's gray has full range
    luma.convertTo(full, CV_8U, 255.0 / 219, -16 * 255.0 / 219);
    EXPECT_LT(cv::norm(full, expected, cv::NORM_L1) / static_cast<double>(full.total()), 2);
  });
  EXPECT_EQ(seen, 10U);
}

// GStreamer 1.22 decodes the first frame of a GIF forever; later versions decode it whole.
TEST_F(Visit, ADecoderThatStandsStillEndsInAnError) {
  const auto gif = file("x.gif");
  const auto command = "ffmpeg -v error -f lavfi -i testsrc2=size=96x48:rate=10:duration=1.2 " + gif.string();
  ASSERT_EQ(std::system(command.c_str()), 0);
  EXPECT_TRUE(
      test::holds(test::refusal([&] { open_sources(std::vector{gif.string()}); }), "x.gif: is a GIF"));
  std::vector<Item> items(1000);
  for (std::size_t i = 0; i < items.size(); ++i) items[i] = {gif, static_cast<std::int64_t>(i), {}, {}, {}};
  std::size_t visited = 0;
  const std::string refusal =
      test::refusal([&] { visit_items(items, [&](std::size_t, const FrameView &) { ++visited; }); });
  const bool whole = refusal.empty() && visited == 12;
  EXPECT_TRUE(whole || test::holds(refusal, "x.gif: its decoder is stuck")) << visited << " frames";
}

class SixteenBits : public test::TemporaryFolder {
 protected:
  // The values in the middle of each item, read with this number of bits, and the messages about them.
  struct Read {
    std::vector<int> middles;
    std::string warning;
  };
  Read read(const std::string &spec, std::optional<int> bits) {
    const auto items =
        open_sources(std::vector{spec}, {.image_dir = {}, .bit_depth = bits, .progress = nullptr}).at(0).test;
    Read result;
    visit_items(items,
                [&](std::size_t, const FrameView &frame) {
                  if (frame.layout == PixelLayout::BGR) return result.middles.push_back(middle(frame)[0]);
                  std::vector<std::uint16_t> row(static_cast<std::size_t>(frame.width) * 4);
                  for (int y = 0; y < frame.height; ++y)
                    frame.unpack_row(y, std::as_writable_bytes(std::span(row)));
                  result.middles.push_back(row[row.size() / 2 + 1] >> 8);
                },
                {.warning = [&](const std::string &warning) { result.warning += warning; }, .passing = {}});
    return result;
  }
};

TEST_F(SixteenBits, OfWhichACameraUsesTwelveAreSaidAndReadWithBitDepth) {
  write_picture("pictures/a.png", cv::Mat(5, 5, CV_16UC1, cv::Scalar(2048)));
  write_picture("pictures/b.tif", cv::Mat(5, 5, CV_16UC3, cv::Scalar(4095, 4095, 4095)));
  const auto video = file("clip.mkv").string();
  ASSERT_EQ(
      std::system(
          ("ffmpeg -v error -f lavfi -i color=black:size=16x8:rate=5:duration=1,format=gray16le,geq=lum=2048 "
           "-c:v ffv1 " +
           video)
              .c_str()),
      0);
  for (const auto &[spec, count] : {std::pair((folder_ / "pictures").string(), 2), std::pair(video, 5)}) {
    const auto as_they_are = read(spec, {});
    ASSERT_EQ(as_they_are.middles.size(), static_cast<std::size_t>(count));
    EXPECT_EQ(as_they_are.middles[0], 8) << spec;
    EXPECT_NE(as_they_are.warning.find("--bit-depth 12"), std::string::npos) << as_they_are.warning;
    const auto of_twelve = read(spec, 12);
    EXPECT_EQ(of_twelve.middles[0], 128) << spec;
    EXPECT_EQ(of_twelve.warning, "") << spec;
    const auto of_ten = read(spec, 10);
    EXPECT_EQ(of_ten.middles[0], 255) << spec;
    EXPECT_NE(of_ten.warning.find("more than --bit-depth 10 allows"), std::string::npos) << of_ten.warning;
  }
  EXPECT_EQ(read((folder_ / "pictures").string(), 12).middles[1], 255);
}

TEST_F(SixteenBits, ThatAreAllUsedAreReadWithoutAWord) {
  write_picture("pictures/dark.png", cv::Mat(5, 5, CV_16UC1, cv::Scalar(300)));
  write_picture("pictures/light.png", cv::Mat(5, 5, CV_16UC1, cv::Scalar(200 * 256)));
  const auto result = read((folder_ / "pictures").string(), {});
  EXPECT_EQ(result.middles, (std::vector<int>{1, 200}));
  EXPECT_EQ(result.warning, "");
  write_plain("eight/a.png", 3);
  EXPECT_EQ(read((folder_ / "eight").string(), {}).warning, "");
  EXPECT_EQ(read((folder_ / "eight").string(), 12).middles, std::vector<int>{3});
}

TEST_F(Visit, FramesAndPicturesMix) {
  const auto video = write_video("clip.avi", 10, "jpegenc ! avimux");
  const auto picture = write_plain("a.png");
  const std::vector<Item> items{{picture, {}, {}, {}, {}}, {video, 3, {}, {}, {}}, {picture, {}, {}, {}, {}}};
  std::vector<PixelLayout> layouts;
  visit_items(items, [&](std::size_t, const FrameView &frame) { layouts.push_back(frame.layout); });
  ASSERT_EQ(layouts.size(), 3U);
  EXPECT_EQ(layouts[0], PixelLayout::BGR);
  EXPECT_NE(layouts[1], PixelLayout::BGR);
}

// Pillow 13: Image.fromarray(mask).resize((16, 5), Image.NEAREST), 255 or 1 written as 1.
TEST_F(Visit, MaskIsResizedAsPillowDoes) {
  const std::array rows{"0001110110010000100101010010010100110", "1100011000110101010010000101001011010",
                        "0000010000001010000101010100101001010"};
  cv::Mat mask(3, 37, CV_8UC1);
  for (int y = 0; y < 3; ++y)
    for (int x = 0; x < 37; ++x)
      mask.at<unsigned char>(y, x) =
          static_cast<unsigned char>((rows[static_cast<std::size_t>(y)][x] == '1') * (y == 1 ? 1 : 255));
  const std::string expected =
      "0111000011010101"
      "0111000011010101"
      "1010101100000011"
      "0010010011001011"
      "0010010011001011";
  const auto read = [&](const std::vector<std::filesystem::path> &masks) { return read_masks(masks, 16, 5); };
  const auto resized = read({write_picture("mask.png", mask)});
  ASSERT_EQ(resized.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(resized[i], expected[i] - '0') << i;
  EXPECT_THROW(read({folder_ / "missing.png"}), Error);
}

TEST_F(Visit, MasksOfOnePictureAddUp) {
  cv::Mat left(4, 8, CV_8UC1, cv::Scalar(0));
  cv::Mat right = left.clone();
  left.colRange(0, 1).setTo(255);
  right.colRange(7, 8).setTo(1);
  const std::vector<std::filesystem::path> masks{write_picture("l.png", left), write_picture("r.png", right)};
  EXPECT_EQ(read_masks(masks, 8, 1), (std::vector<std::uint8_t>{1, 0, 0, 0, 0, 0, 0, 1}));
}

// The same mask as PNG and in lossy formats: the artifacts around its edges are not abnormal.
TEST_F(Visit, RingsThatCompressionDrawsAroundAMaskAreNotAbnormal) {
  constexpr int side = 256;
  cv::Mat mask(side, side, CV_8UC1, cv::Scalar(0));
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x)
      if ((x - 100) * (x - 100) + (y - 120) * (y - 120) < 50 * 50) mask.at<unsigned char>(y, x) = 255;
  const auto read = [](const std::filesystem::path &path) { return read_masks({&path, 1}, side, side); };
  const auto drawn = read(write_picture("mask.png", mask));
  const auto area = std::count(drawn.begin(), drawn.end(), 1);
  EXPECT_EQ(area, cv::countNonZero(mask));
  const std::vector<std::pair<const char *, std::vector<int>>> formats{
      {"mask.jpg", {cv::IMWRITE_JPEG_QUALITY, 75}},
      {"mask.webp", {cv::IMWRITE_WEBP_QUALITY, 10}},
      {"mask.jp2", {}}};
  for (const auto &[name, quality] : formats) {
    const auto path = file(name);
    ASSERT_TRUE(cv::imwrite(path.string(), mask, quality));
    const auto lossy = read(path);
    std::ptrdiff_t wrong = 0;
    for (std::size_t i = 0; i < drawn.size(); ++i) wrong += drawn[i] == lossy[i] ? 0 : 1;
    EXPECT_LT(wrong, area / 100) << name;
    EXPECT_TRUE(has_abnormal_pixel(path)) << name;
  }
  // The artifacts that this test needs are there.
  EXPECT_GT(cv::countNonZero(cv::imread(file("mask.jpg").string(), cv::IMREAD_GRAYSCALE)), area * 105 / 100);
  EXPECT_FALSE(has_abnormal_pixel(write_picture("none.jpg", cv::Mat(16, 16, CV_8UC1, cv::Scalar(0)))));
  // Types of defects that are numbered from 1 on: all of them are read, in a format that preserves their
  // numbers.
  mask.rowRange(0, side / 2).setTo(1, mask.rowRange(0, side / 2));
  EXPECT_EQ(read(write_picture("kinds.png", mask)), drawn);
  ASSERT_TRUE(cv::imwrite(file("kinds.webp").string(), mask, {cv::IMWRITE_WEBP_QUALITY, 101}));
  EXPECT_EQ(read(file("kinds.webp")), drawn);
}

TEST_F(Visit, AMaskOfAnotherShapeThanItsPictureIsRefusedByName) {
  const std::vector<std::filesystem::path> mask{write_picture("m.png", cv::Mat(100, 150, CV_8UC1))};
  EXPECT_EQ(read_masks(mask, 4, 4, PictureShape{600, 400}).size(), 16U);
  EXPECT_EQ(read_masks(mask, 4, 4, PictureShape{1001, 667}).size(), 16U);  // rounded to whole pixels
  try {
    read_masks(mask, 4, 4, PictureShape{600, 500});
    FAIL();
  } catch (const Error &error) {
    EXPECT_NE(std::string(error.what()).find("m.png: is 150x100, but its picture is 600x500"),
              std::string::npos);
  }
}

TEST_F(Visit, TheFrameRateIsTheStreams) {
  EXPECT_EQ(frame_rate(write_video("clip.avi", 2, "jpegenc ! avimux")), 25.0);
  EXPECT_EQ(
      frame_rate(write_video("slow.avi", 2, "videorate ! video/x-raw,framerate=15/2 ! jpegenc ! avimux")),
      7.5);
  EXPECT_THROW(frame_rate(write("text.avi", "no video")), Error);
}

// The output of a recorder that joins a stream between two key frames.
std::filesystem::path video_without_its_first(int frames, const std::filesystem::path &path) {
  struct Dropped {
    int left;
  } dropped{frames};
  const std::string launch =
      "videotestsrc num-buffers=60 ! video/x-raw,width=64,height=48,framerate=25/1 ! "
      "x264enc tune=zerolatency key-int-max=30 ! video/x-h264,stream-format=avc ! identity name=cut ! "
      "matroskamux ! filesink location=" +
      path.string();
  const Ref<GstElement> pipeline(gst_parse_launch(launch.c_str(), nullptr));
  const Ref<GstElement> cut(gst_bin_get_by_name(GST_BIN(pipeline.get()), "cut"));
  const Ref<GstPad> pad(gst_element_get_static_pad(cut.get(), "src"));
  gst_pad_add_probe(
      pad.get(), GST_PAD_PROBE_TYPE_BUFFER,
      [](GstPad *, GstPadProbeInfo *, gpointer data) {
        return static_cast<Dropped *>(data)->left-- > 0 ? GST_PAD_PROBE_DROP : GST_PAD_PROBE_OK;
      },
      &dropped, nullptr);
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  const Ref<GstBus> bus(gst_element_get_bus(pipeline.get()));
  const Ref<GstMessage> end(gst_bus_timed_pop_filtered(
      bus.get(), GST_CLOCK_TIME_NONE, static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR)));
  EXPECT_EQ(GST_MESSAGE_TYPE(end.get()), GST_MESSAGE_EOS);
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  return path;
}

bool is_before_1_24() {
  guint major = 0, minor = 0, micro = 0, nano = 0;
  gst_version(&major, &minor, &micro, &nano);
  return major == 1 && minor < 24;
}

TEST_F(Visit, FramesBeforeTheFirstKeyFrameAreLeftOutAndNamed) {
  require_gstreamer();
  const auto path = video_without_its_first(10, folder_ / "joined.mkv");
  const auto items = open_sources(std::vector{path.string()}).at(0).test;
  ASSERT_EQ(items.size(), 50U);
  std::vector<std::size_t> visited;
  const auto unread =
      visit_items(items, [&](std::size_t index, const FrameView &) { visited.push_back(index); });
  ASSERT_EQ(visited.size(), 30U);
  ASSERT_EQ(unread.size(), 20U);
  // Since 1.24, the decoder gives out only some of the frames before the key frame, so that numbers shift.
  if (!is_before_1_24()) return;
  EXPECT_EQ(visited.front(), 20U) << "the key frame";
  EXPECT_EQ(unread.front().index, 0U);
  EXPECT_NE(unread.front().reason.find("precedes the first key frame"), std::string::npos)
      << unread.front().reason;
}

// ffprobe -count_frames reports the same for the two files.
TEST(RealVideo, HasAllItsFrames) {
  UNIAD_NEED_SHARED(conveyor, "data/video/conveyor/conveyor.mp4");
  EXPECT_EQ(open_sources(std::vector{conveyor.string()}).at(0).test.size(), 933U);
  UNIAD_NEED_SHARED(avenue, "data/video/avenue/train/12.avi");
  EXPECT_EQ(open_sources(std::vector{avenue.string()}).at(0).test.size(), 145U);
}

}  // namespace
}  // namespace uniad
