# SPDX-License-Identifier: Apache-2.0
"""Lines that uniadpublish writes agree with docs/json-lines.schema.json, which a foreign validator reads."""
import json
import pathlib
import sys
import tempfile

try:
    import gi
    import jsonschema

    gi.require_version("Gst", "1.0")
except (ImportError, ValueError) as error:
    print(f"needs python3-gi and python3-jsonschema: {error}")
    sys.exit(77)  # meson: skipped

gi.require_version("GstUniadMeta", "1.0")
from gi.repository import Gst, GstUniadMeta  # noqa: E402

schema = json.loads(pathlib.Path(sys.argv[1]).read_text())
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
State = GstUniadMeta.AnomalyEventState
nothing = 2**64 - 1


def frame(number, score, state=None, event_id="event-1", zone=None):
    buffer = Gst.Buffer.new_allocate(None, 4, None)
    buffer.pts = nothing if number is None else number * 40 * Gst.MSECOND
    meta = GstUniadMeta.buffer_add_anomaly_meta(buffer, "cam0", score, 0 if number else nothing)
    meta.set_session("session-1")
    if number:
        meta.set_time(951782400 * Gst.SECOND, GstUniadMeta.AnomalyTimeSource.ARRIVAL)
        meta.set_threshold(1.0, 0.5)
    if score > 2:
        meta.set_unknown_scene()
    if score > 1:
        region = GstUniadMeta.AnomalyRegion()
        region.x, region.y, region.w, region.h, region.score = 0.5, 0.25, 0.5, 0.75, score
        meta.set_regions([region])
    if state is not None:
        meta.set_event(event_id, state)
        meta.set_event_kind("anomaly", zone)
        moment = GstUniadMeta.AnomalyMoment()
        moment.pts, moment.time = buffer.pts, 951782400 * Gst.SECOND
        meta.set_event_course(moment, moment, moment, score, 1)
    return buffer


def lines_of(mode, buffers):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "lines.jsonl"
        pipeline = Gst.parse_launch(
            f"appsrc name=source format=time ! uniadpublish mode={mode} location={path} ! fakesink")
        source = pipeline.get_by_name("source")
        pipeline.set_state(Gst.State.PLAYING)
        for buffer in buffers:
            source.emit("push-buffer", buffer)
        source.emit("end-of-stream")
        message = pipeline.get_bus().timed_pop_filtered(
            Gst.CLOCK_TIME_NONE, Gst.MessageType.EOS | Gst.MessageType.ERROR)
        assert message.type == Gst.MessageType.EOS
        pipeline.set_state(Gst.State.NULL)
        return [json.loads(line) for line in path.read_text().splitlines()]


Gst.init(None)
seen = set()
for mode in ("frames", "events"):
    for zone in (None, "door"):
        buffers = [frame(1, 0.5), frame(2, 1.5, State.BEGIN, zone=zone), frame(3, 3.5, State.ONGOING, zone=zone),
                   frame(4, 0.5, State.END, zone=zone), frame(None, float("nan")),
                   frame(6, 1.5, State.BEGIN, "event-2", zone)]
        for line in lines_of(mode, buffers):
            validator.validate(line)
            event = line.get("event", {})
            seen.add((line.get("type", "frame"), event.get("state"), event.get("reason"), event.get("zone")))

for zone in (None, "door"):
    assert {("frame", None, None, None), ("frame", "begin", None, zone), ("frame", "ongoing", None, zone),
            ("frame", "end", None, zone), ("event", "begin", None, zone), ("event", "end", None, zone),
            ("event", "end", "eos", zone)} <= seen, seen

end = next(line for line in lines_of("events", [frame(1, 1.5, State.BEGIN)]) if line["event"]["state"] == "end")
for break_line in (lambda line: line.pop("source"), lambda line: line.update(version=2),
                   lambda line: line.update(type="frame"), lambda line: line.update(time="today"),
                   lambda line: line["event"].pop("end"), lambda line: line["event"].update(state="over"),
                   lambda line: line["event"].update(frames=-1)):
    broken = json.loads(json.dumps(end))
    break_line(broken)
    assert not validator.is_valid(broken), broken
