// SPDX-License-Identifier: Apache-2.0
#include "training/train/batches.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

namespace uniad {
namespace {

std::vector<std::int64_t> numbers(const torch::Tensor &pictures) {
  const auto *first = pictures.data_ptr<std::int64_t>();
  return {first, first + pictures.numel()};
}

std::vector<std::int64_t> epoch_of(Batches batches, std::int64_t first_step, std::int64_t steps) {
  std::vector<std::int64_t> all;
  for (std::int64_t step = first_step; step < first_step + steps; ++step)
    for (std::int64_t number : numbers(batches.at(step).pictures)) all.push_back(number);
  return all;
}

TEST(Batches, EveryEpochSeesEveryPictureOnceInAnotherOrder) {
  const Batches batches({7, 4}, 4, false, 5);
  const auto first = epoch_of(batches, 0, 3);
  const auto second = epoch_of(batches, 3, 3);
  for (auto order : {first, second}) {
    std::sort(order.begin(), order.end());
    EXPECT_EQ(order, (std::vector<std::int64_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}));
  }
  EXPECT_NE(first, second);
  EXPECT_NE(first, epoch_of(Batches({7, 4}, 4, false, 6), 0, 3)) << "another seed, another order";
}

TEST(Batches, AStepSeesTheSameWhateverWasAskedBefore) {
  Batches walked({20, 3}, 5, true, 1);
  for (std::int64_t step = 0; step < 17; ++step) walked.at(step);
  Batches begun({20, 3}, 5, true, 1);
  EXPECT_EQ(numbers(walked.at(17).pictures), numbers(begun.at(17).pictures));
}

TEST(Batches, WorkersPartTheBatchOfOneThatIsAsLarge) {
  for (std::int64_t step : {0, 2, 5}) {  // 2 and 5 are the last steps of an epoch, with three pictures
    const auto together = Batches({15}, 6, false, 9).at(step);
    std::vector<std::int64_t> parts;
    for (int rank = 0; rank < 2; ++rank) {
      const auto part = Batches({15}, 3, false, 9, {rank, 2}).at(step);
      EXPECT_EQ(part.all, together.all);
      for (std::int64_t number : numbers(part.pictures)) parts.push_back(number);
    }
    EXPECT_EQ(parts, numbers(together.pictures)) << "step " << step;
  }
}

TEST(Batches, AWorkerMayHaveNothingToDo) {
  std::int64_t pictures = 0;
  for (int rank = 0; rank < 4; ++rank)
    pictures += Batches({2}, 1, false, 0, {rank, 4}).at(0).pictures.numel();
  EXPECT_EQ(pictures, 2);
}

TEST(Batches, BalancedSourcesAreSeenEquallyOften) {
  const auto order = epoch_of(Batches({31, 269}, 10, true, 3), 0, 30);
  ASSERT_EQ(order.size(), 300U);
  std::map<std::int64_t, int> seen;
  for (std::int64_t number : order) ++seen[number];
  const auto small =
      std::count_if(order.begin(), order.end(), [](std::int64_t number) { return number < 31; });
  EXPECT_EQ(small, 150);
  for (std::int64_t number = 0; number < 31; ++number) {
    EXPECT_GE(seen[number], 4) << "150 draws of 31 pictures";
    EXPECT_LE(seen[number], 5);
  }
  for (std::int64_t number = 31; number < 300; ++number) EXPECT_LE(seen[number], 1);
}

}  // namespace
}  // namespace uniad
