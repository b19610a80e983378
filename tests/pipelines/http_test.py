# SPDX-License-Identifier: Apache-2.0
"""The HTTP interface of uniad-rtsp, as its clients see it: health, metrics, cameras, events, tokens, and what bad
clients send.

usage: http_test.py UNIAD_RTSP MAKE_TINY_MODEL SOURCE_ROOT
"""
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

import jsonschema

program, make_model, source_root = sys.argv[1:]
API = json.loads((pathlib.Path(source_root) / "docs/http-api.json").read_text())
NAME = 'a "b"/../c\\d%2f é'  # a camera's name can be anything
CAMERAS = f"""
[[camera]]
name = "ball"
uri = "test://ball"
model = "m.safetensors"
threshold = 1e-6
[camera.detect]
health = "none"
event_confirm = "1/1"
[[camera]]
name = {json.dumps(NAME, ensure_ascii=False)}
path = "/odd"
uri = "test://green"
[[camera]]
name = "away"
uri = "rtsp://user:hunter2@127.0.0.1:9/x"
"""


class Server:
    def __init__(self, folder, settings="", cameras=CAMERAS, environment=None):
        file = folder / "cameras.toml"
        file.write_text(f"[server]\nport = 0\nhttp_port = 0\n{settings}{cameras}")
        self.log = (folder / "log").open("w+")
        self.process = subprocess.Popen([program, file], stdout=subprocess.PIPE, stderr=self.log, text=True,
                                        env={**os.environ, **(environment or {})})
        for line in self.process.stdout:
            if line.startswith("HTTP: "):
                address = urllib.parse.urlsplit(line.removeprefix("HTTP: ").strip())
                self.host, self.port = address.hostname, address.port
                break
        else:
            raise AssertionError("no address of the HTTP interface: " + self.read_log())

    def read_log(self):
        self.log.seek(0)
        return self.log.read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=60) == 0, self.read_log()
        self.process.stdout.close()
        assert "hunter2" not in self.read_log()
        self.log.close()

    def ask(self, path, method="GET", body=None, **headers):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            response = connection.getresponse()
            return response, response.read()
        finally:
            connection.close()

    def json(self, path, status=200, **more):
        response, body = self.ask(path, **more)
        assert response.status == status, (path, response.status, body)
        kind = "application/json" if status < 400 else "application/problem+json"
        assert response.getheader("Content-Type") == kind, (path, response.getheaders())
        assert response.getheader("X-Content-Type-Options") == "nosniff"
        answer = json.loads(body)
        if status >= 400:
            check(answer, {"$ref": "#/components/schemas/Problem"})
            assert answer["status"] == status
        return answer

    def raw(self, request):
        """What the server sends for these bytes, until it closes the connection."""
        with socket.create_connection((self.host, self.port), timeout=60) as connection:
            try:
                connection.sendall(request)
                answer = b""
                while part := connection.recv(65536):
                    answer += part
            except ConnectionError:  # it does not read to the end
                answer = b""
            return answer


def check(value, schema):
    jsonschema.Draft202012Validator({**schema, "components": API["components"]}).validate(value)


def eventually(is_true):
    end = time.monotonic() + 90
    while time.monotonic() < end:
        if found := is_true():
            return found
        time.sleep(0.1)
    raise AssertionError("it does not come true")


def metrics(server):
    """Values by metric and labels."""
    response, body = server.ask("/metrics")
    assert response.status == 200 and response.getheader("Content-Type").startswith("text/plain; version=0.0.4")
    values = {}
    for line in body.decode().splitlines():
        if not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            values[name] = float(value)
    return values, body


