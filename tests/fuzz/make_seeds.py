# SPDX-License-Identifier: Apache-2.0
"""make_seeds.py FOLDER: small valid files, one folder for each fuzzer, from which libFuzzer starts.

torch.save's two formats are written here without PyTorch: a pickle whose tensors are persistent ids.
"""
import collections
import io
import json
import math
import pathlib
import pickle
import struct
import sys
import types
import zipfile

ROOT = pathlib.Path(__file__).parents[2]


MODEL_CONFIG = {
    "input": {"height": 32, "width": 32, "mean": [0.5, 0.5, 0.5], "std": [0.2, 0.2, 0.2]},
    "backbone": {"name": "efficientnet-lite0", "stages": [1], "padding": "static-same", "bn_eps": 1e-3},
    "reconstruction": {
        "dim": 2, "heads": 1, "feedforward": 1, "encoder_layers": 1, "decoder_layers": 1, "dropout": 0.1,
        "pre_norm": False, "position": "sine", "mask_height": 1, "mask_width": 1, "mask_encoder": True,
        "mask_decoder_first": True, "mask_decoder_second": True, "jitter_scale": 20, "jitter_probability": 1},
    "score": "max",
}
SCORES = {"threshold": 3.0, "mean": 1.0, "standard_deviation": 0.5, "count": 40,
          "tail": {"level": 1.5, "scale": 0.25, "shape": -0.125, "peaks": [2.5, 2.0, 1.75], "frame_rate": 25.0}}
PROVENANCE = {
    "sources": [{"name": "cam0", "path": "cam0.mp4", "trained": 360, "held_back": 40}],
    "recipe": "fast", "steps": 400,
    "seed": 1, "program_version": "0.1.0", "weight_file": "resnet18.pth", "weight_licence": "BSD-3-Clause",
}
CALIBRATION = {"rule": "2 false alarms an hour", "sources": {"cam0": SCORES}, "pooled": SCORES}


def model_shapes():
    """Every tensor of the network of MODEL_CONFIG."""
    def norm(name, size):
        return {f"{name}.weight": [size], f"{name}.bias": [size]}

    def batch_norm(name, size):
        return norm(name, size) | {f"{name}.running_mean": [size], f"{name}.running_var": [size]}

    def linear(name, size_in, size_out):
        return {f"{name}.weight": [size_out, size_in], f"{name}.bias": [size_out]}

    def attention(name):
        return {f"{name}.in_proj_weight": [6, 2], f"{name}.in_proj_bias": [6]} | linear(f"{name}.out_proj", 2, 2)

    def layer(name, norms):
        shapes = linear(f"{name}.linear1", 2, 1) | linear(f"{name}.linear2", 1, 2) | attention(f"{name}.self_attn")
        for number in range(1, norms + 1):
            shapes |= norm(f"{name}.norm{number}", 2)
        return shapes

    block, transformer = "backbone._blocks.0.", "reconstruction.transformer."
    encoder, decoder = f"{transformer}encoder", f"{transformer}decoder"
    return ({"backbone._conv_stem.weight": [32, 3, 3, 3], f"{block}_depthwise_conv.weight": [32, 1, 3, 3],
             f"{block}_project_conv.weight": [16, 32, 1, 1], f"{decoder}.layers.0.learned_embed.weight": [4, 2]}
            | batch_norm("backbone._bn0", 32) | batch_norm(f"{block}_bn1", 32) | batch_norm(f"{block}_bn2", 16)
            | linear("reconstruction.input_proj", 16, 2) | linear("reconstruction.output_proj", 2, 16)
            | layer(f"{encoder}.layers.0", 2) | layer(f"{decoder}.layers.0", 3)
            | attention(f"{decoder}.layers.0.multihead_attn") | norm(f"{decoder}.norm", 2))


def safetensors(shapes, metadata, dtype="F32", size=4):
    header, offset = {"__metadata__": metadata}, 0
    for name, shape in shapes.items():
        end = offset + size * math.prod(shape)
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<Q", len(text)) + text + bytes(offset)


def statistics_model():
    """A model without reconstruction: sums of two clusters, of 16 channels at 2x2 positions. Empty clusters: zeros."""
    config = {key: value for key, value in MODEL_CONFIG.items() if key != "reconstruction"}
    config["statistics"] = {"clusters": 2, "residuals": False, "position_prior": 4.0}
    shapes = {name: shape for name, shape in model_shapes().items() if name.startswith("backbone.")}
    shapes |= {"statistics.pictures": [2], "statistics.descriptors": [2, 16], "statistics.descriptor_squares": [2, 16],
               "statistics.features.positions": [2, 4, 16], "statistics.features.products": [2, 16, 16]}
    return config, shapes


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


def weights(torch):
    class Tensor:
        def __reduce__(self):
            hooks = collections.OrderedDict()
            return torch._utils._rebuild_tensor_v2, (Storage(), 0, (2, 2), (2, 1), False, hooks)

    return collections.OrderedDict(state_dict={"a.weight": Tensor(), "a.bias": Tensor()}, epoch=3)


