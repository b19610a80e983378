// SPDX-License-Identifier: Apache-2.0
// Buffers, caps and harnesses.
#pragma once

#include <gst/check/gstharness.h>
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "gst-plugin/base/ref.h"

namespace uniad::test {

struct TearDown {
  void operator()(GstHarness *harness) const { gst_harness_teardown(harness); }
};
using Harness = std::unique_ptr<GstHarness, TearDown>;

// The objects that GStreamer's leaks tracer reports as alive, except element factories, which live as long as
// the process.
inline std::vector<std::string> live_objects() {
  std::vector<std::string> names;
  GList *tracers = gst_tracing_get_active_tracers();
  for (GList *item = tracers; item != nullptr; item = item->next) {
    if (std::string(G_OBJECT_TYPE_NAME(item->data)) != "GstLeaksTracer") continue;
    GstStructure *live = nullptr;
    g_signal_emit_by_name(item->data, "get-live-objects", &live);
    const GValue *list = gst_structure_get_value(live, "live-objects-list");
    for (guint i = 0; i < gst_value_list_get_size(list); ++i) {
      const GstStructure *entry = gst_value_get_structure(gst_value_list_get_value(list, i));
      const GValue *object = gst_structure_get_value(entry, "object");
      // GStreamer 1.22 lists objects without holding a reference, but freeing the list drops one.
      if (G_VALUE_HOLDS_OBJECT(object))
        g_object_ref(g_value_get_object(object));
      else
        gst_mini_object_ref(static_cast<GstMiniObject *>(g_value_get_boxed(object)));
      if (G_VALUE_HOLDS(object, GST_TYPE_ELEMENT_FACTORY)) continue;
      gchar *text = g_strdup_value_contents(object);
      names.push_back(std::string(G_VALUE_TYPE_NAME(object)) + " " + text);
      g_free(text);
    }
    gst_structure_free(live);
  }
  g_list_free_full(tracers, gst_object_unref);
  return names;
}

// A test with GStreamer. It fails if an object outlives it.
class GstTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    setenv("GST_TRACERS", "leaks", 1);  // NOLINT(concurrency-mt-unsafe): before any thread
    gst_init(nullptr, nullptr);
  }

  void TearDown() override {
    gst_task_cleanup_all();  // a streaming thread drops its task after the state change returns
    EXPECT_EQ(live_objects(), std::vector<std::string>{});
  }
};

}  // namespace uniad::test
