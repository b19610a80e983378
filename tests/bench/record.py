#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a benchmark, keeps its figures, and prints how they changed since its last run on the same CPU.

    tests/bench/record.py -- build/tests/bench/overlay_bench
    tests/bench/record.py --history FILE -- COMMAND...

Every line of the command's standard output that holds numbers is a row: its words name the row, its numbers are the
figures. Rows go to tests/bench/history.jsonl, which is not committed, one JSON object a run:
{"time", "commit", "cpu", "command", "rows": {WORDS: [NUMBER...]}}.
"""
import argparse
import datetime
import json
import pathlib
import re
import subprocess
import sys

NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?(?![\w.]*\w)")


def cpu():
    for line in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return "unknown"


def commit(folder):
    def git(*arguments):
        return subprocess.run(["git", "-C", folder, *arguments], capture_output=True, text=True, check=False).stdout.strip()

    return (git("rev-parse", "--short", "HEAD") or "unknown") + ("-changed" if git("status", "--porcelain", "-uno") else "")


def rows_of(output):
    rows = {}
    for line in output.splitlines():
        numbers = [float(number) for number in NUMBER.findall(line)]
        words = " ".join(NUMBER.sub("#", line).split())
        if numbers and re.search(r"[A-Za-z]", words):
            name = words
            while name in rows:  # rows of the same words: kept apart by their order
                name += "'"
            rows[name] = numbers
    return rows


def last_run(history, run):
    if not history.exists():
        return None
    runs = (json.loads(line) for line in history.read_text(encoding="utf-8").splitlines())
    same = [old for old in runs if (old["cpu"], old["command"]) == (run["cpu"], run["command"])]
    return same[-1] if same else None


def change(old, new):
    return f"{new:g}" if not old else f"{new:g} ({(new / old - 1) * 100:+.1f} %)"


def compare(old, run):
    print(f"against {old['commit']} of {old['time']}:")
    for name, figures in run["rows"].items():
        before = old["rows"].get(name, [])
        if len(before) == len(figures):
            words = iter(map(change, before, figures))
            print("  " + re.sub("#", lambda _: next(words), name))
        else:
            print(f"  {name}: no such row before")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    folder = pathlib.Path(__file__).resolve().parent
    parser.add_argument("--history", type=pathlib.Path, default=folder / "history.jsonl", metavar="FILE")
    parser.add_argument("command", nargs="+", metavar="COMMAND")
    options = parser.parse_args()
    result = subprocess.run(options.command, stdout=subprocess.PIPE, text=True, check=False)
    sys.stdout.write(result.stdout)
    if result.returncode != 0:
        sys.exit(f"record.py: the command failed with exit status {result.returncode}; nothing is kept")
    run = {"time": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"), "commit": commit(folder),
           "cpu": cpu(), "command": options.command, "rows": rows_of(result.stdout)}
    if not run["rows"]:
        sys.exit("record.py: the command printed no figures; nothing is kept")
    old = last_run(options.history, run)
    with options.history.open("a", encoding="utf-8") as history:
        history.write(json.dumps(run) + "\n")
    if old:
        compare(old, run)
    else:
        print(f"first run of this command on {run['cpu']}: kept in {options.history}")


main()
