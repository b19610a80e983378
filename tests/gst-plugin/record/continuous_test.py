# SPDX-License-Identifier: Apache-2.0
"""uniadrecord continuous=true: every packet of the stream is in exactly one segment, and the index says where."""
import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import jsonschema
from streams import H264, PERIOD, Gst, Recording, decoding_errors, encode, has_element, hashes, packets, wait_until

SECOND = Gst.SECOND
SCHEMA = None


def index_of(folder):
    lines = [json.loads(line) for line in (folder / "index.jsonl").read_text().splitlines()]
    for line in lines:
        SCHEMA.validate(line)
    return lines


def cuts(stream, length):
    """The key frames that begin segments."""
    begins = []
    for number, frame in enumerate(stream):
        if frame.is_key and (not begins or frame.dts_or_pts >= stream[begins[-1]].dts_or_pts + length):
            begins.append(number)
    return begins


def segments_in(folder):
    """The lines of the segments that have ended, in their order."""
    return [line["segment"] for line in index_of(folder) if line["type"] == "segment" and line["segment"]["state"] == "end"]


class Continuous(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stream = encode(H264)

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp()) / "recording"
        self.addCleanup(shutil.rmtree, self.folder.parent)

    def start(self, **properties):
        recording = Recording(self.folder, **{"continuous": True, "clips": False, "segment_time": 2 * SECOND, **properties})
        recording.reports = "uniad-segment"
        self.addCleanup(recording.stop)
        return recording

    def record(self, stream, with_dts=True, **properties):
        recording = self.start(**properties)
        recording.push(stream, with_dts)
        messages = recording.end()
        self.assertEqual(recording.warnings, [])
        self.assertEqual(recording.lost(), 0)
        return messages

    def files(self):
        return sorted(self.folder.glob("*.mp4"))

    def assert_whole(self, stream, keys):
        """The segments are the stream, cut at these frames."""
        segments = segments_in(self.folder)
        self.assertEqual(sorted(segment["file"] for segment in segments), [file.name for file in self.files()])
        parts = [stream[begin:end] for begin, end in zip(keys, [*keys[1:], len(stream)])]
        self.assertEqual([segment["frames"] for segment in segments], [len(part) for part in parts])
        for segment, part in zip(segments, parts):
            found = packets(self.folder / segment["file"])
            self.assertEqual([packet["data_hash"].removeprefix("MD5:") for packet in found], [frame.hash for frame in part])
            self.assertEqual(["K" in packet["flags"] for packet in found], [frame.is_key for frame in part])
            shown = [round(float(packet["pts_time"]) * 1000) for packet in found]
            expected = [round(frame.shown / 1e6) for frame in part]
            self.assertEqual([time - shown[0] for time in shown], [time - expected[0] for time in expected])
            self.assertEqual(segment["bytes"], (self.folder / segment["file"]).stat().st_size)

    def test_segments(self):
        messages = self.record(self.stream, source="gate")
        self.assert_whole(self.stream, [0, 50, 100, 150, 200])
        for file in self.files():
            self.assertEqual(decoding_errors(file), "")
            self.assertRegex(file.name, "^gate-[0-9]{8}T[0-9]{6}Z-segment(-[0-9]+)?[.]mp4$")
        self.assertEqual([message.get_value("state") for message in messages], ["begin", "end"] * 5)
        self.assertEqual([message.get_value("frames") for message in messages if message.get_value("state") == "end"], [50] * 5)

    def test_codecs(self):
        encoders = {
            "x265enc": "x265enc key-int-max=25 option-string=open-gop=0 ! h265parse ! video/x-h265,stream-format=hev1,alignment=au",
            "vp9enc": "vp9enc keyframe-max-dist=25 deadline=1 lag-in-frames=0 ! vp9parse",
            "av1enc": "av1enc keyframe-max-dist=25 cpu-used=8 usage-profile=realtime ! av1parse",
            "avenc_mpeg4": "avenc_mpeg4 gop-size=25 ! mpeg4videoparse",
        }
        for name, encoder in encoders.items():
            if not has_element(name):
                continue
            with self.subTest(name):
                stream = encode(encoder, 100)
                self.record(stream, segment_time=SECOND)
                self.assert_whole(stream, cuts(stream, SECOND))
                shutil.rmtree(self.folder)

    def test_b_frames(self):
        stream = encode("x264enc key-int-max=25 bframes=2 b-adapt=false byte-stream=false ! h264parse")
        for with_dts in (True, False):
            with self.subTest(with_dts=with_dts):
                self.record(stream, with_dts, segment_time=SECOND)
                self.assert_whole(stream, cuts(stream, SECOND))
                for file in self.files():
                    self.assertEqual(decoding_errors(file), "")
                shutil.rmtree(self.folder)

    def test_open_groups_of_pictures(self):
        if not has_element("x265enc"):
            self.skipTest("needs x265enc")
        stream = encode("x265enc key-int-max=25 option-string=open-gop=1:bframes=3:scenecut=0 ! h265parse "
                        "! video/x-h265,stream-format=hvc1,alignment=au")
        keys = [number for number, frame in enumerate(stream) if frame.is_key]
        self.assertTrue(any(stream[key + 1].pts < stream[key].pts for key in keys[1:]))
        self.record(stream, segment_time=SECOND)
        self.assert_whole(stream, cuts(stream, SECOND))

    def test_late_key_frame(self):
        recording = self.start()
        requests = []
        probe = recording.source.get_static_pad("src").add_probe(
            Gst.PadProbeType.EVENT_UPSTREAM, lambda pad, info: requests.append(info.get_event()) or Gst.PadProbeReturn.OK)
        recording.push(self.stream[10:])
        recording.end()
        recording.source.get_static_pad("src").remove_probe(probe)
        self.assertEqual([event.get_structure().get_name() for event in requests
                          if event.type == Gst.EventType.CUSTOM_UPSTREAM], ["GstForceKeyUnit"])
        self.assert_whole(self.stream[25:], [0, 50, 100, 150, 200])

    def test_caps_change(self):
        other = encode(H264, 100, size=96)
        for frame in other:
            frame.pts += 80 * PERIOD
            frame.dts += 80 * PERIOD
        stream = [*self.stream[:80], *other]
        self.record(stream)
        self.assert_whole(stream, [0, 50, 80, 130])

    def test_timestamps_start_over(self):
        stream = [*self.stream[:60], *self.stream[25:80]]
        self.record(stream)
        self.assert_whole(stream, [0, 50, 60, 110])

    def test_clips_beside_segments(self):
        recording = self.start(clips=True, pre_roll=SECOND, post_roll=0)
        recording.push(self.stream[:60])
        recording.event("begin")
        recording.push(self.stream[60:70])
        recording.event("end")
        recording.push(self.stream[70:])
        recording.end()
        clip, = self.folder.glob("gate-*-event_1.mp4")
        self.assertEqual(hashes(clip), [frame.hash for frame in self.stream[25:70]])
        clip.unlink()
        self.assert_whole(self.stream, [0, 50, 100, 150, 200])

    def test_nothing_to_record(self):
        recording = self.start(continuous=False)
        self.assertFalse(recording.started)
        error, _ = recording.bus.timed_pop_filtered(0, Gst.MessageType.ERROR).parse_error()
        self.assertIn("nothing would be recorded", error.message)

    def test_index(self):
        """An encoder has shifted the stream's timestamps; events are about the detector's, from 0 on."""
        shift = self.stream[0].pts
        self.assertGreater(shift, 0)
        recording = self.start(source="front door")
        recording.push(self.stream[:62])

        def at(frame):
            return frame * PERIOD

        recording.event("begin", begin_pts=at(49), pts=at(62), frame_pts=at(62))  # confirmed in the next segment
        recording.push(self.stream[62:90])
        recording.event("update", begin_pts=at(49), pts=at(89), frame_pts=at(89), frames=20)
        recording.push(self.stream[90:130])
        recording.event("end", begin_pts=at(49), pts=at(100), frame_pts=at(130), frames=30)
        recording.push(self.stream[130:])
        recording.event("begin", "event-2", begin_pts=at(249), pts=at(249))
        recording.event("end", "event-2", begin_pts=at(249), pts=at(249), frames=1)
        recording.end()
        lines = index_of(self.folder)
        segments = segments_in(self.folder)
        events = [line for line in lines if line["type"] == "event"]
        self.assertEqual([(line["event"]["id"], line["event"]["state"]) for line in events],
                         [("event-1", "begin"), ("event-1", "end"), ("event-2", "begin"), ("event-2", "end")])
        self.assertEqual([line["source"] for line in lines if line["type"] == "segment" and line["segment"]["state"] == "end"],
                         ["front door"] * 2 + ["gate"] * 3)

        def place(moment):
            """The packet that the index points at."""
            found = packets(self.folder / moment["file"])
            first = float(found[0]["pts_time"])
            return [packet["data_hash"].removeprefix("MD5:") for packet in found
                    if abs(float(packet["pts_time"]) - first - moment["offset"] / 1e9) < 0.001]

        self.assertEqual(place(events[0]["event"]["begin"]), [self.stream[49].hash])
        self.assertEqual(place(events[1]["event"]["begin"]), [self.stream[49].hash])
        self.assertEqual(place(events[1]["event"]["end"]), [self.stream[100].hash])
        self.assertEqual(place(events[3]["event"]["begin"]), [self.stream[249].hash])
        self.assertEqual([segment["duration"] for segment in segments], [50 * PERIOD] * 5)
        # The first segments ended before the shift was known.
        self.assertEqual([segment["begin"]["pts"] for segment in segments[1:]], [at(50), at(100), at(150), at(200)])
        self.assertEqual(segments[-1]["end"]["pts"], at(250))

    def test_lines_of_removed_files_disappear(self):
        self.record(self.stream, max_files=2)
        kept = [segment["file"] for segment in segments_in(self.folder)][-2:]
        self.assertEqual([file.name for file in self.files()], sorted(kept))
        with (self.folder / "index.jsonl").open("a") as index:
            index.write("a line that was cut")
        self.record(self.stream[:60])
        named = {line["segment"]["file"] for line in index_of(self.folder)}
        self.assertTrue({file.name for file in self.files()} <= named)
        self.assertEqual([name for name in named if not (self.folder / name).exists()], [])

    def test_clock_set_back(self):
        """Files from before are the older ones, although their times are an hour ahead."""
        self.record(self.stream)
        before = [segment["file"] for segment in segments_in(self.folder)]
        ahead = time.time() + 3600
        for number, name in enumerate(before):
            os.utime(self.folder / name, (ahead + number, ahead + number))
        self.record(self.stream, max_files=7)
        after = [segment["file"] for segment in segments_in(self.folder)][-5:]
        self.assertEqual({file.name for file in self.files()}, {*before[-2:], *after})

    def test_bounds(self):
        for limits in ({"max_files": 2}, {"max_size": 60000}, {"max_age": 3600 * SECOND}):
            with self.subTest(limits):
                self.folder.mkdir(exist_ok=True)
                old = self.folder / "gate-20200101T000000Z-segment.mp4"
                foreign = self.folder / "holiday.mp4"
                for file in (old, foreign):
                    file.write_bytes(bytes(50000))
                    os.utime(file, (0, 0))
                recording = self.start(**limits)
                recording.push(self.stream)
                recording.end()
                self.assertFalse(old.exists())
                self.assertTrue(foreign.exists())
                foreign.unlink()
                segments = segments_in(self.folder)
                self.assertEqual(len(segments), 5)
                remaining = [segment["file"] for segment in segments if (self.folder / segment["file"]).exists()]
                self.assertEqual(remaining, [segment["file"] for segment in segments][-len(remaining):])
                if "max_files" in limits:
                    self.assertEqual(len(remaining), 2)
                if "max_size" in limits:
                    self.assertLessEqual(sum(file.stat().st_size for file in self.files()), 60000)
                shutil.rmtree(self.folder)

    def test_folder_disappears(self):
        recording = self.start()
        recording.push(self.stream[:60])
        self.assertTrue(recording.pass_through())
        wait_until(lambda: len(self.files()) == 2)
        shutil.rmtree(self.folder)
        recording.push(self.stream[60:])
        self.assertTrue(recording.pass_through())
        recording.end()
        written = [hash for segment in segments_in(self.folder) for hash in hashes(self.folder / segment["file"])]
        stream = [frame.hash for frame in self.stream]
        self.assertEqual(written, stream[-len(written):])
        self.assertEqual(len(written) + recording.lost(), 200)  # without the first segment, which was complete
        self.assertGreaterEqual(len(written), 100)
        self.assertEqual(len(recording.warnings), 1)

    def test_slow_disk(self):
        recording = self.start(queue_size=3000)
        recording.push(self.stream)
        recording.end()
        written = sum(segment["frames"] for segment in segments_in(self.folder))
        self.assertEqual(written + recording.lost(), 250)
        self.assertGreater(recording.lost(), 0)
        self.assertIn("more slowly", recording.warnings[0])
        for file in self.files():
            self.assertEqual(decoding_errors(file), "")

    def test_killed(self):
        child = subprocess.Popen([sys.executable, __file__, "record", str(self.folder)], stdout=subprocess.PIPE, text=True)
        expected = child.stdout.readline().split()
        wait_until(lambda: len(self.files()) == 3 and min(file.stat().st_size for file in self.files()) > 20000)
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        names = list(dict.fromkeys(line["segment"]["file"] for line in index_of(self.folder)))
        self.assertEqual(len(names), 3)
        found = [hashes(self.folder / name) for name in names]
        self.assertEqual(found[0] + found[1], expected[:100])
        self.assertGreater(len(found[2]), 10)
        self.assertEqual(found[2], expected[100:100 + len(found[2])])
        self.assertEqual(decoding_errors(self.folder / names[2]), "")

    def test_full_disk(self):
        for limit in (0, 150000):
            with self.subTest(limit=limit):
                child = subprocess.run([sys.executable, __file__, "full", str(self.folder), str(limit)],
                                       capture_output=True, text=True, check=True)
                passed, lost, expected, warnings = child.stdout.splitlines()
                self.assertEqual(passed, "True")
                self.assertGreater(int(lost), 0)
                self.assertRegex(warnings, "Cannot record: .*File too large")
                expected = expected.split()
                written = [hash for file in self.files() for hash in hashes(file)]
                self.assertEqual(len(written), len(set(written)))
                self.assertTrue(set(written) <= set(expected))
                self.assertEqual(len(written) + int(lost), len(expected))
                # Once there is room again, it goes on within five seconds.
                self.assertEqual([hash for hash in expected if hash in written][-50:], expected[-50:])
                shutil.rmtree(self.folder)


