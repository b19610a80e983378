// SPDX-License-Identifier: Apache-2.0
// What uniadpublish tells the application about the publisher's work.
#pragma once

#include <gst/gst.h>

#include <string>

#include "gst-plugin/publish/publisher.h"

namespace uniad {

// `name` is the place, without passwords; `queue_size` is how many results it keeps.
void post_report(GstElement *self, const std::string &name, guint queue_size, const PublisherReport &report);

void post_picture_problem(GstElement *self, const std::string &problem);

}  // namespace uniad
