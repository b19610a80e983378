// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "model/preprocess/frame_view.h"

namespace uniad {

// What the network sees: size in pixels, and (x / 255 - mean) / std per channel in R, G, B order.
struct InputConfig {
  int height = 224;
  int width = 224;
  std::array<float, 3> mean{0.485F, 0.456F, 0.406F};
  std::array<float, 3> std{0.229F, 0.224F, 0.225F};
};

// Frame -> network input. The picture is resized straight to the input size (aspect ratio not kept, no crop)
// by Pillow's antialiased bilinear filter on 8-bit RGB: two separable passes, horizontal first, rounding
// after each (Pillow up to 12, the reference's; 13 turns the order round for pictures that shrink mostly in
// height). RGB layouts: bit for bit Pillow's result. Y'CbCr layouts: at most 2 levels from converting to
// 8-bit RGB first, by the standards' matrices and linear chroma. (The 8-bit matrix of GStreamer 1.22's
// videoconvert is 1 to 3 levels darker than the standards on the average.) Keeps its filter tables and row
// buffers between frames (no allocation while the size stays the same); one preprocessor serves one thread at
// a time.
class Preprocessor {
 public:
  explicit Preprocessor(const InputConfig &input);
  ~Preprocessor();
  Preprocessor(Preprocessor &&) noexcept;
  Preprocessor &operator=(Preprocessor &&) noexcept;

  // The resized picture, height x width x 3, R G B. Throws Error on a frame of zero size or without planes.
  void resize(const FrameView &frame, std::span<std::uint8_t> rgb);

  // The normalised tensor, 3 x height x width.
  void run(const FrameView &frame, std::span<float> chw);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace uniad
