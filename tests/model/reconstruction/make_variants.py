# SPDX-License-Identifier: Apache-2.0
"""make_variants.py: the golden numbers of variants_test.cpp, by NumPy alone, in float64.

Every network of the paper's experiments in small: 6 channels on a 3x4 map, 8 dimensions, 2 heads, 12 hidden
units, 2 encoder and 2 decoder layers, formula weights (tests/support/formula.h). Prints C++ rows: mean, first,
middle and last element of what the network makes of sin(0.13 i), two pictures.
"""
import numpy as np

CHANNELS, HEIGHT, WIDTH, DIM, HEADS, HIDDEN, LAYERS = 6, 3, 4, 8, 2, 12, 2
TOKENS = HEIGHT * WIDTH


def formula(shapes):
    tensors = {}
    for k, name in enumerate(sorted(shapes)):
        shape = shapes[name]
        wave = np.sin(0.37 * np.arange(np.prod(shape)) + k).reshape(shape)
        if len(shape) >= 2:
            tensors[name] = wave / np.sqrt(np.prod(shape) / shape[0])
        elif name.endswith((".weight", "running_var")):
            tensors[name] = 1 + 0.1 * wave
        else:
            tensors[name] = 0.1 * wave
    return tensors


def linear_shapes(name, inputs, outputs):
    return {name + ".weight": (outputs, inputs), name + ".bias": (outputs,)}


def norm_shapes(name):
    return {name + ".weight": (DIM,), name + ".bias": (DIM,)}


