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

// The output of the network for one picture: one token for each cell of its grid, row-major.
struct Tokens {
  std::vector<float> features;   // (tokens, channels), standardized and whitened as in the model
  std::vector<float> residuals;  // (tokens, channels): features - UniAD(features); empty without UniAD
};

// One picture of a batch.
struct Picture {
  const FrameView *frame = nullptr;
  Tokens *tokens = nullptr;           // the output; its vectors are reused from call to call
  std::exception_ptr failure{};       // why this picture failed; the other pictures are not affected
  GrayPicture *luma = nullptr;        // the network's input in gray, at the input's size; null: not needed
  const InputPaint *paint = nullptr;  // hides ignored pixels; null: nothing is hidden
  InputPaint::Seen *seen = nullptr;   // with `paint`: what the picture shows
};

// The network of one model, folded for one device and one precision, without the model's statistics and
// calibration. Runs one batch at a time.
class Backend {
 public:
  Backend() = default;
  virtual ~Backend() = default;
  Backend(const Backend &) = delete;
  Backend &operator=(const Backend &) = delete;

  // Pictures may have any sizes and layouts. Throws Error if the device fails, which affects all pictures.
  virtual void run(std::span<Picture> pictures) = 0;

  virtual std::string description() const = 0;  // "cpu, bf16 (AMX)"
};

}  // namespace uniad
