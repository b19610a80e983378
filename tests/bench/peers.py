#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times UniAD in OpenVINO, in ONNX Runtime on `uniad export` of the model, and in ours, in turns in one run.

    subprojects/setup.sh                    # brings OpenVINO and ONNX Runtime
    build/training/uniad import ../shared/reference/uniad-dev-300steps.pth.tar \\
        ../shared/weights/efficientnet_b4_stages1-4.safetensors --model b4.safetensors
    tests/bench/peers.py --model b4.safetensors

Of another backbone than EfficientNet-b4, OpenVINO runs `uniad export`, too:

    build/training/uniad train --recipe paper --steps 1 --backbone resnet18 --data DATA --model resnet.safetensors
    tests/bench/peers.py --model resnet.safetensors --openvino exported

Every round asks each engine for the median of a few calls; a ratio is the median over the rounds of ours over
the peer's. OpenVINO's model takes one picture a call, so that our batches are held against that. Prints a
Markdown table; --json FILE writes the same (- is standard output, which then holds nothing else).
"""
import argparse
import importlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]

# The threads of an engine look for more work for a while after a call, on the cores that the next one needs.
REST = 0.02


def say(line):
    print(line, file=sys.stderr, flush=True)


def use_runtimes():
    """The packages that setup.sh brought, behind those that this Python has."""
    sys.path.append(subprocess.check_output([ROOT / "subprojects/setup.sh", "--print-runtimes"], text=True).strip())


def need(package):
    try:
        return importlib.import_module(package)
    except ImportError:
        sys.exit(f"peers.py: there is no Python package {package}: run subprojects/setup.sh, or pip install {package}")


def median_time(call, calls):
    """Milliseconds."""
    times = []
    for _ in range(calls):
        begin = time.perf_counter()
        call()
        times.append(1e3 * (time.perf_counter() - begin))
    return statistics.median(times)


def noise():
    return need("numpy").random.default_rng(0).standard_normal((1, 3, 224, 224), dtype="float32")


class OpenVino:
    name = "OpenVINO"
    pictures = 1

    def __init__(self, model, precision, threads):
        openvino = need("openvino")
        self.precision = precision
        core = openvino.Core()
        compiled = core.compile_model(core.read_model(model), "CPU", {
            "INFERENCE_PRECISION_HINT": {"fp32": "f32"}.get(precision, precision),
            "PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads})
        self.request = compiled.create_infer_request()
        self.input = noise()

    def run(self, calls):
        return median_time(lambda: self.request.infer({0: self.input}), calls)


class OnnxRuntime:
    name = "ONNX Runtime"
    precision = "fp32"
    pictures = 1

    def __init__(self, exported, threads):
        onnxruntime = need("onnxruntime")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(exported, options, providers=["CPUExecutionProvider"])
        self.input = {self.session.get_inputs()[0].name: noise()}

    def run(self, calls):
        return median_time(lambda: self.session.run(None, self.input), calls)


class Program:
    """`uniad bench --serve`, which sleeps until it is asked."""

    def __init__(self, uniad, model, precision, calls):
        self.process = subprocess.Popen(
            [uniad, "bench", "--serve", "--model", model, "--device", "cpu", "--precision", precision,
             "--rounds", str(calls)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.description = self.read()
        if precision not in self.description:
            self.close()
            raise RuntimeError(f"here uniad runs on {self.description}")

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"uniad ended with {self.process.wait()}")
        return line.strip()

    def ask(self, pictures):
        try:
            print(pictures, file=self.process.stdin, flush=True)
        except BrokenPipeError:
            pass
        return float(self.read())

    def close(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.process.wait()


class Ours:
    name = "UniAD-GST"

    def __init__(self, program, precision, pictures):
        self.program = program
        self.precision = precision
        self.pictures = pictures

    def run(self, _calls):
        return self.program.ask(self.pictures)


def open_sides(options, exported):
    """The engines to time, and the programs that some of them talk to."""
    sides, programs = [], []
    for precision in options.precisions:
        try:
            program = Program(options.uniad, options.model, precision, options.calls)
        except RuntimeError as error:
            say(f"{precision} is left out: {error}")
            continue
        say(f"UniAD-GST: {program.description}")
        programs.append(program)
        sides.append(OpenVino(options.openvino or exported, precision, options.threads))
        sides += [Ours(program, precision, pictures) for pictures in sorted({1, options.batch})]
    if not sides:
        sys.exit("peers.py: there is no precision left")
    if any(side.precision == OnnxRuntime.precision for side in sides):
        sides.append(OnnxRuntime(exported, options.threads))
    return sides, programs


def measure(sides, rounds, calls):
    """Milliseconds a picture: a list of rounds for each side."""
    for side in sides:
        side.run(calls)
    times = [[] for _ in sides]
    for turn in range(rounds):
        order = range(len(sides))
        # Nobody is always the one that runs after the same other.
        for i in order if turn % 2 == 0 else reversed(order):
            time.sleep(REST)
            times[i].append(sides[i].run(calls))
        say(f"round {turn + 1} of {rounds}")
    return times


def ratio(ours, theirs):
    return statistics.median(a / b for a, b in zip(ours, theirs))


def results_of(sides, times):
    results = []
    for side, own in zip(sides, times):
        result = {"engine": side.name, "precision": side.precision, "pictures": side.pictures,
                  "ms": round(statistics.median(own), 3), "ms_min": round(min(own), 3), "ratios": {}}
        if isinstance(side, Ours):
            result["ratios"] = {peer.name: round(ratio(own, of_peer), 3) for peer, of_peer in zip(sides, times)
                                if not isinstance(peer, Ours) and peer.precision == side.precision}
        results.append(result)
    return results


def table(results):
    peers = sorted({peer for result in results for peer in result["ratios"]})
    rows = [["engine", "precision", "pictures a call", "ms a picture"] + [f"of {peer}" for peer in peers]]
    rows.append(["---"] * len(rows[0]))
    for result in results:
        ratios = [f"{result['ratios'][peer]:.2f}" if peer in result["ratios"] else "" for peer in peers]
        rows.append([result["engine"], result["precision"], str(result["pictures"]), f"{result['ms']:.1f}"] + ratios)
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def number(least):
    def parse(text):
        value = int(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"must be at least {least}, not {value}")
        return value
    return parse


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="UniAD as a model file of ours")
    parser.add_argument("--uniad", default=ROOT / "build/training/uniad", type=pathlib.Path)
    parser.add_argument("--openvino", default=ROOT / "../shared/peers/uniad_b4.xml", metavar="FILE",
                        type=lambda text: None if text == "exported" else pathlib.Path(text),
                        help="what OpenVINO runs: UniAD-b4 as its own model (default), or `exported`")
    parser.add_argument("--precisions", type=lambda text: text.split(","), default=["fp32", "bf16"],
                        metavar="LIST", help="default: fp32,bf16")
    parser.add_argument("--rounds", type=number(1), default=30, help="quote nothing of fewer than 30")
    parser.add_argument("--calls", type=number(1), default=5, help="of an engine in a round")
    parser.add_argument("--batch", type=number(1), default=8, help="pictures of our batches")
    parser.add_argument("--threads", type=number(1), default=len(os.sched_getaffinity(0)),
                        help="of the peers; ours takes as many as there are cores, which is the default")
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    for file in (options.uniad, options.openvino, pathlib.Path(options.model)):
        if file and not file.exists():
            sys.exit(f"peers.py: there is no {file}")
    return options


def main():
    options = parse_options()
    use_runtimes()
    with tempfile.TemporaryDirectory() as folder:
        exported = pathlib.Path(folder) / "model.onnx"
        subprocess.run([options.uniad, "export", "--model", options.model, "--onnx", exported], check=True)
        sides, programs = open_sides(options, exported)
    try:
        results = results_of(sides, measure(sides, options.rounds, options.calls))
    finally:
        for program in programs:
            program.close()
    report = json.dumps({"rounds": options.rounds, "calls": options.calls, "threads": options.threads,
                         "results": results}, indent=2)
    if options.json != "-":
        print(table(results))
    else:
        print(report)
    if options.json not in (None, "-"):
        pathlib.Path(options.json).write_text(report + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
