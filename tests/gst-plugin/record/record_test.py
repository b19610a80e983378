# SPDX-License-Identifier: Apache-2.0
"""uniadrecord: ffprobe reads from the clips the very packets of the stream."""
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

from streams import H264, PERIOD, Gst, Recording, decoding_errors, encode, has_element, hashes, packets, wait_until

SECOND = Gst.SECOND


class Record(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stream = encode(H264)

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp()) / "clips"
        self.addCleanup(shutil.rmtree, self.folder.parent)

    def start(self, **properties):
        recording = Recording(self.folder, **{"pre_roll": 2 * SECOND, "post_roll": SECOND, **properties})
        self.addCleanup(recording.stop)
        return recording

    def files(self):
        return sorted(self.folder.glob("*.mp4"))

    def only_file(self):
        files = self.files()
        self.assertEqual(len(files), 1, files)
        return files[0]

    def record(self, stream, begin=130, end=150, with_dts=True, **properties):
        """Records an event that is reported before frame `begin` and ends before frame `end`."""
        recording = self.start(**properties)
        recording.push(stream[:begin], with_dts)
        recording.event("begin")
        recording.push(stream[begin:end], with_dts)
        recording.event("end")
        recording.push(stream[end:], with_dts)
        clips = recording.end()
        self.assertEqual(recording.lost(), 0)
        return clips

    def assert_packets(self, path, frames):
        found = packets(path)
        self.assertEqual([packet["data_hash"].removeprefix("MD5:") for packet in found], [frame.hash for frame in frames])
        self.assertEqual(["K" in packet["flags"] for packet in found], [frame.is_key for frame in frames])
        shown = [round(float(packet["pts_time"]) * 1000) for packet in found]
        expected = [round(frame.shown / 1e6) for frame in frames]
        self.assertEqual([time - shown[0] for time in shown], [time - expected[0] for time in expected])
        decoded = [float(packet["dts_time"]) for packet in found]
        self.assertEqual(decoded, sorted(decoded))
        self.assertEqual(decoding_errors(path), "")

    def test_clip(self):
        clips = self.record(self.stream)
        # The newest frame is 129 at the begin; 50 earlier is 79, and 75 is the key frame before it. At the end it is
        # 149, and one second later is 174.
        frames = self.stream[75:174]
        self.assert_packets(self.only_file(), frames)
        self.assertEqual(self.only_file().name, "gate-20240501T120000Z-event_1.mp4")
        self.assertEqual([clip.get_value("state") for clip in clips], ["begin", "end"])
        self.assertEqual(clips[1].get_value("location"), str(self.only_file()))
        self.assertEqual(clips[1].get_value("frames"), len(frames))
        self.assertEqual(clips[1].get_value("duration"), len(frames) * PERIOD)
        self.assertEqual(clips[1].get_value("bytes"), self.only_file().stat().st_size)
        self.assertEqual(list(clips[1].get_value("events")), ["event-1"])

    def test_codecs(self):
        encoders = {
            "x264enc": "x264enc key-int-max=25 bframes=0 ! h264parse ! video/x-h264,stream-format=avc3,alignment=au",
            "x265enc": "x265enc key-int-max=25 option-string=open-gop=0 ! h265parse ! video/x-h265,stream-format=hvc1,alignment=au",
            "vp9enc": "vp9enc keyframe-max-dist=25 deadline=1 lag-in-frames=0 ! vp9parse",
            "av1enc": "av1enc keyframe-max-dist=25 cpu-used=8 usage-profile=realtime ! av1parse",
            "avenc_mpeg4": "avenc_mpeg4 gop-size=25 ! mpeg4videoparse",
        }
        for name, encoder in encoders.items():
            if not has_element(name):
                continue
            with self.subTest(name):
                stream = encode(encoder, 100)
                keys = [number for number, frame in enumerate(stream) if frame.is_key]
                self.record(stream, 60, 65, pre_roll=SECOND)
                begin = max(key for key in keys if stream[key].dts_or_pts <= stream[59].dts_or_pts - SECOND)
                end = next(number for number, frame in enumerate(stream)
                           if frame.dts_or_pts >= stream[64].dts_or_pts + SECOND)
                self.assert_packets(self.only_file(), stream[begin:end])
                self.only_file().unlink()

    def test_b_frames(self):
        stream = encode("x264enc key-int-max=25 bframes=2 b-adapt=false byte-stream=false ! h264parse")
        self.assertNotEqual([frame.pts for frame in stream], sorted(frame.pts for frame in stream))
        for with_dts in (True, False):
            with self.subTest(with_dts=with_dts):
                self.record(stream, with_dts=with_dts)
                file = self.only_file()
                found = hashes(file)
                first = [frame.hash for frame in stream].index(found[0])
                self.assertTrue(stream[first].is_key)
                self.assertGreater(len(found), 90)
                self.assert_packets(file, stream[first:first + len(found)])
                file.unlink()

    def test_open_groups_of_pictures(self):
        if not has_element("x265enc"):
            self.skipTest("needs x265enc")
        stream = encode("x265enc key-int-max=25 option-string=open-gop=1:bframes=3:scenecut=0 ! h265parse "
                        "! video/x-h265,stream-format=hvc1,alignment=au")
        leading = [number for number, frame in enumerate(stream) if not frame.is_key
                   and frame.pts < max((key.pts for key in stream[:number] if key.is_key), default=0)]
        self.assertNotEqual(leading, [])
        self.record(stream)
        found = hashes(self.only_file())
        first = [frame.hash for frame in stream].index(found[0])
        self.assertTrue(stream[first].is_key)
        behind = next(number for number in range(first + 1, 250) if number not in leading)
        self.assertGreater(behind, first + 1)  # frames that refer to the group before are left out
        self.assert_packets(self.only_file(), [stream[first], *stream[behind:behind + len(found) - 1]])

    def test_overlapping_events_share_a_clip(self):
        recording = self.start()
        recording.push(self.stream[:60])
        recording.event("begin", "a")
        recording.push(self.stream[60:70])
        recording.event("begin", "b")
        recording.event("end", "a")
        recording.push(self.stream[70:80])
        recording.event("end", "b")
        recording.push(self.stream[80:90])
        recording.event("begin", "c")  # within the post-roll
        recording.push(self.stream[90:100])
        recording.event("end", "c")
        recording.push(self.stream[100:150])
        recording.event("begin", "d")  # after it
        recording.event("end", "d")
        recording.push(self.stream[150:])
        clips = recording.end()
        self.assertEqual([list(clip.get_value("events")) for clip in clips if clip.get_value("state") == "end"],
                         [["a", "b", "c"], ["d"]])
        first, second = (clip.get_value("location") for clip in clips if clip.get_value("state") == "end")
        self.assert_packets(first, self.stream[0:124])
        self.assert_packets(second, self.stream[75:174])

    def test_long_event(self):
        recording = self.start(max_duration=3 * SECOND)
        recording.push(self.stream[:60])
        recording.event("begin")
        recording.push(self.stream[60:100])
        recording.event("update")
        recording.push(self.stream[100:200])
        recording.event("update")
        recording.event("end")
        recording.push(self.stream[200:])
        recording.end()
        self.assert_packets(self.only_file(), self.stream[0:75])

    def test_stream_ends_during_an_event(self):
        recording = self.start()
        recording.push(self.stream[:60])
        recording.event("begin")
        recording.push(self.stream[60:70])
        recording.end()
        self.assert_packets(self.only_file(), self.stream[0:70])

    def test_pre_roll_is_bounded_in_bytes(self):
        recording = self.start(pre_roll_size=sum(len(frame.data) for frame in self.stream[100:130]))
        recording.push(self.stream[:130])
        recording.event("begin")
        recording.event("end")
        recording.push(self.stream[130:])
        recording.end()
        self.assert_packets(self.only_file(), self.stream[100:154])

    def test_late_key_frame(self):
        recording = self.start()
        requests = []
        probe = recording.source.get_static_pad("src").add_probe(
            Gst.PadProbeType.EVENT_UPSTREAM, lambda pad, info: requests.append(info.get_event()) or Gst.PadProbeReturn.OK)
        recording.push(self.stream[10:20])
        recording.event("begin")
        recording.push(self.stream[20:60])
        recording.event("end")
        recording.push(self.stream[60:])
        recording.end()
        recording.source.get_static_pad("src").remove_probe(probe)
        self.assertIn("GstForceKeyUnit", [event.get_structure().get_name() for event in requests
                                          if event.type == Gst.EventType.CUSTOM_UPSTREAM])
        self.assert_packets(self.only_file(), self.stream[25:84])

    def test_no_key_frame(self):
        recording = self.start()
        recording.push(self.stream[1:10])
        recording.event("begin")
        recording.event("end")
        recording.push(self.stream[10:25])
        self.assertEqual(recording.end(), [])
        self.assertEqual(self.files(), [])
        self.assertRegex(recording.warnings[0], "no key frame")

    def test_caps_change(self):
        other = encode(H264, 100, size=96)
        for frame in other:
            frame.pts += 100 * PERIOD
            frame.dts += 100 * PERIOD
        recording = self.start()
        recording.push(self.stream[:90])
        recording.event("begin")
        recording.push(self.stream[90:100])
        recording.push(other[:10])
        recording.event("end")
        recording.push(other[10:])
        recording.end()
        first, second = sorted(self.files(), key=lambda file: len(file.name))
        self.assert_packets(first, self.stream[25:100])
        self.assert_packets(second, other[:34])
        self.assertEqual(second.name, "gate-20240501T120000Z-event_1-2.mp4")

    def test_timestamps_start_over(self):
        recording = self.start()
        recording.push(self.stream[:60])
        recording.event("begin")
        recording.push(self.stream[60:70])
        recording.push(self.stream[3:80])  # from a key frame on
        recording.event("end")
        recording.end()
        first, second = sorted(self.files(), key=lambda file: len(file.name))
        self.assert_packets(first, self.stream[0:70])
        self.assert_packets(second, self.stream[25:80])

    def test_killed(self):
        for kill_at in (90, 140):
            with self.subTest(kill_at=kill_at):
                child = subprocess.Popen([sys.executable, __file__, "record", str(self.folder), str(kill_at)],
                                         stdout=subprocess.PIPE, text=True)
                expected = child.stdout.readline().split()
                wait_until(lambda: self.files() and self.files()[0].stat().st_size > 20000)
                child.send_signal(signal.SIGKILL)
                child.wait()
                child.stdout.close()
                found = hashes(self.only_file())
                self.assertGreater(len(found), 10)
                self.assertEqual(found, expected[:len(found)])
                self.only_file().unlink()

    def test_full_disk(self):
        """In a process of its own, because the limit of a file's size is one of the process."""
        for limit in (0, 100, 200000):
            with self.subTest(limit=limit):
                child = subprocess.run([sys.executable, __file__, "full", str(self.folder), str(limit)],
                                       capture_output=True, text=True, check=True)
                passed, lost, first, warnings, finished, complete = child.stdout.splitlines()
                self.assertEqual(passed, "True")
                self.assertGreater(int(lost), 0)
                self.assertRegex(warnings, "^1 Cannot record: .*File too large")
                self.assertEqual(finished, "0")
                self.assertEqual(complete, "2")  # once there is room again
                *cut, whole = sorted(self.files(), key=lambda file: file.stat().st_size)
                self.assertGreater(len(hashes(whole)), 50)
                self.assertEqual(len(cut), limit == 200000)
                for file in cut:
                    found = hashes(file)
                    self.assertEqual(found, first.split()[:len(found)])
                    self.assertEqual(len(found) + int(lost), 100)
                for file in self.files():
                    file.unlink()

    def test_folder_disappears(self):
        recording = self.start()
        recording.push(self.stream[:60])
        self.assertTrue(recording.pass_through())
        shutil.rmtree(self.folder)
        recording.event("begin", "a")
        recording.push(self.stream[60:70])
        self.assertTrue(recording.pass_through())
        wait_until(self.files)  # it comes back by itself
        shutil.rmtree(self.folder)
        self.folder.write_text("not a folder")
        recording.event("end", "a")
        recording.push(self.stream[70:120])
        recording.event("begin", "b")
        recording.push(self.stream[120:])
        recording.end()
        warnings = recording.warnings
        self.assertEqual(len(warnings), 1, warnings)
        self.assertIn("Cannot record", warnings[0])
        self.assertGreater(recording.lost(), 0)

    def test_slow_disk(self):
        recording = self.start(queue_size=0, pre_roll_size=3000, pre_roll=0)
        recording.push(self.stream[:50])
        recording.event("begin")
        recording.push(self.stream[50:])
        recording.end()
        self.assertGreater(recording.lost(), 0)
        self.assertRegex(recording.warnings[0], "more slowly")

    def test_bounds(self):
        self.folder.mkdir()
        foreign = [self.folder / name for name in ("holiday.mp4", "gate-20240501T120000Z-e.txt", "gate.mp4")]
        for file in foreign:
            file.write_bytes(bytes(100000))
            os.utime(file, (0, 0))
        old = self.folder / "gate-20200101T000000Z-old.mp4"
        link = self.folder / "gate-20200101T000000Z-link.mp4"
        link.symlink_to(foreign[0])

        def remaining(**properties):
            old.write_bytes(bytes(100000))
            os.utime(old, (0, 0))
            recording = self.start(pre_roll=0, post_roll=0, **properties)
            for number in range(4):
                recording.push(self.stream[50 * number:50 * number + 1])
                recording.event("begin", f"e{number}", time=1714564800 + number)
                recording.push(self.stream[50 * number + 1:50 * number + 49])
                recording.event("end", f"e{number}")
                recording.push(self.stream[50 * number + 49:50 * number + 50])
            clips = [clip for clip in recording.end() if clip.get_value("state") == "end"]
            self.assertEqual(len(clips), 4)
            names = [file.name[22:-4] for file in self.files() if file.name.startswith("gate-2024")]
            self.assertTrue(all(file.exists() for file in foreign) and link.is_symlink())
            sizes = [clip.get_value("bytes") for clip in clips]
            for file in self.files():
                if file.name.startswith("gate-2024"):
                    file.unlink()
            return names, sizes

        names, sizes = remaining(max_files=2)
        self.assertEqual(names, ["e2", "e3"])
        self.assertFalse(old.exists())
        names, _ = remaining(max_size=sizes[2] + sizes[3] + 100)
        self.assertEqual(names, ["e2", "e3"])
        self.assertFalse(old.exists())
        names, _ = remaining(max_age=3600 * SECOND)
        self.assertEqual(names, ["e0", "e1", "e2", "e3"])
        self.assertFalse(old.exists())
        names, _ = remaining()
        self.assertTrue(old.exists())

    def test_hostile_names(self):
        for name in ("../../x", "a/b", "", "line\nbreak", "x" * 65536, "\u00fc", "..", "-rf"):
            with self.subTest(name=name[:20]):
                recording = self.start()
                recording.push(self.stream[:30])
                recording.event("begin", name or "e", source=name)
                recording.push(self.stream[30:60])
                recording.end()
                self.assertRegex(self.only_file().name, "^[A-Za-z0-9_]{1,64}-20240501T120000Z-[A-Za-z0-9_]{1,8}[.]mp4$")
                self.only_file().unlink()
                self.assertEqual(list(self.folder.parent.iterdir()), [self.folder])

    def test_refused_settings(self):
        recording = Recording("")
        self.assertFalse(recording.started)
        error, _ = recording.bus.timed_pop_filtered(0, Gst.MessageType.ERROR).parse_error()
        self.assertIn("location", error.message)
        recording.stop()
        (self.folder.parent / "file").write_text("")
        recording = Recording(self.folder.parent / "file")
        self.assertFalse(recording.started)
        error, _ = recording.bus.timed_pop_filtered(0, Gst.MessageType.ERROR).parse_error()
        self.assertIn("cannot be created", error.message)
        recording.stop()


