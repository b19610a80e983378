#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs exported models in other engines.

usage: runtimes.py FOLDER...

Reads FOLDER/model.onnx and FOLDER/image.f32, the input as plain floats, and writes every output of each engine as
FOLDER/ENGINE/NAME.f32. Ends with 77 where an engine's package is not there (subprojects/setup.sh brings them).
"""
import importlib
import sys
from pathlib import Path


def need(package):
    try:
        return importlib.import_module(package)
    except ImportError:
        print(f"no Python package {package}")
        sys.exit(77)


numpy = need("numpy")
onnxruntime = need("onnxruntime")
openvino = need("openvino")


def image_of(folder, shape):
    """shape: of the input, its first dimension any."""
    return numpy.fromfile(folder / "image.f32", "float32").reshape(-1, *shape[1:])


def run_onnxruntime(folder):
    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    image = image_of(folder, session.get_inputs()[0].shape)
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"image": image})))


def run_openvino(folder):
    model = openvino.Core().read_model(folder / "model.onnx")
    shape = [0] + [extent.get_length() for extent in list(model.input("image").partial_shape)[1:]]
    compiled = openvino.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    results = compiled({"image": image_of(folder, shape)})
    return {output.any_name: results[output] for output in compiled.outputs}


def main():
    for folder in map(Path, sys.argv[1:]):
        for engine, run in (("onnxruntime", run_onnxruntime), ("openvino", run_openvino)):
            (folder / engine).mkdir()
            for name, values in run(folder).items():
                values.astype("float32").tofile(folder / engine / f"{name}.f32")


if __name__ == "__main__":
    main()
