// SPDX-License-Identifier: Apache-2.0
#include "training/data/visit.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <future>
#include <opencv2/imgcodecs.hpp>
#include <thread>

#include "model/error.h"
#include "training/data/cifar.h"
#include "training/data/picture.h"
#include "training/data/video.h"

namespace uniad {
namespace {

struct Picture {
  cv::Mat pixels;
  std::string reason;  // why there are none
};

Picture try_read(const Item &item) {
  try {
    if (item.record) return {read_cifar(item.path, *item.record), {}};
    return {read_picture(item.path, cv::IMREAD_COLOR), {}};
  } catch (const Error &error) {
    return {{}, error.what()};
  }
}

// Items first..last-1 are pictures.
void visit_pictures(std::span<const Item> items, std::size_t first, std::size_t last, const Visitor &visitor,
                    std::vector<Unread> &unread) {
  const std::size_t workers = std::clamp(std::thread::hardware_concurrency(), 1U, 8U);
  constexpr std::size_t budget = std::size_t{512} << 20U;
  std::deque<std::future<Picture>> ahead;
  std::size_t depth = 1;  // how far to read ahead: pictures of a source tend to have one size
  std::size_t next = first;
  for (auto index = first; index < last; ++index) {
    for (; next < last && (ahead.empty() || ahead.size() < depth); ++next)
      ahead.push_back(std::async(std::launch::async, try_read, std::cref(items[next])));
    const auto picture = ahead.front().get();
    ahead.pop_front();
    if (picture.pixels.empty()) {
      unread.push_back({index, picture.reason});
      continue;
    }
    depth =
        std::clamp<std::size_t>(budget / (picture.pixels.total() * picture.pixels.elemSize()), 1, workers);
    visitor(index, view_of(picture.pixels));
  }
}

// Items first..last-1 are frames of one video, their numbers ascending.
void visit_video(std::span<const Item> items, std::size_t first, std::size_t last, const Visitor &visitor,
                 std::vector<Unread> &unread) {
  std::vector<std::int64_t> wanted;
  for (auto index = first; index < last; ++index) wanted.push_back(*items[index].frame);
  const auto seen =
      visit_frames(items[first].path, wanted,
                   [&](std::size_t position, const FrameView &frame) { visitor(first + position, frame); });
  for (const std::size_t position : seen.corrupt)
    unread.push_back({first + position, describe(items[first + position]) +
                                            ": the decoder calls it corrupt: it is damaged, or comes before "
                                            "the first key frame"});
  const auto reason = seen.error.empty() ? "the video ends before it" : seen.error;
  for (auto index = first + static_cast<std::size_t>(seen.frames); index < last; ++index)
    unread.push_back({index, describe(items[index]) + ": " + reason});
}

bool continues(const Item &item, const Item &previous) {
  if (!item.frame || !previous.frame) return !item.frame && !previous.frame;
  return item.path == previous.path && *item.frame > *previous.frame;
}

}  // namespace

std::vector<Unread> visit_items(std::span<const Item> items, const Visitor &visitor) {
  std::vector<Unread> unread;
  for (std::size_t first = 0; first < items.size();) {
    auto last = first + 1;
    while (last < items.size() && continues(items[last], items[last - 1])) ++last;
    (items[first].frame ? visit_video : visit_pictures)(items, first, last, visitor, unread);
    first = last;
  }
  return unread;
}

}  // namespace uniad
