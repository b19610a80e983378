// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/publish/messages.h"

#include "gst-plugin/publish/debug.h"

namespace uniad {

void post_report(GstElement *self, const std::string &name, guint queue_size, const PublisherReport &report) {
  using Kind = PublisherReport::Kind;
  const char *reason = report.failure.reason.c_str();
  const char *hint = report.failure.hint.c_str();
  const guint64 lost = report.lost;
  switch (report.kind) {
    case Kind::failing:
      GST_ELEMENT_WARNING(self, RESOURCE, WRITE,
                          ("Cannot publish to \"%s\": %s (%s). The stream continues. The newest %u results "
                           "are kept until publishing succeeds again.",
                           name.c_str(), reason, hint, queue_size),
                          (nullptr));
      break;
    case Kind::too_slow:
      GST_ELEMENT_WARNING(self, RESOURCE, WRITE,
                          ("Results are being lost while the stream continues: \"%s\" takes them more slowly "
                           "than they come. Set max-rate, or mode=events.",
                           name.c_str()),
                          (nullptr));
      break;
    case Kind::resumed:
      GST_ELEMENT_INFO(self, RESOURCE, WRITE,
                       ("Publishing to \"%s\" succeeds again; %" G_GUINT64_FORMAT " results were lost.",
                        name.c_str(), lost),
                       (nullptr));
      break;
    case Kind::refused:
      GST_ELEMENT_WARNING(
          self, RESOURCE, WRITE,
          ("\"%s\" refuses results, which are lost: %s. The stream continues.", name.c_str(), reason),
          (nullptr));
      break;
    case Kind::not_reopened:
      GST_ELEMENT_WARNING(
          self, RESOURCE, OPEN_WRITE,
          ("Cannot reopen \"%s\": %s (%s). Results are still written to the file that was open.",
           name.c_str(), reason, hint),
          (nullptr));
      break;
    case Kind::stopped:
      GST_ELEMENT_WARNING(
          self, RESOURCE, WRITE,
          ("%" G_GUINT64_FORMAT " results were lost, because \"%s\" did not take them before the stop.", lost,
           name.c_str()),
          (nullptr));
      break;
  }
}

void post_picture_problem(GstElement *self, const std::string &problem) {
  GST_ELEMENT_WARNING(self, RESOURCE, WRITE,
                      ("Cannot write pictures: %s. The stream continues.", problem.c_str()), (nullptr));
}

}  // namespace uniad
