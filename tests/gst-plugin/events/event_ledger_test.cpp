// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/events/event_ledger.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace uniad {
namespace {

using Texts = std::vector<std::string>;

// "door begin": the zone and the state of each.
Texts texts(const std::vector<Event> &events) {
  Texts result;
  for (const Event &event : events)
    result.push_back(event.zone + " " +
                     (event.state == GST_ANOMALY_EVENT_ONGOING ? "update" : name_of(event.state)) +
                     (event.reason.empty() ? "" : " " + event.reason));
  return result;
}

Event event(const std::string &zone, GstAnomalyEventState state, guint64 frames, bool on_frame = false) {
  Event event;
  event.id = "id of " + zone;
  event.zone = zone;
  event.session = "session";
  event.state = state;
  event.frames = frames;
  event.on_frame = on_frame;
  event.frame_pts = on_frame ? 1 : GST_CLOCK_TIME_NONE;
  return event;
}

class EventLedgerTest : public ::testing::Test {
 protected:
  // Takes a frame outside of events, or in the event of this zone.
  Texts frame(GstClockTime pts, const char *zone = nullptr,
              GstAnomalyEventState state = GST_ANOMALY_EVENT_ONGOING) {
    const Ref<GstBuffer> buffer(gst_buffer_new());
    auto *meta = gst_buffer_add_anomaly_meta(buffer.get(), "cam0", 1, 0);
    gst_anomaly_meta_set_session(meta, "session");
    if (zone != nullptr) {
      gst_anomaly_meta_set_event(meta, ("id of " + std::string(zone)).c_str(), state);
      gst_anomaly_meta_set_event_kind(meta, anomaly_kind, *zone != '\0' ? zone : nullptr);
      const GstAnomalyMoment moment{pts, pts};
      gst_anomaly_meta_set_event_course(meta, &moment, &moment, &moment, 1, 1);
    }
    const FrameEntry entry = ledger_.take(*meta, pts, /*at_once=*/false);
    state_ = entry.state;
    return texts(entry.before);
  }

  Texts take(const Event &event) { return texts(ledger_.take(event, /*at_once=*/false)); }

  EventLedger ledger_;
  GstAnomalyEventState state_ = GST_ANOMALY_EVENT_NONE;  // of the newest frame's line
};

TEST_F(EventLedgerTest, WhatNoFrameCarriesIsWrittenAtOnceAndNotTakenForLost) {
  EXPECT_EQ(take(event("door", GST_ANOMALY_EVENT_BEGIN, 1, true)), Texts{});
  EXPECT_EQ(frame(1, "door", GST_ANOMALY_EVENT_BEGIN), Texts{});
  EXPECT_EQ(state_, GST_ANOMALY_EVENT_BEGIN);
  EXPECT_EQ(take(event("gate", GST_ANOMALY_EVENT_BEGIN, 1)), Texts{"gate begin"});
  EXPECT_EQ(frame(2, "door"), Texts{});
  EXPECT_EQ(take(event("gate", GST_ANOMALY_EVENT_ONGOING, 2)), Texts{"gate update"});
  EXPECT_EQ(take(event("door", GST_ANOMALY_EVENT_ONGOING, 2, true)), Texts{}) << "frames show it";
  EXPECT_EQ(take(event("door", GST_ANOMALY_EVENT_END, 2, true)), Texts{});
  EXPECT_EQ(frame(3, "door", GST_ANOMALY_EVENT_END), Texts{});
  EXPECT_EQ(state_, GST_ANOMALY_EVENT_END);
  EXPECT_EQ(frame(4), Texts{}) << "the other one is still open";
  EXPECT_EQ(take(event("gate", GST_ANOMALY_EVENT_END, 2)), Texts{"gate end"});
  EXPECT_EQ(ledger_.close("eos").size(), 0U);
}

TEST_F(EventLedgerTest, AnEventThatFramesCarryOnlyLaterEndsOnceAsWell) {
  EXPECT_EQ(take(event("gate", GST_ANOMALY_EVENT_BEGIN, 1)), Texts{"gate begin"});
  EXPECT_EQ(frame(5, "gate"), Texts{});
  EXPECT_EQ(state_, GST_ANOMALY_EVENT_ONGOING);
  EXPECT_EQ(take(event("gate", GST_ANOMALY_EVENT_END, 3, true)), Texts{});
  EXPECT_EQ(frame(6, "gate", GST_ANOMALY_EVENT_END), Texts{});
  EXPECT_EQ(state_, GST_ANOMALY_EVENT_END);
  EXPECT_EQ(ledger_.close("eos").size(), 0U);
}

TEST_F(EventLedgerTest, LostStatesAreInferredForEachZone) {
  // Events of the stream are dropped; only frames arrive.
  EXPECT_EQ(frame(1, "door"), Texts{});
  EXPECT_EQ(state_, GST_ANOMALY_EVENT_BEGIN);
  EXPECT_EQ(frame(2, "gate"), Texts{"door end lost"});
  EXPECT_EQ(state_, GST_ANOMALY_EVENT_BEGIN);
  EXPECT_EQ(frame(3), Texts{"gate end lost"});
  // Frames are dropped; only events of the stream arrive.
  EXPECT_EQ(take(event("side", GST_ANOMALY_EVENT_BEGIN, 1, true)), Texts{});
  EXPECT_EQ(take(event("back", GST_ANOMALY_EVENT_BEGIN, 1)), Texts{"back begin"});
  EXPECT_EQ(texts(ledger_.close("eos")), (Texts{"back end eos", "side begin", "side end eos"}));
}

}  // namespace
}  // namespace uniad
