#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The frames of a video that scored highest, on one picture with their numbers, times and scores."""
import argparse
import json
import subprocess
import sys


def read_results(path):
    """One (frame number, result) for each judged frame of uniadpublish's JSON lines."""
    with open(path) as lines:
        # An event that ends with the video leaves a line of its own.
        results = enumerate(line for line in map(json.loads, lines) if line.get("type") != "event")
        return [(frame, result) for frame, result in results if result["age"] == 0]


def strongest(results, count, apart):
    """The highest scores that lie at least `apart` frames from one another, in the order of the video."""
    chosen = []
    for frame, result in sorted(results, key=lambda item: -item[1]["score"]):
        if len(chosen) == count:
            break
        if all(abs(frame - other) >= apart for other, _ in chosen):
            chosen.append((frame, result))
    return sorted(chosen)


def caption(frame, result):
    seconds = result["pts"] / 1e9
    verdict = "  anomalous" if result["anomalous"] else ""
    return f"frame {frame}  {seconds:.1f} s  score {result['score']:.3g}{verdict}"


def filters(chosen):
    """ffmpeg's filter chain: only these frames, each with its caption below, in rows of four."""
    select = "+".join(f"eq(n,{frame})" for frame, _ in chosen)
    chain = [f"select='{select}'", "scale=480:-2", "pad=iw:ih+32:color=black"]
    for place, (frame, result) in enumerate(chosen):
        chain.append(
            f"drawtext=text='{caption(frame, result)}':fontcolor=white:fontsize=18:x=8:y=h-26:enable='eq(n,{place})'"
        )
    columns = min(4, len(chosen))
    rows = -(-len(chosen) // columns)
    chain.append(f"tile={columns}x{rows}")
    return ",".join(chain)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("video")
    parser.add_argument("results", help="JSON lines of uniadpublish, one a frame of the video")
    parser.add_argument("picture", help="the PNG to write")
    parser.add_argument("--count", type=int, default=12)
    arguments = parser.parse_args()

    results = read_results(arguments.results)
    if not results:
        sys.exit(f"{arguments.results}: no judged frame in it (did uniadpublish follow uniaddetect?)")
    frames = results[-1][0] + 1
    chosen = strongest(results, arguments.count, max(1, frames // (4 * arguments.count)))
    command = ["ffmpeg", "-v", "error", "-y", "-i", arguments.video, "-vf", filters(chosen), "-frames:v", "1"]
    sys.exit(subprocess.run([*command, arguments.picture], check=False).returncode)


if __name__ == "__main__":
    main()
