#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Watches an IP camera: prints one line of JSON a frame and shows the video with the anomalies drawn on it.
#   pipelines/examples/rtsp-in.sh MODEL rtsp://CAMERA/PATH
# SINK="..." sends the pictures elsewhere; FRAMES=N ends after N of them.
set -euo pipefail
model=${1:?"a model that uniad train wrote"} url=${2:?"the camera's rtsp:// URL"}
read -ra sink <<<"${SINK:-videoconvert ! autovideosink}"

frames=${FRAMES:+$((FRAMES + 1))} # identity passes one frame less than eos-after says
# latency: what the network may be late, in ms. The leaky queue drops the oldest frame, never lets them pile up.
gst-launch-1.0 -q rtspsrc location="$url" latency=200 ! decodebin ! \
  queue leaky=downstream max-size-buffers=2 max-size-bytes=0 max-size-time=0 ! identity eos-after="${frames:--1}" ! \
  uniaddetect model="$model" mode=async ! uniadpublish location=- ! uniadoverlay ! "${sink[@]}"
