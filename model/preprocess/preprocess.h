// SPDX-License-Identifier: Apache-2.0
// Converts a frame to network input.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "model/config/model_config.h"
#include "model/preprocess/frame_view.h"

namespace uniad {

// Converts a frame to network input. The picture is resized directly to the input size (without keeping the
// aspect ratio, without cropping) with Pillow's antialiased bilinear filter on 8-bit RGB: two separable
// passes, horizontal first, with rounding after each (as in the reference's Pillow, up to version 12; 13
// reverses the order for pictures that shrink mostly in height). RGB layouts: bit-exact with Pillow. Y'CbCr
// layouts: at most 2 levels from converting to 8-bit RGB first with the standards' matrices and linear
// chroma. (The 8-bit matrix of videoconvert in GStreamer 1.22 is on average 1 to 3 levels darker than the
// standards.) Filter tables and row buffers are kept between frames (no allocation while the size stays the
// same). Not thread-safe.
class Preprocessor {
 public:
  explicit Preprocessor(const InputConfig &input);
  ~Preprocessor();
  Preprocessor(Preprocessor &&) noexcept;
  Preprocessor &operator=(Preprocessor &&) noexcept;

  // The resized picture, height x width x 3, R G B. Throws Error if the frame has zero size or no planes.
  void resize(const FrameView &frame, std::span<std::uint8_t> rgb);

  // The normalized tensor, 3 x height x width.
  void run(const FrameView &frame, std::span<float> chw);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace uniad
