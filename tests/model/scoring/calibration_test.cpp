// SPDX-License-Identifier: Apache-2.0
#include "model/scoring/calibration.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <random>

namespace uniad {
namespace {

ThresholdRule sigma(double k) {
  ThresholdRule rule;
  rule.standard_deviations = k;
  return rule;
}

ThresholdRule of_quantile(double q) {
  ThresholdRule rule;
  rule.quantile = q;
  return rule;
}

ThresholdRule alarms(double per_hour) {
  ThresholdRule rule;
  rule.false_alarms_per_hour = per_hour;
  return rule;
}

// Frames at 25 per second whose scores depend on the previous ones.
NormalScores random_film(std::size_t frames, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::exponential_distribution<double> step(1);
  NormalScores film{std::vector<double>(frames), std::vector<bool>(frames, true), 25};
  double last = 2;
  for (double &score : film.values) score = last = 0.5 * last + step(random);
  film.continues.front() = false;
  return film;
}

TEST(Calibration, IsTheMeanPlusFourStandardDeviations) {
  // 2 4 4 4 5 5 7 9: mean 5, sum of squared deviations 32, sample variance 32 / 7.
  const ScoreStatistics statistics = describe_scores({{9, 2, 4, 4, 5, 4, 7, 5}, {}}, {});
  EXPECT_DOUBLE_EQ(statistics.mean, 5.0);
  EXPECT_NEAR(statistics.standard_deviation, 2.13808993529939, 1e-12);
  EXPECT_NEAR(statistics.threshold, 5 + 4 * 2.13808993529939, 1e-12);
  EXPECT_EQ(statistics.count, 8);
}

TEST(Calibration, QuantileIsNumpys) {
  ThresholdRule rule;
  rule.quantile = 0.9;
  // numpy.quantile([1, 2, 3, 10], 0.9) == 7.9
  EXPECT_NEAR(describe_scores({{10, 1, 3, 2}, {}}, rule).threshold, 7.9, 1e-12);
}

TEST(Calibration, ScoresThatAreAllTheSameLieBelowTheirThreshold) {
  const ScoreStatistics statistics = describe_scores({{3.5}, {}}, {});
  EXPECT_DOUBLE_EQ(statistics.threshold, 3.5 * 1.01);
  EXPECT_DOUBLE_EQ(statistics.standard_deviation, 0.0);
}

TEST(Calibration, SourcesWithFewScoresTakeThePooledThreshold) {
  std::vector<double> many(20);
  std::iota(many.begin(), many.end(), 0.0);
  const std::vector<double> few(19, 100.0);
  const Calibration calibration = calibrate({{"many", {many, {}}}, {"few", {few, {}}}}, {});
  EXPECT_EQ(calibration.rule, "mean + 4 sd");
  EXPECT_EQ(calibration.sources.count("many"), 1U);
  EXPECT_EQ(calibration.sources.count("few"), 0U);
  ASSERT_TRUE(calibration.pooled.has_value());
  EXPECT_EQ(calibration.pooled->count, 39);
}

TEST(Calibration, CombinedIsThatOfAllScoresTogether) {
  const ScoreStatistics all = describe_scores({{9, 2, 4, 4, 5, 4, 7, 5}, {}}, {});
  const ScoreStatistics both = combine(describe_scores({{9, 2, 4}, {}}, {}),
                                       describe_scores({{4, 5, 4, 7, 5}, {}}, {}), "mean + 4 sd");
  EXPECT_EQ(both.count, 8);
  EXPECT_NEAR(both.mean, all.mean, 1e-12);
  EXPECT_NEAR(both.standard_deviation, all.standard_deviation, 1e-12);
  EXPECT_NEAR(both.threshold, all.threshold, 1e-12);
}

TEST(Calibration, OfTwoQuantilesTheHigherStays) {
  EXPECT_DOUBLE_EQ(combine({3, 1, 1, 10}, {5, 2, 1, 10}, "quantile 0.99").threshold, 5);
}

TEST(Calibration, CombiningKeepsSourcesThatOnlyOneKnows) {
  Calibration a{"mean + 4 sd", ScoreStatistics{2, 1, 0.25, 30}, {{"gate", {2, 1, 0.25, 30}}}};
  const Calibration b{"mean + 4 sd", ScoreStatistics{4, 2, 0.5, 40}, {{"yard", {4, 2, 0.5, 40}}}};
  const Calibration both = combine(a, b);
  EXPECT_DOUBLE_EQ(both.sources.at("gate").threshold, 2);
  EXPECT_DOUBLE_EQ(both.sources.at("yard").threshold, 4);
  EXPECT_EQ(both.pooled->count, 70);
}

TEST(Calibration, WithoutScoresThereIsNone) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const NormalScores &none : {NormalScores{}, NormalScores{{nan, nan}, {}}}) {
    const Calibration calibration = calibrate({{"empty", none}}, {});
    EXPECT_FALSE(calibration.pooled.has_value());
    EXPECT_TRUE(calibration.sources.empty());
  }
}

