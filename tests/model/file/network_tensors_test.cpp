// SPDX-License-Identifier: Apache-2.0
#include "model/file/network_tensors.h"

#include "tests/support/refusal.h"
#include "tests/support/synthetic.h"

namespace uniad {
namespace {

using test::holds;
using test::refusal;

std::int64_t parameters(const std::map<std::string, Shape> &tensors) {
  std::int64_t sum = 0;
  for (const auto &[name, shape] : tensors) {
    if (name.find(".running_") != std::string::npos) continue;
    sum += std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<std::int64_t>());
  }
  return sum;
}

// Published parameter counts (docs/network-details.md, "EfficientNet", and torchvision's documentation),
// without head and classifier.
TEST(NetworkTensors, BackbonesHaveThePublishedNumberOfParameters) {
  struct Row {
    const char *name;
    std::int64_t published;
    std::int64_t last;  // channels of the last block
    std::int64_t head;  // of the head convolution; 0: none
  };
  for (const Row &row :
       {Row{"efficientnet-b0", 5'288'548, 320, 1280}, Row{"efficientnet-b1", 7'794'184, 320, 1280},
        Row{"efficientnet-b2", 9'109'994, 352, 1408}, Row{"efficientnet-b3", 12'233'232, 384, 1536},
        Row{"efficientnet-b4", 19'341'616, 448, 1792}, Row{"efficientnet-b5", 30'389'784, 512, 2048},
        Row{"efficientnet-b6", 43'040'704, 576, 2304}, Row{"resnet18", 11'689'512, 512, 0},
        Row{"resnet34", 21'797'672, 512, 0}, Row{"resnet50", 25'557'032, 2048, 0},
        Row{"resnet101", 44'549'160, 2048, 0}, Row{"wide_resnet50_2", 68'883'240, 2048, 0}}) {
    const std::int64_t head_conv = row.last * row.head + 2 * row.head;
    const std::int64_t classifier = 1000 * (row.head > 0 ? row.head : row.last) + 1000;
    BackboneConfig config{.name = row.name};
    config.stages = {row.head > 0 ? 5 : 4};
    EXPECT_EQ(parameters(backbone_tensors(config)), row.published - head_conv - classifier) << row.name;
  }
}

TEST(NetworkTensors, B4UpToStage4IsWhatTheReferenceCounts) {
  EXPECT_EQ(parameters(backbone_tensors({.name = "efficientnet-b4", .stages = {1, 2, 3, 4}})), 3'635'984);
}

TEST(NetworkTensors, UniadIsWhatTheReferenceCounts) {
  const auto industrial = reconstruction_tensors({}, 272, 14, 14);
  EXPECT_EQ(industrial.size(), 132U);
  EXPECT_EQ(parameters(industrial), 7'717'392);
  EXPECT_EQ(parameters(reconstruction_tensors({}, 720, 14, 14)), 7'947'216);
}

TEST(NetworkTensors, UnknownBackbonesAndStagesAreRefused) {
  EXPECT_TRUE(
      holds(refusal([] { backbone_tensors({.name = "vgg16"}); }), "the known names are efficientnet-b0, "));
  EXPECT_TRUE(holds(refusal([] { backbone_tensors({.name = "resnet18", .stages = {5}}); }), "1 to 4"));
  EXPECT_TRUE(holds(refusal([] { backbone_tensors({.name = "resnet18", .stages = {}}); }), "no such stages"));
}

// The check between a file and the network of its configuration.
TEST(NetworkTensors, TensorsThatAreMissingReshapedOrIntegersAreNamed) {
  const std::map<std::string, Shape> wanted{{"a", {2, 3}}, {"b", {4}}, {"c", {}}};
  const auto complaint = [&](const std::function<void(std::map<std::string, StoredTensor> &)> &damage) {
    auto tensors = test::numbered(wanted, "net.");
    damage(tensors);
    return refusal([&] { check_tensors(wanted, "net.", tensors, "m.safetensors", "fetch it again"); });
  };
  EXPECT_EQ(complaint([](auto &) {}), "");
  EXPECT_EQ(complaint([](auto &tensors) { tensors["net.more"] = {}; }), "");
  EXPECT_EQ(complaint([](auto &tensors) { tensors.erase("net.b"); }),
            "m.safetensors: net.b is missing (fetch it again)");
  EXPECT_TRUE(holds(complaint([](auto &tensors) {
                      tensors["net.a"].shape = {3, 2};
                    }),
                    "net.a is 3x2, not 2x3"));
  EXPECT_TRUE(holds(complaint([](auto &tensors) { tensors["net.a"].shape = {6}; }), "net.a is 6, not 2x3"));
  EXPECT_TRUE(holds(complaint([](auto &tensors) { tensors["net.b"].dtype = DType::I32; }),
                    "net.b does not have a floating-point type"));
  std::map<std::string, Shape> many;
  for (char name = 'a'; name <= 'z'; ++name) many[std::string(1, name)] = {1};
  EXPECT_TRUE(holds(refusal([&] { check_tensors(many, "", {}, "m", "w"); }), "e is missing and 21 more"));
}

}  // namespace
}  // namespace uniad
