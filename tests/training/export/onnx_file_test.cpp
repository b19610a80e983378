// SPDX-License-Identifier: Apache-2.0
// Checks the output of `uniad export --onnx` with ONNX's own checker, and its errors.
#include <gtest/gtest.h>
#include <onnx/checker.h>
#include <onnx/defs/schema.h>
#include <onnx/shape_inference/implementation.h>

#include <array>
#include <nlohmann/json.hpp>

#include "model/backbone/displacement.h"
#include "model/file/model_file.h"
#include "model/file/safetensors.h"
#include "tests/support/refusal.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/tiny_model.h"
#include "tests/training/program.h"
#include "training/export/export.h"
#include "training/export/onnx_graph.h"

namespace uniad {
namespace {

using test::holds;
using test::Outcome;

std::string text_of(const onnx::ValueInfoProto &value) {
  std::string text = value.name();
  for (const auto &extent : value.type().tensor_type().shape().dim())
    text += " " + (extent.has_dim_param() ? extent.dim_param() : std::to_string(extent.dim_value()));
  return text;
}

template <typename Values>
std::vector<std::string> texts_of(const Values &values) {
  std::vector<std::string> texts;
  for (const auto &value : values) texts.push_back(text_of(value));
  return texts;
}

class OnnxFile : public test::ScratchFolder {
 protected:
  // Exports a tiny model to ONNX. path: the file of the model.
  onnx::ModelProto exported(const std::filesystem::path &path) const {
    const auto onnx = file("exported.onnx");
    const Outcome outcome = uniad("--model " + path.string() + " --onnx " + onnx.string());
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_TRUE(holds(outcome.err, "wrote " + onnx.string()));
    onnx::ModelProto model;
    EXPECT_TRUE(model.ParseFromString(content(onnx)));
    return model;
  }

  std::filesystem::path tiny_model() const {
    test::write_tiny_model(file("tiny.safetensors"), 2.5);
    return file("tiny.safetensors");
  }

  Outcome uniad(const std::string &arguments) const {
    return test::run_uniad("export " + arguments, folder_);
  }
};

TEST_F(OnnxFile, IsValidAndSaysWhatItTakesAndGives) {
  onnx::ModelProto model = exported(tiny_model());
  EXPECT_NO_THROW(onnx::checker::check_model(model));
  // The shape of every value follows from the nodes, and none contradicts the declared inputs and outputs.
  const onnx::ShapeInferenceOptions strict{true, 1, true};
  EXPECT_NO_THROW(onnx::shape_inference::InferShapes(model, onnx::OpSchemaRegistry::Instance(), strict));
  EXPECT_EQ(texts_of(model.graph().input()), std::vector<std::string>{"image batch 3 64 64"});
  EXPECT_EQ(texts_of(model.graph().output()), (std::vector<std::string>{"grid batch 4 4", "score batch"}));
  for (const auto &values : {model.graph().input(), model.graph().output()})
    for (const auto &value : values) EXPECT_FALSE(value.doc_string().empty()) << value.name();
  EXPECT_EQ(model.opset_import(0).version(), 17);
  EXPECT_EQ(model.producer_name(), "uniad");
}

TEST_F(OnnxFile, CarriesWhatTheModelFileSays) {
  const auto path = tiny_model();
  const onnx::ModelProto model = exported(path);
  std::map<std::string, std::string> metadata;
  for (const auto &entry : model.metadata_props()) metadata[entry.key()] = entry.value();
  const auto preprocessing = nlohmann::json::parse(metadata.at("uniad.preprocessing"));
  const auto grid = nlohmann::json::parse(metadata.at("uniad.grid"));
  metadata.erase("uniad.preprocessing");
  metadata.erase("uniad.grid");
  EXPECT_EQ(metadata, read_safetensors_header(path).metadata);
  EXPECT_EQ(nlohmann::json::parse(metadata.at("uniad.calibration"))["pooled"]["threshold"], 2.5);
  const auto origin = grid_origin(read_model(path).config);
  EXPECT_EQ(grid["left"], origin.left);
  EXPECT_EQ(grid["top"], origin.top);
  EXPECT_EQ(preprocessing["width"], 64);
  EXPECT_EQ(preprocessing["height"], 64);
  EXPECT_EQ(preprocessing["colour"], "RGB");
  EXPECT_FLOAT_EQ(preprocessing["mean"][2], 0.406F);
  EXPECT_FLOAT_EQ(preprocessing["std"][0], 0.229F);
}

TEST_F(OnnxFile, AFailureLeavesTheOldFile) {
  const auto path = tiny_model();
  const auto onnx = write("old.onnx", "old");
  const std::string bytes = content(path);
  Progress progress;
  const auto refused = [&](const std::filesystem::path &model, const std::filesystem::path &to) {
    return test::refusal([&] { export_model({model, to}, progress); });
  };
  EXPECT_TRUE(holds(refused(folder_ / "absent", onnx), "absent: no such file"));
  EXPECT_TRUE(holds(refused(write("short", bytes.substr(0, bytes.size() - 1)), onnx), "short: "));
  EXPECT_TRUE(holds(refused(path, folder_ / "no/folder.onnx"), "no/folder.onnx: "));
  EXPECT_TRUE(holds(refused(path, path), "is the model itself"));
  EXPECT_EQ(content(path), bytes);

  const Outcome outcome = uniad("--model " + write("text", "no model").string() + " --onnx " + onnx.string());
  EXPECT_EQ(outcome.code, 1);
  EXPECT_TRUE(holds(outcome.err, "text: "));
  EXPECT_EQ(content(onnx), "old");
  EXPECT_EQ(uniad("--model " + path.string()).code, 2);
  EXPECT_EQ(uniad("--onnx " + onnx.string()).code, 2);
}

TEST(OnnxGraph, RefusesMoreNumbersThanAFileHolds) {
  OnnxGraph graph("big.onnx", 100);
  const std::array<float, 15> most{};
  const std::array<std::int64_t, 5> rest{};
  graph.constant("most", most, {15});
  graph.integers("rest", rest);
  EXPECT_EQ(test::refusal([&] { graph.constant("more", std::array{0.0F}, {}); }),
            "big.onnx: an ONNX file can contain at most 2 GB, but the model is larger (train it with fewer "
            "clusters or a smaller input size)");
}

}  // namespace
}  // namespace uniad
