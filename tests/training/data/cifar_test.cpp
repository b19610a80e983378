// SPDX-License-Identifier: Apache-2.0
#include "training/data/cifar.h"

#include <algorithm>
#include <array>
#include <map>

#include "model/base/error.h"
#include "tests/support/refusal.h"
#include "tests/support/shared.h"
#include "tests/training/data/temporary_folder.h"
#include "training/data/visit.h"

namespace uniad {
namespace {

class Cifar : public test::TemporaryFolder {
 protected:
  // Writes a file with one record for each of these classes. All pixels of a record have the number of the
  // record.
  void write_batch(const std::string &name, const std::vector<int> &classes) {
    std::string bytes;
    for (std::size_t i = 0; i < classes.size(); ++i)
      bytes += static_cast<char>(classes[i]) + std::string(3072, static_cast<char>(i));
    write(name, bytes);
  }

  std::string refusal(const std::string &spec) {
    return test::refusal([&] { open_sources(std::vector{spec}); });
  }
};

TEST_F(Cifar, ManyAgainstManyIsOneSource) {
  write_batch("cifar/data_batch_1.bin", {0, 5, 1, 9});
  write_batch("cifar/data_batch_2.bin", {6, 0});
  write_batch("cifar/test_batch.bin", {0, 7, 8, 9, 1, 7, 2});
  const auto sources = open_sources(std::vector{(folder_ / "cifar#0,automobile").string()});
  ASSERT_EQ(sources.size(), 1U);
  EXPECT_EQ(sources[0].name, "cifar");
  const auto &train = sources[0].train;
  ASSERT_EQ(train.size(), 3U);
  EXPECT_EQ(train[1].record, 2);
  EXPECT_EQ(train[2].path.filename(), "data_batch_2.bin");
  EXPECT_EQ(train[2].record, 1);
  EXPECT_EQ(train[2].abnormal, false);
  // Both normal pictures of the test, and two of the other five.
  const auto &test = sources[0].test;
  ASSERT_EQ(test.size(), 4U);
  EXPECT_EQ(test[0].record, 0);
  EXPECT_EQ(test[1].record, 4);
  const std::map<std::int64_t, std::string> others{
      {1, "horse"}, {2, "ship"}, {3, "truck"}, {5, "horse"}, {6, "bird"}};
  EXPECT_NE(test[2].record, test[3].record);
  for (const auto &item : {test[2], test[3]}) {
    EXPECT_EQ(item.abnormal, true);
    EXPECT_EQ(item.defect, others.at(*item.record));
  }
}

TEST_F(Cifar, RefusalsNameTheReason) {
  write_batch("cifar/data_batch_1.bin", {0});
  write_batch("cifar/test_batch.bin", {0, 7});
  const auto folder = (folder_ / "cifar").string();
  EXPECT_NE(refusal(folder).find("no class is normal"), std::string::npos);
  EXPECT_NE(refusal(folder + "#0,zebra").find("\"zebra\" is not a class"), std::string::npos);
  EXPECT_NE(refusal(folder + "#10").find("\"10\" is not a class"), std::string::npos);
  EXPECT_NE(refusal(folder + "#0,1,2,3,4,5,6,7,8,9").find("every class is normal"), std::string::npos);
  write_batch("cifar/test_batch.bin", {0, 77});
  EXPECT_NE(refusal(folder + "#0").find("record 1 has an unknown class"), std::string::npos);
  write("cifar/test_batch.bin", std::string(3000, 'x'));
  EXPECT_NE(refusal(folder + "#0").find("test_batch.bin: 3000 bytes"), std::string::npos);
}

TEST_F(Cifar, AFileThatBecameShorterIsNamed) {
  write_batch("test_batch.bin", {0, 7});
  const std::vector<Item> items{{folder_ / "test_batch.bin", {}, {}, {}, {}, 1},
                                {folder_ / "test_batch.bin", {}, {}, {}, {}, 2}};
  std::vector<std::size_t> seen;
  const auto unread = visit_items(items, [&](std::size_t index, const FrameView &frame) {
    seen.push_back(index);
    EXPECT_EQ(frame.planes[0].data[0], 1);
  });
  EXPECT_EQ(seen, std::vector<std::size_t>{0});
  ASSERT_EQ(unread.size(), 1U);
  EXPECT_NE(unread[0].reason.find("picture 2 cannot be read"), std::string::npos);
}

TEST_F(Cifar, PicturesAreEnlargedAsPillowDoes) {
  std::uint32_t state = 12345;  // as in make_cifar_fixture.py
  std::string bytes(1, '\0');
  for (int i = 0; i < 3 * 32 * 32; ++i) {
    state = state * 1664525 + 1013904223;
    bytes += static_cast<char>(state >> 24U);
  }
  const auto picture = read_cifar(write("test_batch.bin", bytes), 0);
  ASSERT_EQ(picture.size(), cv::Size(224, 224));
  std::ifstream file(std::string(UNIAD_SOURCE_ROOT) + "/tests/training/data/cifar_pillow.txt");
  std::int64_t expected_sum = 0;
  file >> expected_sum;
  const std::array at{0, 1, 5, 37, 111, 112, 200, 223};
  for (const int y : at)
    for (const int x : at)
      for (const int channel : {2, 1, 0}) {  // the fixture is in RGB order
        int expected = -1;
        file >> expected;
        EXPECT_EQ(picture.at<cv::Vec3b>(y, x)[channel], expected) << x << ", " << y;
      }
  std::int64_t sum = 0;
  for (int i = 0; i < 224 * 224 * 3; ++i)
    sum += std::int64_t{picture.at<cv::Vec3b>(i / 3 / 224, i / 3 % 224)[2 - i % 3]} * (1 + i % 251);
  EXPECT_EQ(sum, expected_sum);
}

TEST(RealCifar, HasTheClassesOfItsReadme) {
  UNIAD_NEED_SHARED(folder, "data/cifar10");
  const auto source = open_sources(std::vector{folder.string() + "#1,3,5,7,9"}).at(0);
  EXPECT_EQ(source.train.size(), 2500U);
  EXPECT_EQ(source.test.size(), 1000U);
  EXPECT_EQ(
      std::count_if(source.test.begin(), source.test.end(), [](const Item &item) { return *item.abnormal; }),
      500);
}

}  // namespace
}  // namespace uniad