TEST(Calibration, ScoresThatAreNoNumbersAreLeftOutAndEndRuns) {
  NormalScores scores = random_film(100, 1);
  const Calibration whole = calibrate({{"cam", scores}}, {});
  // NaN within a run: the frames around it are no longer neighbors.
  scores.values.insert(scores.values.begin() + 50, std::numeric_limits<double>::quiet_NaN());
  scores.continues.insert(scores.continues.begin() + 50, true);
  const ScoreStatistics cut = calibrate({{"cam", scores}}, {}).sources.at("cam");
  EXPECT_EQ(cut.count, 100);
  EXPECT_EQ(cut.mean, whole.sources.at("cam").mean);
  scores = random_film(100, 1);
  scores.continues[50] = false;
  EXPECT_EQ(cut.tail->peaks, calibrate({{"cam", scores}}, {}).sources.at("cam").tail->peaks);
}

TEST(Calibration, TextOfARuleIsReadBack) {
  EXPECT_EQ(rule_of(text_of(sigma(2.5))).standard_deviations, 2.5);
  EXPECT_EQ(rule_of(text_of(of_quantile(0.995))).quantile, 0.995);
  EXPECT_EQ(rule_of(text_of(alarms(0.25))).false_alarms_per_hour, 0.25);
  EXPECT_EQ(text_of(alarms(2)), "2 false alarms an hour");
}

TEST(Calibration, TextThatIsNoRuleIsTheDefault) {
  for (const std::string text :
       {"", "quantile 7", "quantile -0.1", "quantile nan", "quantile", "mean + nan sd", "mean + 1e9 sd",
        "-1 false alarms an hour", "0 false alarms an hour", "inf false alarms an hour",
        "many false alarms an hour", "??"}) {
    SCOPED_TRACE(text);
    const ThresholdRule rule = rule_of(text);
    EXPECT_EQ(rule.standard_deviations, 4);
    EXPECT_FALSE(rule.quantile || rule.false_alarms_per_hour);
  }
}

TEST(Calibration, FewerFalseAlarmsAnHourMeanAHigherThreshold) {
  const NormalScores scores = random_film(2000, 3);
  double last = 0;
  for (const double rate : {1e5, 1000.0, 60.0, 1.0, 1.0 / 24}) {
    const ScoreStatistics statistics = describe_scores(scores, alarms(rate));
    EXPECT_GT(statistics.threshold, last);
    last = statistics.threshold;
    if (rate > 1e4) continue;  // the threshold is below the level
    EXPECT_LE(alarms_per_hour(*statistics.tail, statistics.count, statistics.threshold), rate * (1 + 1e-12));
    EXPECT_GT(alarms_per_hour(*statistics.tail, statistics.count, statistics.threshold * (1 - 1e-9)),
              rate * (1 - 1e-6));
  }
}

TEST(Calibration, WithoutAFrameRateFalseAlarmsCannotBeCounted) {
  NormalScores scores = random_film(200, 3);
  scores.frame_rate = 0;
  EXPECT_EQ(describe_scores(scores, alarms(1)).threshold, describe_scores(scores, {}).threshold);
}

TEST(Calibration, FlatScoresAndASingleOneLieBelowEveryThreshold) {
  for (const std::size_t count : {1, 2, 30}) {
    const NormalScores flat{std::vector<double>(count, 3.5), {}, 25};
    const ScoreStatistics statistics = describe_scores(flat, alarms(1));
    EXPECT_DOUBLE_EQ(statistics.threshold, 3.5 * 1.01);
    if (count > 1) {
      EXPECT_DOUBLE_EQ(threshold_interval(statistics, alarms(1))->low, 3.5 * 1.01);
      EXPECT_DOUBLE_EQ(threshold_interval(statistics, alarms(1))->high, 3.5 * 1.01);
    }
    EXPECT_DOUBLE_EQ(combine(statistics, statistics, text_of(alarms(1))).threshold, 3.5 * 1.01);
  }
}

