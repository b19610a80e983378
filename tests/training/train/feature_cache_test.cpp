// SPDX-License-Identifier: Apache-2.0
#include "training/train/feature_cache.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>

#include "model/base/error.h"
#include "tests/support/full_disk.h"
#include "tests/training/data/temporary_folder.h"
#include "training/train/features.h"

namespace uniad {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t plenty = std::uint64_t{1} << 30U;

ModelConfig tiny(int size = 64) {
  ModelConfig config;
  config.backbone = {"efficientnet-lite0", {1, 2, 3}, PaddingRule::StaticSame, 1e-3};
  config.input.height = config.input.width = size;
  config.reconstruction.reset();
  config.statistics.emplace();
  return config;
}

class Cached : public test::TemporaryFolder {
 protected:
  Cached() : network_(tiny()), extractor_(network_, tiny()), cache_folder_(folder_ / "cache") {
    for (int i = 0; i < 5; ++i) {
      cv::Mat noise(64, 64, CV_8UC3);
      cv::theRNG().state = static_cast<std::uint64_t>(i) + 1;
      cv::randu(noise, 0, 255);
      items_.push_back({write_picture(std::to_string(i) + ".png", noise), {}, {}, {}, {}});
    }
    row_ = static_cast<std::uint64_t>(c10::multiply_integers(extractor_.shape())) * 2;
    const Features all = extract_features(extractor_, items_, 8, "all", progress_);
    expected_ = all.values.to(torch::kFloat32);
  }

  // Expects the correct rows, whatever the cache contains.
  void expect_all(const FeatureRows &rows) {
    ASSERT_EQ(rows.rows(), 5);
    const std::vector<std::int64_t> order{3, 0, 4, 1, 2, 3};
    EXPECT_TRUE(torch::equal(rows.gather(order), expected_.index_select(0, torch::tensor(order))));
  }

  std::vector<fs::path> files() const {
    std::vector<fs::path> found;
    if (fs::exists(cache_folder_))
      for (const auto &entry : fs::recursive_directory_iterator(cache_folder_))
        if (entry.is_regular_file()) found.push_back(entry.path());
    std::sort(found.begin(), found.end());
    return found;
  }

  // Returns what a run writes to standard error, and checks its rows.
  std::string run(FeatureCacheOptions options, FeatureExtractor &extractor) {
    testing::internal::CaptureStderr();
    FeatureCache cache(extractor, progress_, std::move(options));
    expect_all(cache.read(items_, 2, "reading"));
    return testing::internal::GetCapturedStderr();
  }
  std::string run(FeatureCacheOptions options) { return run(std::move(options), extractor_); }

