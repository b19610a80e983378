// SPDX-License-Identifier: Apache-2.0
#include "model/file/model_file.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>
#include <tuple>

#include "model/config/taps.h"
#include "model/file/safetensors.h"
#include "tests/model/file/safetensors_bytes.h"
#include "tests/support/heap_meter.h"
#include "tests/support/memory_file.h"
#include "tests/support/refusal.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/synthetic.h"

namespace uniad {
namespace {

using nlohmann::json;
using test::holds;
using test::refusal;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

// The smallest possible network, with no option at its default.
Model small_model() {
  Model model;
  model.config.input = {.height = 64, .width = 80, .mean = {0.1F, 0.2F, 0.3F}, .std = {0.4F, 0.5F, 1e-6F}};
  model.config.backbone = {"efficientnet-b0", {1}, PaddingRule::DynamicSame, 1e-5};
  model.config.reconstruction = ReconstructionConfig{.dim = 8,
                                                     .heads = 2,
                                                     .feedforward = 4,
                                                     .encoder_layers = 1,
                                                     .decoder_layers = 2,
                                                     .dropout = 0.25,
                                                     .pre_norm = true,
                                                     .position = PositionEmbedding::Sine,
                                                     .mask_height = 3,
                                                     .mask_width = 5,
                                                     .mask_encoder = false,
                                                     .mask_decoder_first = true,
                                                     .mask_decoder_second = false,
                                                     .jitter_scale = 0.1,
                                                     .jitter_probability = 1.0 / 3};
  model.config.score = ScoreKind::Std;
  model.calibration.rule = "quantile 0.995";
  model.calibration.pooled = ScoreStatistics{1.0 / 3, -2.5e-7, 1e20, 7,
                                             ScoreTail{-0.1, 1e-9, -1.0 / 3, {2.5, 1.0 / 7, -0.05}, 29.97}};
  model.calibration.sources = {{"cam \"1\" é/日本", {4, 3, 2, std::numeric_limits<std::int64_t>::max()}},
                               {"", {-1, -2, 0, 0}}};
  model.provenance = {.sources = {{"line", "/data/line 1.mp4#0-399", 360, 40, 16.0 / 9}, {"", "", 0, 0}},
                      .recipe = "fast",
                      .steps = 400,
                      .selected = "step 300 of 400: smallest held-out loss, 0.41",
                      .seed = std::numeric_limits<std::uint64_t>::max(),
                      .program_version = "0.1.0",
                      .weight_file = "b0.pth",
                      .weight_license = "Apache-2.0"};
  model.tensors = test::numbered(backbone_tensors(model.config.backbone), "backbone.");
  model.tensors.merge(
      test::numbered(reconstruction_tensors(*model.config.reconstruction, 16, 4, 5), "reconstruction."));
  model.tensors["feature_mean"] = test::filled({16}, -3);
  model.tensors["feature_std"] = test::filled({16}, 0.5F);
  return model;
}

// A model that scores by statistics of two clusters: of features and residuals, or only of features without a
// reconstruction.
Model model_with_statistics(bool residuals) {
  Model model = small_model();
  model.config.statistics =
      StatisticsConfig{.clusters = 2, .residuals = residuals, .position_prior = 1.0 / 3};
  model.tensors.merge(test::numbered(statistics_tensors(*model.config.statistics, 16, 4 * 5), "statistics."));
  if (residuals) return model;
  model.config.reconstruction.reset();
  std::erase_if(model.tensors, [](const auto &named) { return named.first.starts_with("reconstruction."); });
  return model;
}

void expect_same(const ScoreStatistics &a, const ScoreStatistics &b) {
  EXPECT_EQ(a.threshold, b.threshold);
  EXPECT_EQ(a.mean, b.mean);
  EXPECT_EQ(a.standard_deviation, b.standard_deviation);
  EXPECT_EQ(a.count, b.count);
  ASSERT_EQ(a.tail.has_value(), b.tail.has_value());
  if (!a.tail) return;
  EXPECT_EQ(a.tail->level, b.tail->level);
  EXPECT_EQ(a.tail->scale, b.tail->scale);
  EXPECT_EQ(a.tail->shape, b.tail->shape);
  EXPECT_EQ(a.tail->peaks, b.tail->peaks);
  EXPECT_EQ(a.tail->frame_rate, b.tail->frame_rate);
}

// The text of `document` before and after the value at `place`.
std::pair<std::string, std::string> around(json document, const json::json_pointer &place) {
  const std::string marker = "here stands the falsehood";
  document[place] = marker;
  const std::string text = document.dump();
  const std::size_t start = text.find('"' + marker + '"');
  return {text.substr(0, start), text.substr(start + marker.size() + 2)};
}

class ModelFile : public test::ScratchFolder {
 protected:
  ModelFile() {
    write_model(small_model(), file("model"));
    const std::string whole = content(file("model"));
    std::uint64_t size = 0;
    std::memcpy(&size, whole.data(), sizeof size);
    header_ = json::parse(whole.substr(8, size));
    data_ = whole.substr(8 + size);
    std::tie(before_metadata_, behind_metadata_) = around(header_, json::json_pointer("/__metadata__"));
  }

  // Returns the error of read_model for a file. Reading must not take more memory than the file justifies,
  // and a model that is accepted must be usable.
  static std::string judged(const std::string &bytes) {
    const test::MemoryFile changed(test::bytes_of(bytes));  // a disk would be too slow for these tests
    const std::string whole = judged_by(read_model, changed.path(), bytes.size());
    if (whole.empty()) {
      EXPECT_EQ(judged_by(read_model_header, changed.path(), bytes.size()), "");
    }
    return whole;
  }

