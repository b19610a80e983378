#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes cifar_pillow.txt: a noise picture of 32x32 made 224x224 by Pillow's Lanczos filter: the sum over all
bytes of byte * (1 + index % 251), then the rows of an 8x8 selection of pixels."""
import numpy
from PIL import Image

state, values = 12345, []
for _ in range(3 * 32 * 32):  # a record's planes R, G, B; the generator that cifar_test.cpp uses as well
    state = (state * 1664525 + 1013904223) % 2**32
    values.append(state >> 24)
picture = numpy.array(values, numpy.uint8).reshape(3, 32, 32).transpose(1, 2, 0)
large = numpy.asarray(Image.fromarray(picture).resize((224, 224), Image.LANCZOS))
flat = large.flatten().astype(numpy.int64)
print((flat * (1 + numpy.arange(flat.size) % 251)).sum())
for y in (0, 1, 5, 37, 111, 112, 200, 223):
    print(*large[y, [0, 1, 5, 37, 111, 112, 200, 223]].flatten())