  Network network_;
  FeatureExtractor extractor_;
  fs::path cache_folder_;
  Progress progress_;
  std::vector<Item> items_;
  torch::Tensor expected_;
  std::uint64_t row_ = 0;
};

TEST_F(Cached, InMemoryAlone) {
  run({plenty, {}, plenty});
  EXPECT_TRUE(files().empty());
}

TEST_F(Cached, WithoutAnyMemoryOrDiskTheyAreComputedAgain) {
  run({0, {}, 0});
}

TEST_F(Cached, WhatDoesNotFitIntoMemoryComesFromTheDisk) {
  FeatureCache cache(extractor_, progress_, {2 * row_, cache_folder_, plenty});
  const FeatureRows rows = cache.read(items_, 2, "reading");
  EXPECT_EQ(files().size(), 5U);
  for (const Item &item : items_) fs::remove(item.path);  // so that nothing can be computed again
  expect_all(rows);
}

TEST_F(Cached, ALaterRunReadsWhatAnEarlierOneWrote) {
  EXPECT_EQ(run({plenty, cache_folder_, plenty}).find("are known"), std::string::npos);
  const auto written = fs::last_write_time(files().at(0));
  EXPECT_NE(run({plenty, cache_folder_, plenty}).find("reading: features of 5 of 5 are known"),
            std::string::npos);
  EXPECT_NE(run({0, cache_folder_, plenty}).find("5 of 5 are known"), std::string::npos);
  EXPECT_EQ(fs::last_write_time(files().at(0)), written);
}

TEST_F(Cached, OtherWeightsAnotherInputOrAChangedPictureAreNotMixedUp) {
  run({plenty, cache_folder_, plenty});
  Network other(tiny());
  FeatureExtractor of_other(other, tiny());
  EXPECT_NE(of_other.digest(), extractor_.digest());
  Network larger(tiny(96));
  EXPECT_NE(FeatureExtractor(larger, tiny(96)).digest(), extractor_.digest());
  EXPECT_EQ(FeatureExtractor(network_, tiny()).digest(), extractor_.digest());

  write_picture("1.png", cv::Mat(64, 64, CV_8UC3, cv::Scalar(1, 2, 3)));
  FeatureCache cache(extractor_, progress_, {plenty, cache_folder_, plenty});
  const FeatureRows rows = cache.read(items_, 2, "reading");
  EXPECT_FALSE(torch::equal(rows.gather(std::vector<std::int64_t>{1})[0], expected_[1]));
  EXPECT_TRUE(torch::equal(rows.gather(std::vector<std::int64_t>{2})[0], expected_[2]));
}

TEST_F(Cached, DamagedFilesAreNoticedAndWrittenAgain) {
  run({plenty, cache_folder_, plenty});
  const auto whole = files();
  const std::string sound = content(whole[0]);
  const auto damage = [&] {
    std::string flipped = sound;
    flipped[100] = static_cast<char>(flipped[100] ^ 1);
    std::ofstream(whole[0], std::ios::binary) << flipped;
    std::ofstream(whole[1], std::ios::binary) << "short";
    fs::copy_file(whole[3], whole[2], fs::copy_options::overwrite_existing);  // complete, but another row
    fs::remove(whole[4]);
  };
  damage();
  run({plenty, cache_folder_, plenty});
  EXPECT_EQ(content(whole[0]), sound);
  EXPECT_EQ(files(), whole);
  damage();
  run({0, cache_folder_, plenty});  // detected row by row
  EXPECT_EQ(content(whole[0]), sound);
  EXPECT_EQ(files(), whole);
}

TEST_F(Cached, AFullDiskIsToldOnceAndEverythingGoesOn) {
  std::string said;
  {
    const test::FullDisk full(row_ / 2);
    said = run({2 * row_, cache_folder_, plenty});
  }
  const std::string told = "features are no longer cached on disk";
  const auto first = said.find(told);
  ASSERT_NE(first, std::string::npos) << said;
  EXPECT_EQ(said.find(told, first + 1), std::string::npos) << said;
  EXPECT_TRUE(files().empty());  // no incomplete file is left
}

TEST_F(Cached, AFolderThatCannotBeMadeIsToldToo) {
  write("cache", "a file");
  EXPECT_NE(run({0, cache_folder_, plenty}).find("no longer cached on disk"), std::string::npos);
}

TEST_F(Cached, UnreadableItemsHaveNoRow) {
  items_[1].path = write("1.png", "no picture");
  items_[3].path = folder_ / "missing.png";
  for (int round = 0; round < 2; ++round) {
    FeatureCache cache(extractor_, progress_, {plenty, cache_folder_, plenty});
    const FeatureRows rows = cache.read(items_, 2, "reading");
    ASSERT_EQ(rows.rows(), 3);
    EXPECT_EQ(rows.item(1).path, items_[2].path);
    ASSERT_EQ(rows.unread().size(), 2U);
    EXPECT_EQ(rows.unread()[0].index, 1U);
    EXPECT_EQ(rows.unread()[1].index, 3U);
    EXPECT_TRUE(torch::equal(rows.gather(std::vector<std::int64_t>{2})[0], expected_[4]));
  }
}

TEST_F(Cached, APictureThatHasGoneIsNamedWhenItIsNeededAgain) {
  FeatureCache cache(extractor_, progress_, {0, {}, 0});
  const FeatureRows rows = cache.read(items_, 2, "reading");
  fs::remove(items_[3].path);
  EXPECT_EQ(rows.gather(std::vector<std::int64_t>{0, 4}).size(0), 2);
  EXPECT_THROW(rows.gather(std::vector<std::int64_t>{3}), Error);
}

TEST_F(Cached, TheFolderIsBoundedAndTheOldestGoFirst) {
  run({plenty, cache_folder_, plenty});
  const auto all = files();
  const auto now = fs::file_time_type::clock::now();
  for (std::size_t i = 0; i < all.size(); ++i) fs::last_write_time(all[i], now - std::chrono::hours(i + 1));
  FeatureCache(extractor_, progress_, {plenty, cache_folder_, 3 * (row_ + 64)});
  EXPECT_EQ(files(), (std::vector<fs::path>{all[0], all[1], all[2]}));
}

// Pictures that differ only where they are ignored have the same features, wherever these come from.
class WithZones : public Cached {
 protected:
  WithZones() {
    for (const Item &item : items_) {
      cv::Mat flashing = cv::imread(item.path.string());
      if (&item != items_.data()) flashing(ignored).setTo(cv::Scalar(255, 0, 255));
      flashing_.push_back(
          {write_picture("flashing-" + item.path.filename().string(), flashing), {}, {}, {}, {}});
    }
  }

