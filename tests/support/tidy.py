# SPDX-License-Identifier: Apache-2.0
"""tidy.py BUILD [--deep]: clang-tidy over the program's sources that see no LibTorch header.

Sources that meson joined are read together; with --deep each by itself and with clang's path-sensitive checks, which
takes four times as long. What was clean is not read again until a source, a header of ours or the settings change:
BUILD/tidy holds one empty file for each clean state.
"""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
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


def sources(file):
    """The source, or those that meson joined in it."""
    joined = re.findall(r"^#include\s*<(.*)>$", file.read_text(), re.MULTILINE)
    return tuple(os.path.normpath(name) for name in joined) if "-unity" in file.name else (str(file),)


def tidy(command, states, checks):
    # The build's own flags are g++'s: clang knows most of them. In joined sources it sees no use of a function that
    # has a version for each instruction set.
    return subprocess.run(["clang-tidy", "-p", states, "--quiet", f"--checks={checks}",
                           "--extra-arg=-Wno-unknown-warning-option", "--extra-arg=-Wno-unused-function",
                           command["file"]],
                          capture_output=True, text=True, check=False)


def main(build, *options):
    root = pathlib.Path.cwd()
    build = build.resolve()
    states = build / "tidy"
    states.mkdir(exist_ok=True)
    deep = "--deep" in options
    checks = "" if deep else "-clang-analyzer-*,-bugprone-suspicious-include"
    version = subprocess.check_output(["clang-tidy", "--version"], text=True)
    settings = (root / ".clang-tidy").read_text() + checks + version
    dependencies = headers(build)
    todo, clean, with_torch, chosen = [], 0, 0, {}
    for command in json.loads((build / "compile_commands.json").read_text()):
        if not command["output"].startswith(FOLDERS):
            continue
        used = dependencies.get(command["output"], [])
        # A precompiled header hides the torch headers in it.
        if " -include " in command["command"] or any("/torch/include/" in name for name in used):
            with_torch += 1
            continue
        # A source that is compiled for several instruction sets is read once, for the one with the most of them.
        file = build / command["file"]
        for part in sources(file) if deep else (sources(file),):
            known = chosen.setdefault(part, (command, used))
            if command["command"].count(" -m") > known[0]["command"].count(" -m"):
                chosen[part] = (command, used)
    for part, (command, used) in chosen.items():
        digest = hashlib.sha256((settings + str(part) + command["command"]).encode())
        for name in sorted(os.path.relpath(name, root) for name in used):
            if name.startswith(FOLDERS):
                digest.update(name.encode() + (root / name).read_bytes())
        state = states / digest.hexdigest()
        if state.exists():
            clean += 1
            continue
        file = part if deep else os.path.normpath(build / command["file"])
        flags = command["command"].replace(command["file"], file)
        todo.append(({"directory": command["directory"], "file": file, "command": flags}, state))
    (states / "compile_commands.json").write_text(json.dumps([command for command, _ in todo]))
    print(f"{len(todo)} files to read, {clean} clean already, {with_torch} with LibTorch left out")
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = pool.map(lambda job: tidy(job[0], states, checks), todo)
        for (command, state), run in zip(todo, runs):
            if run.returncode == 0:
                state.touch()
            else:
                failed += 1
                print(f"{os.path.relpath(command['file'], root)}:\n{run.stdout}{run.stderr}")
    return 1 if failed else 0


sys.exit(main(pathlib.Path(sys.argv[1]), *sys.argv[2:]))
