// SPDX-License-Identifier: Apache-2.0
#include "model/scoring/extreme_value.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <numeric>
#include <random>

namespace uniad {
namespace {

nlohmann::json fixture() {
  std::ifstream file(UNIAD_SOURCE_ROOT "/tests/model/scoring/pareto.json");
  return nlohmann::json::parse(file);
}

// Scores of consecutive frames.
NormalScores film(std::vector<double> values, double frame_rate = 25) {
  std::vector<bool> continues(values.size(), true);
  continues.front() = false;
  return {std::move(values), std::move(continues), frame_rate};
}

NormalScores pictures(std::vector<double> values, double frame_rate = 25) {
  return {std::move(values), {}, frame_rate};
}

// Returns the number of runs of values at or above `score`.
int runs_at(const std::vector<double> &values, double score) {
  int runs = 0;
  for (std::size_t i = 0; i < values.size(); ++i)
    if (values[i] >= score && (i == 0 || values[i - 1] < score)) ++runs;
  return runs;
}

TEST(Tail, FitIsThatOfLMomentsAndAlarmsAreSciPys) {
  const auto laws = fixture();
  for (const char *name : {"exponential", "uniform", "heavy", "normal"}) {
    SCOPED_TRACE(name);
    const auto &law = laws.at(name);
    const auto tail = tail_of(pictures(law.at("scores")));
    EXPECT_NEAR(tail.level, law.at("level").get<double>(), 1e-12);
    EXPECT_NEAR(tail.shape, law.at("shape").get<double>(), 1e-9);
    EXPECT_NEAR(tail.scale, law.at("scale").get<double>(), 1e-9);
    ASSERT_EQ(tail.peaks.size(), 20U);
    for (std::size_t i = 0; i < law.at("scores_probed").size(); ++i) {
      // One of 200 pictures at 25 per second is 450 alarms per hour.
      const double rate = 450 * law.at("runs_expected").at(i).get<double>();
      const double score = law.at("scores_probed").at(i).get<double>();
      EXPECT_NEAR(alarms_per_hour(tail, 200, score), rate, 1e-6 * rate) << score;
    }
  }
}

// Regression test: one outlier among the normal scores raised thresholds that the footage was long enough to
// count.
TEST(Tail, WhereEnoughRunsWereSeenTheyDecideHoweverHighTheHighestIs) {
  std::mt19937_64 random(3);
  std::exponential_distribution<double> scores(1);
  std::vector<double> values(2000);
  std::generate(values.begin(), values.end(), [&] { return scores(random); });
  const double before = score_reached(tail_of(pictures(values)), 2000, 5 * 45);  // five of the 2000 pictures
  const double outlier = 1000;
  values.front() = outlier;
  const auto tail = tail_of(pictures(values));
  EXPECT_NEAR(score_reached(tail, 2000, 5 * 45), before, 0.1 * before);
  EXPECT_GT(score_reached(tail, 2000, 0.2 * 45), 0.1 * outlier);
}

TEST(Tail, TheScoreReachedIsTheLowestWithSoFewAlarms) {
  const auto laws = fixture();
  for (const char *name : {"exponential", "uniform", "heavy", "normal"}) {
    SCOPED_TRACE(name);
    const auto tail = tail_of(pictures(laws.at(name).at("scores")));
    double last = tail.level;
    for (double rate = 8000; rate > 1e-3; rate *= 0.8) {
      const double score = score_reached(tail, 200, rate);
      EXPECT_LE(alarms_per_hour(tail, 200, score), rate * (1 + 1e-12));
      EXPECT_GT(alarms_per_hour(tail, 200, score * (1 - 1e-9)), rate * (1 - 1e-6));
      EXPECT_GE(score, last);
      last = score;
    }
  }
}

TEST(Tail, ShapeIsNearTheLikeliest) {
  const auto samples = fixture().at("excesses");
  for (const auto &sample : samples) {
    const std::vector<double> excesses = sample.at("values");
    EXPECT_NEAR(fit_pareto(excesses).shape, sample.at("mle_shape").get<double>(), 0.12);
  }
}

TEST(Tail, NeverEndsBelowWhatWasSeen) {
  const std::vector<double> excesses{1.9, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 40};
  for (std::size_t count = 1; count <= excesses.size(); ++count) {
    const auto fit = fit_pareto(std::span(excesses).first(count));
    EXPECT_GT(fit.scale, 0);
    const double end = fit.shape < 0 ? -fit.scale / fit.shape : excesses.back();
    EXPECT_GE(end, excesses[count - 1] * (1 - 1e-12)) << count;
  }
  std::vector<double> rising(60, 3.0);
  rising.back() = 8;
  const auto fit = fit_pareto(rising);
  // Its moments alone would end the distribution at 6.68.
  EXPECT_LT(fit.shape, 0);
  EXPECT_NEAR(-fit.scale / fit.shape, 8, 1e-9);
}

TEST(Tail, ConsecutiveFramesAboveTheLevelAreOneRun) {
  std::vector<double> values(200, 1.0);
  const std::map<std::size_t, double> high{{10, 5},  {11, 7},  {12, 6},   {30, 4},
                                           {199, 9}, {150, 3}, {151, 3.5}};
  for (const auto &[at, score] : high) values[at] = score;
  const auto tail = tail_of(film(values));
  EXPECT_EQ(tail.level, 1.0);
  EXPECT_EQ(tail.peaks, (std::vector<double>{9, 7, 4, 3.5}));
  EXPECT_EQ(tail_of(pictures(values)).peaks, (std::vector<double>{9, 7, 6, 5, 4, 3.5, 3}));

  NormalScores cut = film(values);
  cut.continues[11] = false;  // another video begins here
  EXPECT_EQ(tail_of(cut).peaks, (std::vector<double>{9, 7, 5, 4, 3.5}));
}

TEST(Tail, LeavesATenthOrTwentyOrAQuarterAbove) {
  for (const auto &[count, above] : {std::pair{1, 0}, {4, 1}, {40, 10}, {150, 20}, {200, 20}, {900, 90}}) {
    std::vector<double> values(static_cast<std::size_t>(count));
    std::iota(values.begin(), values.end(), 0.0);
    EXPECT_EQ(tail_of(pictures(values)).peaks.size(), static_cast<std::size_t>(above)) << count;
  }
}

TEST(Tail, KeepsTheHighestHundredPeaks) {
  std::vector<double> values(5000);
  std::iota(values.begin(), values.end(), 0.0);
  const auto tail = tail_of(pictures(values));
  ASSERT_EQ(tail.peaks.size(), ScoreTail::most_peaks);
  EXPECT_EQ(tail.peaks.front(), 4999);
  EXPECT_EQ(tail.level, 4899);
  EXPECT_TRUE(std::is_sorted(tail.peaks.begin(), tail.peaks.end(), std::greater<>()));
}

TEST(Tail, ScoresThatAreAllTheSameHaveNoPeaks) {
  const auto tail = tail_of(film(std::vector<double>(50, 2.5)));
  EXPECT_EQ(tail.level, 2.5);
  EXPECT_TRUE(tail.peaks.empty());
  EXPECT_EQ(score_reached(tail, 50, 1), 2.5);
  EXPECT_EQ(alarms_per_hour(tail, 50, 2.5), 0);
  EXPECT_EQ(mean_excess(tail), 0);
}

TEST(Tail, CombinedIsOfAllPeaksAboveTheHigherLevel) {
  std::mt19937 random(2);
  std::exponential_distribution<double> scores(1);
  std::vector<double> a(300);
  std::vector<double> b(700);
  std::generate(a.begin(), a.end(), [&] { return scores(random); });
  std::generate(b.begin(), b.end(), [&] { return scores(random) + 0.5; });
  const auto of_a = tail_of(pictures(a, 10));
  const auto of_b = tail_of(pictures(b, 30));
  const auto both = combine(of_a, of_b);
  EXPECT_EQ(both.level, std::max(of_a.level, of_b.level));
  EXPECT_EQ(both.frame_rate, 30);
  std::vector<double> all = a;
  all.insert(all.end(), b.begin(), b.end());
  std::erase_if(all, [&](double score) { return score <= both.level; });
  std::sort(all.begin(), all.end(), std::greater<>());
  EXPECT_EQ(both.peaks, all);
  EXPECT_EQ(combine(of_b, of_a).shape, both.shape);
}

// New footage has the requested rate of alarms, whatever the distribution of scores is.
TEST(Tail, StatedAlarmsAnHourComeOutOnFreshFootage) {
  constexpr std::size_t frames = 40'000;  // 27 minutes, a third of them runs
  constexpr double rate = 25;
  const std::map<std::string, std::function<double(double, std::mt19937_64 &)>> steps{
      {"independent exponential",
       [](double, auto &random) { return std::exponential_distribution<double>(2)(random); }},
      {"independent uniform",
       [](double, auto &random) { return std::uniform_real_distribution<double>()(random); }},
      {"independent, heavy",
       [](double, auto &random) { return std::student_t_distribution<double>(5)(random); }},
      {"frames alike",
       [](double last, auto &random) { return 0.9 * last + std::normal_distribution<double>()(random); }},
      {"frames alike, skewed", [](double last, auto &random) {
         return 0.8 * last + std::exponential_distribution<double>(1)(random);
       }}};
  for (const auto &[name, step] : steps) {
    SCOPED_TRACE(name);
    std::mt19937_64 random(5);
    double last = 0;
    const auto record = [&, step = step](std::size_t count) {
      std::vector<double> values(count);
      for (double &value : values) value = last = step(last, random);
      return values;
    };
    const auto tail = tail_of(film(record(frames), rate));
    EXPECT_EQ(tail.peaks.size(), ScoreTail::most_peaks);
    const auto fresh = record(10 * frames);
    const double hours = static_cast<double>(fresh.size()) / rate / 3600;
    for (const double wanted : {60.0, 10.0}) {
      const double came = runs_at(fresh, score_reached(tail, frames, wanted)) / hours;
      // The upper bound of a bounded distribution is not known exactly; the threshold may be above it.
      if (name != "independent uniform") {
        EXPECT_GT(came, wanted / 2) << wanted;
      }
      EXPECT_LT(came, wanted * 2) << wanted;
    }
  }
}

TEST(Tail, IntervalHoldsTheTrueScoreNineTimesInTen) {
  constexpr int films = 150;
  constexpr std::int64_t frames = 600;
  constexpr double wanted = 3600.0 * 25 / frames / 10;  // one alarm in ten times the duration of the footage
  const double truth = std::log(10.0 * frames);         // which exponential scores exceed at this rate
  std::mt19937_64 random(9);
  std::exponential_distribution<double> scores(1);
  int held = 0;
  for (int n = 0; n < films; ++n) {
    std::vector<double> values(frames);
    std::generate(values.begin(), values.end(), [&] { return scores(random); });
    const auto interval = interval_of_score_reached(tail_of(pictures(values)), frames, wanted);
    EXPECT_LT(interval.low, interval.high);
    if (interval.low <= truth && truth <= interval.high) ++held;
  }
  EXPECT_GE(held, films * 84 / 100);
  EXPECT_LE(held, films * 98 / 100);
}

TEST(Tail, BelowTheLevelNothingIsClaimed) {
  std::vector<double> values(200);
  std::iota(values.begin(), values.end(), 0.0);
  const auto tail = tail_of(pictures(values));
  EXPECT_EQ(score_reached(tail, 200, 1e6), tail.level);
  EXPECT_DOUBLE_EQ(alarms_per_hour(tail, 200, 3), 9000);
}

}  // namespace
}  // namespace uniad
