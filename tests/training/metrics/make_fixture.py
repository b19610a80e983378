# SPDX-License-Identifier: Apache-2.0
"""Writes fixture.json: scores with many ties and what scikit-learn 1.9, SciPy 1.17 and anomalib 2.7 say of them.

The per-region overlap follows MVTec-AD's published definition: 8-connected regions (scipy.ndimage.label with a
3x3 structure), every distinct score a threshold, trapezoids up to a false positive rate of 0.3.

anomalib's AUPIMO takes evenly spaced thresholds: its maps here are ranks, which 300,000 of them keep apart, and its
bounds are rates that occur, so that its figure is the exact one.
"""
import json
import pathlib

import numpy as np
import torch
from anomalib.metrics.pimo.functional import aupimo_scores
from scipy import ndimage
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve


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
        labeled, count = ndimage.label(mask, structure=np.ones((3, 3)))
        regions += [(index, labeled == number) for number in range(1, count + 1)]
    rates, overlaps = [0.0], [0.0]
    for threshold in np.unique(maps)[::-1]:
        found = maps >= threshold
        rates.append(found[masks == 0].mean())
        overlaps.append(np.mean([found[index][region].mean() for index, region in regions]))
    at = np.searchsorted(rates, limit, side="right")
    rates, overlaps = np.array(rates), np.array(overlaps)
    cut = np.interp(limit, rates[at - 1 : at + 1], overlaps[at - 1 : at + 1])
    return float(np.trapezoid(np.append(overlaps[:at], cut), np.append(rates[:at], limit)) / limit)


def aupimo(maps, masks, bounds):
    areas = aupimo_scores(torch.tensor(maps, dtype=torch.float32), torch.tensor(masks), 300_000, bounds, force=True)[4]
    return float(areas[masks.any(axis=(1, 2))].mean())


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

pimo_masks = np.zeros((8, size, size), int)
pimo_masks[0, 3:9, 3:9] = 1
pimo_masks[1, 0:2, 0:3] = 1
pimo_masks[1, 15:19, 11:19] = 1
pimo_masks[2, 5:6, 5:7] = 1
pimo_masks[3, 10:20, 0:20] = 1
ranks = (random.normal(size=pimo_masks.shape) + 2.5 * pimo_masks).flatten().argsort().argsort()
pimo_maps = ranks.reshape(pimo_masks.shape)
pimo_bounds = (8 / 1600, 160 / 1600)

rates = roc_curve(labels, scores, drop_intermediate=False)[:2]

pathlib.Path(__file__).with_name("fixture.json").write_text(
    json.dumps(
        {
            "scores": scores.tolist(),
            "labels": labels.astype(int).tolist(),
            "ranking": ranking(labels, scores),
            "roc": np.transpose(rates).tolist(),
            "size": size,
            "maps": [[round(v, 1) for v in m.flatten().tolist()] for m in maps],
            "masks": [m.flatten().tolist() for m in masks],
            "pixel_ranking": ranking(masks.flatten(), maps.flatten()),
            "aupro": aupro(maps, masks),
            "pimo_maps": [m.flatten().tolist() for m in pimo_maps],
            "pimo_masks": [m.flatten().tolist() for m in pimo_masks],
            "pimo_bounds": pimo_bounds,
            "aupimo": aupimo(pimo_maps, pimo_masks, pimo_bounds),
        }
    )
    + "\n"
)
