# SPDX-License-Identifier: Apache-2.0
"""uniadpublish and a real web server, with TLS, that fails, hangs, resets, asks for patience, and answers without end."""
import base64
import email.utils
import hashlib
import json
import os
import pathlib
import shutil
import sys
import tempfile
import time
import unittest
import urllib.parse

from publishing import Gst, Publisher, State, frame, make_certificates, wait_until
from web_server import WebServer, gigabyte, hang, reset


def bodies(requests):
    return [json.loads(line) for request in requests for line in request.body.splitlines()]


def numbers(requests):
    return [line["pts"] // (40 * Gst.MSECOND) for line in bodies(requests)]


class Webhook(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def serve(self, folder=None, port=0):
        server = WebServer(folder, port)
        self.addCleanup(server.close)
        return server

    def start(self, location, **properties):
        publisher = Publisher(location, **properties)
        self.addCleanup(publisher.stop)
        return publisher

    def publish_event(self, server, **properties):
        """Publishes a begin and an end, and returns what the server received."""
        publisher = self.start(f"http://127.0.0.1:{server.port}/hook", mode="events", **properties)
        publisher.push(frame(0, 3, State.BEGIN), frame(1, 0.5, State.END))
        publisher.end()
        wait_until(lambda: publisher.figure("queued") == 0)
        publisher.stop()
        self.assertEqual(publisher.figure("lost"), 0)
        return server.received()

    def test_events(self):
        requests = self.publish_event(self.serve())
        self.assertEqual([request.path for request in requests], ["/hook", "/hook"])
        self.assertEqual([line["event"]["state"] for line in bodies(requests)], ["begin", "end"])
        self.assertEqual([request.headers["Content-Type"] for request in requests], ["application/json"] * 2)
        self.assertEqual([request.headers["Idempotency-Key"] for request in requests], ["event-1-begin", "event-1-end"])

    def test_frames(self):
        server = self.serve()
        publisher = self.start(f"http://127.0.0.1:{server.port}/hook?camera=1")
        publisher.push(*(frame(number) for number in range(200)), frame(200, 3, State.BEGIN), frame(201, 3, State.ONGOING))
        publisher.end()
        publisher.stop()
        requests = server.received()
        frames = [request for request in requests if request.headers["Content-Type"] == "application/x-ndjson"]
        self.assertEqual(numbers(frames), list(range(202)))
        for request in frames:
            self.assertEqual(request.path, "/hook?camera=1")
            self.assertEqual(request.headers["Idempotency-Key"], hashlib.sha256(request.body).hexdigest())
        events = [request for request in requests if request.headers["Content-Type"] == "application/json"]
        self.assertEqual([line["event"]["state"] for line in bodies(events)], ["begin", "end"])
        self.assertLess(requests.index(events[0]), len(requests) - 2)  # the begin goes before its frame

    def test_failures(self):
        server = self.serve()
        server.script = [500, reset, 503, hang, 401, 404]
        requests = self.publish_event(server, timeout=Gst.SECOND, drain_time=60 * Gst.SECOND)
        self.assertEqual(len(requests), 8)
        self.assertEqual({request.headers["Idempotency-Key"] for request in requests[:7]}, {"event-1-begin"})
        self.assertEqual({request.body for request in requests[:7]}, {requests[0].body})

    def test_repeated_frames_have_the_same_key(self):
        server = self.serve()
        server.script = [hang, 500, 500]
        publisher = self.start(f"http://127.0.0.1:{server.port}", timeout=Gst.SECOND, drain_time=60 * Gst.SECOND)
        publisher.push(frame(0))
        server.hanging.wait()
        publisher.push(*(frame(number) for number in range(1, 10)))
        publisher.end()
        requests = server.received()
        self.assertEqual(len({(request.body, request.headers["Idempotency-Key"]) for request in requests[:4]}), 1)
        self.assertEqual(numbers(requests[3:]), list(range(10)))

    def test_retry_after(self):
        """The pause is what is tested, and the end of the stream does not shorten it."""
        def in_two_seconds():
            return email.utils.formatdate(time.time() + 3, usegmt=True)  # of whole seconds

        for status, pause in ((429, lambda: "2"), (503, in_two_seconds)):
            with self.subTest(status=status):
                server = self.serve()
                server.script = [(status, ("Retry-After", pause()))]
                requests = self.publish_event(server, drain_time=60 * Gst.SECOND)
                self.assertEqual(len(requests), 3)
                self.assertGreater(requests[1].time - requests[0].time, 1)

    def test_retry_after_is_bounded(self):
        server = self.serve()
        server.script = [(429, ("Retry-After", "999999999"))]
        publisher = self.start(f"http://127.0.0.1:{server.port}", drain_time=0)
        publisher.push(frame(0))
        self.assertIn("429", publisher.warning())
        publisher.stop()
        self.assertEqual(publisher.figure("lost"), 1)

    def test_refused(self):
        server = self.serve()
        server.script = [422]
        publisher = self.start(f"http://127.0.0.1:{server.port}", mode="events")
        publisher.push(frame(0, 3, State.BEGIN), frame(1, 0.5, State.END))
        self.assertRegex(publisher.warning(), "refuses results.*422")
        publisher.end()
        self.assertEqual(publisher.figure("lost"), 1)
        self.assertEqual([line["event"]["state"] for line in bodies(server.received())], ["begin", "end"])

    def test_endless_answer(self):
        server = self.serve()
        server.script = [gigabyte]
        requests = self.publish_event(server)
        self.assertEqual(len(requests), 2)  # what was taken is not sent again
        wait_until(lambda: server.sent is not None)
        self.assertLess(server.sent, 64 << 20)  # what the system's buffers hold

    def test_redirect(self):
        elsewhere, server = self.serve(), self.serve()
        for status in (301, 302, 303, 307, 308):
            with self.subTest(status=status):
                server.script = [(status, ("Location", f"http://127.0.0.1:{elsewhere.port}/hook"))]
                publisher = self.start(f"http://127.0.0.1:{server.port}", mode="events")
                publisher.push(frame(0, 3, State.BEGIN))
                self.assertRegex(publisher.warning(), f"{status}, a redirect")
                publisher.end()
                publisher.stop()
        self.assertEqual(elsewhere.received(), [])

    def test_server_away(self):
        server = self.serve()
        server.close()
        publisher = self.start(f"http://127.0.0.1:{server.port}", mode="events", drain_time=60 * Gst.SECOND)
        for number in range(20):
            publisher.push(frame(number, 3, State.BEGIN if number % 2 == 0 else State.END, event_id=f"event-{number // 2}"))
        self.assertIn("Cannot publish", publisher.warning())
        again = self.serve(port=server.port)
        publisher.end()
        self.assertEqual([(line["event"]["id"], line["event"]["state"]) for line in bodies(again.received())],
                         [(f"event-{number // 2}", "begin" if number % 2 == 0 else "end") for number in range(20)])

    def test_stop_during_a_request(self):
        server = self.serve()
        server.script = [hang]
        publisher = self.start(f"http://127.0.0.1:{server.port}", timeout=600 * Gst.SECOND, drain_time=0)
        publisher.push(frame(0))
        server.hanging.wait()
        publisher.stop()
        server.given_up.wait()
        self.assertEqual(publisher.figure("lost"), 1)

    def test_tls(self):
        make_certificates(self.folder)
        server = self.serve(self.folder)
        ca = self.folder / "ca.pem"
        publisher = self.start(f"https://localhost:{server.port}/hook", ca_file=ca)
        publisher.push(frame(0))
        publisher.end()
        self.assertEqual(numbers(server.received()), [0])
        for location, properties in ((f"https://localhost:{server.port}", {}),
                                     (f"https://127.0.0.1:{server.port}", {"ca_file": ca})):
            publisher = self.start(location, drain_time=0, **properties)
            publisher.push(frame(0))
            self.assertRegex(publisher.warning(), "certificate.*ca-file")
            publisher.stop()
        self.assertEqual(len(server.received()), 1)

    def test_bad_certificates(self):
        for name, days, words in (("elsewhere.example", 1, "localhost"), ("localhost", -1, "expired")):
            with self.subTest(name=name, days=days):
                make_certificates(self.folder, name, days)
                server = self.serve(self.folder)
                publisher = self.start(f"https://localhost:{server.port}", ca_file=self.folder / "ca.pem", drain_time=0)
                publisher.push(frame(0))
                self.assertRegex(publisher.warning(), f"{words}.*ca-file")
                publisher.stop()
                self.assertEqual(server.received(), [])

    def test_secrets(self):
        file = self.folder / "secret"
        os.environ["UNIAD_TEST_SECRET"] = "sesame"
        file.write_text("sesame\n")
        for place in (file, "env:UNIAD_TEST_SECRET"):
            requests = self.publish_event(self.serve(), token=place)
            self.assertEqual(requests[0].headers["Authorization"], "Bearer sesame")
        file.write_text("gate:sesame\n")
        authorization = self.publish_event(self.serve(), credentials=file)[0].headers["Authorization"]
        self.assertEqual(base64.b64decode(authorization.removeprefix("Basic ")), b"gate:sesame")
        file.write_text("X-Api-Key: sesame\r\n\nX-Site: north: 1\n")
        headers = self.publish_event(self.serve(), headers=file)[0].headers
        self.assertEqual((headers["X-Api-Key"], headers["X-Site"]), ("sesame", "north: 1"))

    def test_secrets_are_not_told(self):
        file = self.folder / "secret"
        file.write_text("sesame\n")
        server = self.serve()
        server.script = [401]
        publisher = self.start(f"http://127.0.0.1:{server.port}/services/B0123456", token=file)
        publisher.push(frame(0))
        warning = publisher.warning()
        self.assertIn("401", warning)
        self.assertNotIn("sesame", warning)
        self.assertNotIn("B0123456", warning)

    def test_cloud_events(self):
        event = self.publish_event(self.serve(), cloudevents=True)[0]
        self.assertEqual(event.headers["Content-Type"], "application/cloudevents+json")
        body = json.loads(event.body)
        self.assertEqual(body["data"]["event"]["state"], "begin")
        self.assertEqual({name: body[name] for name in ("specversion", "type", "id", "datacontenttype")},
                         {"specversion": "1.0", "type": "uniad.event.begin", "id": "event-1-begin",
                          "datacontenttype": "application/json"})
        server = self.serve()
        publisher = self.start(f"http://127.0.0.1:{server.port}", cloudevents=True)
        publisher.push(frame(0, source="hall 1/T\u00fcr"), frame(1))
        publisher.end()
        batch = [body for request in server.received() for body in json.loads(request.body)]
        self.assertEqual({request.headers["Content-Type"] for request in server.received()},
                         {"application/cloudevents-batch+json"})
        self.assertEqual([body["data"]["pts"] for body in batch], [0, 40 * Gst.MSECOND])
        self.assertEqual(urllib.parse.unquote(batch[0]["source"]), "/uniad/hall 1/T\u00fcr")
        self.assertRegex(batch[0]["source"], "^/uniad/[A-Za-z0-9%._~-]+$")
        self.assertEqual(len({body["id"] for body in batch}), 2)

    def test_hostile_names(self):
        names = ["a\r\nX-Evil: 1", "x" * 65536, "\u00fc", " "]
        server = self.serve()
        publisher = self.start(f"http://127.0.0.1:{server.port}", mode="events", cloudevents=True)
        for number, name in enumerate(names):
            publisher.push(frame(2 * number, 3, State.BEGIN, name, name), frame(2 * number + 1, 0, State.END, name, name))
        publisher.end()
        self.assertEqual(publisher.figure("lost"), 0)
        requests = server.received()
        self.assertEqual([json.loads(request.body)["data"]["event"]["id"] for request in requests],
                         [name for name in names for _ in range(2)])
        self.assertEqual(len({request.headers["Idempotency-Key"] for request in requests}), 2 * len(names))
        for request in requests:
            self.assertIsNone(request.headers["X-Evil"])
            self.assertLess(len(request.headers["Idempotency-Key"]), 256)

    def test_refused_settings(self):
        def file(text):
            path = self.folder / "setting"
            path.write_bytes(text)
            return path

        for location, properties, words in (
            ("https://user:hunter2@server", {}, "credentials"),
            ("https://user@server", {}, "credentials"),
            ("https://server/?token=hunter2", {}, "credentials"),
            ("https://", {}, "host"),
            ("https://server:99999", {}, "port"),
            ("https://server/line\nbreak", {}, "control characters"),
            ("https://server/" + "x" * 65536, {}, "2048"),
            ("https://server", {"token": "/missing"}, "/missing"),
            ("https://server", {"token": "env:UNIAD_MISSING"}, "UNIAD_MISSING"),
            ("https://server", {"token": b"hunter2 hunter3"}, "Bearer"),
            ("https://server", {"token": b"hunter2\nX-Evil: 1"}, "Bearer"),
            ("https://server", {"token": b""}, "empty"),
            ("https://server", {"token": b"a:hunter2", "credentials": self.folder / "setting"}, "both"),
            ("https://server", {"headers": b"X-Site: 1\nhunter2"}, "line 2"),
            ("https://server", {"headers": b"X-Site: hunter2\x00"}, "line 1"),
            ("https://server", {"headers": b"X Site: hunter2"}, "line 1"),
            ("https://server", {"headers": b"host: hunter2"}, "host"),
            ("https://server", {"headers": "/dev/zero"}, "64 KB"),
            ("https://server", {"ca_file": "/missing"}, "/missing"),
            ("https://server", {"cert_file": "/etc/hostname"}, "only one"),
        ):
            with self.subTest(location=location[:60], properties=properties):
                values = {name: file(value) if isinstance(value, bytes) else value for name, value in properties.items()}
                text = self.start(location, **values).refusal()
                self.assertIn(words, text)
                self.assertNotIn("hunter2", text)
                self.assertLess(len(text), 1000)


if __name__ == "__main__":
    if shutil.which("openssl") is None:
        print("needs openssl")
        sys.exit(77)
    unittest.main(verbosity=2)
