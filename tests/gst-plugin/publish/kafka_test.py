# SPDX-License-Identifier: Apache-2.0
"""uniadpublish and a real Kafka-compatible broker: what kcat reads, and what happens while the broker is gone.

usage: kafka_test.py BROKER [TEST]...
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

from kafka_broker import Broker
from ports import free_port, wait_until
from publishing import Gst, Publisher, State, frame, make_certificates

BROKER = sys.argv.pop(1)


def numbers_of(messages):
    return [json.loads(message["payload"])["pts"] // (40 * Gst.MSECOND) for message in messages]


class Kafka(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.broker = Broker(BROKER)
        self.addCleanup(self.broker.stop)

    def location(self, topic="plant"):
        return f"kafka://localhost:{self.broker.port}/{topic}"

    def start(self, location=None, **properties):
        publisher = Publisher(location or self.location(), **properties)
        self.addCleanup(publisher.stop)
        return publisher

    def file(self, text):
        path = self.folder / f"file{len(list(self.folder.iterdir()))}"
        path.write_text(text)
        return path

    def read(self, count, *options, topic="plant"):
        """The first messages of the topic, as dicts; those of one partition in their order."""
        output = subprocess.run(["kcat", "-C", "-q", "-J", "-b", f"localhost:{self.broker.port}", "-t", topic, "-o", "beginning",
                                 "-c", str(count), *options], check=True, capture_output=True, text=True, timeout=60)
        return [json.loads(line) for line in output.stdout.splitlines()]

    def test_messages(self):
        self.broker.start()
        self.broker.create_topic("plant", 4)
        publisher = self.start()
        publisher.push(frame(0), frame(1, 3, State.BEGIN), frame(2, 3, State.ONGOING), frame(3, 0.5, State.END))
        publisher.end()
        messages = self.read(6)
        self.assertEqual({message["key"] for message in messages}, {"gate"})
        lines = [json.loads(message["payload"]) for message in messages]
        self.assertEqual([line["event"]["state"] for line in lines if "type" in line], ["begin", "end"])
        self.assertEqual([line["score"] for line in lines if "type" not in line], [0.5, 3, 3, 0.5])
        self.assertEqual((publisher.figure("lost"), publisher.figure("queued")), (0, 0))

    def test_order_of_each_source(self):
        self.broker.start()
        self.broker.create_topic("plant", 4)
        publisher = self.start()
        sources = [f"camera {number}" for number in range(12)]
        publisher.push(*(frame(number, source=sources[number % 12]) for number in range(1200)))
        publisher.end()
        messages = self.read(1200)
        self.assertGreater(len({message["partition"] for message in messages}), 1)
        for source in sources:
            own = [message for message in messages if message["key"] == source]
            self.assertEqual(len({message["partition"] for message in own}), 1)
            self.assertEqual(numbers_of(own), list(range(sources.index(source), 1200, 12)))

    def test_outage(self):
        self.broker.start()
        self.broker.create_topic("plant", 1)
        publisher = self.start()
        publisher.push(*(frame(number) for number in range(500)))
        self.broker.proxy.stop()  # anywhere in between
        publisher.push(*(frame(number) for number in range(500, 1000)))
        self.assertIn("Cannot publish", publisher.warning())
        self.broker.proxy.start()
        publisher.push(*(frame(number) for number in range(1000, 1500)))
        publisher.wait_for_queue()
        # What was under way when the connection broke has come once, too.
        self.assertEqual(numbers_of(self.read(1500)), list(range(1500)))
        self.assertEqual(publisher.figure("lost"), 0)

    def test_long_outage(self):
        self.broker.start()
        self.broker.create_topic("plant", 1)
        publisher = self.start(queue_size=100)
        publisher.push(frame(0))
        publisher.wait_for_queue()
        self.broker.proxy.stop()
        publisher.push(frame(1, 3, State.BEGIN))
        self.assertIn("Cannot publish", publisher.warning())
        publisher.push(*(frame(number, 3, State.ONGOING) for number in range(2, 2000)))
        wait_until(lambda: publisher.figure("lost") > 1700)
        self.broker.proxy.start()
        publisher.push(frame(2000, 0.5, State.END))
        publisher.wait_for_queue()
        lost = publisher.figure("lost")
        messages = self.read(2003 - lost)  # 2001 frames and two lines of the event
        events = [json.loads(message["payload"]) for message in messages]
        self.assertEqual([line["event"]["state"] for line in events if "type" in line], ["begin", "end"])
        numbers = numbers_of(message for message, line in zip(messages, events) if "type" not in line)
        self.assertEqual(numbers, sorted(set(numbers)))
        self.assertEqual(numbers[-90:], list(range(1911, 2001)))

    def test_broker_without_memory(self):
        """A broker that has forgotten the producer, as one of a new cluster."""
        self.broker.start()
        publisher = self.start()
        publisher.push(*(frame(number) for number in range(10)))
        publisher.wait_for_queue()
        self.broker.stop()
        publisher.push(*(frame(number) for number in range(10, 100)))
        self.assertIn("Cannot publish", publisher.warning())
        self.broker.start()
        publisher.wait_for_queue()
        self.assertEqual(numbers_of(self.read(90)), list(range(10, 100)))

    def test_second_address(self):
        self.broker.start()
        publisher = self.start(f"kafka://127.0.0.1:{free_port()},localhost:{self.broker.port}/plant")
        publisher.push(frame(7))
        publisher.wait_for_queue()
        self.assertEqual(numbers_of(self.read(1)), [7])

    def test_hostile_names(self):
        self.broker.start()
        names = ["+/#", "*", "a/b", "line\nbreak", "x" * 65536, "", "..", "\u007f", "\u202e"]
        publisher = self.start()
        publisher.push(*(frame(number, source=name) for number, name in enumerate(names)))
        publisher.wait_for_queue()
        messages = self.read(len(names))
        self.assertEqual({message["key"] or "" for message in messages}, set(names))
        self.assertEqual({json.loads(message["payload"])["source"] for message in messages}, set(names))

    def test_credentials(self):
        make_certificates(self.folder)
        self.broker.use_tls(self.folder / "server.pem", self.folder / "server.key")
        self.broker.proxy.login = ("camera", "open:sesame")
        self.broker.start()
        ca = self.folder / "ca.pem"
        wrong = self.start(credentials=self.file("camera:wrong-secret"), ca_file=ca, drain_time=0)
        wrong.push(frame(0))
        warning = wrong.warning()
        self.assertIn("credentials", warning)
        self.assertNotIn("wrong-secret", warning)
        wrong.stop()
        options = f"security.protocol=sasl_ssl\nsasl.mechanism=PLAIN\nssl.ca.location={ca}\n"
        os.environ["UNIAD_TEST_SECRET"] = options + "sasl.username=camera\nsasl.password=open:sesame\n"
        for properties in ({"credentials": self.file("camera:open:sesame\n"), "ca_file": ca},
                           {"credentials": self.file("camera:open:sesame\n"), "kafka_properties": self.file(options)},
                           {"kafka_properties": "env:UNIAD_TEST_SECRET"}):
            publisher = self.start(**properties)
            publisher.push(frame(0))
            publisher.wait_for_queue()
            publisher.stop()
            self.assertEqual(publisher.figure("lost"), 0)

    def test_broker_that_wants_a_login(self):
        self.broker.start("--authentication")
        options = "security.protocol=sasl_plaintext\nsasl.mechanism=SCRAM-SHA-256\n"
        publisher = self.start(credentials=self.file("camera:wrong-secret"), kafka_properties=self.file(options), drain_time=0)
        publisher.push(frame(0))
        warning = publisher.warning()
        self.assertRegex(warning, "(?i)authentic")
        self.assertNotIn("wrong-secret", warning)

    def test_tls(self):
        make_certificates(self.folder)
        self.broker.use_tls(self.folder / "server.pem", self.folder / "server.key")
        self.broker.start()
        ca = self.folder / "ca.pem"
        publisher = self.start(ca_file=ca)
        publisher.push(frame(3))
        publisher.wait_for_queue()
        self.assertEqual(numbers_of(self.read(1, "-X", "security.protocol=ssl", "-X", f"ssl.ca.location={ca}")), [3])
        for location, properties in ((self.location(), {"kafka_properties": self.file("security.protocol=ssl")}),
                                     (self.location().replace("localhost", "127.0.0.1"), {"ca_file": ca})):
            publisher = self.start(location, drain_time=0, **properties)
            publisher.push(frame(0))
            self.assertRegex(publisher.warning(), "ca-file")
            publisher.stop()
            self.assertEqual(publisher.figure("lost"), 1)

    def test_refused_settings(self):
        for location, text, words in (
            ("kafka://user:hunter2@broker/t", None, "credentials"),
            ("kafka://broker,user:hunter2@other/t", None, "credentials"),
            ("kafka://user:hun,ter2@broker/t", None, "kafka://"),
            ("kafka://", None, "host"),
            ("kafka://,broker/t", None, "host"),
            ("kafka://broker,/t", None, "host"),
            ("kafka://broker:99999/t", None, "port"),
            ("kafka://broker/a/b", None, "TOPIC"),
            ("kafka://broker/a*", None, "TOPIC"),
            ("kafka://broker/..", None, "TOPIC"),
            ("kafka://broker/" + "x" * 250, None, "249"),
            ("kafka://broker/a%00b", None, "%00"),
            ("kafka://broker/a%0Ab", None, "TOPIC"),
            ("kafka://broker/line\nbreak", None, "control characters"),
            ("kafka://broker/" + "x" * 65536, None, "2048"),
            ("kafka://" + "x" * 65536 + "/t", None, "2048"),
            ("kafka://broker/t?acks=1", None, "kafka-properties"),
            ("kafka://broker/t", "hunter2", "line 1"),
            ("kafka://broker/t", "# fine\nlinger.ms=1\nhunter2 3=4", "line 3"),
            ("kafka://broker/t", "no.such.option=hunter2", "no.such.option"),
            ("kafka://broker/t", "sasl.mechanism\0=hunter2", "line 1"),
            ("kafka://broker/t", "linger.ms=hunter2", "linger.ms"),
            ("kafka://broker/t", "acks=1", "acks"),
            ("kafka://broker/t", "bootstrap.servers=hunter2", "location"),
            ("kafka://broker/t", "transactional.id=hunter2", "transactional.id"),
            ("kafka://broker/t", "security.protocol=ssl\nssl.ca.location=/missing/hunter2", "ssl.ca.location"),
            ("kafka://broker/t", "security.protocol=ssl\nssl.key.pem=hunter2", "ssl.key.pem"),
            ("kafka://broker/t", "x" * 65537, "64 KB"),
        ):
            with self.subTest(location=location[:60], text=text and text[:60]):
                properties = {} if text is None else {"kafka_properties": self.file(text)}
                refusal = self.start(location, **properties).refusal()
                self.assertIn(words, refusal)
                self.assertNotIn("hunter2", refusal)
                self.assertLess(len(refusal), 1000)
        for properties in ({"kafka_properties": "/missing"}, {"credentials": "/missing"}, {"ca_file": "/missing"},
                           {"kafka_properties": "env:UNIAD_MISSING"}):
            refusal = self.start("kafka://broker", **properties).refusal()
            self.assertRegex(refusal, "/missing|UNIAD_MISSING")


if __name__ == "__main__":
    for program, found in ((BROKER, os.access(BROKER, os.X_OK)), ("kcat", shutil.which("kcat")), ("openssl", shutil.which("openssl"))):
        if not found:
            print(f"needs {program}")
            sys.exit(77)
    unittest.main(verbosity=2)
