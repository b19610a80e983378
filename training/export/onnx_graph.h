// SPDX-License-Identifier: Apache-2.0
// Builds an ONNX graph.
#pragma once

#include <onnx/onnx_pb.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace uniad {

// Builds an ONNX graph node by node. Values are identified by their name, which shows the part of the network
// that they belong to.
class OnnxGraph {
 public:
  using Value = std::string;
  using Shape = std::vector<std::int64_t>;  // -1: any size (the batch)
  using Attribute = std::pair<const char *, std::variant<std::int64_t, float, Shape>>;

  // Of ONNX 1.12 (2022): the first with LayerNormalization.
  static constexpr std::int64_t opset = 17;
  static constexpr std::int64_t ir_version = 8;

  // Protobuf messages are limited to 2 GB; everything except constants needs far less than the remainder.
  static constexpr std::uint64_t most_bytes = (std::uint64_t{2} << 30) - (std::uint64_t{64} << 20);

  // where: used in errors. bytes: limit for the size of all constants.
  explicit OnnxGraph(std::string where, std::uint64_t bytes = most_bytes)
      : where_(std::move(where)), bytes_left_(bytes) {}

  Value input(const std::string &name, const Shape &shape, const std::string &meaning);
  // Makes a value an output of the graph.
  void output(const Value &value, const Shape &shape, const std::string &meaning);

  // values: row-major, with the size of `shape`. Throws Error if the constants exceed the limit.
  Value constant(const std::string &name, std::span<const float> values, const Shape &shape);
  Value integers(const std::string &name, std::span<const std::int64_t> values);  // a list

  // Adds a node with one output, which has the name of the node.
  Value add(const char *operation, const std::string &name, const std::vector<Value> &inputs,
            const std::vector<Attribute> &attributes = {});

  // version: that of this program.
  onnx::ModelProto finish(const std::string &version, const std::string &description) &&;

 private:
  void add_constant(const std::string &name, const Shape &shape, onnx::TensorProto::DataType type,
                    std::span<const std::byte> bytes);

  std::string where_;
  std::uint64_t bytes_left_;
  onnx::GraphProto graph_;
};

}  // namespace uniad
