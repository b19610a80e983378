// SPDX-License-Identifier: Apache-2.0
// The interface of a network on one device.
#pragma once

#include <exception>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "model/engine/backend/input_paint.h"
#include "model/file/model_file.h"
#include "model/health/picture.h"
#include "model/preprocess/frame_view.h"

namespace uniad {

// What the network makes of one picture: a token a cell of its grid, row-major, top left first.
struct Tokens {
  std::vector<float> features;   // (tokens, channels), standardized and whitened as the model says
  std::vector<float> residuals;  // (tokens, channels): features - UniAD(features); empty without UniAD
};

// One picture of a batch.
struct Picture {
  const FrameView *frame = nullptr;
  Tokens *tokens = nullptr;           // whose vectors keep their memory from call to call
  std::exception_ptr failure{};       // what is wrong with this picture; the others go on
  GrayPicture *luma = nullptr;        // what the network saw, at its input's size; null: not wanted
  const InputPaint *paint = nullptr;  // what is to be hidden of it; null: nothing
  InputPaint::Seen *seen = nullptr;   // with a paint: what the picture showed
};

// The network of one model, folded for one device and one precision. What is normal (statistics, calibration)
// is not its business. One batch at a time.
class Backend {
 public:
  Backend() = default;
  virtual ~Backend() = default;
  Backend(const Backend &) = delete;
  Backend &operator=(const Backend &) = delete;

  // Pictures of any sizes and layouts. Throws Error where the device fails, and all pictures with it.
  virtual void run(std::span<Picture> pictures) = 0;

  virtual std::string description() const = 0;  // "cpu, bf16 (AMX)"
};

}  // namespace uniad
