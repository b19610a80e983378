# SPDX-License-Identifier: Apache-2.0
"""Writes pareto.json: samples with what SciPy 1.17 and NumPy say of their tails.

The moments of the excesses are scipy.stats.lmoment's (unbiased sample L-moments; the probability-weighted moments
of Hosking and Wallis 1987 in another basis), the distribution is scipy.stats.genpareto. `mle_shape` is
genpareto.fit's, of 100 excesses of the distribution's own: another method, near and not equal. `runs_expected` is the
posterior mean of a Poisson rate, after the runs that were seen, by a gamma prior with the mean of genpareto and weight 1.
"""
import json
import pathlib

import numpy as np
from scipy import stats

random = np.random.default_rng(7)
LAWS = {
    "exponential": stats.expon(),
    "uniform": stats.uniform(),
    "heavy": stats.genpareto(0.4),
    "normal": stats.norm(3, 0.5),
}


def describe(scores):
    above = max(len(scores) // 10, min(20, len(scores) // 4))
    ordered = np.sort(scores)[::-1]
    level = ordered[above]
    excesses = ordered[:above][::-1] - level
    first, second = stats.lmoment(excesses, order=[1, 2], standardize=False)
    shape = np.clip(2 - first / second, -1, 0.5) * above / (above + 10)
    scale = first * (1 - shape)
    if shape < 0 and -scale / shape < excesses[-1]:
        shape = -scale / excesses[-1]
    fitted = stats.genpareto(shape, scale=scale)
    probe = (level + fitted.isf([0.5, 0.01, 1e-5])).tolist() + ordered[[0, 1, 4]].tolist()
    expected = []
    for score in probe:
        prior = above * fitted.sf(score - level)
        seen = int((ordered >= score).sum())
        expected.append(stats.gamma(1 + seen, scale=1 / (1 / prior + 1)).mean())
    return {
        "scores": scores.tolist(),
        "level": level,
        "shape": shape,
        "scale": scale,
        "scores_probed": probe,
        "runs_expected": expected,
    }


fixture = {name: describe(np.round(law.rvs(200, random_state=random), 6)) for name, law in LAWS.items()}
for shape in (-0.3, 0.0, 0.3):
    excesses = np.sort(np.round(stats.genpareto(shape, scale=2).rvs(100, random_state=random), 6))
    fixture.setdefault("excesses", []).append(
        {"values": excesses.tolist(), "mle_shape": stats.genpareto.fit(excesses, floc=0)[0]})
pathlib.Path(__file__).with_name("pareto.json").write_text(json.dumps(fixture))