def record_until_killed(folder, count):
    stream = encode(H264, pattern="snow")
    print(" ".join(frame.hash for frame in stream), flush=True)
    recording = Recording(folder, pre_roll=60 * SECOND)
    recording.push(stream[:60])
    recording.event("begin")
    recording.push(stream[60:count])
    signal.pause()


def record_on_a_full_disk(folder, limit):
    stream = encode(H264, pattern="snow")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    recording = Recording(folder, pre_roll=60 * SECOND, post_roll=0)
    recording.push(stream[:60])
    recording.event("begin", "a")
    recording.push(stream[60:100])
    recording.event("end", "a")
    recording.push(stream[100:101])  # ends the clip
    passed = recording.pass_through()
    wait_until(lambda: recording.lost() > 0)
    time.sleep(0.5)  # the clip ends; a wrong one would be finished
    lost = recording.lost()
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    finished = sum(clip.get_value("state") == "end" for clip in recording.clips())
    recording.push(stream[101:110])
    recording.event("begin", "b")
    recording.push(stream[110:])
    complete = len(recording.end())
    warnings = recording.warnings
    print(passed, lost, " ".join(frame.hash for frame in stream), f"{len(warnings)} {warnings[0]}", finished, complete, sep="\n")
    recording.stop()


if __name__ == "__main__":
    if sys.argv[1:2] == ["record"]:
        record_until_killed(sys.argv[2], int(sys.argv[3]))
    if sys.argv[1:2] == ["full"]:
        record_on_a_full_disk(sys.argv[2], int(sys.argv[3]))
        sys.exit()
    missing = [name for name in ("x264enc", "mp4mux", "h264parse") if not has_element(name)]
    if missing or shutil.which("ffprobe") is None or shutil.which("ffmpeg") is None:
        print(f"needs ffprobe, ffmpeg {' '.join(missing)}")
        sys.exit(77)
    unittest.main(verbosity=2)
