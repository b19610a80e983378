#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Monitors an IP camera: prints one JSON line per frame and shows the video with anomalies drawn on it.
#   pipelines/examples/rtsp-in.sh MODEL rtsp://CAMERA/PATH
# SINK="..." sends the video elsewhere; FRAMES=N stops after N frames.
set -euo pipefail
model=${1:?"a model that uniad train wrote"} url=${2:?"the camera's rtsp:// URL"}
read -ra sink <<<"${SINK:-videoconvert ! autovideosink}"

frames=${FRAMES:+$((FRAMES + 1))} # identity passes one frame less than eos-after
# latency: allowed network jitter in ms. The leaky queue drops the oldest frame, so that frames do not accumulate.
gst-launch-1.0 -q rtspsrc location="$url" latency=200 ! decodebin ! \
  queue leaky=downstream max-size-buffers=2 max-size-bytes=0 max-size-time=0 ! identity eos-after="${frames:--1}" ! \
  uniaddetect model="$model" mode=async ! uniadpublish location=- ! uniadoverlay ! "${sink[@]}"
