# SPDX-License-Identifier: Apache-2.0
"""GstAnomalyMeta from Python, as an application reads and writes it through introspection."""
import sys

try:
    import gi

    gi.require_version("Gst", "1.0")
except (ImportError, ValueError) as error:
    print(f"needs python3-gi and GStreamer's typelib: {error}")
    sys.exit(77)  # meson: skipped

gi.require_version("GstUniadMeta", "1.0")
from gi.repository import Gst, GstUniadMeta  # noqa: E402

Gst.init(None)
buffer = Gst.Buffer.new()
meta = GstUniadMeta.buffer_add_anomaly_meta(buffer, "cam0", 7.5, 40 * Gst.MSECOND)
meta.set_threshold(5.0, 0.75)
region = GstUniadMeta.AnomalyRegion()
region.x, region.y, region.w, region.h, region.score = 0.5, 0.25, 0.5, 0.75, 7.5
meta.set_regions([region, region])
meta.set_grid_area(-0.25, 0.0, 1.5, 1.0)
meta.set_event("event-1", GstUniadMeta.AnomalyEventState.BEGIN)
moment = GstUniadMeta.AnomalyMoment()
moment.pts, moment.time = 40, 951782400 * Gst.SECOND
meta.set_event_course(moment, moment, moment, 8.5, 7)
meta.set_session("session-1")
meta.set_time(951782400 * Gst.SECOND, GstUniadMeta.AnomalyTimeSource.CAMERA)

copy = buffer.copy()
del buffer
meta = GstUniadMeta.buffer_get_anomaly_meta(copy)
assert (meta.source, meta.score, meta.threshold, meta.probability) == ("cam0", 7.5, 5.0, 0.75)
assert meta.anomalous and meta.has_threshold
assert meta.age == 40 * Gst.MSECOND
assert (meta.event_id, meta.event_state) == ("event-1", GstUniadMeta.AnomalyEventState.BEGIN)
assert (meta.event_begin.pts, meta.event_peak.time) == (40, 951782400 * Gst.SECOND)
assert (meta.event_peak_score, meta.event_frames, meta.session) == (8.5, 7, "session-1")
assert (meta.time, meta.time_source) == (951782400 * Gst.SECOND, GstUniadMeta.AnomalyTimeSource.CAMERA)
assert [(r.x, r.h) for r in meta.get_regions()] == [(0.5, 0.75)] * 2
assert list(meta.get_grid()) == []
assert (meta.grid_x, meta.grid_y, meta.grid_w, meta.grid_h) == (-0.25, 0.0, 1.5, 1.0)
assert GstUniadMeta.buffer_get_anomaly_meta(Gst.Buffer.new()) is None
