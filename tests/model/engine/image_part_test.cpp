// SPDX-License-Identifier: Apache-2.0
#include "model/engine/image_part.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "model/engine/judgment.h"

namespace uniad {
namespace {

constexpr double threshold = 3;

// A frame whose map is flat but for one cell; normal pictures score 1 and are at a distance of 0.5.
class ImagePart : public testing::Test {
 protected:
  ImagePart() {
    normal_.mean = 1;
    normal_.threshold = threshold;
    normal_.image = ImageTerm{0.5, 0.1, 0.2, 0.5};  // a tenth of distance scores 0.1
  }

  Detection detection(float local, std::optional<float> distance) const {
    Detection seen;
    seen.grid = {14, 14, std::vector<float>(196, 0.2F), 0, 0};
    for (const std::size_t cell : {73, 74, 87, 88}) seen.grid.values[cell] = local;
    seen.score = local;
    add_image_part(&normal_, distance, seen);
    return seen;
  }

  ScoreStatistics normal_;
};

TEST_F(ImagePart, IsAddedInTheUnitOfLocalScores) {
  EXPECT_FLOAT_EQ(detection(2, 0.5F).score, 2);
  EXPECT_FLOAT_EQ(detection(2, 1.5F).score, 3);
  EXPECT_FLOAT_EQ(detection(2, 0.2F).score, 1.7F);
}

TEST_F(ImagePart, IsLeftOutIfNothingIsKnownOfIt) {
  EXPECT_EQ(detection(2, std::nullopt).score, 2);
  normal_.image.reset();
  EXPECT_EQ(detection(2, 1.5F).score, 2);
  Detection seen = detection(2, 0.5F);
  add_image_part(nullptr, 1.5F, seen);
  EXPECT_EQ(seen.score, 2);
}

TEST_F(ImagePart, IsNoPartOfTheScoreOfAZoneThatIsWatched) {
  const auto watched = [&](ZoneKind kind, const char *name) {
    Detection seen = detection(2, std::nullopt);
    const Zone zone{name, kind, {{0, 0}, {0.5, 0}, {0.5, 0.5}, {0, 0.5}}, {}, {}};
    seen.zones = std::make_shared<ZoneGrid>(zones_on(Zones{{zone}, {}}, seen.grid));
    seen.part_scores.assign(seen.zones->parts.size(), 2);
    add_image_part(&normal_, 1.5F, seen);
    return seen;
  };
  EXPECT_EQ(watched(ZoneKind::Watch, "door").score, 2);
  const Detection ignored = watched(ZoneKind::Ignore, "clock");
  EXPECT_FLOAT_EQ(ignored.score, 3);
  EXPECT_FLOAT_EQ(ignored.part_scores.front(), 3);
}

TEST_F(ImagePart, AJudgmentSaysWhichPartRaisedIt) {
  const auto raised = [&](float local, float distance) {
    return judgment_of(detection(local, distance), threshold).raised_by;
  };
  EXPECT_EQ(raised(2, 0.5F), std::nullopt);
  EXPECT_EQ(raised(5, 0.5F), RaisedBy::Local);
  EXPECT_EQ(raised(5, 1.5F), RaisedBy::Local);
  EXPECT_EQ(raised(1, 5), RaisedBy::Image);
  EXPECT_EQ(raised(5, 5), RaisedBy::Both);
  EXPECT_EQ(raised(2.5F, 1.5F), RaisedBy::Both);  // neither alone
}

TEST_F(ImagePart, RegionsShowThePlacesThatCountAndTheWholeFrameIfNoneDoes) {
  const Judgment local = judgment_of(detection(5, 0.5F), threshold);
  ASSERT_EQ(local.regions.size(), 1U);
  EXPECT_LT(local.regions[0].width, 0.5F);
  // Its map alone would not reach the threshold.
  const Judgment both = judgment_of(detection(2.9F, 1.5F), threshold);
  ASSERT_EQ(both.regions.size(), 1U);
  EXPECT_LT(both.regions[0].width, 0.5F);
  const Judgment image = judgment_of(detection(1, 5), threshold);
  ASSERT_EQ(image.regions.size(), 1U);
  EXPECT_EQ(image.regions[0].width, 1);
  EXPECT_EQ(image.regions[0].height, 1);
}

TEST_F(ImagePart, WithoutItALocalScoreRaisedTheFrame) {
  Detection seen;
  seen.grid = {14, 14, std::vector<float>(196, 4.0F), 0, 0};
  seen.score = 4;
  EXPECT_EQ(judgment_of(seen, threshold).raised_by, RaisedBy::Local);
  EXPECT_STREQ(name_of(RaisedBy::Local), "local");
  EXPECT_STREQ(name_of(RaisedBy::Image), "image");
  EXPECT_STREQ(name_of(RaisedBy::Both), "both");
}

}  // namespace
}  // namespace uniad
