#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs every ```sh block of the README and of the pages in docs/, in order, as a reader would, on generated footage;
and holds docs/uniad.md against the program.

usage: readme_test.py SOURCE_ROOT BUILD_ROOT

Only the time to learn from the running camera is not the reader's. The two commands in the README's ```console block
set up the machine and run this very test; they are checked to be there.
"""
import http.server
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path


def blocks(readme, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)


def make_clip(path, pattern):
    subprocess.run(
        ["gst-launch-1.0", "-q", "videotestsrc", f"pattern={pattern}", "num-buffers=60", "!"]
        + ["video/x-raw,width=160,height=120,framerate=10/1", "!", "x264enc", "!", "mp4mux", "!"]
        + ["filesink", f"location={path}"],
        check=True,
    )


def make_pictures(folder, pattern):
    subprocess.run(
        ["gst-launch-1.0", "-q", "videotestsrc", f"pattern={pattern}", "num-buffers=24", "!"]
        + ["video/x-raw,width=64,height=64", "!", "pngenc", "!", "multifilesink", f"location={folder}/%02d.png"],
        check=True,
    )


def prepare(folder, source, build):
    """What the README takes for granted: footage, the source tree, the programs in PATH."""
    make_clip(folder / "gate.mp4", "ball")
    make_clip(folder / "later.mp4", "ball")
    make_clip(folder / "sunday.mp4", "ball")
    make_clip(folder / "conveyor.mp4", "ball")
    (folder / "later.csv").write_text("frame0,abnormal\n" + "".join(f"{n},{int(n >= 40)}\n" for n in range(60)))
    bottle = folder / "products/bottle"
    for part, pattern in (("train/good", "ball"), ("test/good", "ball"), ("test/broken", "snow")):
        (bottle / part).mkdir(parents=True)
        make_pictures(bottle / part, pattern)
    (folder / "pipelines").symlink_to(source / "pipelines")
    programs = folder / "programs"
    programs.mkdir()
    (programs / "uniad-rtsp").symlink_to(build / "pipelines/uniad-rtsp/uniad-rtsp")
    (programs / "uniad").symlink_to(build / "training/uniad")
    (programs / "python3").symlink_to("/usr/bin/python3")  # Debian's, which has PyGObject
    return {
        **os.environ,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "GST_PLUGIN_PATH": str(build / "gst-plugin"),
    }


def run(command, folder, environment):
    print(f"$ {command}", flush=True)
    subprocess.run(["bash", "-euo", "pipefail", "-c", command], cwd=folder, env=environment, check=True)


def run_with_broker(command, folder, environment):
    """The reader has a broker on the usual port; here it has a free one."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = str(listener.getsockname()[1])
    (folder / "mosquitto.conf").write_text(f"listener {port} localhost\nallow_anonymous true\n")
    program = shutil.which("mosquitto", path=environment["PATH"] + ":/usr/sbin")
    if program is None:
        print("mosquitto is missing, so this block does not run:", command)
        return
    with subprocess.Popen([program, "-c", folder / "mosquitto.conf"]) as broker:
        try:
            run(command.replace("1883", port), folder, environment)
        finally:
            broker.terminate()


def run_with_kafka(command, folder, environment, source):
    """The reader has a broker on the usual port; here it has a free one."""
    program = subprocess.run([source / "subprojects/setup.sh", "--print-kafka-broker"], check=True, capture_output=True, text=True).stdout.strip()
    if not os.access(program, os.X_OK) or shutil.which("kcat") is None:
        print("a Kafka broker or kcat is missing, so this block does not run:", command)
        return
    sys.path.append(str(source / "tests/gst-plugin/publish"))
    from kafka_broker import Broker
    broker = Broker(program)
    try:
        broker.start()
        run(command.replace("9092", str(broker.port)), folder, environment)
    finally:
        broker.stop()


def run_with_web_server(command, folder, environment):
    """The reader has a web server on port 8000; here it has a free one, and must receive JSON."""
    received = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            run(command.replace("8000", str(server.server_address[1])), folder, environment)
        finally:
            server.shutdown()
    assert all(line["type"] == "event" for line in received), received


def run_as_server(command, folder, environment):
    """The reader has a camera, and stops the server; here a recording takes its place, and it learns from less."""
    address = "rtsp://192.168.1.20/stream1"
    assert address in command, command
    command = command.strip().replace(address, "gate.mp4") + " --port 0 --learn 20"
    print(f"$ {command}", flush=True)
    data = folder / "data"
    with subprocess.Popen(["bash", "-c", "exec " + command], cwd=folder, stdout=subprocess.PIPE, text=True,
                          env={**environment, "XDG_DATA_HOME": str(data)}) as server:
        try:
            url = next(line.split(": ")[1].strip() for line in server.stdout if line.startswith("camera1: "))
            probed = subprocess.run(["ffprobe", "-v", "error", "-rtsp_transport", "tcp", "-show_entries",
                                     "stream=codec_name,width,height", "-of", "csv=p=0", url],
                                    check=True, capture_output=True, text=True)
            assert probed.stdout == "h264,160,120\n", probed
            model = data / "uniad/cameras.safetensors"
            deadline = time.monotonic() + 120
            while not model.exists():
                assert time.monotonic() < deadline, "it does not learn"
                time.sleep(0.1)
        finally:
            server.terminate()
    assert server.returncode == 0, server.returncode


def run_with_introspection(command, folder, environment, library):
    """The reader has installed the metadata library."""
    if (library / "GstUniadMeta-1.0.typelib").exists():
        run(command, folder, {**environment, "GI_TYPELIB_PATH": str(library), "LD_LIBRARY_PATH": str(library)})
    else:
        print("built without introspection, so this block does not run:", command)


def main():
    source, build = map(Path, sys.argv[1:])
    readme = (source / "README.md").read_text()
    for command in re.findall(r"^\$ (\S+)", "".join(blocks(readme, "console")), re.MULTILINE):
        assert os.access(source / command, os.X_OK), f"{command} of the README is not there"

    options = subprocess.run([build / "training/uniad", "--markdown"], check=True, capture_output=True, text=True)
    page = (source / "docs/uniad.md").read_text()
    assert options.stdout.strip() in page, "docs/uniad.md is not what uniad --markdown prints: put it there"

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = prepare(folder, source, build)
        commands = blocks(readme, "sh")
        assert commands, "no ```sh block in the README"
        for command in (command.replace("learn-time=4500000000", "learn-time=4000000000") for command in commands):
            if "--camera" in command:
                run_as_server(command, folder, environment)
            else:
                run(command, folder, environment)
        lines = [json.loads(line) for line in (folder / "conveyor.jsonl").read_text().splitlines()]
        judged = [line for line in lines if "type" not in line]
        assert len(judged) == 20, f"60 frames, 4 s of 10 a second to learn from: {len(judged)} were judged"
        run("uniad train --data products/bottle --model bottle.safetensors", folder, environment)
        for page in sorted((source / "docs").glob("*.md")):
            if page.name == "export.md":
                continue  # has a test of its own, beside what it writes of
            for command in blocks(page.read_text(), "sh"):
                if "mqtt://localhost:1883" in command:
                    run_with_broker(command, folder, environment)
                elif "kafka://localhost:9092" in command:
                    run_with_kafka(command, folder, environment, source)
                elif "results.py" in command:
                    run_with_introspection(command, folder, environment, build / "gst-plugin/meta")
                elif "http://localhost:8000" in command:
                    run_with_web_server(command, folder, environment)
                else:
                    run(command, folder, environment)
    print(f"{len(commands)} blocks of the README ran")


if __name__ == "__main__":
    main()
