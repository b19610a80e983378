// SPDX-License-Identifier: Apache-2.0
#include "training/data/visit.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <future>
#include <thread>

#include "model/base/error.h"
#include "training/data/bit_depth.h"
#include "training/data/cifar.h"
#include "training/data/picture.h"
#include "training/data/video.h"

namespace uniad {
namespace {

struct Picture {
  ColorPicture picture;
  std::string reason;  // why the picture could not be read
};

Picture try_read(const Item &item) {
  try {
    if (item.record) return {{read_cifar(item.path, *item.record), {}}, {}};
    return {read_color_picture(item.path, item.bit_depth), {}};
  } catch (const Error &error) {
    return {{}, error.what()};
  }
}

void tell(const DepthSeen &depth, const std::string &about, const VisitListener &listener) {
  const std::string warning = depth.warning(about);
  if (!warning.empty() && listener.warning) listener.warning(warning);
}

// Items first..last-1 are pictures.
void visit_pictures(std::span<const Item> items, std::size_t first, std::size_t last, const Visitor &visitor,
                    const VisitListener &listener, std::vector<Unread> &unread) {
  const std::size_t workers = std::clamp(std::thread::hardware_concurrency(), 1U, 8U);
  constexpr std::size_t budget = std::size_t{512} << 20U;
  std::deque<std::future<Picture>> ahead;
  std::size_t depth = 1;  // number of pictures to read ahead; those of a source tend to have one size
  std::size_t next = first;
  DepthSeen values(items[first].bit_depth);
  std::string of_16_bits;  // path of the first 16-bit picture
  for (auto index = first; index < last; ++index) {
    for (; next < last && (ahead.empty() || ahead.size() < depth); ++next)
      ahead.push_back(std::async(std::launch::async, try_read, std::cref(items[next])));
    const auto [picture, reason] = ahead.front().get();
    ahead.pop_front();
    if (picture.bgr.empty()) {
      unread.push_back({index, reason, {}});
      continue;
    }
    if (picture.most) {
      values.add(*picture.most);
      if (of_16_bits.empty()) of_16_bits = items[index].path.string();
    }
    depth = std::clamp<std::size_t>(budget / (picture.bgr.total() * picture.bgr.elemSize()), 1, workers);
    visitor(index, view_of(picture.bgr));
  }
  tell(values, of_16_bits + (last - first > 1 ? " and its neighbors" : ""), listener);
}

// Items first..last-1 are frames of one video, their numbers ascending.
void visit_video(std::span<const Item> items, std::size_t first, std::size_t last, const Visitor &visitor,
                 const VisitListener &listener, std::vector<Unread> &unread) {
  const auto &path = items[first].path;
  std::vector<std::int64_t> wanted;
  for (auto index = first; index < last; ++index) wanted.push_back(*items[index].frame);
  PassingFrames passing;
  if (listener.passing)
    passing = [&](std::int64_t frame, double) {
      listener.passing(path.string() + ", frame " + std::to_string(frame));
    };
  BetweenFrames between;
  if (listener.between)
    between = [&](std::size_t position, std::int64_t frame, const FrameView &picture) {
      listener.between(first + position, frame, picture);
    };
  DepthSeen values(items[first].bit_depth);
  const auto seen = visit_frames(
      path, wanted, items[first].bit_depth,
      [&](std::size_t position, const FrameView &frame) { visitor(first + position, frame); }, values,
      passing, between);
  const auto leave_out = [&](std::size_t index, const std::string &cause) {
    unread.push_back({index, describe(items[index]) + ": " + cause, cause});
  };
  const std::string said = seen.damage.empty() ? "" : " (" + seen.damage + ")";
  for (const std::size_t position : seen.damaged)
    leave_out(first + position, "it is damaged or precedes the first key frame" + said);
  const auto reason = !seen.error.empty()    ? seen.error
                      : !seen.damage.empty() ? "the video has fewer decodable frames" + said
                                             : "the video ends before it";
  for (auto index = first + static_cast<std::size_t>(seen.frames); index < last; ++index)
    leave_out(index, reason);
  tell(values, path.string(), listener);
}

bool continues(const Item &item, const Item &previous) {
  if (!item.frame || !previous.frame) return !item.frame && !previous.frame;
  return item.path == previous.path && *item.frame > *previous.frame;
}

}  // namespace

std::vector<Unread> visit_items(std::span<const Item> items, const Visitor &visitor,
                                const VisitListener &listener) {
  std::vector<Unread> unread;
  for (std::size_t first = 0; first < items.size();) {
    auto last = first + 1;
    while (last < items.size() && continues(items[last], items[last - 1])) ++last;
    (items[first].frame ? visit_video : visit_pictures)(items, first, last, visitor, listener, unread);
    first = last;
  }
  return unread;
}

}  // namespace uniad