def check_routes(server):
    """Everything that the document describes answers, and nothing else does."""
    source = (pathlib.Path(source_root) / "pipelines/uniad-rtsp/http/routes.cpp").read_text()
    real = set(re.findall(r'\{"([A-Z]+)", "(/[^"]*)"', source))
    described = {(method.upper(), path) for path, item in API["paths"].items() for method in item if method != "parameters"}
    assert real == described, real ^ described
    for path, item in API["paths"].items():
        allowed = {method.upper() for method in item if method != "parameters"}
        concrete = path.replace("{name}", "ball")
        for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
            response, _ = server.ask(concrete, method, b"no json" if method == "POST" else None)
            assert (response.status == 405) == (method not in allowed), (method, path, response.status)
            if response.status == 405:
                assert set(response.getheader("Allow").split(", ")) - {"HEAD"} == allowed
            else:
                assert str(response.status) in item[method.lower()]["responses"], (method, path, response.status)
    response, body = server.ask("/healthz", "HEAD")
    assert response.status == 200 and body == b"" and int(response.getheader("Content-Length")) > 0


def check_cameras(server):
    cameras = eventually(lambda: (lambda all: all if all["ball"]["state"] == "online" and "score" in all["ball"] and
                                  all["away"]["state"] == "no-signal" and all[NAME]["state"] == "online" else None)(
        {camera["name"]: camera for camera in server.json("/api/v1/cameras")["cameras"]}))
    assert list(cameras) == ["ball", NAME, "away"]
    for camera in cameras.values():
        check(camera, {"$ref": "#/components/schemas/Camera"})
        assert "hunter2" not in json.dumps(camera) and "user" not in json.dumps(camera)
    ball = cameras["ball"]
    assert (ball["width"], ball["height"], ball["frame_rate"]) == (640, 360, 25)
    assert ball["judged"] and ball["anomalous"] and ball["score"] >= ball["threshold"] > 0
    assert not cameras[NAME]["judged"] and "score" not in cameras[NAME]
    assert cameras["away"]["reason"] and cameras["away"]["frames"] == 0
    assert server.json("/readyz") == {"status": "ready"}
    assert server.json("/healthz") == {"status": "ok"}
    odd = server.json("/api/v1/cameras/" + urllib.parse.quote(NAME, safe=""))
    assert odd["name"] == NAME and odd["stream"].endswith("/odd")
    for unknown in ("none", "%2e%2e", "..%2f..%2fetc%2fpasswd", "", "ball%2f", "Ball", "%FF"):
        server.json("/api/v1/cameras/" + unknown, 404)
    for broken in ("%00", "ball%00", "%zz", "%"):
        assert server.ask("/api/v1/cameras/" + broken)[0].status == 400
    for other in ("/", "/api", "/api/v1/cameras/../../etc/passwd", "//healthz", "/healthz/", "/metrics%2f"):
        server.json(other, 404)


def check_viewers(server):
    url = server.json("/api/v1/cameras/ball")["stream"]
    viewer = subprocess.Popen(["gst-launch-1.0", "-q", "rtspsrc", f"location={url}", "protocols=tcp", "!", "fakesink"])
    try:
        eventually(lambda: server.json("/api/v1/cameras/ball")["viewers"] == 1)
        assert metrics(server)[0]['uniad_camera_viewers{camera="ball"}'] == 1
    finally:
        viewer.terminate()
        viewer.wait()
    eventually(lambda: server.json("/api/v1/cameras/ball")["viewers"] == 0)


