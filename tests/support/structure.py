#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the structure of the sources; docs/architecture.md explains it.

Every #include goes down: a folder includes only folders of the rows above its own. A folder without a row, or an include
that goes up or sideways and is no exception, is an error. Every header begins, behind its license, with a line that says
what it is for. No source is longer than 500 lines, but for those that hold one table.
"""

import pathlib
import re
import subprocess
import sys

# Each folder may include those of the rows above its own. Folders in one row do not include each other.
LAYERS = [
    ["model/base", "model/pch"],
    ["model/config"],
    ["model/preprocess", "model/kernels", "model/backbone", "model/reconstruction", "model/statistics"],
    ["model/scoring", "model/health"],
    ["model/motion"],
    ["model/file"],
    ["model"],  # network.h: the whole network
    ["model/engine/backend"],
    ["model/engine/cpu"],
    ["model/engine"],
    ["model/cuda"],
    ["gst-plugin/base", "gst-plugin/meta"],
    ["gst-plugin/video"],
    ["gst-plugin/events", "gst-plugin/embed"],
    ["gst-plugin/drawing"],
    ["gst-plugin/detect", "gst-plugin/overlay", "gst-plugin/publish", "gst-plugin/record"],
    ["gst-plugin"],
    ["pipelines/uniad-rtsp/base"],
    ["pipelines/uniad-rtsp/http"],
    ["pipelines/uniad-rtsp"],
    ["training/base", "training/cli", "training/config", "training/metrics"],
    ["training/data"],
    ["training/bench", "training/evaluate/figures", "training/export", "training/extract", "training/import", "training/predict"],
    ["training/calibrate", "training/evaluate/report", "training/info", "training/train"],
    ["training/evaluate", "training/render"],
    ["training/sweep"],
    ["training"],
]

# Of a folder that may include others: what it must not include nevertheless.
CLOSED = {"training": ("gst-plugin/detect", "gst-plugin/overlay", "gst-plugin/publish", "gst-plugin/record", "pipelines/uniad-rtsp")}

# Includes between folders of one row, with the reason.
EXCEPTIONS = {
    ("model/reconstruction", "model/backbone"): "the CNN baseline is a ResNet",
    ("model/statistics", "model/kernels"): "distances are measured by the vector kernels",
}

LINES = 500
# Longer, each for the sake of one table or one document.
LONG = {
    "gst-plugin/detect/uniaddetect.cpp": "the element's documentation",
    "gst-plugin/meta/gstanomalymeta.c": "the public library's documentation",
}

ROOTS = ("model", "gst-plugin", "training", "pipelines")
SOURCE = re.compile(r".*\.(h|c|cpp|cu)$")
INCLUDE = re.compile(r'^#include "([^"]+)"', re.MULTILINE)


def folder_of(path: str) -> str:
    return path.rpartition("/")[0]


def violations(root: pathlib.Path, files: list[str]) -> list[str]:
    rank = {folder: number for number, row in enumerate(LAYERS) for folder in row}
    found = []
    for file in files:
        own = folder_of(file)
        if own not in rank:
            found.append(f"{file}: its folder has no place in the order: add it to {pathlib.Path(__file__).name}")
            continue
        for included in INCLUDE.findall((root / file).read_text(encoding="utf-8")):
            other = folder_of(included)
            if other in (own, "") or (own, other) in EXCEPTIONS:
                continue
            closed = CLOSED.get(own.partition("/")[0], ())
            if other not in rank or rank[other] >= rank[own] or other in closed:
                found.append(f"{file}: includes {included}, which is not below {own}")
    return found


def shape_faults(root: pathlib.Path, files: list[str]) -> list[str]:
    found = []
    for file in files:
        lines = (root / file).read_text(encoding="utf-8").splitlines()
        if len(lines) > LINES and file not in LONG:
            found.append(f"{file}: has {len(lines)} lines, more than {LINES}: split it by what it does")
        if file.endswith(".h") and not re.match(r"(// |/\*\* |/\* )\S", lines[1]):
            found.append(f"{file}: its second line does not say what it is for")
    return found


def main() -> int:
    root = pathlib.Path(__file__).resolve().parents[2]
    try:
        listed = subprocess.run(["git", "ls-files", *ROOTS], cwd=root, capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:  # without git all files count
        listed = ""
    files = listed.splitlines() or [str(path.relative_to(root)) for name in ROOTS for path in (root / name).rglob("*")]
    sources = sorted(file for file in files if SOURCE.match(file))
    found = violations(root, sources) + shape_faults(root, sources)
    print("\n".join(found) or "every include goes down, every header says what it is for")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
