// SPDX-License-Identifier: Apache-2.0
#include "training/report.h"

#include "model/error.h"

namespace uniad {

void report_unread(std::span<const Item> items, std::span<const Unread> unread, Progress &progress) {
  if (unread.empty()) return;
  for (std::size_t i = 0; i < unread.size(); ++i) {
    const auto &item = items[unread[i].index];
    const bool same_video = i > 0 && item.frame && items[unread[i - 1].index].path == item.path;
    if (!same_video) progress.say(unread[i].reason);
  }
  const auto count = std::to_string(unread.size()) + " of " + std::to_string(items.size());
  if (unread.size() == items.size())
    throw Error(items.front().path.string(),
                "none of " + std::to_string(items.size()) + " pictures could be read",
                "see the reasons above");
  progress.say(count + " pictures could not be read and were skipped");
}

}  // namespace uniad
