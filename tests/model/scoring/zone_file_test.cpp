// SPDX-License-Identifier: Apache-2.0
#include "model/scoring/zone_file.h"

#include <gtest/gtest.h>
#include <png.h>

#include <filesystem>
#include <fstream>

#include "model/base/error.h"
#include "model/scoring/mask_file.h"

namespace uniad {
namespace {

// Each test has its own folder.
class ZoneFileTest : public testing::Test {
 protected:
  ZoneFileTest() { std::filesystem::create_directories(folder_); }
  ~ZoneFileTest() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path write(const std::string &name, const std::string &content) const {
    std::ofstream(folder_ / name, std::ios::binary) << content;
    return folder_ / name;
  }

  // Writes a gray picture, or one with gray and alpha.
  std::filesystem::path write_png(const std::string &name, int width, int height,
                                  const std::vector<std::uint8_t> &pixels, bool alpha = false) const {
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    image.width = static_cast<png_uint_32>(width);
    image.height = static_cast<png_uint_32>(height);
    image.format = alpha ? PNG_FORMAT_GA : PNG_FORMAT_GRAY;
    EXPECT_NE(png_image_write_to_file(&image, (folder_ / name).c_str(), 0, pixels.data(), 0, nullptr), 0);
    return folder_ / name;
  }

