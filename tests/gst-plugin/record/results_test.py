# SPDX-License-Identifier: Apache-2.0
"""uniadrecord embed-results=true: uniad extract reads from a recording what uniadpublish published, and nothing else of the
recording has changed.

results_test.py UNIAD SCHEMA
"""
import array
import fcntl
import json
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import termios
import unittest

import jsonschema
from streams import PERIOD, Gst, decoding_errors, gi, gi_uint64, has_element, hashes, wait_until

try:
    gi.require_version("GstUniadMeta", "1.0")
except ValueError as error:
    print(f"needs the introspection of GstAnomalyMeta: {error}")
    sys.exit(77)
from gi.repository import GstUniadMeta  # noqa: E402

State = GstUniadMeta.AnomalyEventState
SIZE, COUNT = 64, 120
RAW = f"video/x-raw,format=I420,width={SIZE},height={SIZE},framerate=25/1"
UNIAD, SCHEMA = None, None
# Encoders with the parser that records expect, and whether a frame can be decoded before one that is shown earlier.
ENCODERS = {
    "x264enc": "x264enc key-int-max=25 bframes=0 ! h264parse",
    "x264enc with B-frames": "x264enc key-int-max=25 bframes=2 b-adapt=false ! h264parse",
    "openh264enc": "openh264enc gop-size=25 ! h264parse",
    "x265enc": "x265enc key-int-max=25 option-string=open-gop=0:bframes=3 ! h265parse",
    "x265enc, parameter sets in the stream": "x265enc key-int-max=25 ! h265parse ! video/x-h265,stream-format=hev1",
    "vp9enc": "vp9enc keyframe-max-dist=25 deadline=1 cpu-used=8 lag-in-frames=0 ! vp9parse",
    "av1enc": "av1enc keyframe-max-dist=25 cpu-used=8 usage-profile=realtime ! av1parse",
    "avenc_mpeg4": "avenc_mpeg4 gop-size=25 ! mpeg4videoparse",
}
H264 = "x264enc with B-frames"