def check_snapshots(server, folder):
    response, picture = server.ask("/api/v1/cameras/" + urllib.parse.quote(NAME, safe="") + "/snapshot.jpg")
    assert response.status == 200 and response.getheader("Content-Type") == "image/jpeg"
    (folder / "picture.jpg").write_bytes(picture)
    if shutil.which("ffmpeg"):  # a foreign decoder sees the green of the test picture
        pixels = subprocess.run(["ffmpeg", "-v", "error", "-i", folder / "picture.jpg", "-pix_fmt", "rgb24", "-f",
                                 "rawvideo", "-"], check=True, capture_output=True).stdout
        assert len(pixels) == 640 * 360 * 3
        middle = pixels[len(pixels) // 2 + 960:][:3]
        assert middle[1] > 200 and middle[0] < 60 and middle[2] < 60, list(middle)
    server.json("/api/v1/cameras/away/snapshot.jpg", 503)
    results = []
    threads = [threading.Thread(target=lambda: results.append(server.ask("/api/v1/cameras/ball/snapshot.jpg")[0].status))
               for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 12 and 200 in results and set(results) <= {200, 503}, results


def check_events(server):
    events = eventually(lambda: server.json("/api/v1/events?camera=ball&kind=anomaly")["events"])
    check(events[0], {"$ref": "#/components/schemas/Event"})
    assert events[0]["source"] == "ball" and events[0]["event"]["kind"] == "anomaly"
    schema = json.loads((pathlib.Path(source_root) / "docs/json-lines.schema.json").read_text())
    for event in events:
        jsonschema.validate(event, schema)
    assert server.json("/api/v1/events?camera=none") == {"events": []}
    assert server.json("/api/v1/events?kind=black") == {"events": []}
    assert len(server.json("/api/v1/events?limit=1")["events"]) == 1
    for limit in ("0", "1001", "-1", "1x", "99999999999999999999999", "%20"):
        server.json("/api/v1/events?limit=" + limit, 400)


def check_metrics(server):
    values, body = metrics(server)
    assert values['uniad_camera_frames_total{camera="ball"}'] > 0
    assert values['uniad_camera_frames_total{camera="away"}'] == 0
    judged = values['uniad_camera_judged_frames_total{camera="ball"}']
    assert 0 < judged <= values['uniad_camera_frames_total{camera="ball"}']
    assert values['uniad_camera_anomalous_frames_total{camera="ball"}'] == judged  # all are, by this threshold
    assert values['uniad_camera_events_total{camera="ball",kind="anomaly"}'] == 1  # it never ends
    assert values['uniad_camera_threshold{camera="ball"}'] == 1e-6
    for state, value in (("online", 1), ("no-signal", 0), ("starting", 0), ("ended", 0)):
        assert values[f'uniad_camera_state{{camera="ball",state="{state}"}}'] == value
    assert values['uniad_camera_state{camera="away",state="no-signal"}'] == 1
    escaped = NAME.replace("\\", "\\\\").replace('"', '\\"')
    assert values[f'uniad_camera_frames_total{{camera="{escaped}"}}'] > 0
    assert values["process_resident_memory_bytes"] > 1e7 and values["process_threads"] > 3
    assert values["uniad_abandoned_pipelines"] == 0
    eventually(lambda: metrics(server)[0]['uniad_camera_reconnects_total{camera="away"}'] > 0)
    promtool = shutil.which("promtool", path=os.environ["PATH"] + ":/usr/bin")
    if promtool is None:
        print("promtool is missing (Debian: prometheus), so it does not check the metrics")
    else:
        checked = subprocess.run([promtool, "check", "metrics"], input=body, capture_output=True)
        assert checked.returncode == 0, checked


def has_weights(backbone):
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "uniad"
    folders = [cache] + [pathlib.Path(os.environ[key]) for key in ["UNIAD_WEIGHTS_DIR"] if key in os.environ]
    return any(list(folder.glob(backbone + "*")) for folder in folders)


def check_learning(folder):
    """A camera learns at the start, and again on request."""
    if not has_weights("efficientnet-lite2"):
        print("weights of efficientnet-lite2 are missing, so no camera learns here: run subprojects/setup.sh")
        return
    camera = ('[[camera]]\nname = "new"\nuri = "test://ball"\nmodel = "new.safetensors"\nlearn = 12\n'
              'backbone = "efficientnet-lite2"\n')
    with Server(folder, cameras=camera) as server:
        def learned_since(before):
            learning = server.json("/api/v1/cameras/new").get("learning", {})
            assert learning.get("state") != "failed", server.read_log()
            written = (folder / "new.safetensors").stat().st_mtime_ns if (folder / "new.safetensors").exists() else 0
            return (learning, written) if learning.get("state") == "saved" and written > before else None

        learning, before = eventually(lambda: learned_since(0))
        assert learning["frames"] == 12 and learning["progress"] == 1, learning
        for body, told in ((None, 12), (b'{"frames": 15}', 15)):
            answer = server.json("/api/v1/cameras/new/learn", 202, method="POST", body=body)
            assert answer == {"frames": told}, answer
            learning, before = eventually(lambda: learned_since(before))
            check(server.json("/api/v1/cameras/new"), {"$ref": "#/components/schemas/Camera"})
        assert metrics(server)[0]['uniad_camera_learning_ratio{camera="new"}'] == 1


def check_learn_requests(server):
    for bad in (b"{", b"[]", b'{"time": 5}', b'{"time": "5"}', b'{"frames": 0}', b'{"frames": 1e99}', b'{"frames": -1}',
                b'{"frames": 5, "time": "5s"}', b'{"time": "1000h"}', b'{"time": "nans"}', b"\xff", b"[" * 60000):
        server.json("/api/v1/cameras/ball/learn", 400, method="POST", body=bad)
    server.json("/api/v1/cameras/ball/learn", 409, method="POST")  # `learn` is not set, so nobody says how much
    server.json("/api/v1/cameras/away/learn", 409, method="POST", body=b'{"frames": 5}')  # no model
    server.json("/api/v1/cameras/none/learn", 404, method="POST", body=b'{"frames": 5}')


def check_bad_clients(server):
    learn = b"POST /api/v1/cameras/ball/learn HTTP/1.1\r\nHost: localhost\r\n"
    answer = server.raw(learn + b"Content-Length: 10000000000\r\n\r\n" + b"x" * 100000)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 413"), answer
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    answer = server.raw(learn + b"Transfer-Encoding: chunked\r\n\r\n" + 4 * chunk + b"0\r\n\r\n")
    assert answer == b"" or answer.startswith(b"HTTP/1.1 413"), answer
    for request in (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 1000000 + b"\r\n\r\n",
                    b"GET /" + b"x" * 1000000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
                    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 600 + b"\r\n\r\n", b"\r\n\r\n",
                    b"GET\r\n\r\n", b"GET /healthz HTTP/9.9\r\n\r\n", b"GET /\0 HTTP/1.1\r\nHost: localhost\r\n\r\n"):
        answer = server.raw(request)
        assert not answer.startswith(b"HTTP/1.1 200"), (request[:60], answer)
    for host, status in (("localhost", 200), ("127.0.0.1:1", 200), ("[::1]:8080", 200), ("evil.example", 403), ("", 403),
                         ("127.0.0.1.evil.example", 403), ("localhost.evil.example:8080", 403)):
        response, body = server.ask("/metrics", Host=host)
        assert response.status == status, (host, response.status, body)
    for origin, status in ((f"http://{server.host}:{server.port}", 409), ("http://evil.example", 403), ("null", 403)):
        response, body = server.ask("/api/v1/cameras/ball/learn", "POST", Origin=origin)
        assert response.status == status, (origin, response.status, body)

    # Connections that send nothing, and more of them than there may be; the others are served again when they go.
    idle = [socket.create_connection((server.host, server.port)) for _ in range(100)]
    for connection in idle:
        try:
            connection.sendall(b"GET /heal")
        except ConnectionError:
            pass  # one too many
    for connection in idle[20:]:
        connection.close()

    def is_served():
        try:
            return server.ask("/healthz")[0].status == 200
        except (ConnectionError, http.client.HTTPException):
            return False

    eventually(is_served)
    for connection in idle[:20]:  # half-open, until their time is over
        connection.settimeout(60)
        try:
            while connection.recv(1000):
                pass
        except ConnectionError:
            pass
        connection.close()


def check_tokens(folder):
    (folder / "operator.token").write_text("operator-token-0123456789\n")
    tokens = '[server.tokens]\nviewer = "env:VIEWER_TOKEN"\noperator = "operator.token"\n'
    viewer, operator = "Bearer viewer-token-0123456789", "Bearer operator-token-0123456789"
    with Server(folder, 'http_address = "0.0.0.0"\n' + tokens, environment={"VIEWER_TOKEN": viewer[7:]}) as server:
        server.host = "127.0.0.1"
        assert server.json("/healthz") == {"status": "ok"}
        assert server.ask("/readyz")[0].status in (200, 503)
        for path in ("/metrics", "/api/v1/cameras", "/api/v1/cameras/ball/snapshot.jpg", "/nothing", "/api/v1/cameras/x"):
            server.json(path, 401)
        eventually(lambda: server.json("/api/v1/cameras", Authorization=viewer)["cameras"][0]["state"] == "online")
        server.json("/api/v1/cameras", Authorization=operator, Host="cameras.example.com")  # behind a proxy
        assert server.ask("/metrics", Authorization=viewer)[0].status == 200
        learn = {"path": "/api/v1/cameras/ball/learn", "method": "POST", "body": b'{"frames": 5}'}
        server.json(status=403, Authorization=viewer, **learn)
        server.json(status=401, **learn)
        server.json(status=202, Authorization=operator, **learn)
        wrong = ["Bearer " + token for token in ("", "x", "viewer-token-012345678", "viewer-token-01234567890")] + [
            "Basic " + viewer[7:], viewer[7:], "Bearer  " + viewer[7:]]
        for authorization in wrong:
            server.json("/metrics", 401, Authorization=authorization)
        statuses = {server.ask("/metrics", Authorization="Bearer guess-number-%08d" % n)[0].status for n in range(20)}
        assert statuses == {401, 429}, statuses
        refused, _ = server.ask("/metrics", Authorization=viewer)  # whoever guesses from here waits
        assert refused.status == 429 and int(refused.getheader("Retry-After")) > 0
        assert server.ask("/healthz")[0].status == 200


def check_refusals(folder):
    """Settings that are not safe, at --check and at the start."""
    file = folder / "cameras.toml"
    for settings, says in (
            ('http_port = 0\nhttp_address = "0.0.0.0"\n', (":3: [server] http_address", "[server.tokens]")),
            ('http_port = 0\nhttp_address = "::"\n', (":3: [server] http_address", "[server.tokens]")),
            ('http_port = 0\nhttp_address = "cam.example"\n', (":3: [server] http_address", "numeric")),
            ('http_port = 70000\n', (":2: [server] http_port", "65535")),
            ('http_port = 0\n[server.tokens]\nviewer = "env:NOT_THERE"\n', (":4: [server.tokens] viewer", "NOT_THERE")),
            ('http_port = 0\n[server.tokens]\nviewer = "none.token"\n', (":4: [server.tokens] viewer", "none.token")),
            ('http_port = 0\n[server.tokens]\nviewer = "env:SHORT"\n', (":4: [server.tokens] viewer", "16 characters")),
            ('http_port = 0\n[server.tokens]\nguest = "env:SHORT"\n', (":4: [server.tokens] guest", "viewer")),
            ('http_port = 0\n[server.tokens]\n', (":3: [server] tokens", "empty")),
            ('http_port = 0\ntokens = "x"\n', (":3: [server] tokens", "[server.tokens]"))):
        file.write_text("[server]\n" + settings + '[[camera]]\nname = "ball"\nuri = "test://ball"\n')
        for command in ([program, "--check", file], [program, file]):
            done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "SHORT": "geheim"})
            assert done.returncode == 1, (settings, done)
            for part in (str(file), *says):
                assert part in done.stderr, (part, done.stderr)
            assert "geheim" not in done.stderr


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        subprocess.run([make_model, folder / "m.safetensors"], check=True)
        check_refusals(folder)
        with Server(folder) as server:
            check_cameras(server)
            check_routes(server)
            check_viewers(server)
            check_snapshots(server, folder)
            check_events(server)
            check_metrics(server)
            check_learn_requests(server)
            check_bad_clients(server)
        check_learning(folder)
        check_tokens(folder)


if __name__ == "__main__":
    main()
