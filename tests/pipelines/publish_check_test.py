# SPDX-License-Identifier: Apache-2.0
"""uniad-rtsp --check accepts the addresses to publish to that this build supports, and no others.

usage: publish_check_test.py UNIAD_RTSP
"""
import pathlib
import subprocess
import sys
import tempfile

accepted = ["out.jsonl", "-", "mqtt://broker/gate", "mqtts://broker:1234", "https://server/hook",
            "kafka://broker/plant", "kafka://one,two:9093"]
refused = {"amqp://broker": "amqp://", "kafka://a/b/c": "TOPIC", "kafka://a/b*": "TOPIC", "kafka://user:hunter2@a/b": "credentials", "mqtt://": "host", "mqtt://broker/a+b": "prefix",
           "mqtt://user:hunter2@broker": "credentials", "https://user:hunter2@server": "credentials"}

with tempfile.TemporaryDirectory() as name:
    for address in accepted + list(refused):
        file = pathlib.Path(name) / "cameras.toml"
        file.write_text('[[camera]]\nname = "c"\nuri = "test://ball"\nmodel = "m.safetensors"\nlearn = 5\n'
                        f'publish = "{address}"\n')
        checked = subprocess.run([sys.argv[1], "--check", file], capture_output=True, text=True)
        if address in accepted:
            assert checked.returncode == 0, (address, checked.stderr)
        else:
            assert checked.returncode != 0, address
            assert ":6: [[camera]] number 1 publish:" in checked.stderr, (address, checked.stderr)
            assert refused[address] in checked.stderr, (address, checked.stderr)
            assert "hunter2" not in checked.stderr, checked.stderr
