# SPDX-License-Identifier: Apache-2.0
"""Writes fixture.json: scores with many ties and what scikit-learn 1.9 and SciPy 1.17 say of them.

The per-region overlap follows MVTec-AD's published definition: 8-connected regions (scipy.ndimage.label with a
3x3 structure), every distinct score a threshold, trapezoids up to a false positive rate of 0.3.
"""
import json
import pathlib

import numpy as np
from scipy import ndimage
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score


def ranking(labels, scores):
    precision, recall, _ = precision_recall_curve(labels, scores)
    return {
        "auroc": roc_auc_score(labels, scores),
        "ap": average_precision_score(labels, scores),
        "f1max": float(np.max(2 * precision * recall / np.maximum(precision + recall, 1e-12))),
    }


def aupro(maps, masks, limit=0.3):
    regions = []
    for index, mask in enumerate(masks):
        labelled, count = ndimage.label(mask, structure=np.ones((3, 3)))
        regions += [(index, labelled == number) for number in range(1, count + 1)]
    rates, overlaps = [0.0], [0.0]
    for threshold in np.unique(maps)[::-1]:
        found = maps >= threshold
        rates.append(found[masks == 0].mean())
        overlaps.append(np.mean([found[index][region].mean() for index, region in regions]))
    at = np.searchsorted(rates, limit, side="right")
    rates, overlaps = np.array(rates), np.array(overlaps)
    cut = np.interp(limit, rates[at - 1 : at + 1], overlaps[at - 1 : at + 1])
    return float(np.trapezoid(np.append(overlaps[:at], cut), np.append(rates[:at], limit)) / limit)


random = np.random.default_rng(3)
labels = random.random(200) < 0.3
scores = np.round(random.normal(size=200) + labels, 1)

size, count = 20, 4
masks = np.zeros((count, size, size), int)
masks[0, 2:6, 3:9] = 1
masks[0, 12:14, 12:14] = 1
masks[0, 14:17, 14:15] = 1  # touches the one above at a corner only
masks[1, 0, 0] = 1
masks[2, 8:20, 10:20] = 1
maps = np.round(random.normal(size=masks.shape) + 1.5 * masks, 1)
# Regions of unlike difficulty, so that the mean over regions is not the mean over pixels.
maps[2] = np.round(maps[2] - 1.0 * masks[2], 1)

pathlib.Path(__file__).with_name("fixture.json").write_text(
    json.dumps(
        {
            "scores": scores.tolist(),
            "labels": labels.astype(int).tolist(),
            "ranking": ranking(labels, scores),
            "size": size,
            "maps": [[round(v, 1) for v in m.flatten().tolist()] for m in maps],
            "masks": [m.flatten().tolist() for m in masks],
            "pixel_ranking": ranking(masks.flatten(), maps.flatten()),
            "aupro": aupro(maps, masks),
        }
    )
    + "\n"
)
