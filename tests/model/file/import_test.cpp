// SPDX-License-Identifier: Apache-2.0
#include "model/file/import.h"

#include <array>
#include <cstdlib>

#include "model/file/safetensors.h"
#include "model/file/torch_file.h"
#include "model/file/weights.h"
#include "tests/support/child_process.h"
#include "tests/support/refusal.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/shared.h"
#include "tests/support/synthetic.h"

namespace uniad {
namespace {

using test::holds;
using test::refusal;
using Paths = std::vector<std::filesystem::path>;
using Tensors = std::map<std::string, StoredTensor>;

// A small reconstruction network with the authors' names (docs/network-details.md, "Reconstruction").
struct Authors {
  int channels = 448;  // ResNet-18's layers 1 to 3
  int rows = 14, columns = 14;
  ReconstructionConfig config{.dim = 16, .feedforward = 12, .encoder_layers = 2, .decoder_layers = 1};
};

class Import : public test::ScratchFolder {
 protected:
  Import() {
    setenv("UNIAD_WEIGHTS_DIR", (folder_ / "weights").c_str(), 1);
    setenv("XDG_CACHE_HOME", (folder_ / "cache").c_str(), 1);
  }
  ~Import() override {
    unsetenv("UNIAD_WEIGHTS_DIR");
    unsetenv("XDG_CACHE_HOME");
  }

  static Tensors reconstruction(const Authors &authors) {
    return test::numbered(
        reconstruction_tensors(authors.config, authors.channels, authors.rows, authors.columns));
  }

  // Writes a checkpoint. Readers detect the format by content, so a safetensors file is sufficient to test
  // names.
  std::filesystem::path checkpoint(const Authors &authors = {}, const Tensors &backbone = {},
                                   const std::string &prefix = "module.") const {
    TensorFile content;
    for (const auto &[name, tensor] : reconstruction(authors))
      content.tensors[prefix + "reconstruction." + name] = tensor;
    for (const auto &[name, tensor] : backbone) content.tensors[prefix + "backbone." + name] = tensor;
    write_safetensors(content, file("ckpt.pth.tar"));
    return file("ckpt.pth.tar");
  }

  static Tensors backbone(const std::string &name, int stages) {
    BackboneConfig config{.name = name};
    config.stages = {stages};
    return test::numbered(backbone_tensors(config));
  }

  std::filesystem::path weights(const std::string &name, int stages, const std::string &as) const {
    write_safetensors({backbone(name, stages), {}}, file(as));
    return file(as);
  }