def pickled(torch, value, legacy):
    class Pickler(pickle.Pickler):
        def persistent_id(self, obj):
            if isinstance(obj, Storage):
                return ("storage", torch.FloatStorage, "0", "cpu", 4) + ((None,) if legacy else ())
            return None

    stream = io.BytesIO()
    Pickler(stream, 2 if legacy else 4).dump(value)
    return stream.getvalue()


def legacy_file(torch, value):
    machine = {"protocol_version": 1001, "little_endian": True}
    parts = [pickle.dumps(0x1950A86A20F9469CFC6C, 2), pickle.dumps(1001, 2), pickle.dumps(machine, 2),
             pickled(torch, value, legacy=True), pickle.dumps(["0"], 2)]
    return b"".join(parts) + struct.pack("<q4f", 4, 1, 2, 3, 4)


def zip_file(torch, value):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", pickled(torch, value, legacy=False))
        archive.writestr("archive/data/0", struct.pack("<4f", 1, 2, 3, 4))
        archive.writestr("archive/version", "3\n")
    return stream.getvalue()


def shared_names(torch):
    """Lists that hold one tensor of no elements ten times, ten times, ten times: its names multiply."""
    class Tensor:
        def __reduce__(self):
            return torch._utils._rebuild_tensor_v2, (Storage(), 0, (0,), (1,), False, collections.OrderedDict())

    value = Tensor()
    for _ in range(4):
        value = {"n" * 100: [value] * 10}
    return value


def itself():
    value = []
    value.append(value)
    return value


def frame_with_results(codec, length_size):
    """An access unit with a parameter set, results as SEI, and a slice."""
    uuid = bytes.fromhex("787faed270ac44f8bb5c07b133703408")
    text = b'{"version":1,"source":"gate","pts":40000000,"score":3.1,"anomalous":true,"age":0,"regions":[]}\n'
    message = bytes([5, len(uuid + text)]) + uuid + text + b"\x80"
    units = [b"\x67\x64\0\x1f", b"\x06" + message, b"\x65\x88\0\0\3\1"] if codec == 0 else \
        [b"\x42\1\1", b"\x4e\1" + message, b"\x26\1\xaf\0\0\3\1"]
    before = (lambda unit: len(unit).to_bytes(length_size, "big")) if length_size else (lambda unit: b"\0\0\0\1")
    return bytes([codec + 2 * length_size]) + b"".join(before(unit) + unit for unit in units)


def main(folder):
    torch = fake_torch()
    model = {"uniad.version": "1", "uniad.config": json.dumps(MODEL_CONFIG),
             "uniad.calibration": json.dumps(CALIBRATION), "uniad.provenance": json.dumps(PROVENANCE)}
    config, shapes = statistics_model()
    instant = model | {"uniad.config": json.dumps(config)}
    seeds = {
        "fuzz_safetensors": [safetensors({"a.weight": [2, 2], "b": [], "none": [0, 3]}, {"format": "pt"}),
                             struct.pack("<Q", 4) + b"{}\0\0", struct.pack("<Q", 2**63) + b"{}"],
        "fuzz_model_file": [safetensors(model_shapes(), model, "F16", 2),
                            safetensors(shapes, instant, "F16", 2),
                            safetensors({}, model | {"uniad.provenance": "[" + "{}," * 1000 + "0]"})],
        "fuzz_torch_file": [write(torch, value) for write in (legacy_file, zip_file)
                            for value in (weights(torch), shared_names(torch), itself())],
        "fuzz_rtsp_config": [path.read_bytes() for path in (ROOT / "pipelines/uniad-rtsp").glob("*.toml")],
        "fuzz_cut_short": [struct.pack(">I4sI4s", 8, b"ftyp", 100, b"mdat"), struct.pack(">I4sQ", 1, b"mdat", 2**40),
                           b"RIFF" + struct.pack("<I", 500) + b"AVI LIST", b"\x1a\x45\xdf\xa3\x81\0\x18\x53\x80\x67\x10\xff"],
        "fuzz_frame_results": [frame_with_results(codec, size) for codec in (0, 1) for size in (0, 2, 4)],
        "fuzz_zones": [json.dumps(zones, indent=1).encode() for zones in ({}, {"mask": "m.png"}, {"zones": [
            {"name": "clock", "kind": "ignore", "polygon": [[0, 0], [1, 1], [1, 0], [0, 1]]},
            {"name": "door", "kind": "watch", "polygon": [[0.1, 0.2], [0.4, 0.2], [0.4, 0.9]], "threshold": 4.2},
            {"name": "lane", "kind": "watch", "polygon": [[-0.5, 0], [1.5, 0.5], [0, 1]], "sensitivity": 2}]})],
        "fuzz_preprocess": [bytes([layout, 9, 9, 7, 7, 1, layout, 128]) for layout in range(11)],
    }
    for target, contents in seeds.items():
        (folder / target).mkdir(parents=True, exist_ok=True)
        for number, content in enumerate(contents):
            (folder / target / f"seed{number}").write_bytes(content)


main(pathlib.Path(sys.argv[1]))
