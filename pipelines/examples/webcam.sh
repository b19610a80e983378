#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Watches a USB camera and shows it with the anomalies drawn on it.
#   pipelines/examples/webcam.sh MODEL [DEVICE]
# SINK="..." sends the pictures elsewhere, e.g. SINK="videoconvert ! x264enc ! mp4mux ! filesink location=out.mp4";
# FRAMES=N ends after N of them.
set -euo pipefail
model=${1:?"a model that uniad train wrote"} device=${2:-/dev/video0}
read -ra sink <<<"${SINK:-videoconvert ! autovideosink}"

# mode=async: no frame waits for the model; each carries the newest result and its age.
gst-launch-1.0 -e v4l2src device="$device" num-buffers="${FRAMES:--1}" ! decodebin ! queue ! \
  uniaddetect model="$model" source="$(basename "$device")" mode=async ! uniadoverlay ! "${sink[@]}"
