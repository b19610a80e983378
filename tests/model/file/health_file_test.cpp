// SPDX-License-Identifier: Apache-2.0
#include "model/file/health_file.h"

#include <gtest/gtest.h>

#include <functional>

#include "model/base/error.h"
#include "model/health/scene_edges.h"

namespace uniad {
namespace {

SceneLook look_of(std::uint8_t level) {
  SceneLook look;
  look.mean = {scene_side, scene_side,
               std::vector<std::uint8_t>(std::size_t{scene_side} * scene_side, level)};
  look.deviation = {SceneLook::deviation_side, SceneLook::deviation_side,
                    std::vector<std::uint8_t>(
                        std::size_t{SceneLook::deviation_side} * SceneLook::deviation_side, std::uint8_t{3})};
  look.pictures = 40 + level;
  look.detail = 7.5;
  look.sharpness = 0.25;
  return look;
}

HealthReferences references() {
  HealthReferences all;
  all["gate"].looks = {look_of(80), look_of(20)};
  all["gate"].darkest = 90;
  all["gate"].jump = 0.5;
  all["gate"].stillest = 1.25;
  all["yard"].looks = {look_of(120)};
  return all;
}

TensorFile stored() {
  TensorFile content;
  content.tensors["backbone.weight"] = {DType::F32, {1}, std::vector<std::byte>(4)};
  store_health(references(), content);
  return content;
}

TEST(HealthFile, GivesBackWhatWasStored) {
  TensorFile content = stored();
  EXPECT_EQ(content.tensors.size(), 1 + 3 * 2);
  const HealthReferences read = take_health(content, "model");
  EXPECT_EQ(content.tensors.size(), 1);  // only those of the network
  ASSERT_EQ(read.size(), 2);
  const HealthReference &gate = read.at("gate");
  ASSERT_EQ(gate.looks.size(), 2);
  EXPECT_EQ(gate.looks[1].mean.values, look_of(20).mean.values);
  EXPECT_EQ(gate.looks[0].deviation.values, look_of(80).deviation.values);
  EXPECT_EQ(gate.looks[0].pictures, 120);
  EXPECT_EQ(gate.looks[0].detail, 7.5);
  EXPECT_EQ(gate.looks[0].sharpness, 0.25);
  EXPECT_EQ(gate.darkest, 90);
  EXPECT_EQ(gate.jump, 0.5);
  EXPECT_EQ(gate.stillest, 1.25);
  EXPECT_FALSE(read.at("yard").stillest);
}

TEST(HealthFile, IsSmall) {
  std::size_t bytes = 0;
  const TensorFile content = stored();
  for (const auto &[name, tensor] : content.tensors) bytes += tensor.bytes.size();
  EXPECT_LT(bytes, 3 * 16'000);
}

TEST(HealthFile, AFileWithoutAnyHasNone) {
  TensorFile content;
  EXPECT_TRUE(take_health(content, "model").empty());
  store_health({}, content);
  EXPECT_TRUE(content.metadata.empty());
}

TEST(HealthFile, OfAHeaderPicturesAreEmpty) {
  TensorFile content = stored();
  for (auto &[name, tensor] : content.tensors) tensor.bytes.clear();
  EXPECT_TRUE(take_health(content, "model").at("gate").looks.front().mean.empty());
}

TEST(HealthFile, WhatIsWrongIsNamed) {
  using Damage = std::function<void(TensorFile &)>;
  const auto text = [](const char *json) {
    return [json](TensorFile &content) { content.metadata["uniad.health"] = json; };
  };
  const std::vector<std::pair<std::string, Damage>> damages{
      {"health.0.0.mean", [](TensorFile &content) { content.tensors.erase("health.0.0.mean"); }},
      {"112x112",
       [](TensorFile &content) {
         content.tensors["health.0.1.mean"].shape = {112, 111};
       }},
      {"56x56", [](TensorFile &content) { content.tensors["health.1.0.deviation"].dtype = DType::I8; }},
      {"not JSON", text("{")},
      {"sources", text("{}")},
      {"not an object", text(R"({"sources":[7]})")},
      {"darkest", text(R"({"sources":[{"name":"a","darkest":-1,"jump":0,"looks":[]}]})")},
      {"jump", text(R"({"sources":[{"name":"a","darkest":1,"jump":1e300,"looks":[]}]})")},
      {"looks", text(R"({"sources":[{"name":"a","darkest":1,"jump":0,"looks":[1,2,3,4]}]})")},
      {"pictures", text(R"({"sources":[{"name":"a","darkest":1,"jump":0,"looks":[{"pictures":0}]}]})")},
      {"name", text(R"({"sources":[{"darkest":1,"jump":0,"looks":[]}]})")}};
  for (const auto &[named, damage] : damages) {
    TensorFile content = stored();
    damage(content);
    try {
      take_health(content, "model.safetensors");
      ADD_FAILURE() << named;
    } catch (const Error &error) {
      const std::string message = error.what();
      EXPECT_NE(message.find(named), std::string::npos) << message;
      EXPECT_NE(message.find("model.safetensors"), std::string::npos) << message;
    }
  }
}

}  // namespace
}  // namespace uniad
