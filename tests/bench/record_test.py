#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""record.py keeps the figures of a benchmark and says how they changed on the same processor."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

RECORD = pathlib.Path(__file__).with_name("record.py")


class Record(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.history = pathlib.Path(self.folder.name, "history.jsonl")
        self.output = pathlib.Path(self.folder.name, "output")

    def record(self, output, command=None):
        self.output.write_text(output, encoding="utf-8")
        return subprocess.run([sys.executable, RECORD, "--history", self.history, "--",
                               *(command or ["cat", self.output])], capture_output=True, text=True, check=False)

    def runs(self):
        return [json.loads(line) for line in self.history.read_text(encoding="utf-8").splitlines()]

    def test_keeps_each_row_by_its_words(self):
        outcome = self.record("uniaddetect: 2.5 ms, 0.93 of the engine\nno figures here\nBM_resize/1080  1.2e-3 ms\n")
        self.assertEqual(outcome.returncode, 0, outcome.stderr)
        self.assertIn("2.5 ms, 0.93 of the engine", outcome.stdout)
        self.assertIn("first run", outcome.stdout)
        rows = self.runs()[0]["rows"]
        self.assertEqual(rows["uniaddetect: # ms, # of the engine"], [2.5, 0.93])
        self.assertEqual(len(rows), 2)

    def test_prints_the_change_since_the_last_run(self):
        self.record("a: 2.0 ms\nb: 4 fps\n")
        self.record("a: 4.0 ms\nb: 4 fps\n")
        outcome = self.record("a: 3.0 ms\nc: 1 ms\n")
        self.assertIn("a: 3 (-25.0 %) ms", outcome.stdout)  # since the second run, not the first
        self.assertIn("c: # ms: no such row before", outcome.stdout)
        self.assertEqual(len(self.runs()), 3)

    def test_compares_only_runs_on_the_same_processor(self):
        self.record("a: 2.0 ms\n")
        run = self.runs()[0]
        run["cpu"] = "another"
        self.history.write_text(json.dumps(run) + "\n", encoding="utf-8")
        self.assertIn("first run", self.record("a: 4.0 ms\n").stdout)

    def test_keeps_nothing_of_a_command_that_fails_or_says_nothing(self):
        failed = self.record("", ["false"])
        self.assertNotEqual(failed.returncode, 0)
        self.assertIn("exit status 1", failed.stderr)
        self.assertNotEqual(self.record("words alone\n").returncode, 0)
        self.assertFalse(self.history.exists())


unittest.main()
