#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Judges a video file and writes a copy with anomalies drawn on it, and a file with one JSON line per frame.
#   pipelines/examples/file.sh MODEL VIDEO [OUT.mp4]
# To use a build folder, run meson devenv -C build first.
set -euo pipefail
model=${1:?"a model that uniad train wrote"} video=${2:?"a video file"} out=${3:-annotated.mp4}

# decodebin opens any container and codec. The source is not live, so every frame is judged and none is dropped.
gst-launch-1.0 -e filesrc location="$video" ! decodebin ! \
  uniaddetect model="$model" ! uniadoverlay ! uniadpublish location="${out%.*}.jsonl" ! \
  videoconvert ! x264enc ! mp4mux ! filesink location="$out"
