#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes pillow.txt: noise pictures resized by Pillow 12.0.

From 13.0 on, Pillow filters vertically first where the height shrinks much more; the reference's does not."""
import numpy
from PIL import Image


def noise(width, height):
    """The generator that preprocess_test.cpp uses as well."""
    state, values = 12345, []
    for _ in range(width * height * 3):
        state = (state * 1664525 + 1013904223) % 2**32
        values.append(state >> 24)
    return numpy.array(values, numpy.uint8).reshape(height, width, 3)


for in_size, out_size in [((97, 61), (16, 16)), ((7, 200), (5, 9)), ((3000, 2), (6, 3)), ((3, 2), (9, 8))]:
    resized = Image.fromarray(noise(*in_size)).resize(out_size, Image.BILINEAR)
    print(*in_size, *out_size)
    for row in numpy.asarray(resized):
        print(*row.flatten())
