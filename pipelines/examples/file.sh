#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Judges a video file and writes it with the anomalies drawn on it, and one line of JSON a frame beside it.
#   pipelines/examples/file.sh MODEL VIDEO [OUT.mp4]
# From a build folder: meson devenv -C build bash, then the same.
set -euo pipefail
model=${1:?"a model that uniad train wrote"} video=${2:?"a video file"} out=${3:-annotated.mp4}

# decodebin opens any container and codec; nothing here is live, so every frame is judged and none dropped.
gst-launch-1.0 -e filesrc location="$video" ! decodebin ! \
  uniaddetect model="$model" ! uniadoverlay ! uniadpublish location="${out%.*}.jsonl" ! \
  videoconvert ! x264enc ! mp4mux ! filesink location="$out"
