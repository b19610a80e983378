#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs every ```sh block of the README, in order, as a reader would, on generated footage; and holds docs/uniad.md
against the program.

usage: readme_test.py SOURCE_ROOT BUILD_ROOT

Only the number of frames to learn from the running camera is not the reader's. The two commands in the README's ```console block set up the
machine and run this very test; they are checked to be there.
"""
import os
import re
import subprocess
import sys
import tempfile
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


def prepare(folder, source, build):
    """What the README takes for granted: footage, the source tree, the programs in PATH."""
    make_clip(folder / "gate.mp4", "ball")
    make_clip(folder / "later.mp4", "ball")
    make_clip(folder / "conveyor.mp4", "ball")
    (folder / "pipelines").symlink_to(source / "pipelines")
    programs = folder / "programs"
    programs.mkdir()
    (programs / "uniad-rtsp").symlink_to(build / "pipelines/uniad-rtsp/uniad-rtsp")
    (programs / "uniad").symlink_to(build / "training/uniad")
    return {
        **os.environ,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "GST_PLUGIN_PATH": str(build / "gst-plugin"),
    }


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
        for command in (command.replace("learn=400", "learn=40") for command in commands):
            print(f"$ {command}", flush=True)
            subprocess.run(["bash", "-euo", "pipefail", "-c", command], cwd=folder, env=environment, check=True)
        judged = (folder / "conveyor.jsonl").read_text().splitlines()
        assert len(judged) == 20, f"60 frames, 40 of them to learn from: {len(judged)} were judged"
    print(f"{len(commands)} blocks of the README ran")


if __name__ == "__main__":
    main()
