# SPDX-License-Identifier: Apache-2.0
"""The pictures that uniadpublish writes of events: ffmpeg reads from them which frame it was."""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

from publishing import Gst, GstUniadMeta, Publisher, State, wait_until

WIDTH, HEIGHT = 64, 48
RAW = f"video/x-raw,format=GRAY8,width={WIDTH},height={HEIGHT},framerate=25/1"


def frame(number, gray, score, state, event_id="event-1", source="gate", peak=None):
    """A frame of one gray value, which tells it from others in spite of lossy compression."""
    buffer = Gst.Buffer.new_wrapped(bytes([gray]) * WIDTH * HEIGHT)
    buffer.pts = number * 40 * Gst.MSECOND
    meta = GstUniadMeta.buffer_add_anomaly_meta(buffer, source, score, 0)
    if state is not None:
        meta.set_event(event_id, state)
        meta.set_event_kind("anomaly", None)
        moment = GstUniadMeta.AnomalyMoment()
        moment.pts, moment.time = buffer.pts, 1714564800 * Gst.SECOND
        meta.set_event_course(moment, moment, moment, score if peak is None else peak, number + 1)
    return buffer


def gray_of(path):
    size = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "stream=width,height,codec_name", "-of", "csv=p=0", path],
                          check=True, capture_output=True, text=True).stdout.strip()
    assert size == f"mjpeg,{WIDTH},{HEIGHT}", size
    pixels = subprocess.run(["ffmpeg", "-v", "error", "-i", path, "-f", "rawvideo", "-pix_fmt", "gray", "-"],
                            check=True, capture_output=True).stdout
    return sum(pixels) / len(pixels)