def record_until_killed(folder):
    stream = encode(H264, pattern="snow")
    print(" ".join(frame.hash for frame in stream), flush=True)
    recording = Recording(folder, continuous=True, clips=False, segment_time=2 * SECOND)
    recording.push(stream[:140])
    signal.pause()


def record_on_a_full_disk(folder, limit):
    stream = encode(H264, 500, pattern="snow")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    recording = Recording(folder, continuous=True, clips=False, segment_time=60 * SECOND)
    recording.push(stream[:60])
    passed = recording.pass_through()
    wait_until(lambda: recording.lost() > 0)
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    recording.push(stream[60:])
    recording.end()
    print(passed, recording.lost(), " ".join(frame.hash for frame in stream), " ".join(recording.warnings), sep="\n")
    recording.stop()


if __name__ == "__main__":
    if sys.argv[1:2] == ["record"]:
        record_until_killed(sys.argv[2])
    if sys.argv[1:2] == ["full"]:
        record_on_a_full_disk(sys.argv[2], int(sys.argv[3]))
        sys.exit()
    missing = [name for name in ("x264enc", "mp4mux", "h264parse") if not has_element(name)]
    if missing or shutil.which("ffprobe") is None or shutil.which("ffmpeg") is None:
        print(f"needs ffprobe, ffmpeg {' '.join(missing)}")
        sys.exit(77)
    SCHEMA = jsonschema.Draft202012Validator(json.loads(pathlib.Path(sys.argv.pop(1)).read_text()))
    unittest.main(verbosity=2)
