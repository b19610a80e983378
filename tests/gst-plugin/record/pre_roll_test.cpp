// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/record/pre_roll.h"

#include <memory>
#include <vector>

#include "tests/support/gst_test.h"
#include "tests/support/heap_meter.h"

namespace uniad::test {
namespace {

constexpr GstClockTime frame_period = 40 * GST_MSECOND;

class PreRollTest : public GstTest {
 protected:
  PreRollTest() : caps_(gst_caps_new_empty_simple("video/x-h264")), stretch_(new Stretch(caps_.get())) {}

  void TearDown() override {
    stretch_.reset();
    caps_.reset();
    GstTest::TearDown();
  }

  // A stream of 25 fps with a key frame in each second.
  EncodedFrame frame(guint number, gsize bytes = 100) const {
    const std::shared_ptr<GstBuffer> buffer(gst_buffer_new_allocate(nullptr, bytes, nullptr),
                                            gst_buffer_unref);
    return {buffer, stretch_, number * frame_period, number % 25 == 0};
  }
  static guint first_number(const PreRoll &pre_roll) {
    return static_cast<guint>(pre_roll.frames().front().time / frame_period);
  }

  Ref<GstCaps> caps_;
  std::shared_ptr<const Stretch> stretch_;
};

TEST_F(PreRollTest, BeginsWithAKeyFrameThatIsOldEnough) {
  PreRoll pre_roll(2 * GST_SECOND, 1000000);
  for (guint number = 5; number < 25; ++number) pre_roll.add(frame(number));
  EXPECT_TRUE(pre_roll.frames().empty());
  for (guint number = 25; number < 200; ++number) {
    pre_roll.add(frame(number));
    const std::vector<EncodedFrame> frames = pre_roll.frames();
    EXPECT_TRUE(frames.front().is_key);
    EXPECT_EQ(frames.size(), number + 1 - first_number(pre_roll));
    EXPECT_EQ(first_number(pre_roll), number < 100 ? 25U : (number - 50) / 25 * 25) << number;
  }
}

TEST_F(PreRollTest, DropsWholeGroupsThatDoNotFit) {
  PreRoll pre_roll(60 * GST_SECOND, 4000);
  for (guint number = 0; number < 60; ++number) pre_roll.add(frame(number));
  EXPECT_EQ(first_number(pre_roll), 25U);
  EXPECT_EQ(pre_roll.bytes(), 3500U);
  // A group that does not fit by itself goes as a whole.
  for (guint number = 60; number < 75; ++number) pre_roll.add(frame(number, 1000));
  EXPECT_TRUE(pre_roll.frames().empty());
  EXPECT_EQ(pre_roll.bytes(), 0U);
  pre_roll.add(frame(75));
  EXPECT_EQ(first_number(pre_roll), 75U);
}

TEST_F(PreRollTest, AnotherStretchBeginsWithAKeyFrame) {
  PreRoll pre_roll(10 * GST_SECOND, 1000000);
  for (guint number = 0; number < 10; ++number) pre_roll.add(frame(number));
  stretch_ = std::make_shared<const Stretch>(caps_.get());
  for (guint number = 10; number < 30; ++number) pre_roll.add(frame(number));
  ASSERT_EQ(pre_roll.frames().size(), 15U);
  EXPECT_EQ(pre_roll.frames()[10].time, 25 * frame_period);
  EXPECT_EQ(pre_roll.frames()[10].stretch, stretch_);
}

// The frames themselves are GStreamer's memory, which operator new does not allocate.
TEST_F(PreRollTest, NeedsLittleMemoryBesidesTheFrames) {
  constexpr std::size_t frames = 250;  // 10 s
  constexpr gsize bytes = 4000000 / 8 * 10 / frames;
  PreRoll pre_roll(10 * GST_SECOND, 100000000);
  const HeapMeter meter;
  for (guint number = 0; number < 4 * frames; ++number) pre_roll.add(frame(number, bytes));
  EXPECT_GE(pre_roll.bytes(), frames * bytes);
  EXPECT_LE(pre_roll.bytes(), (frames + 25) * bytes);
  EXPECT_LT(meter.growth(), 1000000);
}

}  // namespace
}  // namespace uniad::test
