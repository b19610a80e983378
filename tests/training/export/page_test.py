#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the commands and the program of docs/export.md as a reader would, and holds their score against uniad predict.

usage: page_test.py SOURCE_ROOT BUILD_ROOT

Ends with 77 where ONNX Runtime or Pillow is not there (subprojects/setup.sh brings them).
"""
import json
import os
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import onnxruntime  # noqa: F401
    from PIL import Image
except ImportError as error:
    print(error)
    sys.exit(77)


def block(page, language):
    found, = re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    return found


def write_picture(path, seed):
    """Gray noise, twice as wide as high."""
    noise = random.Random(seed)
    picture = Image.new("RGB", (400, 200))
    picture.putdata([(noise.randint(60, 120),) * 3 for _ in range(400 * 200)])
    path.parent.mkdir(exist_ok=True)
    picture.save(path)


def main():
    source, build = map(Path, sys.argv[1:])
    page = (source / "docs/export.md").read_text()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = {**os.environ, "PATH": f"{build / 'training'}:{os.environ['PATH']}"}

        def run(*command):
            return subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout

        for number in range(20):
            write_picture(folder / f"normal/{number}.png", number)
        write_picture(folder / "picture.png", 100)
        run("uniad", "train", "--data", "normal", "--model", "model.safetensors", "--backbone", "efficientnet-lite2")
        run("bash", "-euc", block(page, "sh"))
        words = run(sys.executable, "-c", block(page, "python")).split()
        told = dict(zip(words[::2], map(float, words[1::2])))
        predicted = json.loads(run("uniad", "predict", "--model", "model.safetensors", "picture.png", "--json", "-"))
    for figure in ("score", "threshold"):
        expected = predicted[figure]
        assert abs(told[figure] - expected) < 1e-4 * expected, f"{figure}: {told[figure]}, not {expected}"
    print(f"the page's score {told['score']} is that of uniad predict")


if __name__ == "__main__":
    main()
