// SPDX-License-Identifier: Apache-2.0
#include "training/evaluate/figures/table.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

namespace uniad {
namespace {

std::map<std::string, ClassFigures> two_classes() {
  ClassFigures bottle{12, {{"image_auroc", 0.98765}, {"aupimo", 0.5}}, {}, {}, {}};
  bottle.defects["crack"] = {3, {{"image_auroc", 1.0}}, {}, {}, {}};
  bottle.defects["dent"] = {4, {{"image_auroc", 0.25}}, {}, {}, {}};
  ClassFigures gate{100, {{"image_auroc", 0.5}}, {{"events", 2}, {"delay_seconds", 0.123}}, {}, {}};
  gate.defects["person"] = {9, {}, {}, {}, {}};
  return {{"bottle", bottle}, {"gate", gate}};
}

TEST(Table, HasARowAClassATypeAndAVideoAndStaysNarrow) {
  std::ostringstream out;
  print_table(two_classes(), out);
  std::vector<std::string> first_words;
  std::istringstream lines(out.str());
  std::map<std::string, std::vector<std::string>> rows;
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(line.size(), 100U) << line;
    std::istringstream words(line);
    std::string name;
    if (!(words >> name)) continue;
    first_words.push_back(name);
    for (std::string word; words >> word;) rows[name].push_back(word);
  }
  // gate has only one type of defect, whose row would be the same.
  EXPECT_EQ(first_words, (std::vector<std::string>{"image", "class", "bottle", "crack", "dent", "gate",
                                                   "mean", "over", "video", "gate"}));
  EXPECT_EQ(rows["bottle"],
            (std::vector<std::string>{"12", "0.9877", "-", "-", "-", "-", "-", "-", "0.5000", "-", "-"}));
  EXPECT_EQ(rows["dent"][0], "4");
  EXPECT_EQ(rows["mean"][0], "0.7438");  // (0.98765 + 0.5) / 2
  EXPECT_EQ(rows["mean"][7], "0.5000");
  EXPECT_EQ(rows["over"],
            (std::vector<std::string>{"classes", "2", "-", "-", "-", "-", "-", "-", "1", "-", "-"}));
  EXPECT_EQ(rows["gate"].back(), "-");
  EXPECT_EQ(rows["gate"][rows["gate"].size() - 2], "0.12");
}

TEST(Table, HasNoVideosWithoutEventsAndCountsNoClassesWhereAllHaveTheFigures) {
  std::ostringstream out;
  print_table({{"a", {1, {{"image_auroc", 1.0}}, {}, {}, {}}}}, out);
  EXPECT_EQ(out.str().find("video"), std::string::npos);
  EXPECT_EQ(out.str().find("over classes"), std::string::npos);
}

TEST(Table, HasOperatingPointsWhereThereAreAny) {
  ClassFigures bottle{12, {{"image_auroc", 0.98765}}, {}, {}, {}};
  bottle.operating_points = {{"found_3sd", 0.5}, {"false_3sd", 0.01}, {"sd_1%", 2.5}, {"found_1%", 0.75}};
  std::ostringstream out;
  print_table({{"bottle", bottle}}, out);
  std::istringstream lines(out.str());
  std::vector<std::string> rows;
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(line.size(), 100U) << line;
    rows.push_back(line);
  }
  EXPECT_NE(out.str().find("bottle                          -       -       0.5000  0.0100"),
            std::string::npos)
      << out.str();
  EXPECT_NE(out.str().find("   2.50  0.7500"), std::string::npos) << out.str();
  const auto json = nlohmann::json::parse(to_json({{"bottle", bottle}}).dump());
  EXPECT_EQ(json["classes"]["bottle"]["operating_points"]["found_1%"], 0.75);
}

TEST(Json, HasDefectsAndEventsWhereThereAreAny) {
  const auto json = nlohmann::json::parse(to_json(two_classes()).dump());
  EXPECT_EQ(json["classes"]["bottle"]["aupimo"], 0.5);
  EXPECT_EQ(json["classes"]["bottle"]["defects"]["dent"]["images"], 4);
  EXPECT_EQ(json["classes"]["bottle"]["defects"]["dent"]["image_auroc"], 0.25);
  EXPECT_FALSE(json["classes"]["bottle"].contains("events"));
  EXPECT_EQ(json["classes"]["gate"]["events"]["events"], 2);
  EXPECT_EQ(json["mean"], nlohmann::json({{"image_auroc", 0.743825}, {"aupimo", 0.5}}));
  EXPECT_EQ(json["mean_classes"], nlohmann::json({{"image_auroc", 2}, {"aupimo", 1}}));
}

}  // namespace
}  // namespace uniad