def rgb_of(path):
    return subprocess.run(["ffmpeg", "-v", "error", "-i", path, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
                          check=True, capture_output=True).stdout


class Snapshots(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.pictures = self.folder / "pictures"
        self.lines = self.folder / "lines.jsonl"

    def start(self, caps=RAW, **properties):
        publisher = Publisher(self.lines, **{"mode": "events", "snapshots": self.pictures, **properties})
        self.addCleanup(publisher.stop)
        if caps is not None:
            publisher.source.set_property("caps", Gst.Caps.from_string(caps))
        return publisher

    def events(self):
        return [json.loads(line)["event"] for line in self.lines.read_text().splitlines()]

    def only_picture(self):
        pictures = list(self.pictures.iterdir())
        self.assertEqual(len(pictures), 1, pictures)
        return pictures[0]

    def one_event(self, **options):
        return (frame(0, 50, 3, State.BEGIN, **options), frame(1, 100, 5, State.ONGOING, **options),
                frame(2, 200, 4, State.ONGOING, peak=5, **options), frame(3, 250, 0.5, State.END, peak=5, **options))

    def test_peak(self):
        publisher = self.start()
        publisher.push(*self.one_event())
        publisher.end()
        self.assertEqual(self.only_picture().name, "gate-20240501T120000Z-event_1.jpg")
        self.assertAlmostEqual(gray_of(self.only_picture()), 100, delta=3)
        self.assertEqual(self.events()[-1]["snapshot"], str(self.only_picture()))
        self.assertEqual(self.events()[-1]["state"], "end")

    def test_updated_while_the_event_lasts(self):
        publisher = self.start()
        publisher.push(frame(0, 50, 3, State.BEGIN))
        wait_until(lambda: self.pictures.is_dir() and list(self.pictures.glob("*.jpg")))
        path = self.only_picture()
        self.assertAlmostEqual(gray_of(path), 50, delta=3)
        before = path.stat().st_ino
        publisher.push(frame(1, 150, 4, State.ONGOING))
        wait_until(lambda: path.stat().st_ino != before)
        self.assertAlmostEqual(gray_of(self.only_picture()), 150, delta=3)
        publisher.push(frame(2, 200, 3.5, State.ONGOING, peak=4))
        publisher.end()
        self.assertAlmostEqual(gray_of(self.only_picture()), 150, delta=3)

    def test_each_event_has_its_picture(self):
        publisher = self.start()
        for number in range(3):
            publisher.push(*(frame(2 * number + last, 40 + 60 * number, 3, State.END if last else State.BEGIN, f"e{number}")
                             for last in (0, 1)))
        publisher.end()
        ends = [event for event in self.events() if event["state"] == "end"]
        self.assertEqual([round(gray_of(event["snapshot"]) / 60 - 2 / 3) for event in ends], [0, 1, 2])

    def test_overlay(self):
        """What is drawn is what uniadoverlay draws, pixel by pixel, apart from lossy compression."""
        caps = "video/x-raw,format=I420,width=320,height=240,framerate=25/1"

        def colored(number, score, state):
            buffer = Gst.Buffer.new_wrapped(bytes([90]) * 320 * 240 + bytes([128]) * 160 * 240)
            buffer.pts = number * 40 * Gst.MSECOND
            meta = GstUniadMeta.buffer_add_anomaly_meta(buffer, "gate", score, 0)
            meta.set_threshold(1.0, 0.9)
            region = GstUniadMeta.AnomalyRegion()
            region.x, region.y, region.w, region.h, region.score = 0.1, 0.4, 0.5, 0.3, score
            meta.set_regions([region])
            meta.set_event("event-1", state)
            meta.set_event_kind("anomaly", None)
            return buffer

        publisher = self.start(caps, snapshots_overlay="true")
        publisher.push(colored(0, 3, State.BEGIN), colored(1, 0.5, State.END))
        publisher.end()
        end = self.events()[-1]
        plain, drawn = pathlib.Path(end["snapshot"]), pathlib.Path(end["snapshot_overlay"])
        self.assertEqual(drawn.name, plain.name.replace(".jpg", ".overlay.jpg"))
        self.assertEqual(sorted(self.pictures.iterdir()), sorted((plain, drawn)))

        reference = self.folder / "reference.jpg"
        pipeline = Gst.parse_launch(f"appsrc name=source format=time ! uniadoverlay boxes=true ! jpegenc ! filesink location={reference}")
        source = pipeline.get_by_name("source")
        source.set_property("caps", Gst.Caps.from_string(caps))
        pipeline.set_state(Gst.State.PLAYING)
        source.emit("push-buffer", colored(0, 3, State.BEGIN))
        source.emit("end-of-stream")
        message = pipeline.get_bus().timed_pop_filtered(60 * Gst.SECOND, Gst.MessageType.EOS | Gst.MessageType.ERROR)
        self.assertEqual(message.type, Gst.MessageType.EOS)
        pipeline.set_state(Gst.State.NULL)
        pixels, expected, untouched = (rgb_of(path) for path in (drawn, reference, plain))
        differences = [abs(a - b) for a, b in zip(pixels, expected)]
        self.assertLess(max(differences), 12)
        changed = sum(abs(a - b) > 40 for a, b in zip(pixels, untouched))
        self.assertGreater(changed, len(pixels) // 50)
        self.assertLess(max(untouched) - min(untouched), 8)  # the first picture is as the camera took it

    def test_overlay_of_other_formats(self):
        publisher = self.start("video/x-raw,format=GRAY16_LE,width=32,height=48,framerate=25/1", snapshots_overlay="true")
        publisher.push(*self.one_event())
        publisher.end()
        end = self.events()[-1]
        self.assertEqual(len({end["snapshot"], end["snapshot_overlay"], *map(str, self.pictures.iterdir())}), 2)

    def test_limits_with_overlay(self):
        publisher = self.start(snapshots_max_files=2, snapshots_overlay="true")
        for number in range(3):
            publisher.push(frame(2 * number, 100, 3, State.BEGIN, f"e{number}"), frame(2 * number + 1, 100, 3, State.END, f"e{number}"))
            publisher.wait_for_queue()
            time.sleep(0.01)  # files of the same moment have no order
        publisher.end()
        self.assertEqual(sorted(file.name[22:] for file in self.pictures.iterdir()), ["e2.jpg", "e2.overlay.jpg"])

    def test_limits(self):
        publisher = self.start(snapshots_max_files=2)
        for number in range(5):
            publisher.push(frame(2 * number, 100, 3, State.BEGIN, f"e{number}"), frame(2 * number + 1, 100, 3, State.END, f"e{number}"))
            publisher.wait_for_queue()
            time.sleep(0.01)  # files of the same moment have no order
        publisher.end()
        self.assertEqual(sorted(file.name[22:24] for file in self.pictures.iterdir()), ["e3", "e4"])

    def test_other_streams_have_no_picture(self):
        for caps in (None, "video/x-h264,stream-format=avc,alignment=au", "audio/x-raw"):
            with self.subTest(caps=caps):
                publisher = self.start(caps)
                publisher.push(*self.one_event())
                publisher.end()
                publisher.stop()
                self.assertEqual([event["state"] for event in self.events()], ["begin", "end"])
                self.assertTrue(all("snapshot" not in event for event in self.events()))
                self.assertEqual(list(self.pictures.iterdir()), [])

    def test_folder_disappears(self):
        publisher = self.start()
        shutil.rmtree(self.pictures)
        publisher.push(*self.one_event())
        wait_until(lambda: self.pictures.is_dir() and list(self.pictures.glob("*.jpg")))  # it comes back by itself
        publisher.wait_for_queue()
        shutil.rmtree(self.pictures)
        self.pictures.write_text("not a folder")
        publisher.push(*self.one_event(event_id="event-2"), *self.one_event(event_id="event-3"))
        self.assertIn("Cannot write pictures", publisher.warning())
        publisher.end()
        self.assertEqual([(event["state"], "snapshot" in event) for event in self.events() if event["state"] == "end"],
                         [("end", True), ("end", False), ("end", False)])

    def test_hostile_names(self):
        for name in ("../../x", "line\nbreak", "x" * 65536, ".."):
            publisher = self.start()
            publisher.push(*self.one_event(event_id=name, source=name))
            publisher.end()
            publisher.stop()
            self.assertRegex(self.only_picture().name, "^[A-Za-z0-9_]{1,64}-20240501T120000Z-[A-Za-z0-9_]{1,8}[.]jpg$")
            self.only_picture().unlink()

    def test_refused_folder(self):
        (self.folder / "file").write_text("")
        self.assertIn("cannot be created", self.start(snapshots=self.folder / "file" / "pictures").refusal())


if __name__ == "__main__":
    if shutil.which("ffmpeg") is None or Gst.ElementFactory.find("jpegenc") is None:
        print("needs ffmpeg and jpegenc")
        sys.exit(77)
    unittest.main(verbosity=2)