  static std::string refused(const Paths &files) {
    return refusal([&] { import_checkpoint(files); });
  }
};

TEST_F(Import, TheAuthorsNamesBecomeOurs) {
  const Authors authors;
  const Model model =
      import_checkpoint(Paths{checkpoint(authors), weights("resnet18", 4, "resnet18-5c106cde.pth")});
  EXPECT_EQ(model.config.input.height, 224);
  EXPECT_EQ(model.config.input.width, 224);
  EXPECT_EQ(model.config.backbone.name, "resnet18");
  EXPECT_EQ(model.config.backbone.stages, (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(model.config.backbone.padding, PaddingRule::Symmetric);
  const ReconstructionConfig &r = *model.config.reconstruction;
  EXPECT_EQ(r.dim, 16);
  EXPECT_EQ(r.feedforward, 12);
  EXPECT_EQ(r.encoder_layers, 2);
  EXPECT_EQ(r.decoder_layers, 1);
  EXPECT_FALSE(r.pre_norm);
  EXPECT_EQ(r.position, PositionEmbedding::Learned);
  // What the tensors do not determine has the authors' default (docs/network-details.md, "Reconstruction").
  EXPECT_EQ(r.heads, 8);
  EXPECT_EQ(r.mask_height, 7);
  EXPECT_EQ(r.mask_width, 7);
  EXPECT_TRUE(r.mask_encoder && r.mask_decoder_first && r.mask_decoder_second);
  EXPECT_EQ(r.jitter_scale, 20);
  EXPECT_FALSE(model.calibration.pooled);
  EXPECT_TRUE(holds(model.provenance.recipe, "imported from ckpt.pth.tar"));
  EXPECT_EQ(model.provenance.weight_file, "resnet18-5c106cde.pth");
  EXPECT_EQ(model.provenance.weight_license, "BSD-3-Clause");

  Tensors expected;
  for (const auto &[name, tensor] : reconstruction(authors)) expected["reconstruction." + name] = tensor;
  Tensors all = backbone("resnet18", 4);
  for (const auto &[name, shape] : backbone_tensors(model.config.backbone))
    expected["backbone." + name] = all.at(name);
  EXPECT_TRUE(test::same(model.tensors, expected));
  write_model(model, file("model.safetensors"));  // and the model is complete
  EXPECT_TRUE(test::same(read_model(file("model.safetensors")).tensors, expected));
}

TEST_F(Import, AnyOrderOfFilesAndAnyPrefix) {
  const auto weight_file = weights("resnet18", 3, "w.pth");
  const auto with_module = import_checkpoint(Paths{weight_file, checkpoint()});
  const auto without = import_checkpoint(Paths{weight_file, checkpoint({}, {}, "")});
  EXPECT_TRUE(test::same(with_module.tensors, without.tensors));
}

TEST_F(Import, SizesAndVariantsAreReadOffTheTensors) {
  Authors authors;
  authors.rows = 10;
  authors.columns = 12;
  authors.config.pre_norm = true;
  const auto weight_file = weights("resnet18", 3, "w.pth");
  const Model learned = import_checkpoint(Paths{checkpoint(authors), weight_file});
  EXPECT_EQ(learned.config.input.height, 160);
  EXPECT_EQ(learned.config.input.width, 192);
  EXPECT_TRUE(learned.config.reconstruction->pre_norm);

  authors.config.position = PositionEmbedding::Sine;
  EXPECT_TRUE(holds(refused({checkpoint(authors), weight_file}), "its map is not square"));
  authors.columns = 10;
  const Model sine = import_checkpoint(Paths{checkpoint(authors), weight_file});
  EXPECT_EQ(sine.config.reconstruction->position, PositionEmbedding::Sine);
  EXPECT_EQ(sine.config.input.height, 160);
  EXPECT_EQ(sine.config.input.width, 160);
}

TEST_F(Import, StagesAreThoseWhoseChannelsFit) {
  const auto stages = [&](int channels, const std::filesystem::path &weight_file) {
    Authors authors;
    authors.channels = channels;
    return import_checkpoint(Paths{checkpoint(authors), weight_file}).config.backbone.stages;
  };
  const auto b0 = weights("efficientnet-b0", 5,
                          "efficientnet-b0.pth");  // 16, 24, 40, 112, 320 (docs/network-details.md, "Taps")
  EXPECT_EQ(stages(192, b0), (std::vector<int>{1, 2, 3, 4}));
  EXPECT_EQ(stages(176, b0), (std::vector<int>{2, 3, 4}));
  EXPECT_EQ(stages(512, b0), (std::vector<int>{1, 2, 3, 4, 5}));
  EXPECT_EQ(stages(112, b0), std::vector<int>{4});
  const auto resnet = weights("resnet18", 4, "resnet18.pth");  // 64, 128, 256, 512
  EXPECT_EQ(stages(384, resnet), (std::vector<int>{2, 3}));
  EXPECT_EQ(stages(960, resnet), (std::vector<int>{1, 2, 3, 4}));
}

TEST_F(Import, ABackboneWithinTheCheckpointGoesBeforeTheSearch) {
  weights("resnet18", 3, "weights/resnet18.pth");
  Tensors within = backbone("resnet18", 4);
  for (auto &[name, tensor] : within) tensor = test::filled(tensor.shape, 0.5F);
  const Model model = import_checkpoint(Paths{checkpoint({}, within)});
  EXPECT_EQ(to_float(model.tensors.at("backbone.conv1.weight"))[0], 0.5F);
  EXPECT_EQ(model.provenance.weight_file, "ckpt.pth.tar");
  // A file that is named explicitly takes precedence over both.
  const Model named = import_checkpoint(Paths{checkpoint({}, within), weights("resnet18", 3, "other.pth")});
  EXPECT_EQ(named.provenance.weight_file, "other.pth");
}

TEST_F(Import, LukemelassHeadWithinTheCheckpointStaysBehind) {
  Authors authors;
  authors.channels = 192;
  Tensors whole = backbone("efficientnet-b0", 5);
  for (const char *more : {"_conv_head.weight", "_bn1.weight", "_fc.weight"})
    whole[more] = test::filled({2}, 1);
  const Model model = import_checkpoint(Paths{checkpoint(authors, whole)});
  EXPECT_EQ(model.config.backbone.name, "efficientnet-b0");
  EXPECT_FALSE(model.tensors.contains("backbone._conv_head.weight"));
  EXPECT_FALSE(model.tensors.contains("backbone._blocks.15._bn2.weight"));  // after the last tap, block 10
  EXPECT_TRUE(model.tensors.contains("backbone._blocks.10._bn2.weight"));
}

TEST_F(Import, TheBackboneIsFoundByItsChannelsWhereTheyTell) {
  Authors authors;
  authors.channels = 208;  // only stages 1 to 4 of b2 match
  EXPECT_TRUE(holds(refused({checkpoint(authors)}), "efficientnet-b2: no weights"));
  weights("efficientnet-b2", 4, "weights/efficientnet-b2-8bb594d6.pth");
  EXPECT_EQ(import_checkpoint(Paths{checkpoint(authors)}).config.backbone.name, "efficientnet-b2");

  authors.channels = 448;  // both ResNet-18 and 34 match
  EXPECT_TRUE(
      holds(refused({checkpoint(authors)}), "reconstructs 448 channels, as resnet18 and resnet34 have"));
  EXPECT_TRUE(holds(refused({checkpoint(authors)}), "pass the backbone's weight file as a second file"));
  authors.channels = 17;
  EXPECT_TRUE(holds(refused({checkpoint(authors)}), "reconstructs 17 channels, as no known backbone has"));
}

TEST_F(Import, WhatDoesNotFitTogetherIsRefused) {
  const auto b0 = weights("efficientnet-b0", 4, "b0.pth");
  EXPECT_TRUE(holds(
      refused({checkpoint(), b0}),
      "ckpt.pth.tar: reconstructs 448 channels, which do not match any stages of efficientnet-b0 in b0.pth"));
  EXPECT_TRUE(holds(refused({}), "use a checkpoint of UniAD"));
  EXPECT_TRUE(holds(refused({b0}), "b0.pth: contains no reconstruction network"));
  EXPECT_TRUE(holds(refused({b0, b0}), "second file of the same kind"));
  EXPECT_TRUE(holds(refused({checkpoint(), checkpoint()}), "second file of the same kind"));
  EXPECT_TRUE(holds(refused({checkpoint(), file("absent.pth")}), "absent.pth: no such file"));

  Authors tiny;
  tiny.rows = tiny.columns = 7;  // a 7x7 mask would hide every key
  EXPECT_TRUE(holds(refused({checkpoint(tiny), weights("resnet18", 3, "w.pth")}), "hides every key"));
  Authors odd;
  odd.config.dim = 12;
  EXPECT_TRUE(holds(refused({checkpoint(odd), weights("resnet18", 3, "w.pth")}), "8 heads on 12 dimensions"));
}

TEST_F(Import, ADamagedCheckpointIsRefusedByTensor) {
  const auto weight_file = weights("resnet18", 3, "w.pth");
  const auto damaged = [&](const std::function<void(Tensors &)> &damage) {
    TensorFile content = read_safetensors(checkpoint());
    damage(content.tensors);
    write_safetensors(content, file("damaged"));
    return refused({file("damaged"), weight_file});
  };
  const std::string in = "module.reconstruction.";
  EXPECT_EQ(damaged([](Tensors &) {}), "");
  for (const char *name :
       {"output_proj.weight", "pos_embed.col_embed.weight", "transformer.decoder.norm.bias",
        "transformer.encoder.layers.0.linear1.weight", "transformer.decoder.layers.0.learned_embed.weight",
        "transformer.encoder.layers.1.self_attn.in_proj_bias"}) {
    const std::string reason = damaged([&](Tensors &tensors) { tensors.erase(in + name); });
    EXPECT_TRUE(holds(reason, "damaged: "));
    EXPECT_TRUE(holds(reason, name));
  }
  for (const Shape &shape : std::vector<Shape>{{}, {16}, {0, 0}, {0, 448}, {16, 448, 1}, {1'000'001, 0}}) {
    EXPECT_TRUE(
        holds(damaged([&](Tensors &tensors) { tensors[in + "input_proj.weight"] = test::filled(shape, 1); }),
              "input_proj.weight has no usable shape"));
  }
  EXPECT_TRUE(holds(damaged([&](Tensors &tensors) { tensors[in + "input_proj.weight"].dtype = DType::I32; }),
                    "input_proj.weight does not have a floating-point type"));
}

// Nothing is dropped silently: neither tensors of another size nor tensors that the network does not have.
TEST_F(Import, WhatBelongsToAnotherNetworkIsRefusedByTensor) {
  const auto weight_file = weights("resnet18", 3, "w.pth");
  const std::string queries = "transformer.decoder.layers.0.learned_embed.weight";
  const auto changed = [&](const std::string &name, const Shape &shape) {
    TensorFile content = read_safetensors(checkpoint());
    content.tensors["module.reconstruction." + name] = test::filled(shape, 1);
    write_safetensors(content, file("changed"));
    return refused({file("changed"), weight_file});
  };
  // Queries of a 16x16 map (an input of 256 pixels) and positions of a 14x14 map.
  const std::string size = changed(queries, {256, 16});
  EXPECT_TRUE(holds(size, queries));
  EXPECT_TRUE(holds(size, "256")) << size;
  EXPECT_TRUE(holds(size, "196")) << size;
  EXPECT_EQ(changed("transformer.decoder.shared_query.weight", {196, 16}),
            file("changed").string() +
                ": reconstruction.transformer.decoder.shared_query.weight is not part of UniAD (this is a "
                "checkpoint of another network)");
}

// A pickle is a program, which must not be run.
TEST_F(Import, NothingInAPickleIsRun) {
  const auto marker = folder_ / "it-was-run";
  const auto python =
      test::run({"/usr/bin/python3", UNIAD_SOURCE_ROOT "/tests/model/file/fixtures/hostile_pickles.py",
                 folder_, marker});
  ASSERT_EQ(python.status, 0) << python.err;
  int files = 0;
  for (const std::string name : {"command", "evaluated", "nested", "filled", "alone"}) {
    for (const std::string protocol : {"-2", "-4"}) {
      for (const std::string format : {"-legacy.pth", "-zip.pth"}) {
        const auto path = file(name + protocol + format);
        SCOPED_TRACE(path);
        if (name == "alone") {
          EXPECT_TRUE(holds(refusal([&] { read_torch_file(path); }), "contains no tensors"));
        } else {
          const TensorFile content = read_torch_file(path);
          ASSERT_EQ(content.tensors.size(), 1U);
          EXPECT_EQ(to_float(content.tensors.at("w")), (std::vector<float>{1.5, -2}));
        }
        EXPECT_FALSE(refused({path}).empty());
        EXPECT_FALSE(refusal([&] { read_backbone_weights(path); }).empty());
        EXPECT_FALSE(std::filesystem::exists(marker));
        ++files;
      }
    }
  }
  EXPECT_EQ(files, 20);
}

// --- real files

TEST_F(Import, TheAuthorsCheckpointWithThePapersBackbone) {
  UNIAD_NEED_SHARED(real, "reference/uniad-dev-300steps.pth.tar");
  UNIAD_NEED_SHARED(weight_file, "weights/efficientnet_b4_stages1-4.safetensors");
  const Model model = import_checkpoint(Paths{real, weight_file});
  EXPECT_EQ(model.config.backbone.name, "efficientnet-b4");
  EXPECT_EQ(model.config.backbone.stages, (std::vector<int>{1, 2, 3, 4}));
  EXPECT_EQ(model.config.input.height, 224);
  EXPECT_EQ(model.config.reconstruction->dim, 256);
  EXPECT_EQ(model.config.reconstruction->feedforward, 1024);
  EXPECT_EQ(model.config.reconstruction->encoder_layers, 4);
  EXPECT_EQ(model.config.reconstruction->decoder_layers, 4);
  std::size_t reconstruction = 0;
  for (const auto &[name, tensor] : model.tensors)
    reconstruction += name.starts_with("reconstruction.") ? 1 : 0;
  EXPECT_EQ(reconstruction, 132U);
  write_model(model, file("model.safetensors"));
  EXPECT_TRUE(test::same(read_model(file("model.safetensors")).tensors, model.tensors));

  // Only b4 has 272 channels: with the folder of weights set, the checkpoint is sufficient.
  setenv("UNIAD_WEIGHTS_DIR", weight_file.parent_path().c_str(), 1);
  EXPECT_TRUE(test::same(import_checkpoint(Paths{real}).tensors, model.tensors));
  setenv("UNIAD_WEIGHTS_DIR", folder_.c_str(), 1);
  EXPECT_TRUE(holds(refused({real}), "efficientnet-b4: no weights"));
  UNIAD_NEED_SHARED(other, "weights/resnet18_layers1-3.safetensors");
  EXPECT_TRUE(
      holds(refused({real, other}), "reconstructs 272 channels, which do not match any stages of resnet18"));
}

}  // namespace
}  // namespace uniad