  static Zones ignoring(const cv::Rect &box) {
    const double side = 64;
    const double left = box.x / side, top = box.y / side, right = box.br().x / side,
                 bottom = box.br().y / side;
    return {{{"", ZoneKind::Ignore, {{left, top}, {right, top}, {right, bottom}, {left, bottom}}, {}, {}}},
            {}};
  }

  torch::Tensor read(const FeatureCacheOptions &options, std::span<const Item> items, const Zones &zones) {
    FeatureCache cache(extractor_, progress_, options);
    const FeatureRows rows = cache.read(items, 2, "reading", {}, &zones);
    extractor_.set_zones(static_cast<const Zones *>(nullptr));  // as for the next source
    return rows.gather(std::vector<std::int64_t>{3, 0, 4, 1, 2});
  }

  const cv::Rect ignored{16, 16, 32, 16};
  std::vector<Item> flashing_;
};

TEST_F(WithZones, WhatIsIgnoredDoesNotMatter) {
  const Zones zones = ignoring(ignored);
  const torch::Tensor expected = read({plenty, {}, plenty}, items_, zones);
  EXPECT_FALSE(
      torch::equal(read({plenty, {}, plenty}, flashing_, {}), read({plenty, {}, plenty}, items_, {})));
  EXPECT_TRUE(torch::equal(read({plenty, {}, plenty}, flashing_, zones), expected));
  EXPECT_TRUE(torch::equal(read({0, {}, 0}, flashing_, zones), expected));
  read({plenty, cache_folder_, plenty}, flashing_, zones);
  const auto all = files();
  ASSERT_EQ(all.size(), 5U);
  EXPECT_TRUE(torch::equal(read({plenty, cache_folder_, plenty}, flashing_, zones), expected));
  fs::remove(all[1]);
  fs::remove(all[4]);
  EXPECT_TRUE(torch::equal(read({0, cache_folder_, plenty}, flashing_, zones), expected));
  EXPECT_EQ(files(), all);
}

TEST_F(WithZones, OtherZonesAndAnotherFirstPictureAreNotMixedUp) {
  const FeatureCacheOptions on_disk{plenty, cache_folder_, plenty};
  const FeatureCacheOptions nowhere{plenty, {}, plenty};
  const Zones zones = ignoring(ignored);
  const Zones wider = ignoring({16, 16, 48, 16});
  read(on_disk, flashing_, zones);
  EXPECT_TRUE(torch::equal(read(on_disk, flashing_, wider), read(nowhere, flashing_, wider)));
  EXPECT_TRUE(torch::equal(read(on_disk, flashing_, {}), read(nowhere, flashing_, {})));
  EXPECT_EQ(files().size(), 15U);
  std::vector<Item> others(flashing_.rbegin(), flashing_.rend());
  EXPECT_TRUE(torch::equal(read(on_disk, others, zones), read(nowhere, others, zones)));
  // A watch zone does not change a picture.
  read(on_disk, flashing_, {{{"gate", ZoneKind::Watch, zones.zones[0].polygon, {}, {}}}, {}});
  EXPECT_EQ(files().size(), 20U);
}

// Both processes write every file at the same time.
TEST_F(Cached, TwoProcessesShareAFolder) {
  const auto work = [&] {
    for (int round = 0; round < 5; ++round) {
      FeatureCache cache(extractor_, progress_, {0, cache_folder_, 0});  // removes files of the other process
      const FeatureRows rows = cache.read(items_, 5, "reading");
      const std::vector<std::int64_t> all{0, 1, 2, 3, 4};
      if (!torch::equal(rows.gather(all), expected_)) return false;
    }
    return true;
  };
  // The engine's threads do not survive a fork, so the other process runs this test again.
  if (const char *const shared = std::getenv("UNIAD_TEST_SHARED_CACHE")) {
    for (Item &item : items_) item.path = fs::path(shared) / item.path.filename();
    cache_folder_ = fs::path(shared) / "cache";
    EXPECT_TRUE(work());
    return;
  }
  fs::create_directories(cache_folder_);
  const pid_t other = fork();
  if (other == 0) {
    setenv("UNIAD_TEST_SHARED_CACHE", folder_.c_str(), 1);
    execl("/proc/self/exe", "train-test", "--gtest_filter=Cached.TwoProcessesShareAFolder",
          static_cast<char *>(nullptr));
    _exit(1);
  }
  EXPECT_TRUE(work());
  int status = 0;
  waitpid(other, &status, 0);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace uniad
