# SPDX-License-Identifier: Apache-2.0
"""make_seeds.py FOLDER: small valid files, one folder for each fuzzer, from which libFuzzer starts.

torch.save's two formats are written here without PyTorch: a pickle whose tensors are persistent ids.
"""
import collections
import io
import json
import pathlib
import pickle
import struct
import sys
import types
import zipfile

ROOT = pathlib.Path(__file__).parents[2]


MODEL_CONFIG = {
    "input": {"height": 224, "width": 224, "mean": [0.5, 0.5, 0.5], "std": [0.2, 0.2, 0.2]},
    "backbone": {"name": "resnet18", "stages": [1, 2, 3], "padding": "symmetric", "bn_eps": 1e-5},
    "reconstruction": {
        "dim": 16, "heads": 2, "feedforward": 32, "encoder_layers": 1, "decoder_layers": 1, "dropout": 0.1,
        "pre_norm": False, "position": "learned", "mask_height": 7, "mask_width": 7, "mask_encoder": True,
        "mask_decoder_first": True, "mask_decoder_second": True, "jitter_scale": 20, "jitter_probability": 1},
    "score": "max",
}
SCORES = {"threshold": 3.0, "mean": 1.0, "standard_deviation": 0.5, "count": 40}
PROVENANCE = {
    "sources": [{"name": "cam0", "path": "cam0.mp4", "trained": 360, "held_back": 40}],
    "recipe": "fast", "steps": 400,
    "seed": 1, "program_version": "0.1.0", "weight_file": "resnet18.pth", "weight_licence": "BSD-3-Clause",
}
CALIBRATION = {"rule": "mean + 4 sd", "sources": {"cam0": SCORES}, "pooled": SCORES}


def safetensors(metadata):
    header = {
        "__metadata__": metadata,
        "a.weight": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]},
        "b": {"dtype": "I64", "shape": [], "data_offsets": [16, 24]},
    }
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(24)


class Storage:
    """Four floats, pickled by reference as torch.save does."""


def fake_torch():
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    storage_type = type("FloatStorage", (), {"__module__": "torch"})

    def _rebuild_tensor_v2(*_):
        pass

    _rebuild_tensor_v2.__module__, _rebuild_tensor_v2.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    torch.FloatStorage, torch._utils, utils._rebuild_tensor_v2 = storage_type, utils, _rebuild_tensor_v2
    sys.modules.update({"torch": torch, "torch._utils": utils})
    return torch


def pickled_weights(torch, legacy):
    class Tensor:
        def __reduce__(self):
            hooks = collections.OrderedDict()
            return torch._utils._rebuild_tensor_v2, (Storage(), 0, (2, 2), (2, 1), False, hooks)

    class Pickler(pickle.Pickler):
        def persistent_id(self, obj):
            if isinstance(obj, Storage):
                return ("storage", torch.FloatStorage, "0", "cpu", 4) + ((None,) if legacy else ())
            return None

    stream = io.BytesIO()
    state = {"a.weight": Tensor(), "a.bias": Tensor()}
    Pickler(stream, 2).dump(collections.OrderedDict(state_dict=state, epoch=3))
    return stream.getvalue()


def legacy_file(torch):
    machine = {"protocol_version": 1001, "little_endian": True}
    parts = [pickle.dumps(0x1950A86A20F9469CFC6C, 2), pickle.dumps(1001, 2), pickle.dumps(machine, 2),
             pickled_weights(torch, legacy=True), pickle.dumps(["0"], 2)]
    return b"".join(parts) + struct.pack("<q4f", 4, 1, 2, 3, 4)


def zip_file(torch):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", pickled_weights(torch, legacy=False))
        archive.writestr("archive/data/0", struct.pack("<4f", 1, 2, 3, 4))
        archive.writestr("archive/version", "3\n")
    return stream.getvalue()


def main(folder):
    torch = fake_torch()
    model = {"uniad.version": "1", "uniad.config": json.dumps(MODEL_CONFIG),
             "uniad.calibration": json.dumps(CALIBRATION), "uniad.provenance": json.dumps(PROVENANCE)}
    seeds = {
        "fuzz_safetensors": [safetensors({"format": "pt"})],
        "fuzz_model_file": [safetensors(model)],
        "fuzz_torch_file": [legacy_file(torch), zip_file(torch)],
        "fuzz_rtsp_config": [path.read_bytes() for path in (ROOT / "pipelines/uniad-rtsp").glob("*.toml")],
        "fuzz_preprocess": [bytes([layout, 9, 9, 7, 7, 1, layout, 128]) for layout in range(11)],
    }
    for target, contents in seeds.items():
        (folder / target).mkdir(parents=True, exist_ok=True)
        for number, content in enumerate(contents):
            (folder / target / f"seed{number}").write_bytes(content)


main(pathlib.Path(sys.argv[1]))