TEST(Calibration, CombinedFalseAlarmsAreThoseOfAllFootage) {
  const auto first = random_film(3000, 1);
  const auto second = random_film(5000, 2);
  const ScoreStatistics both =
      combine(describe_scores(first, alarms(20)), describe_scores(second, alarms(20)), text_of(alarms(20)));
  NormalScores all = first;
  all.values.insert(all.values.end(), second.values.begin(), second.values.end());
  all.continues.insert(all.continues.end(), second.continues.begin(), second.continues.end());
  const ScoreStatistics together = describe_scores(all, alarms(20));
  EXPECT_EQ(both.count, together.count);
  // The combined tail has another level, and thus another fit, of the same footage.
  EXPECT_NEAR(both.threshold, together.threshold, 0.05 * together.standard_deviation + 0.3);
  EXPECT_LE(alarms_per_hour(*both.tail, both.count, both.threshold), 20 * (1 + 1e-12));
  EXPECT_GT(alarms_per_hour(*both.tail, both.count, both.threshold * (1 - 1e-9)), 20 * (1 - 1e-6));
}

TEST(Calibration, CombinedWithAnOlderFilesStatisticsTheHigherThresholdStays) {
  const ScoreStatistics fresh = describe_scores(random_film(200, 1), alarms(20));
  const ScoreStatistics old{100, 1, 0.5, 50};
  const ScoreStatistics both = combine(old, fresh, text_of(alarms(20)));
  EXPECT_EQ(both.threshold, 100);
  EXPECT_FALSE(both.tail);
  EXPECT_EQ(both.count, 250);
}

TEST(Calibration, ReplacingKeepsOtherSourcesAndPoolsThemAll) {
  const Calibration before = calibrate({{"gate", random_film(100, 1)}, {"yard", random_film(200, 2)}}, {});
  const Calibration fresh =
      calibrate({{"yard", random_film(300, 3)}, {"roof", random_film(50, 4)}}, alarms(60));
  const Calibration now = replace(before, fresh);
  EXPECT_EQ(now.rule, "60 false alarms an hour");
  ASSERT_EQ(now.sources.size(), 3U);
  EXPECT_EQ(now.sources.at("gate").threshold, before.sources.at("gate").threshold);
  EXPECT_EQ(now.sources.at("yard").threshold, fresh.sources.at("yard").threshold);
  EXPECT_EQ(now.sources.at("roof").count, 50);
  EXPECT_EQ(now.pooled->count, 100 + 300 + 50);
  const double sum = 100 * before.sources.at("gate").mean + 300 * fresh.sources.at("yard").mean +
                     50 * fresh.sources.at("roof").mean;
  EXPECT_NEAR(now.pooled->mean, sum / 450, 1e-9);
}

TEST(Calibration, IntervalOfStandardDeviationsHoldsTheTruthNineTimesInTen) {
  std::mt19937_64 random(4);
  std::normal_distribution<double> scores(5, 2);
  int held = 0;
  for (int n = 0; n < 1000; ++n) {
    NormalScores sample{std::vector<double>(50), {}};
    std::generate(sample.values.begin(), sample.values.end(), [&] { return scores(random); });
    const auto interval = threshold_interval(describe_scores(sample, sigma(3)), sigma(3));
    ASSERT_TRUE(interval);
    if (interval->low <= 11 && 11 <= interval->high) ++held;
  }
  EXPECT_GT(held, 850);
  EXPECT_LT(held, 950);
  EXPECT_FALSE(threshold_interval(describe_scores(random_film(50, 1), {}), of_quantile(0.9)));
}

// 2,000 frames at 25 per second are 80 s; an hour is 45 times as long.
TEST(Calibration, SaysWhatThresholdsFootageIsTooShortFor) {
  const ScoreStatistics statistics = describe_scores(random_film(2000, 1), alarms(1));
  const auto found = threshold_warnings(statistics, alarms(1));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_NE(found[0].find("45 times"), std::string::npos) << found[0];
  EXPECT_NE(found[0].find("80 s"), std::string::npos) << found[0];
  EXPECT_NE(found[0].find("provide 9000 normal frames"), std::string::npos) << found[0];
  const auto day = threshold_warnings(statistics, alarms(1.0 / 24));
  EXPECT_NE(day.at(0).find("in 24 h was requested, 1080 times"), std::string::npos) << day[0];
  EXPECT_TRUE(threshold_warnings(statistics, alarms(4.6)).empty());
  EXPECT_TRUE(threshold_warnings(statistics, {}).empty());

  const auto few = threshold_warnings(describe_scores(random_film(40, 1), alarms(1e4)), alarms(1e4));
  ASSERT_EQ(few.size(), 1U);
  EXPECT_NE(few[0].find("runs"), std::string::npos) << few[0];
}

}  // namespace
}  // namespace uniad