class Detector:
    """Raw frames with results: an event from frame 30 to 54, of which some frames carry the states, and a short one in
    frame 80 that no frame carries."""

    def __init__(self, source="gate"):
        self.source = source

    def frame(self, number):
        pixels = bytes((x * (number % 16) + y) % 256 for y in range(SIZE) for x in range(SIZE))
        buffer = Gst.Buffer.new_wrapped(pixels + bytes([128]) * (SIZE * SIZE // 2))
        buffer.pts, buffer.duration = number * PERIOD, PERIOD
        score = 1 + number / 1000
        is_event = 30 <= number < 55
        meta = GstUniadMeta.buffer_add_anomaly_meta(buffer, self.source, score + 3 * is_event, 0)
        meta.set_threshold(2.4, 0.5)
        meta.set_session("3f0c0000-0000-4000-8000-000000000000")
        meta.set_time(1714564800 * Gst.SECOND + buffer.pts, GstUniadMeta.AnomalyTimeSource.ARRIVAL)
        if 30 <= number <= 55:
            region = GstUniadMeta.AnomalyRegion()
            region.x, region.y, region.w, region.h, region.score = 0.25, 0.5, 0.125, 0.25, 4
            if is_event:
                meta.set_regions([region])
            meta.set_event("event-1", State.BEGIN if number == 30 else State.END if number == 55 else State.ONGOING)
            meta.set_event_kind("anomaly", None)
        return buffer

    def event(self, state, event_id, number, frames, on_frame):
        structure = Gst.Structure.new_empty("uniad-event")
        begin = 30 if event_id == "event-1" else 80
        fields = {"id": event_id, "kind": "anomaly" if on_frame else "frozen", "state": state, "source": self.source,
                  "session": "3f0c0000-0000-4000-8000-000000000000", "pts": gi_uint64(number * PERIOD),
                  "begin-pts": gi_uint64(begin * PERIOD), "peak-pts": gi_uint64(begin * PERIOD), "peak-score": 4.5,
                  "frames": gi_uint64(frames)}
        if on_frame:
            fields["on-frame"] = True
            fields["frame-pts"] = gi_uint64(number * PERIOD)
        for name, value in fields.items():
            structure.set_value(name, value)
        return Gst.Event.new_custom(Gst.EventType.CUSTOM_DOWNSTREAM, structure)

    def events_before(self, number):
        return {30: [self.event("begin", "event-1", 30, 1, True)], 40: [self.event("update", "event-1", 40, 11, True)],
                55: [self.event("end", "event-1", 55, 25, True)],
                80: [self.event("begin", "event-2", 80, 1, False), self.event("end", "event-2", 80, 1, False)],
                COUNT: [self.event("begin", "event-3", COUNT - 1, 1, False)]}.get(number, [])


class Results(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def record(self, encoder, embed="continuous=true clips=false", detector=None):
        """Records to `with` with results and to `without`, and publishes before the encoder."""
        detector = detector or Detector()
        for name in ("with", "without"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        pipeline = Gst.parse_launch(
            f"appsrc name=source format=time caps={RAW} ! uniadpublish mode=frames location={self.folder}/frames.jsonl "
            f"! uniadpublish mode=events location={self.folder}/events.jsonl ! {ENCODERS[encoder]} "
            f"! uniadrecord name=with embed-results=true location={self.folder}/with {embed} "
            f"! uniadrecord name=without location={self.folder}/without continuous=true clips=false ! fakesink")
        self.addCleanup(pipeline.set_state, Gst.State.NULL)
        source = pipeline.get_by_name("source")
        self.assertNotEqual(pipeline.set_state(Gst.State.PLAYING), Gst.StateChangeReturn.FAILURE)
        for number in range(COUNT + 1):
            for event in detector.events_before(number):
                source.send_event(event)
            if number < COUNT:
                source.emit("push-buffer", detector.frame(number))
        source.emit("end-of-stream")
        message = pipeline.get_bus().timed_pop_filtered(
            Gst.CLOCK_TIME_NONE, Gst.MessageType.EOS | Gst.MessageType.ERROR | Gst.MessageType.WARNING)
        self.assertEqual(message.type, Gst.MessageType.EOS, message.get_structure())
        self.assertEqual([pipeline.get_by_name(name).get_property("lost") for name in ("with", "without")], [0, 0])
        pipeline.set_state(Gst.State.NULL)

    def recording(self, name="with"):
        file, = (self.folder / name).glob("*.mp4")
        return file

    def published(self):
        frames, events = ([line for line in (self.folder / name).read_text().splitlines()]
                          for name in ("frames.jsonl", "events.jsonl"))
        return [line for line in frames if "type" not in json.loads(line)], events

    def extract(self, *arguments, code=0):
        ran = subprocess.run([UNIAD, "extract", *map(str, arguments)], capture_output=True, text=True)
        self.assertEqual(ran.returncode, code, ran.stderr)
        return ran.stdout.splitlines(), ran.stderr

    def assert_same_results(self, lines):
        frames, events = self.published()
        self.assertEqual(len(frames), COUNT)
        self.assertEqual(len(events), 7)
        self.assertEqual([line for line in lines if "type" not in json.loads(line)], frames)
        self.assertEqual([line for line in lines if "type" in json.loads(line)], events)
        for line in lines:
            SCHEMA.validate(json.loads(line))

    def test_encoders(self):
        for name in ENCODERS:
            if not has_element(name):
                continue
            with self.subTest(name):
                self.record(name)
                lines, errors = self.extract(self.recording())
                self.assertEqual(errors, "")
                self.assert_same_results(lines)
                with_results, without = self.recording(), self.recording("without")
                self.assertEqual(decoding_errors(with_results), "")
                if "26" in name:
                    self.assertNotEqual(hashes(with_results), hashes(without))
                    self.assertEqual(self.without_sei(with_results), self.without_sei(without))
                    self.assertEqual(list((self.folder / "with").glob("*-segment.jsonl")), [])
                else:
                    self.assertEqual(hashes(with_results), hashes(without))
                self.assertEqual(self.pictures(with_results), self.pictures(without))

    def without_sei(self, file):
        kinds = "6" if "h264" in subprocess.run(["ffprobe", "-v", "error", "-show_entries", "stream=codec_name", file],
                                                capture_output=True, text=True).stdout else "39-40"
        return subprocess.run(["ffmpeg", "-v", "error", "-i", file, "-c", "copy", "-bsf:v", f"filter_units=remove_types={kinds}",
                               "-f", "framehash", "-hash", "md5", "-"], check=True, capture_output=True, text=True).stdout

    def pictures(self, file):
        return subprocess.run(["ffmpeg", "-v", "error", "-i", file, "-f", "framemd5", "-"], check=True, capture_output=True,
                              text=True).stdout

    def test_order(self):
        """Events stand where they happened, although frames are decoded in another order."""
        self.record(H264)
        lines = [json.loads(line) for line in self.extract(self.recording())[0]]
        order = [line["pts"] // PERIOD if "type" not in line else (line["event"]["id"], line["event"]["state"]) for line in lines]
        self.assertEqual([entry for entry in order if isinstance(entry, int)], list(range(COUNT)))
        for entry, frame in ((("event-1", "begin"), 30), (("event-1", "update"), 40), (("event-1", "end"), 55)):
            self.assertEqual(order[order.index(entry) + 1], frame)
        self.assertEqual(order[-2:], [("event-3", "begin"), ("event-3", "end")])

    def test_copies(self):
        """Other containers keep the results."""
        for encoder, names in ((H264, ("copy.mkv", "copy.ts", "copy.mov")), ("x265enc", ("copy.mkv", "copy.ts"))):
            if not has_element(encoder):
                continue
            self.record(encoder)
            lines, _ = self.extract(self.recording())
            for name in names:
                with self.subTest(name):
                    subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", self.recording(), "-c", "copy", self.folder / name],
                                   check=True)
                    self.assertEqual(self.extract(self.folder / name)[0], lines)

    def test_clip(self):
        """A clip has the results of its frames and the events that are told of while it lasts."""
        self.record(H264, f"clips=true pre-roll={PERIOD} post-roll={10 * PERIOD}")
        clip = next((self.folder / "with").glob("*-event_1.mp4"))
        lines = [json.loads(line) for line in self.extract(clip)[0]]
        frames = [line["pts"] // PERIOD for line in lines if "type" not in line]
        self.assertEqual(frames, list(range(frames[0], frames[-1] + 1)))
        self.assertLess(frames[0], 30)
        self.assertGreater(frames[-1], 60)
        self.assertEqual([(line["event"]["id"], line["event"]["state"]) for line in lines if "type" in line],
                         [("event-1", "begin"), ("event-1", "update"), ("event-1", "end")])

    def test_json_file(self):
        self.record(H264)
        lines, _ = self.extract(self.recording())
        target = self.folder / "out.jsonl"
        self.assertEqual(self.extract(self.recording(), "--json", target), ([], ""))
        self.assertEqual(target.read_text().splitlines(), lines)
        self.assertEqual(self.extract(self.recording(), "--json", "-")[0], lines)
        before = self.recording().read_bytes()
        _, errors = self.extract(self.recording(), "--json", self.recording(), code=1)
        self.assertIn("would be overwritten", errors)
        self.assertEqual(self.recording().read_bytes(), before)

    def test_long_results(self):
        """A line that needs several NAL units."""
        self.record(H264, detector=Detector("g" * 700000))
        lines, _ = self.extract(self.recording())
        self.assert_same_results(lines)

    def test_no_results(self):
        self.record(H264)
        _, errors = self.extract(self.recording("without"), code=1)
        self.assertRegex(errors, "contains no results .*embed-results=true")

    def test_hostile_files(self):
        self.record(H264)
        whole = self.recording().read_bytes()
        lines, _ = self.extract(self.recording())
        file = self.folder / "hostile.mp4"
        uuid = bytes.fromhex("787faed270ac44f8bb5c07b133703408")
        self.assertGreaterEqual(whole.count(uuid), COUNT)

        def refused(content, pattern):
            file.write_bytes(content)
            found, errors = self.extract(file, code=1)
            self.assertRegex(errors, f"^uniad: {re.escape(str(file))}: .*{pattern}")
            self.assertEqual(len(errors.splitlines()), 1, errors)
            return found

        self.assertEqual(refused(whole.replace(uuid, uuid[::-1]), "contains no results"), [])
        # One result is garbage; the others are read.
        found = refused(whole.replace(b'"version":1', b'"version":7', 1), "1 of its results cannot be read")
        self.assertEqual(len(found), len(lines) - 1)
        self.assertTrue(set(found) <= set(lines))
        refused(whole.replace(b'{"version"', b'\xff"version"'), f"{len(lines)} of its results cannot be read")
        # Messages that are longer than their NAL units.
        longer = re.sub(rb"\x06\x05\xff*.(?=" + re.escape(uuid) + b")", lambda match: match[0][:-1] + b"\xfe", whole, flags=re.DOTALL)
        refused(longer, "contains no results|cannot be read")
        # It is cut: what is there is read, in its order.
        found = refused(whole[:len(whole) * 2 // 3], "is cut short: [0-9]+ bytes or more are missing")
        self.assertGreater(len(found), 30)
        self.assertEqual(found, lines[:len(found)])
        refused(b"", "")
        refused(b"not a video\n" * 1000, "")
        refused(bytes(100000), "")
        refused(whole[:100], "")
        subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "sine=duration=1", "-c:a", "flac",
                        self.folder / "sound.flac"], check=True)
        refused((self.folder / "sound.flac").read_bytes(), "no video stream")
        self.assertRegex(self.extract(self.folder / "nowhere.mp4", code=1)[1], "does not exist")
        self.assertRegex(self.extract(self.folder, code=1)[1], "is not a file")
        self.extract(code=2)
        self.extract(file, "--unknown", code=2)
        self.extract(file, file, code=2)

    def test_file_beside(self):
        if not has_element("vp9enc"):
            self.skipTest("needs vp9enc")
        self.record("vp9enc")
        beside = self.recording().with_suffix(".jsonl")
        lines = beside.read_text().splitlines()
        beside.write_text("\n".join(["garbage", *lines]))
        found, errors = self.extract(self.recording(), code=1)
        self.assertRegex(errors, "1 of its results cannot be read")
        self.assertEqual(found, lines)
        beside.unlink()
        self.assertRegex(self.extract(self.recording(), code=1)[1], "there is no .*-segment.jsonl beside it")

    def test_file_beside_goes_with_its_recording(self):
        if not has_element("vp9enc"):
            self.skipTest("needs vp9enc")
        self.record("vp9enc", "continuous=true clips=false segment-time=1000000000 max-files=2")
        recordings = sorted((self.folder / "with").glob("*.mp4"))
        self.assertEqual(len(recordings), 2)
        self.assertEqual(sorted((self.folder / "with").glob("*-segment*.jsonl")),
                         [file.with_suffix(".jsonl") for file in recordings])

    def test_interrupted(self):
        self.record(H264, detector=Detector("g" * 10000))  # more than a pipe takes
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number):
                child = subprocess.Popen([UNIAD, "extract", self.recording()], stdout=subprocess.PIPE, stderr=subprocess.PIPE)

                def waiting():
                    size = array.array("i", [0])
                    fcntl.ioctl(child.stdout, termios.FIONREAD, size)
                    return size[0]

                wait_until(lambda: waiting() > 60000)
                child.send_signal(number)
                _, errors = child.communicate()
                self.assertEqual(child.returncode, 1)
                self.assertIn(b"interrupted", errors)


if __name__ == "__main__":
    missing = [name for name in ("x264enc", "mp4mux", "h264parse") if not has_element(name)]
    if missing or shutil.which("ffprobe") is None or shutil.which("ffmpeg") is None:
        print(f"needs ffprobe, ffmpeg {' '.join(missing)}")
        sys.exit(77)
    UNIAD = sys.argv.pop(1)
    SCHEMA = jsonschema.Draft202012Validator(json.loads(pathlib.Path(sys.argv.pop(1)).read_text()))
    unittest.main(verbosity=2)
