# SPDX-License-Identifier: Apache-2.0
"""What the tests of uniadrecord share: encoded streams, a pipeline that records them, and what ffprobe reads."""
import hashlib
import json
import subprocess
import sys
import time

try:
    import gi

    gi.require_version("Gst", "1.0")
except (ImportError, ValueError) as error:
    print(f"needs python3-gi: {error}")
    sys.exit(77)  # meson: skipped

from gi.repository import Gst  # noqa: E402

Gst.init(None)
PERIOD = 40 * Gst.MSECOND
H264 = "x264enc key-int-max=25 bframes=0 byte-stream=false ! h264parse"


def wait_until(condition):
    while not condition():
        time.sleep(0.01)


def has_element(name):
    """Whether there is the element that a name or the description of an encoder begins with."""
    return Gst.ElementFactory.find(name.split()[0].rstrip(",")) is not None


class Frame:
    def __init__(self, sample):
        buffer = sample.get_buffer()
        self.caps = sample.get_caps()
        self.data = buffer.extract_dup(0, buffer.get_size())
        self.pts, self.dts, self.duration = buffer.pts, buffer.dts, buffer.duration
        self.shown = self.pts if self.pts != Gst.CLOCK_TIME_NONE else self.dts
        self.is_key = not buffer.has_flags(Gst.BufferFlags.DELTA_UNIT)
        self.dts_or_pts = self.dts if self.dts != Gst.CLOCK_TIME_NONE else self.pts
        self.hash = hashlib.md5(self.data).hexdigest()
        self.result = None  # adds the result of a detector to the buffer

    def buffer(self, with_dts=True):
        buffer = Gst.Buffer.new_wrapped(self.data)
        if self.result is not None:
            self.result(buffer)
        buffer.pts, buffer.duration = self.pts, self.duration
        if with_dts:
            buffer.dts = self.dts
        if not self.is_key:
            buffer.set_flags(Gst.BufferFlags.DELTA_UNIT)
        return buffer


def encode(encoder, count=250, size=64, pattern="ball"):
    """The frames of a stream of 25 fps."""
    pipeline = Gst.parse_launch(
        f"videotestsrc pattern={pattern} num-buffers={count} ! video/x-raw,format=I420,width={size},height={size},framerate=25/1 "
        f"! {encoder} ! appsink name=sink sync=false")
    sink = pipeline.get_by_name("sink")
    pipeline.set_state(Gst.State.PLAYING)
    frames = []
    while (sample := sink.emit("pull-sample")) is not None:
        frames.append(Frame(sample))
    pipeline.set_state(Gst.State.NULL)
    assert len(frames) == count, f"{encoder}: {len(frames)} frames"
    return frames


def uniad_event(state, event_id="event-1", source="gate", time=1714564800, **times):
    structure = Gst.Structure.new_empty("uniad-event")
    for name, value in (("id", event_id), ("state", state), ("source", source), ("kind", "anomaly")):
        structure.set_value(name, value)
    structure.set_value("begin-time", gi_uint64(time * Gst.SECOND))
    for name, value in times.items():
        structure.set_value(name.replace("_", "-"), gi_uint64(value))
    return Gst.Event.new_custom(Gst.EventType.CUSTOM_DOWNSTREAM, structure)


def gi_uint64(number):
    value = gi.repository.GObject.Value()
    value.init(gi.repository.GObject.TYPE_UINT64)
    value.set_uint64(number)
    return value


class Recording:
    """A pipeline that records the frames and the events that the test pushes."""

    def __init__(self, folder, **properties):
        self.pipeline = Gst.parse_launch(
            "appsrc name=source format=time ! uniadrecord name=record ! appsink name=sink sync=false")
        self.source, self.record, self.sink = map(self.pipeline.get_by_name, ("source", "record", "sink"))
        self.record.set_property("location", str(folder))
        for name, value in properties.items():
            self.record.set_property(name.replace("_", "-"), value)
        self.bus = self.pipeline.get_bus()
        self.started = self.pipeline.set_state(Gst.State.PLAYING) != Gst.StateChangeReturn.FAILURE
        self.pushed, self.warnings, self.messages = [], [], []
        self.caps = None
        self.reports = "uniad-clip"  # the messages that clips() returns

    def push(self, frames, with_dts=True):
        for frame in frames:
            if self.caps is None or not self.caps.is_equal(frame.caps):
                self.caps = frame.caps
                self.source.set_property("caps", frame.caps)
            self.source.emit("push-buffer", frame.buffer(with_dts))
            self.pushed.append(frame)

    def event(self, *arguments, **options):
        self.source.send_event(uniad_event(*arguments, **options))

    def pass_through(self):
        """Waits until everything has passed, and says whether it was what was pushed."""
        passed = [Frame(self.sink.emit("pull-sample")).hash for _ in self.pushed]
        expected = [frame.hash for frame in self.pushed]
        self.pushed = []
        return passed == expected

    def end(self):
        """Ends the stream; all clips are complete then. Returns the messages uniad-clip."""
        self.source.emit("end-of-stream")
        self.pipeline.set_state(Gst.State.PLAYING)
        passed = self.pass_through()
        assert passed, "the stream was changed"
        while self.sink.emit("pull-sample") is not None:
            pass
        self.pipeline.set_state(Gst.State.READY)
        return self.clips()

    def read_bus(self):
        while (message := self.bus.pop()) is not None:
            if message.type == Gst.MessageType.WARNING:
                self.warnings.append(message.parse_warning()[0].message)
            elif message.type == Gst.MessageType.ELEMENT and message.get_structure().get_name() == self.reports:
                self.messages.append(message.get_structure().copy())

    def clips(self):
        """The messages uniad-clip since the last call."""
        self.read_bus()
        messages, self.messages = self.messages, []
        return messages

    def lost(self):
        return self.record.get_property("lost")

    def stop(self):
        self.pipeline.set_state(Gst.State.NULL)


def packets(path):
    """What ffprobe reads: the packets of the file, with MD5 of their data."""
    text = subprocess.run(
        ["ffprobe", "-v", "error", "-show_packets", "-show_data_hash", "md5", "-of", "json", path],
        check=True, capture_output=True, text=True).stdout
    return json.loads(text)["packets"]


def hashes(path):
    return [packet["data_hash"].removeprefix("MD5:") for packet in packets(path)]


def decoding_errors(path):
    return subprocess.run(["ffmpeg", "-v", "error", "-i", path, "-f", "null", "-"], check=True, capture_output=True,
                          text=True).stderr
