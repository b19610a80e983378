# SPDX-License-Identifier: Apache-2.0
"""uniadpublish and a real Mosquitto: what mosquitto_sub reads, with TLS, wrong passwords, and while the broker is gone."""
import importlib.util
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

from ports import free_port, is_open, wait_until
from publishing import Gst, GstUniadMeta, Publisher, State, frame, make_certificates

BROKER = shutil.which("mosquitto", path=os.environ["PATH"] + ":/usr/sbin")


class Mqtt(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.port = free_port()
        self.broker = None
        self.addCleanup(lambda: self.stop_broker())

    def start_broker(self, *lines, address="127.0.0.1"):
        config = self.folder / "mosquitto.conf"
        settings = lines or ("allow_anonymous true",)
        config.write_text("\n".join((f"listener {self.port} {address}", *settings, "")))
        config.chmod(0o644)
        self.folder.chmod(0o755)
        self.broker = subprocess.Popen([BROKER, "-c", config], stderr=subprocess.DEVNULL)
        wait_until(lambda: is_open(address, self.port))

    def stop_broker(self):
        if self.broker is not None:
            self.broker.kill()
            self.broker.wait()
            self.broker = None

    def start(self, location=None, **properties):
        publisher = Publisher(location or f"mqtt://127.0.0.1:{self.port}", **properties)
        self.addCleanup(publisher.stop)
        return publisher

    def subscriber(self, topic, count, *options):
        """Starts mosquitto_sub, and returns a function that waits for its messages: pairs of topic and payload."""
        command = ["stdbuf", "-oL", "mosquitto_sub", "-h", "127.0.0.1", "-p", str(self.port), "-q", "1", "-t", topic, "-F", "%t %r %p",
                   "-W", "60", "-C", str(count), "-d", *options]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.kill)
        for line in process.stdout:
            if "SUBACK" in line or line.startswith("Subscribed"):
                break

        def read():
            lines = [line for line in process.communicate()[0].splitlines() if not line.startswith("Client ")
                     and not line.startswith("Subscribed")]
            return [tuple(line.split(" ", 2)) for line in lines]

        return read

    def retained(self, topic, count=1, *options):
        return {name: payload for name, _, payload in self.subscriber(topic, count, *options)()}

    def certificates(self, name="localhost", days=1):
        make_certificates(self.folder, name, days)
        return ("allow_anonymous true", f"certfile {self.folder}/server.pem", f"keyfile {self.folder}/server.key")

    def test_topics(self):
        self.start_broker()
        for version in ("3.1.1", "5"):
            for qos in (0, 1, 2):
                with self.subTest(version=version, qos=qos):
                    prefix = f"plant/{version}-{qos}"
                    read = self.subscriber(prefix + "/#", 11)
                    publisher = self.start(f"mqtt://127.0.0.1:{self.port}/{prefix}", mqtt_version=version, qos=qos)
                    publisher.push(frame(0), frame(1, 3, State.BEGIN), frame(2, 3, State.ONGOING), frame(3, 0.5, State.END))
                    publisher.end()
                    publisher.stop()
                    self.assertEqual(publisher.figure("lost"), 0)
                    messages = [(topic.removeprefix(prefix + "/gate/"), payload) for topic, _, payload in read()]
                    by_topic = {}
                    for topic, payload in messages:
                        by_topic.setdefault(topic, []).append(payload)
                    self.assertEqual(by_topic["state"], ["online", "offline"])
                    self.assertEqual(by_topic["alarm"], ["OFF", "ON", "OFF"])
                    self.assertEqual([json.loads(line)["event"]["state"] for line in by_topic["event"]], ["begin", "end"])
                    self.assertEqual([json.loads(line)["score"] for line in by_topic["frame"]][:3], [0.5, 3, 3])

    def test_retained(self):
        self.start_broker()
        publisher = self.start(mode="events")
        publisher.push(frame(0, 3, State.BEGIN))
        wait_until(lambda: publisher.element.get_property("queued") == 0 and self.has_alarm())
        kept = self.retained("uniad/gate/#", 3)
        self.assertEqual(kept["uniad/gate/state"], "online")
        self.assertEqual(kept["uniad/gate/alarm"], "ON")
        self.assertEqual(json.loads(kept["uniad/gate/event"])["event"]["state"], "begin")
        publisher.end()
        publisher.stop()
        kept = self.retained("uniad/gate/#", 3)
        self.assertEqual((kept["uniad/gate/state"], kept["uniad/gate/alarm"]), ("offline", "OFF"))
        self.assertEqual(json.loads(kept["uniad/gate/event"])["event"]["reason"], "eos")

    def has_alarm(self):
        return self.retained("uniad/gate/alarm")["uniad/gate/alarm"] == "ON"

    def test_last_will(self):
        self.start_broker()
        child = subprocess.Popen([sys.executable, __file__, "publish", f"mqtt://127.0.0.1:{self.port}"])
        self.addCleanup(child.kill)
        self.assertEqual(self.subscriber("uniad/gate/frame", 1)()[0][0], "uniad/gate/frame")
        self.assertEqual(self.retained("uniad/gate/state")["uniad/gate/state"], "online")
        child.send_signal(signal.SIGKILL)
        child.wait()
        states = self.subscriber("uniad/gate/state", 1)()
        while states[0][2] == "online":
            states = self.subscriber("uniad/gate/state", 1)()
        self.assertEqual(states, [("uniad/gate/state", "1", "offline")])

    def test_outage(self):
        persistence = ("allow_anonymous true", "persistence true", f"persistence_location {self.folder}/",
                       "autosave_on_changes true", "autosave_interval 1", "user root")
        self.start_broker(*persistence)
        publisher = self.start()
        publisher.push(frame(0, 3, State.BEGIN))
        wait_until(self.has_alarm)
        self.stop_broker()
        publisher.push(*(frame(number) for number in range(1, 100)))
        self.assertIn("Cannot publish", publisher.warning())
        self.start_broker(*persistence)
        read = self.subscriber("uniad/gate/frame", 99)
        frames = [json.loads(payload)["pts"] // (40 * Gst.MSECOND) for _, _, payload in read()]
        unique = sorted(set(frames), key=frames.index)  # what was not confirmed may come twice
        self.assertEqual(unique[-1], 99)
        self.assertEqual(unique, sorted(unique))
        self.assertEqual(publisher.figure("lost"), 0)

    def test_each_address_of_a_host(self):
        # Names such as localhost have an address of IPv4 and one of IPv6, and brokers often listen on one of them.
        families = {found[0] for found in socket.getaddrinfo("localhost", 1883, type=socket.SOCK_STREAM)}
        if len(families) < 2:
            self.skipTest("localhost has one address")
        for address in ("127.0.0.1", "::1"):
            with self.subTest(address=address):
                self.start_broker(address=address)
                read = self.subscriber("uniad/gate/frame", 1, "-h", address)
                publisher = self.start(f"mqtt://localhost:{self.port}")
                publisher.push(frame(0))
                self.assertEqual(len(read()), 1)
                publisher.stop()
                self.stop_broker()

    def test_credentials(self):
        users = self.folder / "users"
        users.touch()
        subprocess.run(["mosquitto_passwd", "-b", users, "camera", "open:sesame"], check=True)
        users.chmod(0o644)
        self.start_broker("allow_anonymous false", f"password_file {users}")
        file = self.folder / "secret"
        login = ("-u", "camera", "-P", "open:sesame")
        for version in ("3.1.1", "5"):
            file.write_text("camera:wrong-secret\n")
            publisher = self.start(credentials=file, mqtt_version=version, drain_time=0)
            publisher.push(frame(0))
            warning = publisher.warning()
            self.assertRegex(warning, "(?i)not authori[sz]ed")
            self.assertNotIn("wrong-secret", warning)
            publisher.stop()
        file.write_text("camera:open:sesame\n")
        os.environ["UNIAD_TEST_SECRET"] = "camera:open:sesame"
        for place in (file, "env:UNIAD_TEST_SECRET"):
            read = self.subscriber("uniad/gate/frame", 1, *login)
            publisher = self.start(credentials=place)
            publisher.push(frame(0))
            self.assertEqual(len(read()), 1)
            publisher.stop()

    def test_tls(self):
        self.start_broker(*self.certificates())
        ca = self.folder / "ca.pem"
        for version in ("3.1.1", "5"):
            read = self.subscriber("uniad/gate/frame", 1, "-h", "localhost", "--cafile", str(ca))
            publisher = self.start(f"mqtts://localhost:{self.port}", ca_file=ca, mqtt_version=version)
            publisher.push(frame(0))
            self.assertEqual(len(read()), 1)
            publisher.stop()
        for location, properties in ((f"mqtts://localhost:{self.port}", {}),
                                     (f"mqtts://127.0.0.1:{self.port}", {"ca_file": ca})):
            publisher = self.start(location, drain_time=0, **properties)
            publisher.push(frame(0))
            self.assertRegex(publisher.warning(), "certificate|host name")
            publisher.stop()
            self.assertEqual(publisher.figure("lost"), 1)

    def test_bad_certificates(self):
        for name, days in (("elsewhere.example", 1), ("localhost", -1)):
            with self.subTest(name=name, days=days):
                self.start_broker(*self.certificates(name, days))
                publisher = self.start(f"mqtts://localhost:{self.port}", ca_file=self.folder / "ca.pem", drain_time=0)
                publisher.push(frame(0))
                self.assertRegex(publisher.warning(), "certificate|host name")
                publisher.stop()
                self.stop_broker()

    def test_discovery(self):
        self.start_broker()
        publisher = self.start(discovery="true")
        publisher.push(frame(0, source="T\u00fcr 1"))
        found = {topic: json.loads(payload) for topic, payload in self.retained("homeassistant/#", 2).items()}
        kinds = {topic.split("/")[1]: entry for topic, entry in found.items()}
        self.assertEqual(set(kinds), {"binary_sensor", "sensor"})
        for topic, entry in found.items():
            self.assertRegex(topic, "^homeassistant/[a-z_]+/[a-zA-Z0-9_-]+/[a-z]+/config$")
            self.assertEqual(entry["availability_topic"], "uniad/T\u00fcr 1/state")
            self.assertEqual(entry["device"]["name"], "T\u00fcr 1")
        self.assertEqual(kinds["binary_sensor"]["state_topic"], "uniad/T\u00fcr 1/alarm")
        self.assertEqual(kinds["sensor"]["state_topic"], "uniad/T\u00fcr 1/frame")
        self.assertEqual(len({entry["unique_id"] for entry in found.values()}), 2)

    def test_snapshot(self):
        if Gst.ElementFactory.find("jpegenc") is None:
            self.skipTest("needs jpegenc")
        self.start_broker()
        for source in ("gate", "T\u00fcr 1"):
            with self.subTest(source=source):
                pictures = self.folder / f"pictures of {source}"
                publisher = self.start(mode="events", snapshots=pictures, discovery="true")
                publisher.source.set_property("caps", Gst.Caps.from_string("video/x-raw,format=GRAY8,width=4,height=1,framerate=25/1"))
                publisher.push(frame(0, 3, State.BEGIN, source), frame(1, 5, State.ONGOING, source), frame(2, 0.5, State.END, source))
                publisher.end()
                file, = pictures.iterdir()
                self.assertEqual(self.picture(f"uniad/{source}/snapshot"), file.read_bytes())
                publisher.stop()
        entry = json.loads(self.retained("homeassistant/camera/uniad_gate/#")["homeassistant/camera/uniad_gate/snapshot/config"])
        self.assertEqual((entry["topic"], entry["availability_topic"]), ("uniad/gate/snapshot", "uniad/gate/state"))
        self.assertEqual(self.retained(entry["availability_topic"])[entry["availability_topic"]], "offline")

    def picture(self, topic):
        return subprocess.run(["mosquitto_sub", "-h", "127.0.0.1", "-p", str(self.port), "-t", topic, "-C", "1", "-N", "-W", "60"],
                              check=True, capture_output=True).stdout

    def test_snapshot_after_an_outage(self):
        if Gst.ElementFactory.find("jpegenc") is None:
            self.skipTest("needs jpegenc")
        self.start_broker()
        publisher = self.start(mode="events", snapshots=self.folder / "pictures")
        publisher.source.set_property("caps", Gst.Caps.from_string("video/x-raw,format=GRAY8,width=4,height=1,framerate=25/1"))
        publisher.push(frame(0, 3, State.BEGIN), frame(1, 0.5, State.END))
        publisher.wait_for_queue()
        file, = (self.folder / "pictures").iterdir()
        self.assertEqual(self.picture("uniad/gate/snapshot"), file.read_bytes())
        self.stop_broker()  # which forgets it
        self.start_broker()
        self.assertEqual(self.picture("uniad/gate/snapshot"), file.read_bytes())

    def push_noise(self, publisher, width, height):
        """An event whose picture is large."""
        publisher.source.set_property("caps", Gst.Caps.from_string(
            f"video/x-raw,format=GRAY8,width={width},height={height},framerate=25/1"))
        noise = Gst.Buffer.new_wrapped(os.urandom(width * height))
        noise.pts = 0
        meta = GstUniadMeta.buffer_add_anomaly_meta(noise, "gate", 3, 0)
        meta.set_event("large", State.BEGIN)
        meta.set_event_kind("anomaly", None)
        publisher.push(noise, frame(1, 0.5, State.END, event_id="large"))

    def test_snapshot_that_the_broker_does_not_take(self):
        if Gst.ElementFactory.find("jpegenc") is None:
            self.skipTest("needs jpegenc")
        self.start_broker("allow_anonymous true", "max_packet_size 20000")
        publisher = self.start(snapshots=self.folder / "pictures")
        self.push_noise(publisher, 400, 300)
        self.assertIn("Cannot publish", publisher.warning())
        read = self.subscriber("uniad/yard/frame", 50)
        publisher.push(*(frame(number, source="yard") for number in range(2, 52)))
        self.assertEqual([json.loads(payload)["pts"] // (40 * Gst.MSECOND) for _, _, payload in read()], list(range(2, 52)))
        self.assertEqual(publisher.figure("lost"), 0)

    def test_snapshot_that_is_too_large(self):
        if Gst.ElementFactory.find("jpegenc") is None:
            self.skipTest("needs jpegenc")
        self.start_broker()
        pictures = self.folder / "pictures"
        publisher = self.start(mode="events", snapshots=pictures)
        read = self.subscriber("uniad/gate/event", 2)
        self.push_noise(publisher, 4000, 3000)
        publisher.wait_for_queue()
        self.assertEqual(len(read()), 2)
        file, = pictures.iterdir()
        self.assertGreater(file.stat().st_size, 4 << 20)
        publisher.source.set_property("caps", Gst.Caps.from_string("video/x-raw,format=GRAY8,width=4,height=1,framerate=25/1"))
        publisher.push(frame(2, 3, State.BEGIN, event_id="small"), frame(3, 0.5, State.END, event_id="small"))
        publisher.end()
        small, = (path for path in pictures.iterdir() if path != file)
        self.assertEqual(self.picture("uniad/gate/snapshot"), small.read_bytes())

    def test_example(self):
        """The example in Python, which a reader starts before the publisher."""
        example = pathlib.Path(__file__).parents[3] / "pipelines/examples/mqtt_events.py"
        if importlib.util.find_spec("paho") is None:
            self.skipTest("needs python3-paho-mqtt")
        self.start_broker()
        reader = subprocess.Popen([sys.executable, example, "127.0.0.1", str(self.port)], stdout=subprocess.PIPE, text=True)
        self.addCleanup(reader.stdout.close)
        self.addCleanup(reader.wait)
        self.addCleanup(reader.kill)
        publisher = self.start(mode="events")
        publisher.push(frame(0, 3, State.BEGIN))
        self.assertEqual(reader.stdout.readline(), "gate: begin of anomaly, peak score 3.0\n")
        publisher.push(frame(1, 0.5, State.END))
        self.assertEqual(reader.stdout.readline(), "gate: end of anomaly, peak score 3.0\n")

    def test_hostile_names(self):
        self.start_broker()
        names = ["+/#", "a/b", "$SYS", "line\nbreak", "x" * 65536, "", "..", "\u007f"]
        read = self.subscriber("uniad/+/frame", len(names))
        publisher = self.start()
        publisher.push(*(frame(number, source=name) for number, name in enumerate(names)))
        topics = {}
        for topic, _, payload in read():
            topics[json.loads(payload)["source"]] = topic
        self.assertEqual(set(topics), set(names))
        self.assertEqual(len(set(topics.values())), len(names))
        self.assertEqual(topics["+/#"], "uniad/%2B%2F%23/frame")
        self.assertLess(len(topics["x" * 65536]), 256)

    def test_refused_settings(self):
        for location, properties, words in (
            ("mqtt://user:hunter2@broker", {}, "credentials"),
            ("mqtt://user@broker", {}, "credentials"),
            ("mqtt://", {}, "host"),
            ("mqtt://broker:99999", {}, "port"),
            ("mqtt://broker/a+b", {}, "prefix"),
            ("mqtt://broker/a%23", {}, "prefix"),
            ("mqtt://broker/$SYS", {}, "prefix"),
            ("mqtt://broker/a%00b", {}, "%00"),
            ("mqtt://broker/line\nbreak", {}, "control characters"),
            ("mqtt://broker/" + "x" * 65536, {}, "2048"),
            ("mqtt://broker/" + "x" * 300, {}, "200 bytes"),
            ("mqtt://broker", {"mqtt_version": "3"}, "mqtt-version"),
            ("mqtt://broker", {"credentials": "/missing"}, "/missing"),
            ("mqtt://broker", {"credentials": "env:UNIAD_MISSING"}, "UNIAD_MISSING"),
            ("mqtts://broker", {"ca_file": "/missing"}, "/missing"),
            ("mqtts://broker", {"ca_file": "/dev/null", "cert_file": "/missing"}, ""),
            ("amqp://broker", {}, "amqp://"),
        ):
            with self.subTest(location=location[:60], properties=properties):
                text = self.start(location, **properties).refusal()
                self.assertIn(words, text)
                self.assertNotIn("hunter2", text)
                self.assertLess(len(text), 1000)


def publish_until_killed(location):
    publisher = Publisher(location)
    for number in range(2**31):
        publisher.push(frame(number))
        time.sleep(0.02)


if __name__ == "__main__":
    if sys.argv[1:2] == ["publish"]:
        publish_until_killed(sys.argv[2])
    if BROKER is None or shutil.which("mosquitto_sub") is None or shutil.which("openssl") is None:
        print("needs mosquitto, mosquitto_sub and openssl")
        sys.exit(77)
    unittest.main(verbosity=2)
