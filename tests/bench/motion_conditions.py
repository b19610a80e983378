#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counts the false motion events that a camera's faults and the weather raise in a video of normal footage.

    GST_PLUGIN_PATH=build/gst-plugin tests/bench/motion_conditions.py VIDEO...

Learns the motion of each video from its first half, with build/training/uniad, and judges its second half: as it is,
and under each condition, which ffmpeg's filters generate. Prints a row for each condition: the share of frames whose
motion score reaches the threshold, and the number of motion events without the checks of camera health and with them.
Requires ffmpeg.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
UNIAD = ROOT / "build/training/uniad"

# Bright drops in other places of each frame, added to the luma.
DROPS = ("[in]split[a][b];[b]geq=lum='255*gt(random(1)\\,{share})':cb=128:cr=128,avgblur=sizeX={x}:sizeY={y},"
         "lut=y=min(255\\,val*{gain})[drops];[a][drops]blend=c0_mode=screen:c1_opacity=1:c2_opacity=1")

# Condition: filters, and options of the encoder. The condition begins in the middle of the judged half, at {t}
# seconds, unless it lasts.
CONDITIONS = {
    "as it is": ("null", ""),
    "a lamp is switched on": ("eq=brightness=0.2*gte(t\\,{t}):eval=frame", ""),
    "a lamp is switched off and on": ("eq=brightness=-0.2*between(t\\,{t}\\,{t}+5):eval=frame", ""),
    "automatic exposure, over 2 s": ("eq=brightness=-0.25*min(1\\,max(0\\,(t-{t})/2)):eval=frame", ""),
    "flicker at 2 Hz": ("eq=brightness=0.06*sin(2*PI*2*t):eval=frame", ""),
    "switch to infra-red": ("eq=saturation=1-gte(t\\,{t}):contrast=1-0.4*gte(t\\,{t}):gamma=1+0.6*gte(t\\,{t}):eval=frame",
                            ""),
    "noise as at night": ("noise=alls=30:allf=t", ""),
    "camera shakes by 2 pixels": ("crop=iw-8:ih-8:4+2*sin(37*t):4+2*cos(29*t),scale={w}:{h}", ""),
    "camera shakes by 6 pixels": ("crop=iw-16:ih-16:8+6*sin(37*t):8+6*cos(29*t),scale={w}:{h}", ""),
    "low bit rate": ("null", "-b:v 60k -maxrate 60k -bufsize 60k -g 250"),
    "low bit rate, key frame each second": ("null", "-b:v 60k -maxrate 60k -bufsize 60k -g 10"),
    "frozen for 5 s": ("loop=loop={freeze}:size=1:start={middle}", ""),
    "every second frame is missing": ("select=not(mod(n\\,2)),fps={rate}", ""),
    "a fifth of the frames, repeated": ("fps={rate}/5,fps={rate}", ""),
    "interlaced": ("tinterlace=mode=interleave_top,fps={rate}", ""),
    "rain": (DROPS.format(share=0.997, x=1, y=9, gain=20), ""),
    "snow": (DROPS.format(share=0.9985, x=2, y=2, gain=15), ""),
}


def run(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: {done.stderr[-800:]}")
    return done.stdout


def probe(video):
    shown = run("ffprobe", "-v", "error", "-select_streams", "v", "-count_frames", "-show_entries",
                "stream=width,height,r_frame_rate,nb_read_frames", "-of", "json", video)
    stream = json.loads(shown)["streams"][0]
    over, under = map(int, stream["r_frame_rate"].split("/"))
    return stream["width"], stream["height"], over / under, int(stream["nb_read_frames"])


def write(video, out, filters, encoder="-crf 18", first=0, last=None):
    """Encodes frames of a video, without losses that show."""
    cut = f"trim=start_frame={first}" + (f":end_frame={last}" if last else "") + ",setpts=PTS-STARTPTS"
    graph = cut + ("," + filters if "[in]" not in filters else "[in];" + filters)
    run("ffmpeg", "-v", "error", "-y", "-i", video, "-filter_complex", graph, "-an", "-c:v", "libx264", "-preset", "fast",
        "-pix_fmt", "yuv420p", *encoder.split(), out)


def motion_events(video, model, source, health):
    lines = run("gst-launch-1.0", "-q", "filesrc", f"location={video}", "!", "decodebin", "!", "uniaddetect", f"model={model}",
                f"source={source}", "motion=on", f"health={health}", "!", "uniadpublish", "location=-", "!", "fakesink")
    frames, anomalous, events = 0, 0, 0
    for line in map(json.loads, lines.splitlines()):
        if line.get("type") == "event":
            event = line["event"]
            events += event["kind"] == "motion" and event["state"] == "begin"
        elif "motion_score" in line:
            frames += 1
            anomalous += line["motion_score"] >= line["motion_threshold"]
    return frames, anomalous, events


def measure(video, folder):
    width, height, rate, frames = probe(video)
    half = frames // 2
    learned, model = folder / "learned.mp4", folder / "model.safetensors"
    write(video, learned, "null", last=half)
    run(UNIAD, "train", "--motion", "on", "--data", f"camera={learned}", "--model", model)
    print(f"{video.name}: {half / rate:.0f} s learned, {(frames - half) / rate:.0f} s judged")
    print(f"  {'condition':40} {'judged':>7} {'frames [%]':>11} {'events':>7} {'with health':>12}")
    for name, (filters, encoder) in CONDITIONS.items():
        filled = filters.format(t=half / rate / 2, w=width, h=height, rate=rate, freeze=int(5 * rate), middle=half // 2)
        judged = folder / "judged.mp4"
        write(video, judged, filled, encoder or "-crf 18", first=half)
        seen, anomalous, events = motion_events(judged, model, "camera", "none")
        checked = motion_events(judged, model, "camera", "all")[2]
        print(f"  {name:40} {seen:7} {100 * anomalous / max(seen, 1):11.2f} {events:7} {checked:12}", flush=True)


def main():
    videos = sys.argv[1:]
    if not videos or videos[0].startswith("-"):
        sys.exit(__doc__)
    for video in videos:
        with tempfile.TemporaryDirectory() as folder:
            measure(pathlib.Path(video), pathlib.Path(folder))


if __name__ == "__main__":
    main()
