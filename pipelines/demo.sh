#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Demonstrates the complete workflow on real footage, starting from a bare machine: sets up the project, learns what is
# normal from the first part of a video, and marks anomalies in the whole video.
set -euo pipefail

usage() {
  cat <<'END'
usage: pipelines/demo.sh [options]

Learns the normal part of a video and writes annotated.mp4, anomalies.jsonl and contact-sheet.png.

  --video FILE      video to use; by default the conveyor in ../shared/data or, if it does not exist, footage of a
                    surveillance camera from Debian's opencv-doc, with a foreign object added to its second half
  --learn A-B       range of normal frames, counted from 0 (default: the first 43 % of the video)
  --out DIR         output folder (default: demo-output)
  --backbone NAME   pretrained network (default: efficientnet-b4 if its weights are found, otherwise
                    efficientnet-lite2)
  --steps N         also train a network with this many steps (default: only statistics of normal features)
  --max-frames N    maximum number of frames of the video to use (default: 3000)
  --build DIR       use this build folder and skip the setup
END
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
shared=$root/../shared
video='' learn='' out=demo-output backbone=auto steps='' max_frames=3000 build=''

say() { echo "demo: $*"; }
die() { echo "demo: $*" >&2; exit 1; }
wrong_usage() {
  echo "demo: $*" >&2
  usage >&2
  exit 2
}
is_count() { [[ $1 =~ ^[1-9][0-9]{0,8}$ ]]; }

while [ $# -gt 0 ]; do
  case $1 in
    --help | -h) usage && exit ;;
    --video | --learn | --out | --backbone | --steps | --max-frames | --build) ;;
    *) wrong_usage "unknown option $1" ;;
  esac
  [ $# -ge 2 ] || wrong_usage "$1 needs a value"
  case $1 in
    --video) video=$2 ;;
    --learn) learn=$2 ;;
    --out) out=$2 ;;
    --backbone) backbone=$2 ;;
    --steps) steps=$2 ;;
    --max-frames) max_frames=$2 ;;
    --build) build=$2 ;;
  esac
  shift 2
done
[ -z "$steps" ] || is_count "$steps" || wrong_usage "--steps requires a whole number, not $steps"
is_count "$max_frames" || wrong_usage "--max-frames requires a whole number, not $max_frames"
[[ -z $learn || $learn =~ ^[0-9]{1,9}-[0-9]{1,9}$ ]] || wrong_usage "--learn requires two frame numbers, as in 0-399, not $learn"
[ -z "$video" ] || [ -f "$video" ] || die "$video: no such file: check the path"

if [ -z "$build" ]; then
  say "1/5 setup"
  "$root/subprojects/setup.sh" --no-tests
  build=$root/build
fi
uniad=$build/training/uniad
[ -x "$uniad" ] || die "there is no $uniad: run this script without --build to build it"
export GST_PLUGIN_PATH=$build/gst-plugin${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH}
if [ -z "${UNIAD_WEIGHTS_DIR:-}" ] && [ -d "$shared/weights" ]; then export UNIAD_WEIGHTS_DIR=$shared/weights; fi
mkdir -p "$out"

# A fish moves across a car park, which is obviously an anomaly.
make_fish_video() {
  local data=/usr/share/doc/opencv-doc/examples/data
  [ -f $data/vtest.avi ] || [ -f $data/vtest.avi.gz ] ||
    die "no footage: use --video FILE, or run apt-get install opencv-doc"
  cp $data/vtest.avi* $data/HappyFish.jpg* "$out"
  gzip -dqf "$out"/vtest.avi.gz "$out"/HappyFish.jpg.gz 2>/dev/null || true # packages may contain them compressed
  ffmpeg -v error -y -i "$out/vtest.avi" -i "$out/HappyFish.jpg" -filter_complex \
    "[1]scale=150:-1,format=rgba,colorkey=white:0.12:0.05[fish];
     [0][fish]overlay=x='W-(n-520)*6':y='250+40*sin(n/8)':enable='between(n,520,670)'" \
    -c:v libx264 -preset veryfast -crf 18 "$out/fish.mp4"
  rm "$out/vtest.avi" "$out/HappyFish.jpg"
}

say "2/5 footage"
if [ -n "$video" ]; then
  look_at="the known anomalies in $video"
elif [ -f "$shared/data/video/conveyor/conveyor.mp4" ]; then
  video=$shared/data/video/conveyor/conveyor.mp4
  learn=${learn:-0-399}
  look_at="the orange cones on the belt, from frame 654 (7.3 s) on"
else
  make_fish_video
  video=$out/fish.mp4
  look_at="the fish, in frames 520 to 670 (52 to 67 s)"
fi
frames=$(ffprobe -v error -select_streams v:0 -count_packets -show_entries stream=nb_read_packets -of csv=p=0 "$video" | tr -dc '0-9\n' | head -1)
is_count "${frames:-0}" || die "$video: contains no video that ffprobe can read"
if [ "$frames" -gt "$max_frames" ]; then
  say "$video has $frames frames; using the first $max_frames (--max-frames)"
  frames=$max_frames
fi
learn=${learn:-0-$((frames * 43 / 100))}
interval=$(((frames + 1499) / 1500)) # of a long video, only every Nth frame is judged
say "$video: $frames frames, learning from $learn, judging every Nth frame with N = $interval; about $((1 + (frames / interval + ${learn#*-} - ${learn%-*}) / 600 + ${steps:-0} / 100)) minutes on 2 cores"

recipe=(--recipe instant)
[ -z "$steps" ] || recipe=(--recipe fast --steps "$steps")
say "3/5 learning: ${recipe[*]}"
name=$(basename "${video%.*}")
"$uniad" train --data "$name=$video#$learn" --model "$out/model.safetensors" --backbone "$backbone" \
  "${recipe[@]}" --max-frames 600

say "4/5 judging all $frames frames"
rm -f "$out/anomalies.jsonl"
# identity passes one frame less than eos-after.
gst-launch-1.0 -q filesrc location="$video" ! decodebin ! identity eos-after=$((frames + 1)) ! progressreport update-freq=10 ! \
  uniaddetect model="$out/model.safetensors" source="$name" interval="$interval" ! \
  uniadoverlay ! uniadpublish location="$out/anomalies.jsonl" ! \
  videoconvert ! x264enc speed-preset=veryfast ! mp4mux ! filesink location="$out/annotated.mp4"

say "5/5 the strongest frames"
"$root/pipelines/contact-sheet.py" "$out/annotated.mp4" "$out/anomalies.jsonl" "$out/contact-sheet.png"

alarms=$(grep -c '"anomalous":true' "$out/anomalies.jsonl" || true)
judged=$(grep -c '"anomalous":' "$out/anomalies.jsonl" || true)
cat <<END
demo: done: $alarms of $judged frames are anomalous
  $out/contact-sheet.png   the strongest frames with their numbers and scores; start here
  $out/annotated.mp4       the video with anomalies drawn on it
  $out/anomalies.jsonl     one JSON line per frame: score, threshold, regions, event
  look for $look_at
END