  static std::string judged_by(Model (*read)(const std::filesystem::path &),
                               const std::filesystem::path &path, std::size_t size) {
    constexpr std::size_t names_of_256_layers = 2'000'000;
    const test::HeapMeter meter;
    const std::string reason = refusal([&] { check(read(path).config, "read"); });
    EXPECT_LT(meter.peak(), 8 * size + names_of_256_layers);
    if (!reason.empty()) {
      EXPECT_TRUE(holds(reason, path.string() + ": "));
      EXPECT_LT(reason.size(), 1000U);
    }
    return reason;
  }

  // Returns the error of write_model for a model that cannot work. The existing file must remain unchanged.
  std::string not_written(const Model &model) const {
    const std::string before = content(file("model"));
    const std::string reason = refusal([&] { write_model(model, file("model")); });
    EXPECT_TRUE(holds(reason, file("model").string()));
    EXPECT_EQ(content(file("model")), before);
    return reason;
  }

  // Returns the file's content with one metadata entry replaced.
  std::string with_metadata(const std::string &key, const std::optional<std::string> &value) const {
    json metadata = header_["__metadata__"];
    metadata.erase(key);
    if (value) metadata[key] = *value;
    const std::string text = metadata.dump(-1, ' ', false, json::error_handler_t::replace);
    return test::safetensors_bytes(before_metadata_ + text + behind_metadata_, data_);
  }

  json metadata(const std::string &key) const {
    return json::parse(header_["__metadata__"][key].get<std::string>());
  }

