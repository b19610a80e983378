# SPDX-License-Identifier: Apache-2.0
"""count_tests.py BUILD FAILURES: counts the test cases of the last `meson test` in BUILD.

Prints "PASSED FAILED SKIPPED" and writes what failed, and why, to the file FAILURES. A GoogleTest executable
counts case by case, by the report it left in BUILD/reports; anything else counts as one.
"""
import json
import pathlib
import re
import sys
import xml.etree.ElementTree

LINES_OF_LOG = 40


def gtest_reports(folder, executable):
    # A second run of the same executable writes NAME_1.xml.
    name = re.compile(re.escape(executable) + r"(_\d+)?\.xml")
    found = [path for path in sorted(folder.glob("*.xml")) if name.fullmatch(path.name)]
    return [xml.etree.ElementTree.parse(path) for path in found]


def main(build, failures):
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    log = []
    runs = {}
    with open(build / "meson-logs/testlog.json", encoding="utf-8") as lines:
        for run in map(json.loads, lines):
            runs.setdefault(pathlib.Path(run["command"][0]).name, []).append(run)
    for executable, executed in runs.items():
        failed_here = 0
        reports = gtest_reports(build / "reports", executable)
        for case in (case for report in reports for case in report.iter("testcase")):
            if case.find("failure") is not None:
                failed_here += 1
                log.append(f"{executable}: {case.get('classname')}.{case.get('name')}")
                messages = "\n".join(failure.get("message") for failure in case.iter("failure"))
                log += [f"  {line}" for line in messages.splitlines()]
            elif case.find("skipped") is not None or case.get("result") == "skipped":
                counts["skipped"] += 1
            else:
                counts["passed"] += 1
        for run in executed:
            good = run["result"] in ("OK", "SKIP", "EXPECTEDFAIL")
            if good and not reports:
                counts["skipped" if run["result"] == "SKIP" else "passed"] += 1
            elif not good and not failed_here:  # not a test case: it crashed, hung, or is no GoogleTest
                failed_here += 1
                log.append(f"{run['name']}: {run['result']}, exit status {run['returncode']}")
                output = (run.get("stdout", "") + run.get("stderr", "")).splitlines()
                log += [f"  {line}" for line in output[-LINES_OF_LOG:]]
        counts["failed"] += failed_here
    failures.write_text("".join(line + "\n" for line in log), encoding="utf-8")
    print(counts["passed"], counts["failed"], counts["skipped"])


main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