  const std::filesystem::path folder_ = std::filesystem::path(testing::TempDir()) /
                                        testing::UnitTest::GetInstance()->current_test_info()->name();
};

std::string error_of(const std::string &text) {
  try {
    parse_zones(text, "z.json", {});
  } catch (const Error &error) {
    return error.what();
  }
  return "no error";
}

void expect_begin(const std::string &text, const std::string &begin) {
  EXPECT_EQ(text.substr(0, begin.size()), begin);
}

void expect_in(const std::string &text, const std::string &part) {
  EXPECT_NE(text.find(part), std::string::npos) << text;
}

std::string zone(const std::string &keys) {
  return R"({"zones": [{)" + keys + R"(}]})";
}

const std::string triangle = R"("polygon": [[0, 0], [1, 0], [1, 1]])";

TEST_F(ZoneFileTest, ReadsZonesAndTheMaskBesideThem) {
  write_png("m.png", 3, 2, {0, 127, 128, 255, 10, 200});
  const auto path = write("z.json", R"({
    "zones": [
      {"name": "clock", "kind": "ignore", "polygon": [[0.1, 0.2], [0.3, 0.2], [0.3, 0.4]]},
      {"name": "door", "kind": "watch", "polygon": [[0, 0], [1, 0], [1, 1], [0, 1]], "threshold": 4.2},
      {"name": "lane", "kind": "watch", "polygon": [[0, 0], [1, 0], [1, 1]], "sensitivity": 2}
    ],
    "mask": "m.png"})");
  const ZoneFile file = read_zones(path.string());
  const Zones expected{{{"clock", ZoneKind::Ignore, {{0.1, 0.2}, {0.3, 0.2}, {0.3, 0.4}}, {}, {}},
                        {"door", ZoneKind::Watch, {{0, 0}, {1, 0}, {1, 1}, {0, 1}}, 4.2, {}},
                        {"lane", ZoneKind::Watch, {{0, 0}, {1, 0}, {1, 1}}, {}, 2}},
                       {3, 2, {1, 1, 0, 0, 1, 0}}};
  EXPECT_EQ(file.zones, expected);
  EXPECT_TRUE(file.warnings.empty());
}

TEST_F(ZoneFileTest, NothingIsNoZones) {
  EXPECT_TRUE(read_zones("").zones.empty());
  EXPECT_TRUE(read_zones(" \n").zones.empty());
  EXPECT_TRUE(read_zones("{}").zones.empty());
  EXPECT_TRUE(read_zones(R"({"zones": []})").zones.empty());
}

TEST_F(ZoneFileTest, TextThatBeginsWithABraceIsJson) {
  EXPECT_EQ(read_zones("\n " + zone(R"("kind": "ignore", )" + triangle)).zones.zones.size(), 1U);
}

TEST_F(ZoneFileTest, AMissingFileIsNamed) {
  try {
    read_zones("/nowhere/z.json");
    FAIL();
  } catch (const Error &error) {
    EXPECT_EQ(error.kind(), ErrorKind::NotFound);
    EXPECT_EQ(error.where(), "/nowhere/z.json");
  }
}

TEST_F(ZoneFileTest, GarbageNamesItsLine) {
  expect_begin(error_of("{\n\n\"zones\": [}"), "z.json:3: is not JSON: ");
  expect_begin(error_of("{\"zones\":\n[\n{\n"), "z.json:4: is not JSON: ");
  expect_begin(error_of(""), "z.json:1: is not JSON: ");
  expect_begin(error_of("[]"), "z.json:1: is not a JSON object");
  expect_begin(error_of("{\"zones\": [{\"name\": \"\xff\"}]}"), "z.json:1: is not JSON: ");
  expect_begin(error_of("\x89PNG\r\n"), "z.json:1: is not JSON: ");
}

TEST_F(ZoneFileTest, EachFaultNamesLineZoneAndKey) {
  expect_begin(error_of("{\n\"zones\": 3}"), "z.json:2: zones: is not an array");
  expect_begin(error_of("{\"zones\": [\n3]}"), "z.json:1: zones: zone 1 is not an object");
  expect_begin(error_of(zone(triangle)), "z.json:1: zone 1: kind: is missing");
  expect_begin(error_of("{\"zones\": [\n\n{\"name\": \"a\",\n\"kind\": \"block\"}]}"),
               "z.json:4: zone 1 (\"a\"): kind: is unknown: block");
  expect_begin(error_of(zone(R"("kind": 3)")), "z.json:1: zone 1: kind: is not a string");
  expect_begin(error_of("{\"zones\": [\n{\"kind\": \"ignore\"}]}"), "z.json:2: zone 1: polygon: is missing");
  expect_begin(error_of(zone(R"("kind": "watch", )" + triangle)), "z.json:1: zone 1: name: is missing");
  expect_begin(error_of("{\"zones\": [{\"name\": \"a\", \"kind\": \"ignore\", " + triangle +
                        "},\n{\"kind\": \"watch\",\n\"name\": \"a\", " + triangle + "}]}"),
               "z.json:3: zone 2 (\"a\"): name: is the name of another zone");
  expect_in(error_of(zone(R"("kind": "ignore", "name": "a\nb", )" + triangle)), "name: is too long");
}

TEST_F(ZoneFileTest, APolygonMustEncloseAPartOfTheFrame) {
  const auto polygon = [](const std::string &points) {
    return error_of(zone(R"("kind": "ignore", "polygon": )" + points));
  };
  expect_in(polygon("7"), "polygon: is not an array of points");
  expect_in(polygon("[]"), "polygon: has 0 points (give at least three)");
  expect_in(polygon("[[0, 0], [1, 1]]"), "polygon: has 2 points");
  expect_in(polygon("[[0, 0], [1, 1, 1], [0, 1]]"), "point 2 is not a pair of numbers");
  expect_in(polygon("[[0, 0], [1, \"1\"], [0, 1]]"), "point 2 is not a pair of numbers");
  expect_in(polygon("[[0, 0], [320, 0], [320, 240]]"), "point 2 is not in 0..1 of the frame");
  expect_in(polygon("[[0, 0], [320, 0], [320, 240]]"), "divide pixels by");
  expect_begin(polygon("[[0, 0], [1e999, 0], [1, 1]]"), "z.json:1: ");
  expect_in(polygon("[[0, 0.5], [0.5, 0.5], [1, 0.5]]"), "encloses no area");
  expect_in(polygon("[[1.1, 0], [1.5, 0], [1.5, 1]]"), "lies beyond the frame");
}

TEST_F(ZoneFileTest, ThresholdAndSensitivityAreNumbersAboveZeroAndExcludeEachOther) {
  const auto keys = [](const std::string &keys) {
    return error_of(zone(R"("name": "a", "kind": "watch", )" + triangle + ", " + keys));
  };
  expect_in(keys(R"("threshold": 0)"), "threshold: is not a number above 0");
  expect_in(keys(R"("threshold": "4")"), "threshold: is not a number above 0");
  expect_in(keys(R"("sensitivity": -1)"), "sensitivity: is not a number above 0");
  expect_in(keys(R"("sensitivity": 2, "threshold": 3)"),
            "sensitivity: does not go together with a threshold");
}

TEST_F(ZoneFileTest, WarnsOfWhatHasNoEffect) {
  const std::string text =
      "{\"zone\": [],\n\"zones\": [{\"kind\": \"ignore\", \"color\": \"red\",\n"
      "\"polygon\": [[-0.5, 0], [0.5, 0], [0.5, 1]], \"threshold\": 3}]}";
  EXPECT_EQ(parse_zones(text, "z.json", {}).warnings,
            (std::vector<std::string>{
                "z.json:1: zone: unknown key, ignored", "z.json:2: zone 1: color: unknown key, ignored",
                "z.json:3: zone 1: polygon: reaches beyond the frame, where it has no effect",
                "z.json:3: zone 1: threshold: has no effect in a zone that is ignored"}));
}

TEST_F(ZoneFileTest, TooManyPointsAreRefusedAndTenThousandAreNot) {
  const auto with = [](std::size_t points) {
    std::string polygon = "[[0, 0]";
    for (std::size_t i = 1; i < points; ++i) polygon += i % 2 == 0 ? ", [1, 0.2]" : ", [0.4, 0.8]";
    return zone(R"("kind": "ignore", "polygon": )" + polygon + "]");
  };
  EXPECT_EQ(parse_zones(with(10'000), "z.json", {}).zones.zones[0].polygon.size(), 10'000U);
  expect_in(error_of(with(most_zone_points + 1)), "has more than 100000 points");
  std::string many = "{\"zones\": [";
  for (std::size_t i = 0; i <= most_zones; ++i)
    many += std::string(i > 0 ? "," : "") + "{\"kind\": \"ignore\", " + triangle + "}";
  expect_in(error_of(many + "]}"), "has more than 256 zones");
}

TEST_F(ZoneFileTest, AMaskThatCannotBeReadIsNamedWithItsLine) {
  const auto mask = [&](const std::string &name) {
    try {
      parse_zones("{\n\"mask\": \"" + name + "\"}", "z.json", folder_);
    } catch (const Error &error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  const std::string where = "z.json:2: mask: " + (folder_ / "").string();
  expect_begin(mask("none.png"), where + "none.png: there is no such mask");
  write("text.png", "black");
  expect_begin(mask("text.png"), where + "text.png: cannot be read as PNG: ");
  std::filesystem::resize_file(write_png("cut.png", 64, 64, std::vector<std::uint8_t>(64 * 64, 7)), 60);
  expect_begin(mask("cut.png"), where + "cut.png: cannot be read as PNG: ");
  write_png("wide.png", most_mask_side + 1, 1, std::vector<std::uint8_t>(most_mask_side + 1));
  expect_in(mask("wide.png"), "wide.png: is 8193x1 pixels large");
  expect_in(mask("."), "there is no such mask");
}

TEST_F(ZoneFileTest, TransparentPixelsOfAMaskAreNotIgnored) {
  EXPECT_EQ(read_mask(write_png("a.png", 2, 2, {0, 0, 0, 255, 255, 0, 255, 255}, true)),
            (MaskPicture{2, 2, {0, 1, 0, 0}}));
}

TEST_F(ZoneFileTest, AMaskThatLeavesNothingIsWarnedOf) {
  write_png("black.png", 2, 1, {0, 0});
  EXPECT_EQ(parse_zones(R"({"mask": "black.png"})", "z.json", folder_).warnings,
            (std::vector<std::string>{"z.json:1: mask: is all black: nothing is judged"}));
}

}  // namespace
}  // namespace uniad
