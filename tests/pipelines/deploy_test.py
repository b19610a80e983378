# SPDX-License-Identifier: Apache-2.0
"""The dashboard and the alert rules use metrics that uniad-rtsp has, and are valid.

usage: deploy_test.py SOURCE_ROOT
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

root = pathlib.Path(sys.argv[1])
source = (root / "pipelines/uniad-rtsp/http/metrics.cpp").read_text()
real = set(re.findall(r'"((?:uniad|process)_[a-z_]+)"', source))
rules = root / "pipelines/deploy/prometheus-alerts.yml"
dashboard = root / "pipelines/deploy/grafana-dashboard.json"
for file in (rules, dashboard):
    used = set(re.findall(r"\b((?:uniad|process)_[a-z_]+)\b", file.read_text()))
    assert len(used) > 4 and used <= real, (file, used - real)

panels = json.loads(dashboard.read_text())["panels"]
assert len({panel["id"] for panel in panels}) == len(panels)
expressions = [target["expr"] for panel in panels for target in panel["targets"]]

promtool = shutil.which("promtool", path=os.environ["PATH"] + ":/usr/bin")
if promtool is None:
    print("promtool is missing (Debian: prometheus), so it does not check the rules")
    sys.exit(77)
subprocess.run([promtool, "check", "rules", rules], check=True)
# The expressions of the dashboard, as rules: promtool parses no dashboards.
as_rules = {"groups": [{"name": "dashboard", "rules": [
    {"record": f"panel:{number}", "expr": expression.replace("$camera", ".*")}
    for number, expression in enumerate(expressions)]}]}
with tempfile.TemporaryDirectory() as folder:
    file = pathlib.Path(folder) / "dashboard.yml"
    file.write_text(json.dumps(as_rules))  # JSON is YAML
    subprocess.run([promtool, "check", "rules", file], check=True)