  json header_;
  std::string data_, before_metadata_, behind_metadata_;
};

TEST_F(ModelFile, ComesBackAsItWasWritten) {
  const Model written = small_model();
  const Model read = read_model(file("model"));
  EXPECT_TRUE(test::same(read.tensors, written.tensors));

  EXPECT_EQ(read.config.input.height, 64);
  EXPECT_EQ(read.config.input.width, 80);
  EXPECT_EQ(read.config.input.mean, written.config.input.mean);
  EXPECT_EQ(read.config.input.std, written.config.input.std);
  EXPECT_EQ(read.config.backbone.name, "efficientnet-b0");
  EXPECT_EQ(read.config.backbone.stages, std::vector<int>{1});
  EXPECT_EQ(read.config.backbone.padding, PaddingRule::DynamicSame);
  EXPECT_EQ(read.config.backbone.bn_eps, 1e-5);
  const ReconstructionConfig &r = *read.config.reconstruction;
  EXPECT_EQ(r.dim, 8);
  EXPECT_EQ(r.heads, 2);
  EXPECT_EQ(r.feedforward, 4);
  EXPECT_EQ(r.encoder_layers, 1);
  EXPECT_EQ(r.decoder_layers, 2);
  EXPECT_EQ(r.dropout, 0.25);
  EXPECT_TRUE(r.pre_norm);
  EXPECT_EQ(r.position, PositionEmbedding::Sine);
  EXPECT_EQ(r.mask_height, 3);
  EXPECT_EQ(r.mask_width, 5);
  EXPECT_FALSE(r.mask_encoder);
  EXPECT_TRUE(r.mask_decoder_first);
  EXPECT_FALSE(r.mask_decoder_second);
  EXPECT_EQ(r.jitter_scale, 0.1);
  EXPECT_EQ(r.jitter_probability, 1.0 / 3);
  EXPECT_EQ(read.config.score, ScoreKind::Std);

  EXPECT_EQ(read.calibration.rule, "quantile 0.995");
  ASSERT_TRUE(read.calibration.pooled);
  expect_same(*read.calibration.pooled, *written.calibration.pooled);
  ASSERT_EQ(read.calibration.sources.size(), 2U);
  for (const auto &[source, statistics] : written.calibration.sources)
    expect_same(read.calibration.sources.at(source), statistics);

  ASSERT_EQ(read.provenance.sources.size(), 2U);
  EXPECT_EQ(read.provenance.sources[0].name, "line");
  EXPECT_EQ(read.provenance.sources[0].path, "/data/line 1.mp4#0-399");
  EXPECT_EQ(read.provenance.sources[0].trained, 360);
  EXPECT_EQ(read.provenance.sources[0].held_back, 40);
  EXPECT_EQ(read.provenance.sources[0].aspect_ratio, 16.0 / 9);
  EXPECT_EQ(read.provenance.sources[1].aspect_ratio, 0) << "as in files of before, which do not have it";
  EXPECT_EQ(read.provenance.recipe, "fast");
  EXPECT_EQ(read.provenance.steps, 400);
  EXPECT_EQ(read.provenance.selected, "step 300 of 400: smallest held-out loss, 0.41");
  EXPECT_EQ(read.provenance.seed, std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(read.provenance.program_version, "0.1.0");
  EXPECT_EQ(read.provenance.weight_file, "b0.pth");
  EXPECT_EQ(read.provenance.weight_license, "Apache-2.0");

  write_model(read, file("again"));
  EXPECT_EQ(content(file("again")), content(file("model")));
}

TEST_F(ModelFile, EveryChoiceComesBack) {
  const auto back = [&](const std::function<void(ModelConfig &)> &change) {
    Model model = small_model();
    change(model.config);
    if (model.config.reconstruction->position == PositionEmbedding::Learned) {
      model.tensors["reconstruction.pos_embed.row_embed.weight"] = test::filled({4, 4}, 1);
      model.tensors["reconstruction.pos_embed.col_embed.weight"] = test::filled({5, 4}, 1);
    }
    write_model(model, file("choice"));
    return read_model(file("choice")).config;
  };
  for (const auto padding : {PaddingRule::StaticSame, PaddingRule::DynamicSame, PaddingRule::Symmetric})
    EXPECT_EQ(back([&](auto &config) { config.backbone.padding = padding; }).backbone.padding, padding);
  for (const auto score : {ScoreKind::Max, ScoreKind::Mean, ScoreKind::Std})
    EXPECT_EQ(back([&](auto &config) { config.score = score; }).score, score);
  for (const auto position : {PositionEmbedding::Learned, PositionEmbedding::Sine}) {
    const auto config = back([&](auto &changed) { changed.reconstruction->position = position; });
    EXPECT_EQ(config.reconstruction->position, position);
  }
  const auto reconstruction = [&](const std::function<void(ReconstructionConfig &)> &change) {
    return *back([&](auto &config) { change(*config.reconstruction); }).reconstruction;
  };
  using enum DecoderVariant;
  for (const auto variant : {A, B, C, D, E, F})
    EXPECT_EQ(reconstruction([&](auto &r) { r.decoder_variant = variant; }).decoder_variant, variant);
  for (const auto queries : {QueryEmbedding::Layer, QueryEmbedding::None})
    EXPECT_EQ(reconstruction([&](auto &r) { r.queries = queries; }).queries, queries);
  for (const auto loss : {FeatureLoss::Mse, FeatureLoss::NormalizedMse, FeatureLoss::Cosine})
    EXPECT_EQ(reconstruction([&](auto &r) { r.loss = loss; }).loss, loss);
  for (const bool per_token : {false, true})
    EXPECT_EQ(reconstruction([&](auto &r) { r.jitter_per_token = per_token; }).jitter_per_token, per_token);
  const auto layers = reconstruction([&](auto &r) { r.encoder_layers = 0; });
  EXPECT_EQ(layers.encoder_layers, 0);
  EXPECT_EQ(reconstruction([&](auto &r) { r.decoder_layers = 0; }).decoder_layers, 0);
}

TEST_F(ModelFile, EveryNetworkComesBackWithTheTensorsItNeeds) {
  for (const auto kind : {NetworkKind::UniAD, NetworkKind::Mlp, NetworkKind::Cnn}) {
    for (const auto queries : {QueryEmbedding::None, QueryEmbedding::One, QueryEmbedding::Layer}) {
      Model model = small_model();
      ReconstructionConfig &r = *model.config.reconstruction;
      r.kind = kind;
      r.queries = queries;
      std::erase_if(model.tensors,
                    [](const auto &named) { return named.first.starts_with("reconstruction."); });
      model.tensors.merge(test::numbered(reconstruction_tensors(r, 16, 4, 5), "reconstruction."));
      write_model(model, file("network"));
      const Model read = read_model(file("network"));
      EXPECT_EQ(read.config.reconstruction->kind, kind);
      EXPECT_EQ(read.config.reconstruction->queries, queries);
      EXPECT_TRUE(test::same(read.tensors, model.tensors));
    }
  }
}

// Programs from before an option existed can read models that do not use it.
TEST_F(ModelFile, ChoicesThatCameLaterAreWrittenOnlyWhereTheySaySomething) {
  const json plain = metadata("uniad.config").at("reconstruction");
  for (const char *key : {"kind", "queries", "decoder_variant", "jitter_per_token", "loss"})
    EXPECT_FALSE(plain.contains(key)) << key;
}

TEST_F(ModelFile, TheHeaderAloneTellsAllButTheNumbers) {
  const Model header = read_model_header(file("model"));
  EXPECT_EQ(header.config.reconstruction->dim, 8);
  EXPECT_EQ(header.provenance.steps, 400);
  EXPECT_EQ(header.tensors.size(), small_model().tensors.size());
  for (const auto &[name, tensor] : header.tensors) EXPECT_TRUE(tensor.bytes.empty()) << name;
}

TEST_F(ModelFile, AModelWithoutCalibrationOrSourcesComesBackWithoutThem) {
  Model plain = small_model();
  plain.calibration = {};
  plain.provenance = {};
  write_model(plain, file("plain"));
  const Model read = read_model(file("plain"));
  EXPECT_FALSE(read.calibration.pooled);
  EXPECT_TRUE(read.calibration.sources.empty());
  EXPECT_EQ(read.calibration.find("any"), nullptr);
  EXPECT_TRUE(read.provenance.sources.empty());
  EXPECT_EQ(read.provenance.seed, 0U);
}

TEST_F(ModelFile, StatisticsComeBackWithAReconstructionAndWithout) {
  for (const bool residuals : {true, false}) {
    SCOPED_TRACE(residuals);
    const Model written = model_with_statistics(residuals);
    ASSERT_EQ(written.tensors.contains("statistics.residuals.products"), residuals);
    ASSERT_EQ(written.tensors.contains("reconstruction.input_proj.weight"), residuals);
    write_model(written, file("statistics"));
    const Model read = read_model(file("statistics"));
    EXPECT_TRUE(test::same(read.tensors, written.tensors));
    EXPECT_EQ(read.config.reconstruction.has_value(), residuals);
    ASSERT_TRUE(read.config.statistics);
    EXPECT_EQ(read.config.statistics->clusters, 2);
    EXPECT_EQ(read.config.statistics->residuals, residuals);
    EXPECT_EQ(read.config.statistics->position_prior, 1.0 / 3);
    write_model(read, file("again"));
    EXPECT_EQ(content(file("again")), content(file("statistics")));
  }
  EXPECT_FALSE(read_model(file("model")).config.statistics);
}

TEST(Calibration, TheSourcesOwnGoesBeforeThePooled) {
  Calibration calibration;
  calibration.sources["a"].threshold = 1;
  EXPECT_EQ(calibration.find("b"), nullptr);
  calibration.pooled = ScoreStatistics{2, 0, 0, 0};
  EXPECT_EQ(calibration.find("a")->threshold, 1);
  EXPECT_EQ(calibration.find("b")->threshold, 2);
}

// --- damage

TEST_F(ModelFile, CutAtAnySixteenthIsRefused) {
  const std::string whole = content(file("model"));
  for (std::size_t part = 0; part < 16; ++part) {
    const std::string reason = judged(whole.substr(0, whole.size() * part / 16));
    EXPECT_NE(reason, "") << part << " sixteenths";
  }
  EXPECT_TRUE(holds(judged(whole.substr(0, whole.size() - 1)), "truncated"));
  EXPECT_TRUE(holds(judged(whole + '\0'), "extra bytes at its end"));
}

// Lists every value of a JSON document, including its containers.
void list_places(const json &value, const json::json_pointer &here, std::vector<json::json_pointer> &places) {
  places.push_back(here);
  if (value.is_object()) {
    for (const auto &[key, member] : value.items()) list_places(member, here / key, places);
  } else if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i) list_places(value[i], here / i, places);
  }
}

// Replacements for a value: JSON text, or nothing. They are text because nlohmann writes NaN as null.
std::vector<std::string> falsehoods() {
  std::istringstream words(
      "null true 0 -1 1 2 255 2147483647 2147483648 -2147483649 9223372036854775807 9223372036854775808 "
      "-9223372036854775808 18446744073709551615 18446744073709551616 0.5 -0.0 1e-320 1e30 -1e308 1e999 "
      "NaN nan Infinity \"\" \"nan\" \"1\" \"efficientnet-b7\" \"\\u0000\" \"\xff\" [] {} [null] [1,2,3] "
      "[0,0,0] "
      "[1,1] {\"\":{}} [[[[[[[[]]]]]]]]");
  std::vector<std::string> all{""};
  for (std::string word; words >> word;) all.push_back(word);
  return all;
}

std::string without(json document, const json::json_pointer &place) {
  json &parent = document[place.parent_pointer()];
  if (parent.is_array()) {
    parent.erase(std::stoul(place.back()));
  } else {
    parent.erase(place.back());
  }
  return document.dump();
}

TEST_F(ModelFile, EveryFieldOfTheMetadataFalsifiedIsRefusedOrHarmless) {
  int refused = 0;
  int accepted = 0;
  const auto judge = [&](const std::string &key, const std::optional<std::string> &value) {
    SCOPED_TRACE(key + " = " + value.value_or("(removed)"));
    (judged(with_metadata(key, value)).empty() ? accepted : refused) += 1;
  };
  for (const char *key : {"uniad.version", "uniad.config", "uniad.calibration", "uniad.provenance"}) {
    judge(key, std::nullopt);
    const json document = metadata(key);
    std::vector<json::json_pointer> places;
    list_places(document, json::json_pointer(), places);
    for (const auto &place : places) {
      const auto [before, behind] = around(document, place);
      for (const std::string &falsehood : falsehoods()) judge(key, before + falsehood + behind);
      if (!place.empty()) judge(key, without(document, place));
    }
  }
  // Free texts, seeds, counts, statistics and switches accept any value of their type, but no other.
  EXPECT_GT(refused, 2000);
  EXPECT_GT(accepted, 100);
}

TEST_F(ModelFile, AFieldOfTheConfigurationIsRefusedByName) {
  const json config = metadata("uniad.config");
  const std::string learned = "\"learned\"";
  const auto reason = [&](const char *place, const std::string &text) {
    const auto [before, behind] = around(config, json::json_pointer(place));
    return judged(with_metadata("uniad.config", before + text + behind));
  };
  EXPECT_TRUE(holds(reason("/input/height", "\"64\""), "uniad.config.input.height is not a whole number"));
  EXPECT_TRUE(holds(reason("/input/height", "4096"), "an input size of 4096 pixels"));
  EXPECT_TRUE(holds(reason("/input/mean", "[0,0]"), "uniad.config.input.mean does not have three numbers"));
  EXPECT_TRUE(holds(reason("/input/std/1", "0"), "input.std is 0"));
  EXPECT_TRUE(holds(reason("/input/std/1", "-0.5"), "input.std is -0.5"));
  EXPECT_TRUE(holds(reason("/backbone/name", "\"resnet19\""), "unknown backbone 'resnet19'"));
  EXPECT_TRUE(holds(reason("/backbone/name", "\"resnet18\""), "backbone.conv1.weight is missing"));
  EXPECT_TRUE(holds(reason("/backbone/stages", "[2,1]"), "1 to 5, in ascending order"));
  EXPECT_TRUE(
      holds(reason("/backbone/padding", "\"valid\""), "not one of static-same, dynamic-same, symmetric"));
  EXPECT_TRUE(holds(reason("/backbone/bn_eps", "0"), "backbone.bn_eps is 0"));
  EXPECT_TRUE(holds(reason("/reconstruction/dim", "9"), "2 heads on 9 dimensions"));
  EXPECT_TRUE(holds(reason("/reconstruction/dim", "16"), "reconstruction.input_proj.bias is 8, not 16"));
  EXPECT_TRUE(
      holds(reason("/reconstruction/encoder_layers", "2"), "encoder.layers.1.linear1.bias is missing"));
  EXPECT_TRUE(holds(reason("/reconstruction/encoder_layers", "-1"), "reconstruction.encoder_layers is -1"));
  EXPECT_TRUE(holds(reason("/reconstruction/decoder_layers", "257"), "reconstruction.decoder_layers is 257"));
  EXPECT_TRUE(holds(reason("/reconstruction/heads", "0"), "reconstruction.heads is 0"));
  EXPECT_TRUE(holds(reason("/reconstruction/dropout", "1"), "reconstruction.dropout is 1"));
  EXPECT_TRUE(holds(reason("/reconstruction/position", learned), "pos_embed.col_embed.weight is missing"));
  EXPECT_TRUE(holds(reason("/reconstruction/pre_norm", "1"), "pre_norm is neither true nor false"));
  EXPECT_TRUE(holds(reason("/score", "\"median\""), "not one of max, mean, std"));
  const auto added = [&](const std::function<void(json &)> &add) {
    json more = config;
    add(more["reconstruction"]);
    return judged(with_metadata("uniad.config", more.dump()));
  };
  EXPECT_TRUE(holds(added([](json &r) { r["kind"] = "vae"; }), "kind is not one of uniad, mlp, cnn"));
  EXPECT_TRUE(holds(added([](json &r) { r["kind"] = 3; }), "kind is not one of uniad, mlp, cnn"));
  EXPECT_TRUE(
      holds(added([](json &r) { r["kind"] = "cnn"; }), "reconstruction.cnn.layer1.0.bn1.bias is miss"));
  EXPECT_TRUE(holds(added([](json &r) { r["kind"] = "mlp"; }), "self_attn.linear.bias is missing"));
  EXPECT_TRUE(
      holds(added([](json &r) { r["queries"] = nullptr; }), "queries is not one of none, one, layer"));
  EXPECT_TRUE(holds(added([](json &r) { r["decoder_variant"] = "g"; }), "not one of a, b, c, d, e, f"));
  EXPECT_TRUE(holds(added([](json &r) { r["loss"] = "mae"; }), "not one of mse, normalised-mse, cosine"));
  EXPECT_TRUE(holds(added([](json &r) { r["jitter_per_token"] = 1; }), "neither true nor false"));
  EXPECT_TRUE(holds(added([](json &r) {
                      r["queries"] = "one";
                      r["decoder_variant"] = "b";
                    }),
                    "needs a query for each layer"));
  EXPECT_TRUE(holds(added([](json &r) { r["encoder_layers"] = r["decoder_layers"] = 0; }),
                    "no encoder layer and no decoder layer"));
  EXPECT_TRUE(holds(reason("/score", "{}"), "uniad.config.score is not one of"));
}

TEST_F(ModelFile, AnotherVersionIsRefusedWithBothNumbers) {
  for (const std::string version : {"2", "0", "9223372036854775807"}) {
    EXPECT_TRUE(holds(judged(with_metadata("uniad.version", version)),
                      "has version " + version + ", but this program reads version 1"));
  }
  for (const std::string version : {"\"1\"", "1.0", "-1", "[1]", "1 1", "", "one"})
    EXPECT_TRUE(holds(judged(with_metadata("uniad.version", version)), "uniad.version ")) << version;
}

TEST_F(ModelFile, AnotherSafetensorsFileIsNoModel) {
  write_safetensors({{{"w", test::filled({2}, 1)}}, {{"format", "pt"}}}, file("other"));
  EXPECT_TRUE(holds(refusal([&] { read_model(file("other")); }),
                    "uniad.version is missing (this is not a UniAD-GST model"));
}

TEST_F(ModelFile, EveryFieldOfTheHeaderFalsifiedIsRefusedOrHarmless) {
  // One tensor of each kind represents the others.
  for (const char *name : {"backbone._conv_stem.weight", "backbone._bn0.running_var", "feature_mean",
                           "reconstruction.transformer.encoder.layers.0.self_attn.in_proj_weight"}) {
    const json::json_pointer entry = json::json_pointer() / name;
    std::vector<json::json_pointer> places;
    list_places(header_.at(name), entry, places);
    ASSERT_GE(places.size(), 7U);
    for (const auto &place : places) {
      const auto [before, behind] = around(header_, place);
      for (const std::string &falsehood : falsehoods()) {
        if (falsehood == header_[place].dump()) continue;
        SCOPED_TRACE(place.to_string() + " = " + falsehood);
        EXPECT_NE(judged(test::safetensors_bytes(before + falsehood + behind, data_)), "");
      }
      SCOPED_TRACE(place.to_string() + " removed");
      EXPECT_NE(judged(test::safetensors_bytes(without(header_, place), data_)), "");
    }
  }
}

TEST_F(ModelFile, ALengthOfTheHeaderThatLiesIsRefused) {
  std::string bytes = content(file("model"));
  for (int bit = 0; bit < 64; ++bit) {
    const auto at = static_cast<std::size_t>(bit / 8);
    const char flip = static_cast<char>(1 << bit % 8);
    bytes[at] = static_cast<char>(bytes[at] ^ flip);
    EXPECT_NE(judged(bytes), "") << "bit " << bit;
    bytes[at] = static_cast<char>(bytes[at] ^ flip);
  }
}

// JSON whose values take the most memory relative to their text.
TEST_F(ModelFile, MetadataBeyondAllMeasureTakesLittleMemory) {
  const auto repeated = [](const std::string &part, std::size_t size) {
    std::string text;
    while (text.size() < size) text += part;
    return text;
  };
  constexpr std::size_t size = 1'000'000;
  for (const std::string &json :
       {"[" + repeated("0,", size) + "0]", "[" + repeated("[],", size) + "0]",
        "[" + repeated("{},", size) + "0]", repeated("[", size), repeated("{\"\":", size),
        '"' + std::string(size, 'x') + '"', '"' + std::string(size, 'x'), std::string(5'000'000, ' ')}) {
    for (const char *key : {"uniad.version", "uniad.config", "uniad.calibration", "uniad.provenance"}) {
      const std::string bytes = with_metadata(key, json);
      EXPECT_TRUE(holds(judged(bytes), key)) << json.substr(0, 5);
    }
  }
}

TEST_F(ModelFile, ALargeModelTakesItsOwnSizeAndOneTensorMore) {
  Model large = small_model();
  for (char name = 'a'; name < 'i'; ++name) large.tensors[{name}] = test::filled({250'000}, 1);
  write_model(large, file("large"));
  const test::HeapMeter meter;
  const Model read = read_model(file("large"));
  EXPECT_LT(meter.peak(), 9'200'000U);
}

TEST_F(ModelFile, TensorsThatHoldNoNumbersAreRefused) {
  const auto reason = [&](const std::string &name, const StoredTensor &tensor) {
    TensorFile changed = read_safetensors(file("model"));
    changed.tensors[name] = tensor;
    write_safetensors(changed, file("tensor"));
    return judged(content(file("tensor")));
  };
  const std::string variance = "backbone._bn0.running_var";
  const auto infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(reason(variance, test::filled({32}, 0)), "");
  EXPECT_TRUE(holds(reason(variance, test::filled({32}, std::nanf(""))),
                    "tensor " + variance + " contains values that are not finite"));
  EXPECT_TRUE(holds(reason(variance, test::filled({32}, -infinity)),
                    "tensor " + variance + " contains values that are not finite"));
  EXPECT_TRUE(holds(reason(variance, test::filled({32}, -1)), "tensor " + variance + " contains a negative"));
  EXPECT_TRUE(holds(reason("feature_std", test::filled({16}, 0)),
                    "feature_std contains a value that is not positive"));
  EXPECT_TRUE(holds(reason("feature_std", test::filled({17}, 1)), "feature_std is 17, not 16"));
  EXPECT_EQ(reason("another", test::filled({3}, 1)), "");
}

TEST_F(ModelFile, StandardizingComesWholeOrNotAtAll) {
  TensorFile changed = read_safetensors(file("model"));
  changed.tensors.erase("feature_mean");
  write_safetensors(changed, file("tensor"));
  EXPECT_TRUE(holds(judged(content(file("tensor"))), "must both be present"));
  changed.tensors.erase("feature_std");
  write_safetensors(changed, file("tensor"));
  EXPECT_EQ(judged(content(file("tensor"))), "");
}

// A model that a reader would refuse must not replace a working one.
TEST_F(ModelFile, AModelThatCannotWorkIsNotWritten) {
  const auto refused = [&](const std::function<void(Model &)> &damage) {
    Model model = small_model();
    damage(model);
    not_written(model);
  };
  refused([](Model &model) { model.config.input.mean[1] = std::nanf(""); });
  refused([](Model &model) { model.config.reconstruction->dropout = nan; });
  refused([](Model &model) { model.config.reconstruction->heads = 3; });
  refused([](Model &model) { model.config.backbone.name = "b4"; });
  refused([](Model &model) { model.calibration.pooled->threshold = nan; });
  refused([](Model &model) { model.calibration.sources[""].standard_deviation = -1; });
  refused([](Model &model) { model.calibration.pooled->tail->scale = -1; });
  refused([](Model &model) { model.calibration.pooled->tail->shape = 1; });
  refused([](Model &model) { model.calibration.pooled->tail->peaks = {1, 2}; });
  refused([](Model &model) { model.calibration.pooled->tail->peaks = {1, -1}; });
  refused([](Model &model) { model.calibration.pooled->tail->peaks.assign(ScoreTail::most_peaks + 1, 1); });
  refused([](Model &model) { model.calibration.pooled->tail->frame_rate = nan; });
  refused([](Model &model) { model.calibration.pooled->count = 2; });  // although there are three peaks
  refused([](Model &model) { model.provenance.steps = -1; });
  refused([](Model &model) { model.tensors.erase("reconstruction.output_proj.bias"); });
  refused([](Model &model) { model.tensors["feature_mean"] = test::filled({16}, std::nanf("")); });
  EXPECT_EQ(names(), std::vector<std::string>{"model"});
}

TEST_F(ModelFile, StatisticsThatCannotWorkAreNotWritten) {
  const auto reason = [&](bool residuals, const std::function<void(Model &)> &damage) {
    Model model = model_with_statistics(residuals);
    damage(model);
    return not_written(model);
  };
  const std::string nothing = "nothing to compute scores from";
  EXPECT_TRUE(holds(reason(true, [](Model &model) { model.config.reconstruction.reset(); }), nothing));
  EXPECT_TRUE(holds(reason(false, [](Model &model) { model.config.statistics->residuals = true; }), nothing));
  EXPECT_TRUE(holds(reason(false, [](Model &model) { model.config.statistics.reset(); }), nothing));

  const auto clusters = [&](int count) {
    return reason(false, [count](Model &model) { model.config.statistics->clusters = count; });
  };
  EXPECT_TRUE(holds(clusters(0), "statistics.clusters is 0"));
  EXPECT_TRUE(holds(clusters(-2), "statistics.clusters is -2"));
  EXPECT_TRUE(holds(clusters(4097), "statistics.clusters is 4097"));
  EXPECT_TRUE(holds(clusters(1), "statistics.pictures is 2, not 1"));
  EXPECT_TRUE(holds(clusters(3), "statistics.features.positions is 2x20x16, not 3x20x16"));
  for (const double prior : {nan, -1.0, 1e10}) {
    EXPECT_TRUE(
        holds(reason(false, [prior](Model &model) { model.config.statistics->position_prior = prior; }),
              "statistics.position_prior is"));
  }

  const auto tensor = [&](const std::string &name, const StoredTensor &stored) {
    return reason(true, [&](Model &model) { model.tensors[name] = stored; });
  };
  const auto missing = [&](const std::string &name) {
    return reason(true, [&](Model &model) { model.tensors.erase(name); });
  };
  for (const char *name : {"statistics.pictures", "statistics.descriptors", "statistics.descriptor_squares",
                           "statistics.features.positions", "statistics.features.products",
                           "statistics.residuals.positions", "statistics.residuals.products"})
    EXPECT_TRUE(holds(missing(name), std::string(name) + " is missing"));
  const std::string pictures = "statistics.pictures";
  const std::string products = "statistics.features.products";
  EXPECT_TRUE(holds(tensor(products, test::filled({2, 16, 15}, 1)), products + " is 2x16x15, not 2x16x16"));
  EXPECT_TRUE(holds(tensor(products, test::filled({2, 16, 16}, std::nanf(""))),
                    products + " contains values that are not finite"));
  EXPECT_TRUE(holds(tensor(pictures, test::filled({2}, 0)),
                    pictures + " contains a value that is not a number of pictures"));
  EXPECT_TRUE(holds(tensor(pictures, test::filled({2}, -1)),
                    pictures + " contains a value that is not a number of pictures"));
  EXPECT_TRUE(holds(tensor(pictures, {DType::I64, {2}, std::vector<std::byte>(16)}),
                    pictures + " does not have a floating-point type"));
  EXPECT_EQ(names(), std::vector<std::string>{"model"});
}

TEST_F(ModelFile, AFieldOfTheStatisticsIsRefusedByName) {
  write_model(model_with_statistics(true), file("statistics"));
  const TensorFile whole = read_safetensors(file("statistics"));
  const json config = json::parse(whole.metadata.at("uniad.config"));
  const auto judged_with = [&](const std::string &text) {
    TensorFile changed = whole;
    changed.metadata["uniad.config"] = text;
    write_safetensors(changed, file("changed"));
    return judged(content(file("changed")));
  };
  const auto reason = [&](const char *place, const std::string &text) {
    const auto [before, behind] = around(config, json::json_pointer(place));
    return judged_with(before + text + behind);
  };
  EXPECT_EQ(judged_with(config.dump()), "");
  EXPECT_TRUE(holds(reason("/statistics", "null"), "uniad.config.statistics is not an object"));
  EXPECT_TRUE(holds(reason("/statistics/clusters", "1.5"), "statistics.clusters is not a whole number"));
  EXPECT_TRUE(holds(reason("/statistics/clusters", "0"), "statistics.clusters is 0"));
  EXPECT_TRUE(holds(reason("/statistics/clusters", "3"), "statistics.pictures is 2, not 3"));
  EXPECT_TRUE(holds(reason("/statistics/residuals", "1"), "residuals is neither true nor false"));
  EXPECT_EQ(reason("/statistics/residuals", "false"), "");  // it has more tensors than it needs
  EXPECT_TRUE(holds(reason("/statistics/position_prior", "-1"), "position_prior is not a number"));
  EXPECT_TRUE(holds(reason("/statistics/position_prior", "1e10"), "statistics.position_prior is"));
  for (const char *place : {"clusters", "residuals", "position_prior"}) {
    const std::string text = without(config, json::json_pointer("/statistics") / place);
    EXPECT_TRUE(holds(judged_with(text), "statistics." + std::string(place) + " is missing"));
  }
  EXPECT_TRUE(holds(judged_with(without(config, json::json_pointer("/reconstruction"))),
                    "no reconstruction network, and no statistics that work without one"));
  EXPECT_EQ(judged_with(without(config, json::json_pointer("/statistics"))), "");
}

// --- check()

std::string checked(const std::function<void(ModelConfig &)> &change) {
  ModelConfig config;
  change(config);
  return refusal([&] { check(config, "here"); });
}

TEST(Check, DefaultsAndEveryBackboneAreFine) {
  EXPECT_EQ(checked([](auto &) {}), "");
  for (const std::string &name : backbone_names())
    EXPECT_EQ(checked([&](auto &config) { config.backbone.name = name; }), "") << name;
}

TEST(Check, AnUnknownBackboneIsToldTheKnownOnes) {
  const std::string reason = checked([](auto &config) { config.backbone.name = "efficientnet-b9"; });
  EXPECT_TRUE(holds(reason, "here: unknown backbone 'efficientnet-b9' (the known names are "));
  for (const std::string &name : backbone_names()) EXPECT_TRUE(holds(reason, name));
}

TEST(Check, StagesAreThereAndAscend) {
  const auto stages = [](const std::string &name, const std::vector<int> &numbers) {
    return checked([&](auto &config) {
      config.backbone.name = name;
      config.backbone.stages = numbers;
    });
  };
  EXPECT_EQ(stages("efficientnet-b0", {1, 2, 3, 4, 5}), "");
  EXPECT_EQ(stages("resnet18", {2, 4}), "");
  EXPECT_TRUE(holds(stages("resnet18", {4, 5}), "1 to 4"));
  for (const std::vector<int> &numbers :
       std::vector<std::vector<int>>{{}, {0}, {-1, 1}, {6}, {2, 1}, {1, 1}, {1, 2, 2}})
    EXPECT_TRUE(holds(stages("efficientnet-b0", numbers), "does not have the chosen stages"));
}

TEST(Check, InputSidesAreMultiplesOf16From32To2048) {
  const auto side = [](int height, int width) {
    return checked([&](auto &config) {
      config.input.height = height;
      config.input.width = width;
      config.reconstruction->mask_height = config.reconstruction->mask_width = 1;
    });
  };
  for (int good : {32, 48, 224, 2048}) EXPECT_EQ(side(good, 224) + side(224, good), "") << good;
  for (int bad :
       {-224, -16, 0, 1, 15, 16, 31, 33, 223, 2047, 2064, 1 << 30, std::numeric_limits<int>::min()}) {
    EXPECT_TRUE(
        holds(side(bad, 224), "input size of " + std::to_string(bad) + " pixels (choose a multiple of 16"));
    EXPECT_TRUE(holds(side(224, bad), "input size of " + std::to_string(bad)));
  }
}

TEST(Check, HeadsDivideAnEvenDimension) {
  const auto heads = [](int count, int dim) {
    return checked([&](auto &config) {
      config.reconstruction->heads = count;
      config.reconstruction->dim = dim;
    });
  };
  EXPECT_EQ(heads(8, 256) + heads(1, 2) + heads(3, 6) + heads(256, 256), "");
  EXPECT_TRUE(holds(heads(7, 256), "7 heads on 256 dimensions cannot work"));
  EXPECT_TRUE(holds(heads(512, 256), "512 heads on 256"));
  EXPECT_TRUE(holds(heads(5, 15), "even dimension"));
  EXPECT_TRUE(holds(heads(0, 256), "heads is 0"));
  EXPECT_TRUE(holds(heads(-8, 256), "heads is -8"));
  EXPECT_TRUE(holds(heads(1, 0), "dim is 0"));
}

// With every key masked, attention is NaN.
TEST(Check, AMaskThatHidesEveryKeyIsRefused) {
  const auto mask = [](int rows, int columns, int height, int width) {
    return checked([&](auto &config) {
      config.input.height = 16 * rows;
      config.input.width = 16 * columns;
      config.reconstruction->mask_height = height;
      config.reconstruction->mask_width = width;
    });
  };
  EXPECT_TRUE(holds(mask(7, 7, 7, 7), "a 7x7 mask on a 7x7 map hides every key from some query"));
  EXPECT_TRUE(holds(mask(7, 7, 6, 6), "hides every key"));  // an even size has the effect of the next odd one
  EXPECT_TRUE(holds(mask(6, 5, 7, 7), "hides every key"));
  EXPECT_TRUE(holds(mask(14, 14, 4096, 4096), "hides every key"));
  EXPECT_EQ(mask(7, 7, 5, 7), "");  // rows above or below are visible
  EXPECT_EQ(mask(7, 7, 7, 5), "");
  EXPECT_EQ(mask(8, 7, 7, 7), "");
  EXPECT_EQ(mask(7, 8, 7, 7), "");
  EXPECT_EQ(mask(14, 14, 7, 7), "");
  EXPECT_EQ(checked([](auto &config) {
              config.input.height = config.input.width = 112;
              auto &r = *config.reconstruction;
              r.mask_encoder = r.mask_decoder_first = r.mask_decoder_second = false;
            }),
            "");
}

TEST(Check, NumbersLieInTheirRange) {
  using Change = std::function<void(ModelConfig &, double)>;
  const auto set_int = [](int ReconstructionConfig::*field) {
    return Change(
        [field](auto &config, double value) { (*config.reconstruction).*field = static_cast<int>(value); });
  };
  const auto set_real = [](double ReconstructionConfig::*field) {
    return Change([field](auto &config, double value) { (*config.reconstruction).*field = value; });
  };
  struct Row {
    const char *name;
    Change change;
    std::vector<double> good, bad;
  };
  const double inf = std::numeric_limits<double>::infinity();
  using R = ReconstructionConfig;
  for (const Row &row :
       std::vector<Row>{{"input.mean",
                         [](auto &c, double v) { c.input.mean[2] = static_cast<float>(v); },
                         {0, -10, 10},
                         {nan, inf, -inf, 11}},
                        {"input.std",
                         [](auto &c, double v) { c.input.std[0] = static_cast<float>(v); },
                         {1, 1e-6, 10},
                         {nan, inf, 0, -1, 1e-7, 11}},
                        {"backbone.bn_eps",
                         [](auto &c, double v) { c.backbone.bn_eps = v; },
                         {1e-3, 1},
                         {nan, inf, 0, -1e-3, 2}},
                        {"feedforward", set_int(&R::feedforward), {1, 65536}, {0, -1, 65537}},
                        {"encoder_layers", set_int(&R::encoder_layers), {0, 256}, {-1, 257}},
                        {"decoder_layers", set_int(&R::decoder_layers), {0, 256}, {-1, 257}},
                        {"mask_height", set_int(&R::mask_height), {1, 13}, {0, -7, 4097}},
                        {"mask_width", set_int(&R::mask_width), {1, 13}, {0, -7, 4097}},
                        {"dropout", set_real(&R::dropout), {0, 0.5}, {nan, inf, -0.1, 1}},
                        {"jitter_scale", set_real(&R::jitter_scale), {0, 20}, {nan, inf, -1}},
                        {"jitter_probability", set_real(&R::jitter_probability), {0, 1}, {nan, -0.1, 1.1}}}) {
    for (double value : row.good)
      EXPECT_EQ(checked([&](auto &config) { row.change(config, value); }), "") << row.name << value;
    for (double value : row.bad) {
      const std::string reason = checked([&](auto &config) { row.change(config, value); });
      EXPECT_TRUE(holds(reason, row.name)) << value;
      EXPECT_TRUE(holds(reason, "the range is ")) << value;
    }
  }
}

}  // namespace
}  // namespace uniad
