#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints what uniaddetect finds in a video: each anomalous frame, and each state of an event.

usage: results.py VIDEO MODEL [PROPERTY=VALUE]...
"""
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstUniadMeta", "1.0")
from gi.repository import Gst, GstUniadMeta  # noqa: E402


def print_frame(buffer):
    meta = GstUniadMeta.buffer_get_anomaly_meta(buffer)
    if meta is not None and meta.anomalous:
        print(f"{buffer.pts / Gst.SECOND:.2f} s: score {meta.score:.2f}, threshold {meta.threshold:.2f}")


def print_event(event):
    structure = event.get_structure()
    if structure is not None and structure.get_name() == "uniad-event":
        kind, state, score = map(structure.get_value, ("kind", "state", "peak-score"))
        print(f"event {structure.get_value('id')}: {state} of {kind}, peak score {score:.2f}")


def look(_pad, info):
    """Runs on the streaming thread, which waits for it."""
    if info.type & Gst.PadProbeType.BUFFER:
        print_frame(info.get_buffer())
    else:
        print_event(info.get_event())
    return Gst.PadProbeReturn.OK


def main():
    video, model, *properties = sys.argv[1:]
    Gst.init(None)
    pipeline = Gst.parse_launch("filesrc name=file ! decodebin ! uniaddetect name=detect ! fakesink")
    pipeline.get_by_name("file").set_property("location", video)
    detect = pipeline.get_by_name("detect")
    detect.set_property("model", model)
    for setting in properties:
        Gst.util_set_object_arg(detect, *setting.split("=", 1))
    detect.get_static_pad("src").add_probe(Gst.PadProbeType.BUFFER | Gst.PadProbeType.EVENT_DOWNSTREAM, look)
    pipeline.set_state(Gst.State.PLAYING)
    message = pipeline.get_bus().timed_pop_filtered(Gst.CLOCK_TIME_NONE, Gst.MessageType.EOS | Gst.MessageType.ERROR)
    pipeline.set_state(Gst.State.NULL)
    if message.type == Gst.MessageType.ERROR:
        sys.exit(message.parse_error()[0].message)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main()
