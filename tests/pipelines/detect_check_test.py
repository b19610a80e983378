# SPDX-License-Identifier: Apache-2.0
"""What [camera.detect] and [[camera.zone]] say reaches uniaddetect, and what is wrong with it is named with file, line
and key, by uniad-rtsp --check and at the start.

usage: detect_check_test.py UNIAD_RTSP MAKE_TINY_MODEL
"""
import json
import pathlib
import subprocess
import sys
import tempfile

program, make_model = sys.argv[1:]
CAMERA = '[server]\nport = 0\n[[camera]]\nname = "c"\nuri = "test://ball"\nmodel = "m.safetensors"\n'  # 6 lines
ZONE = '[[camera.zone]]\nname = "door"\nkind = "watch"\n'  # lines 7 to 9

REFUSED = {
    '[camera.detect]\nno_such = 1\n': (":8: [[camera]] number 1 detect no_such:", "has no property"),
    '[camera.detect]\ndrift = 1\n': (":8: [[camera]] number 1 detect drift:", "can only be read"),
    '[camera.detect]\nmotion = "perhaps"\n': (":8: [[camera]] number 1 detect motion:", '"perhaps"', '"off"'),
    '[camera.detect]\nevent_release = 1.5\n': (":8: [[camera]] number 1 detect event_release:", "from 0 to 1"),
    '[camera.detect]\nevent_hold = "long"\n': (":8: [[camera]] number 1 detect event_hold:", '"10s"'),
    '[camera.detect]\nmax_rate = 5\nevent_confirm = "5/3"\n': (":9: [[camera]] number 1 detect event_confirm:", "5/3"),
    '[camera.detect]\nhealth = "black,foggy"\n': (":8: [[camera]] number 1 detect health:", "foggy"),
    '[camera.detect]\nzones = "none.json"\n': (":8: [[camera]] number 1 detect zones:", "none.json"),
    ZONE + 'polygon = [[0, 0], [1, 1]]\n': (":7: [[camera]] number 1 zone:", "zones:10:", "door", "at least three"),
    ZONE + '\n\npolygon = [[0, 0], [640, 0], [640, 480]]\n': ("[[camera]] number 1 zone:", "zones:12:", "0..1"),
    ZONE + 'polygon = [[0, 0], [1, 0], [1, 1]]\nthreshold = -1\n': ("zones:11:", "threshold", "above 0"),
    ZONE + 'polygon = [[0, 0], [1, 0], 1970-01-01]\n': ("zones:10:", "not a pair of numbers"),
}
ACCEPTED = (
    '[camera.detect]\nevent_confirm = "3/5"\nevent-hold = "2s"\nevent_release = 1\nmotion = "off"\n'
    'health = "black,frozen"\nfreeze_time = "1min"\nmax_rate = 5\nbatch_timeout = 0\n',
    '[camera.detect]\nzones = "gate.json"\n',
    ZONE + 'polygon = [[0, 0], [1, 0], [1, 1]]\nsensitivity = 2\n'
    '[[camera.zone]]\nkind = "ignore"\npolygon = [[0, 0], [0.2, 0], [0.2, 0.2]]\n',
)


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        subprocess.run([make_model, folder / "m.safetensors"], check=True)
        zone = {"name": "gate", "kind": "watch", "polygon": [[0, 0], [1, 0], [1, 1]]}
        (folder / "gate.json").write_text(json.dumps({"zones": [zone]}))
        file = folder / "cameras.toml"
        for text, says in REFUSED.items():
            file.write_text(CAMERA + text)
            at_start = "event_confirm" in text or "no_such" in text
            for command in ([program, "--check", file], [program, file])[: 2 if at_start else 1]:
                checked = subprocess.run(command, capture_output=True, text=True)
                assert checked.returncode == 1, (command, text)
                for part in (str(file), *says):
                    assert part in checked.stderr, (part, checked.stderr)
        for text in ACCEPTED:
            file.write_text(CAMERA + text)
            checked = subprocess.run([program, "--check", file], capture_output=True, text=True)
            assert checked.returncode == 0 and "warning" not in checked.stderr, (text, checked.stderr)

        # The tiny model has no threshold, but the zone does, which every frame reaches.
        file.write_text(CAMERA + 'publish = "-"\npublish_mode = "events"\n[camera.detect]\nhealth = "none"\n' + ZONE
                        + 'polygon = [[0, 0], [1, 0], [1, 1]]\nthreshold = 0.001\n')
        with subprocess.Popen([program, file], stdout=subprocess.PIPE, text=True) as server:
            try:
                event = next(json.loads(line) for line in server.stdout if line.startswith("{"))
                assert event["event"]["zone"] == "door", event
            finally:
                server.terminate()


if __name__ == "__main__":
    main()
