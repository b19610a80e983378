// SPDX-License-Identifier: Apache-2.0
#include "training/data/report.h"

#include "model/base/error.h"
#include "model/scoring/calibration.h"

namespace uniad {

void name_unread(std::span<const Item> items, std::span<const Unread> unread, Progress &progress) {
  if (unread.empty()) return;
  for (auto first = unread.begin(); first != unread.end();) {
    const Item &item = items[first->index];
    // Neighboring frames of a video that have the same cause are reported together.
    auto last = first;
    const auto goes_on = [&](const Unread &next) {
      return item.frame && next.index == last->index + 1 && items[next.index].path == item.path &&
             next.cause == first->cause;
    };
    while (last + 1 != unread.end() && goes_on(*(last + 1))) ++last;
    if (first == last)
      progress.say("left out: " + first->reason);
    else
      progress.say("left out: " + item.path.string() + ", frames " + std::to_string(*item.frame) + " to " +
                   std::to_string(*items[last->index].frame) + ": " + first->cause);
    first = last + 1;
  }
  progress.say(std::to_string(unread.size()) + " of " + std::to_string(items.size()) +
               " pictures could not be read and were skipped");
}

void report_unread(std::span<const Item> items, std::span<const Unread> unread, Progress &progress) {
  name_unread(items, unread, progress);
  if (!unread.empty() && unread.size() == items.size())
    throw Error(ErrorKind::Malformed, items.front().path.string(),
                "none of " + std::to_string(items.size()) + " pictures could be read",
                "the messages above give the reasons");
}

void report_unknown(const Source &source, const Calibration &calibration, const std::filesystem::path &model,
                    Progress &progress) {
  const std::string unknown = unknown_source(calibration, source.name, source.is_named);
  if (!unknown.empty())
    progress.say("warning: " + model.string() + ": " + unknown +
                 " (give the data the name of one, NAME=PATH, or add this one with uniad update)");
}

VisitListener tell_by(Progress &progress) {
  return {.warning = [&progress](const std::string &warning) { progress.say("warning: " + warning); },
          .passing = [&progress](const std::string &where) { progress.pass(where); }};
}

}  // namespace uniad
