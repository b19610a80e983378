# SPDX-License-Identifier: Apache-2.0
"""tidy.py BUILD: clang-tidy over the program's sources that see no LibTorch header.

What was clean is not read again until the file, a header of ours or the settings change: BUILD/tidy holds one
empty file for each clean state.
"""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import subprocess
import sys

FOLDERS = ("model", "gst-plugin", "training", "pipelines")


def headers(build):
    """What each object file was made from, as ninja recorded it."""
    dependencies, current = {}, None
    for line in subprocess.check_output(["ninja", "-C", build, "-t", "deps"], text=True).splitlines():
        if line.startswith("    "):
            current.append(os.path.normpath(build / line.strip()))
        elif ": #deps" in line:
            current = dependencies.setdefault(line.split(":")[0], [])
    return dependencies


def tidy(command, root, state, states):
    file = os.path.normpath(pathlib.Path(command["directory"]) / command["file"])
    # The build's own flags are g++'s: clang knows most of them.
    run = subprocess.run(["clang-tidy-14", "-p", states, "--quiet",
                          "--extra-arg=-Wno-unknown-warning-option", file],
                         capture_output=True, text=True, check=False)
    if run.returncode == 0:
        state.touch()
    return os.path.relpath(file, root), run


def main(build):
    root = pathlib.Path.cwd()
    build = build.resolve()
    states = build / "tidy"
    states.mkdir(exist_ok=True)
    settings = (root / ".clang-tidy").read_bytes()
    dependencies = headers(build)
    todo, clean, with_torch, chosen = [], 0, 0, {}
    for command in json.loads((build / "compile_commands.json").read_text()):
        file = os.path.relpath(os.path.normpath(build / command["file"]), root)
        if not file.startswith(FOLDERS):
            continue
        used = dependencies.get(command["output"], [])
        # A precompiled header hides the torch headers in it.
        if " -include " in command["command"] or any("/torch/include/" in name for name in used):
            with_torch += 1
            continue
        # A source that is compiled for several instruction sets is read once, for the one with the most of them.
        known = chosen.setdefault(file, (command, used))
        if command["command"].count(" -m") > known[0]["command"].count(" -m"):
            chosen[file] = (command, used)
    # clang-tidy reads a file once for every command that it finds for it.
    (states / "compile_commands.json").write_text(json.dumps([command for command, _ in chosen.values()]))
    for file, (command, used) in chosen.items():
        digest = hashlib.sha256(settings + command["command"].encode())
        for name in sorted({file, *(os.path.relpath(name, root) for name in used)}):
            if name.startswith(FOLDERS):
                digest.update(name.encode() + (root / name).read_bytes())
        state = states / digest.hexdigest()
        if state.exists():
            clean += 1
        else:
            todo.append((command, root, state, states))
    print(f"{len(todo)} files to read, {clean} clean already, {with_torch} with LibTorch left out")
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for file, run in pool.map(lambda job: tidy(*job), todo):
            if run.returncode != 0:
                failed += 1
                print(f"{file}:\n{run.stdout}{run.stderr}")
    return 1 if failed else 0


sys.exit(main(pathlib.Path(sys.argv[1])))
