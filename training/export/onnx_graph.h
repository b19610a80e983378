// SPDX-License-Identifier: Apache-2.0
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

// An ONNX graph that grows node by node. A value is known by its name, which tells the part of the network
// that it belongs to.
class OnnxGraph {
 public:
  using Value = std::string;
  using Shape = std::vector<std::int64_t>;  // -1: any size, the batch's
  using Attribute = std::pair<const char *, std::variant<std::int64_t, float, Shape>>;

  // Of ONNX 1.12 (2022): the first with LayerNormalization.
  static constexpr std::int64_t opset = 17;
  static constexpr std::int64_t ir_version = 8;

  // Protobuf's messages end at 2 GB; all but numbers is far below the rest of that.
  static constexpr std::uint64_t most_bytes = (std::uint64_t{2} << 30) - (std::uint64_t{64} << 20);

  // where: for errors. bytes: of all constants together.
  explicit OnnxGraph(std::string where, std::uint64_t bytes = most_bytes)
      : where_(std::move(where)), bytes_left_(bytes) {}

  Value input(const std::string &name, const Shape &shape, const std::string &meaning);
  // Makes a value one of the graph's results.
  void output(const Value &value, const Shape &shape, const std::string &meaning);

  // values: row-major, as many as the shape says. Throws Error where the constants are too many for a file.
  Value constant(const std::string &name, std::span<const float> values, const Shape &shape);
  Value integers(const std::string &name, std::span<const std::int64_t> values);  // a list

  // A node of one output, which is named as the node is.
  Value add(const char *operation, const std::string &name, const std::vector<Value> &inputs,
            const std::vector<Attribute> &attributes = {});

  // version: of the program that writes it.
  onnx::ModelProto finish(const std::string &version, const std::string &description) &&;

 private:
  void add_constant(const std::string &name, const Shape &shape, onnx::TensorProto::DataType type,
                    std::span<const std::byte> bytes);

  std::string where_;
  std::uint64_t bytes_left_;
  onnx::GraphProto graph_;
};

}  // namespace uniad
