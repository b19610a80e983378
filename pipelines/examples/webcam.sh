#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Monitors a USB camera and shows its video with anomalies drawn on it.
#   pipelines/examples/webcam.sh MODEL [DEVICE]
# SINK="..." sends the video elsewhere, e.g. SINK="videoconvert ! x264enc ! mp4mux ! filesink location=out.mp4";
# FRAMES=N stops after N frames.
set -euo pipefail
model=${1:?"a model that uniad train wrote"} device=${2:-/dev/video0}
read -ra sink <<<"${SINK:-videoconvert ! autovideosink}"

# mode=async: no frame waits for its result; each one carries the newest result and its age.
gst-launch-1.0 -e v4l2src device="$device" num-buffers="${FRAMES:--1}" ! decodebin ! queue ! \
  uniaddetect model="$model" source="$(basename "$device")" mode=async ! uniadoverlay ! "${sink[@]}"
