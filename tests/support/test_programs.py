# SPDX-License-Identifier: Apache-2.0
"""test_programs.py BUILD SUITE: prints the ninja targets that the tests of a suite need, one a line."""
import json
import os
import subprocess
import sys


def introspect(build, what):
    return json.loads(subprocess.check_output(["meson", "introspect", what, build], text=True))


def main(build, suite):
    files = {target["id"]: target["filename"] for target in introspect(build, "--targets")}
    needed = {name for test in introspect(build, "--tests") if any(s.endswith(":" + suite) for s in test["suite"])
              for name in test["depends"]}
    for name in sorted(needed):
        for file in files[name]:
            print(os.path.relpath(file, os.path.realpath(build)))


main(sys.argv[1], sys.argv[2])
