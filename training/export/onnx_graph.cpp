// SPDX-License-Identifier: Apache-2.0
#include "training/export/onnx_graph.h"

#include "model/base/error.h"

namespace uniad {
namespace {

void describe(onnx::ValueInfoProto &value, const std::string &name, const OnnxGraph::Shape &shape,
              const std::string &meaning) {
  value.set_name(name);
  value.set_doc_string(meaning);
  auto &type = *value.mutable_type()->mutable_tensor_type();
  type.set_elem_type(onnx::TensorProto::FLOAT);
  for (const std::int64_t extent : shape) {
    auto &dimension = *type.mutable_shape()->add_dim();
    if (extent < 0)
      dimension.set_dim_param("batch");
    else
      dimension.set_dim_value(extent);
  }
}

void set(onnx::AttributeProto &attribute, std::int64_t value) {
  attribute.set_type(onnx::AttributeProto::INT);
  attribute.set_i(value);
}

void set(onnx::AttributeProto &attribute, float value) {
  attribute.set_type(onnx::AttributeProto::FLOAT);
  attribute.set_f(value);
}

void set(onnx::AttributeProto &attribute, const std::vector<std::int64_t> &values) {
  attribute.set_type(onnx::AttributeProto::INTS);
  attribute.mutable_ints()->Assign(values.begin(), values.end());
}

}  // namespace

OnnxGraph::Value OnnxGraph::input(const std::string &name, const Shape &shape, const std::string &meaning) {
  describe(*graph_.add_input(), name, shape, meaning);
  return name;
}

void OnnxGraph::output(const Value &value, const Shape &shape, const std::string &meaning) {
  describe(*graph_.add_output(), value, shape, meaning);
}

void OnnxGraph::add_constant(const std::string &name, const Shape &shape, onnx::TensorProto::DataType type,
                             std::span<const std::byte> bytes) {
  if (bytes.size() > bytes_left_)
    throw Error(ErrorKind::InvalidArgument, where_,
                "an ONNX file can contain at most 2 GB, but the model is larger",
                "train it with fewer clusters or a smaller input size");
  bytes_left_ -= bytes.size();
  onnx::TensorProto &tensor = *graph_.add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(type);
  tensor.mutable_dims()->Assign(shape.begin(), shape.end());
  tensor.set_raw_data(bytes.data(), bytes.size());
}

OnnxGraph::Value OnnxGraph::constant(const std::string &name, std::span<const float> values,
                                     const Shape &shape) {
  add_constant(name, shape, onnx::TensorProto::FLOAT, std::as_bytes(values));
  return name;
}

OnnxGraph::Value OnnxGraph::integers(const std::string &name, std::span<const std::int64_t> values) {
  add_constant(name, {static_cast<std::int64_t>(values.size())}, onnx::TensorProto::INT64,
               std::as_bytes(values));
  return name;
}

OnnxGraph::Value OnnxGraph::add(const char *operation, const std::string &name,
                                const std::vector<Value> &inputs, const std::vector<Attribute> &attributes) {
  onnx::NodeProto &node = *graph_.add_node();
  node.set_op_type(operation);
  node.set_name(name);
  for (const Value &input : inputs) node.add_input(input);
  node.add_output(name);
  for (const auto &[key, value] : attributes) {
    onnx::AttributeProto &attribute = *node.add_attribute();
    attribute.set_name(key);
    std::visit([&](const auto &number) { set(attribute, number); }, value);
  }
  return name;
}

onnx::ModelProto OnnxGraph::finish(const std::string &version, const std::string &description) && {
  onnx::ModelProto model;
  model.set_ir_version(ir_version);
  model.set_producer_name("uniad");
  model.set_producer_version(version);
  model.set_doc_string(description);
  onnx::OperatorSetIdProto &operators = *model.add_opset_import();
  operators.set_domain("");
  operators.set_version(opset);
  graph_.set_name("uniad");
  *model.mutable_graph() = std::move(graph_);
  return model;
}

}  // namespace uniad