class Net:
    """A network that is told its parts, then asked for its output."""

    def __init__(self, kind="uniad", queries="layer", variant="a", encoder=LAYERS, decoder=LAYERS, pre=False,
                 masks=(True, True, True), sine=False):
        self.kind, self.queries, self.variant, self.pre, self.masks = kind, queries, variant, pre, masks
        self.encoder, self.decoder, self.sine = encoder, decoder, sine
        self.w = formula(self.shapes())

    def fusion_shapes(self, name, two):
        if self.kind == "mlp":
            return linear_shapes(name + ".linear", DIM * (2 if two else 1), DIM) | norm_shapes(name + ".norm")
        return {name + ".in_proj_weight": (3 * DIM, DIM), name + ".in_proj_bias": (3 * DIM,)} | linear_shapes(
            name + ".out_proj", DIM, DIM)

    def shapes(self):
        shapes = linear_shapes("input_proj", CHANNELS, DIM) | linear_shapes("output_proj", DIM, CHANNELS)
        if self.kind == "cnn":
            inputs = DIM
            for layer, (blocks, width) in enumerate([(3, DIM), (4, DIM // 2), (6, DIM // 2), (3, DIM)], 1):
                for block in range(blocks):
                    name = f"cnn.layer{layer}.{block}."
                    shapes[name + "conv1.weight"] = (width, inputs, 3, 3)
                    shapes[name + "conv2.weight"] = (width, width, 3, 3)
                    norms = ["bn1", "bn2"]
                    if inputs != width:
                        shapes[name + "downsample.0.weight"] = (width, inputs, 1, 1)
                        norms.append("downsample.1")
                    for norm in norms:
                        for part in ("weight", "bias", "running_mean", "running_var"):
                            shapes[f"{name}{norm}.{part}"] = (width,)
                    inputs = width
            return shapes
        if self.kind == "uniad" and not self.sine:
            shapes["pos_embed.row_embed.weight"] = (HEIGHT, DIM // 2)
            shapes["pos_embed.col_embed.weight"] = (WIDTH, DIM // 2)

        def feed_forward(layer):
            return linear_shapes(layer + "linear1", DIM, HIDDEN) | linear_shapes(layer + "linear2", HIDDEN, DIM)

        for i in range(self.encoder):
            layer = f"transformer.encoder.layers.{i}."
            shapes |= self.fusion_shapes(layer + "self_attn", False) | feed_forward(layer)
            shapes |= norm_shapes(layer + "norm1") | norm_shapes(layer + "norm2")
        if self.pre:
            shapes |= norm_shapes("transformer.encoder.norm")
        for i in range(self.decoder):
            layer = f"transformer.decoder.layers.{i}."
            if self.queries == "layer" or (self.queries == "one" and i == 0):
                shapes[layer + "learned_embed.weight"] = (TOKENS, DIM)
            shapes |= self.fusion_shapes(layer + "self_attn", self.queries == "layer")
            shapes |= self.fusion_shapes(layer + "multihead_attn", True) | feed_forward(layer)
            for norm in ("norm1", "norm2", "norm3"):
                shapes |= norm_shapes(layer + norm)
        return shapes | norm_shapes("transformer.decoder.norm")

    def linear(self, name, x):
        return x @ self.w[name + ".weight"].T + self.w[name + ".bias"]

    def norm(self, name, x):
        centered = x - x.mean(-1, keepdims=True)
        scale = np.sqrt((centered ** 2).mean(-1, keepdims=True) + 1e-5)
        return centered / scale * self.w[name + ".weight"] + self.w[name + ".bias"]

    def position(self):
        if not self.sine:
            row, column = self.w["pos_embed.row_embed.weight"], self.w["pos_embed.col_embed.weight"]
            return np.array([np.concatenate([column[t % WIDTH], row[t // WIDTH]]) for t in range(TOKENS)])

        def axis(at, extent):
            half = DIM // 2
            angles = [2 * np.pi * (at + 1) / (extent + 1e-6) / 10000 ** (2 * (i // 2) / half) for i in range(half)]
            return [np.cos(a) if i % 2 else np.sin(a) for i, a in enumerate(angles)]

        return np.array([axis(t // WIDTH, HEIGHT) + axis(t % WIDTH, WIDTH) for t in range(TOKENS)])

    def fuse(self, name, query, source, two, masked):
        """One picture: query and source are (tokens, dim)."""
        if self.kind == "mlp":
            x = np.concatenate([query, source], 1) if two else query
            return np.maximum(self.norm(name + ".norm", self.linear(name + ".linear", x)), 0)
        place = self.position()
        weights = np.split(self.w[name + ".in_proj_weight"], 3)
        biases = np.split(self.w[name + ".in_proj_bias"], 3)
        q, k, v = (x @ w.T + b for x, w, b in zip((query + place, source + place, source), weights, biases))
        out = np.zeros_like(q)
        width = DIM // HEADS
        for head in range(HEADS):
            part = slice(head * width, (head + 1) * width)
            for t in range(TOKENS):
                scores = np.array([q[t, part] @ k[s, part] / np.sqrt(width) for s in range(TOKENS)])
                if masked:  # one row, three columns
                    for s in range(TOKENS):
                        if s // WIDTH == t // WIDTH and abs(s % WIDTH - t % WIDTH) <= 1:
                            scores[s] = -np.inf
                scores = np.exp(scores - scores.max())
                out[t, part] = scores / scores.sum() @ v[:, part]
        return self.linear(name + ".out_proj", out)

    def residual(self, norm, base, branch):
        """branch(normalized) + base, in either order of norm and sum."""
        if self.pre:
            return base + branch(self.norm(norm, base))
        return self.norm(norm, base + branch(base))

    def feed_forward(self, layer, norm, x):
        return self.residual(layer + norm, x, lambda y: self.linear(
            layer + "linear2", np.maximum(self.linear(layer + "linear1", y), 0)))

    def encode(self, x):
        for i in range(self.encoder):
            layer = f"transformer.encoder.layers.{i}."
            x = self.residual(layer + "norm1", x,
                              lambda y: self.fuse(layer + "self_attn", y, y, False, self.masks[0]))
            x = self.feed_forward(layer, "norm2", x)
        return self.norm("transformer.encoder.norm", x) if self.pre else x

    def decode(self, memory):
        previous = memory
        for i in range(self.decoder):
            layer = f"transformer.decoder.layers.{i}."
            query = self.w.get(layer + "learned_embed.weight")
            first = lambda base, source: self.residual(layer + "norm1", base, lambda y: self.fuse(
                layer + "self_attn", y, source, True, self.masks[1]))
            second = lambda base, source: self.residual(layer + "norm2", base, lambda y: self.fuse(
                layer + "multihead_attn", y, source, True, self.masks[2]))
            e, p, q = memory, previous, query
            if self.queries != "layer":
                x = q if q is not None else p
                x = self.residual(layer + "norm1", x, lambda y: self.fuse(
                    layer + "self_attn", y, y, False, self.masks[1]))
                x = second(x, e)
            elif self.variant == "a":
                x = second(first(q, e), p)
            elif self.variant == "b":
                x = second(first(q, p), e)
            elif self.variant == "c":
                x = second(p, first(q, e))
            elif self.variant == "d":
                x = second(e, first(q, p))
            elif self.variant == "e":
                x = second(q, first(p, e))
            else:
                x = second(q, first(e, p))
            previous = self.feed_forward(layer, "norm3", x)
        return self.norm("transformer.decoder.norm", previous)

    def batch_norm(self, name, x):
        w = {part: self.w[f"{name}.{part}"][:, None, None] for part in ("weight", "bias", "running_mean", "running_var")}
        return (x - w["running_mean"]) / np.sqrt(w["running_var"] + 1e-5) * w["weight"] + w["bias"]

    def convolve(self, name, x):
        weight = self.w[name + ".weight"]
        around = weight.shape[2] // 2
        padded = np.pad(x, ((0, 0), (around, around), (around, around)))
        out = np.zeros((weight.shape[0], HEIGHT, WIDTH))
        for y in range(HEIGHT):
            for z in range(WIDTH):
                out[:, y, z] = (weight * padded[:, y:y + weight.shape[2], z:z + weight.shape[3]]).sum((1, 2, 3))
        return out

    def convolutions(self, x):
        for layer, blocks in enumerate((3, 4, 6, 3), 1):
            for block in range(blocks):
                name = f"cnn.layer{layer}.{block}."
                y = np.maximum(self.batch_norm(name + "bn1", self.convolve(name + "conv1", x)), 0)
                y = self.batch_norm(name + "bn2", self.convolve(name + "conv2", y))
                if name + "downsample.0.weight" in self.w:
                    x = self.batch_norm(name + "downsample.1", self.convolve(name + "downsample.0", x))
                x = np.maximum(x + y, 0)
        return x

    def __call__(self, features):
        tokens = self.linear("input_proj", features.reshape(CHANNELS, TOKENS).T)
        if self.kind == "cnn":
            tokens = self.convolutions(tokens.T.reshape(DIM, HEIGHT, WIDTH)).reshape(DIM, TOKENS).T
        else:
            tokens = self.decode(self.encode(tokens))
        return self.linear("output_proj", tokens).T.reshape(CHANNELS, HEIGHT, WIDTH)


UNMASKED = (False, False, False)
CASES = {
    "uniad": {},
    **{f"variant_{v}": {"variant": v} for v in "bcdef"},
    **{f"variant_{v}_pre_norm": {"variant": v, "pre": True} for v in "ace"},
    "no_query": {"queries": "none"},
    "one_query": {"queries": "one"},
    "one_query_pre_norm": {"queries": "one", "pre": True},
    "transformer": {"queries": "one", "masks": UNMASKED},
    "no_encoder": {"encoder": 0},
    "no_decoder": {"decoder": 0},
    "one_query_no_decoder": {"queries": "one", "decoder": 0},
    "sine": {"sine": True},
    "mask_encoder_and_second": {"masks": (True, False, True)},
    "mlp": {"kind": "mlp", "queries": "one"},
    "mlp_no_query": {"kind": "mlp", "queries": "none"},
    "mlp_query_a_layer": {"kind": "mlp"},
    "cnn": {"kind": "cnn"},
}


def main():
    size = 2 * CHANNELS * TOKENS
    pictures = np.sin(0.13 * np.arange(size)).reshape(2, CHANNELS, HEIGHT, WIDTH)
    for name, options in CASES.items():
        net = Net(**options)
        out = np.stack([net(picture) for picture in pictures])
        numbers = [out.mean(), out.flat[0], out.flat[out.size // 2], out.flat[-1]]
        print(f'{{"{name}", {len(net.w)}, ' + ", ".join(f"{number:.10g}" for number in numbers) + "},")


main()
