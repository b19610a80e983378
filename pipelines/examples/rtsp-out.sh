#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Serves a source as an RTSP stream with anomalies drawn on it. To serve several sources, write a configuration like
# pipelines/uniad-rtsp/cameras.toml and run uniad-rtsp with it.
#   pipelines/examples/rtsp-out.sh MODEL SOURCE [PORT]
# SOURCE is a video file, rtsp://CAMERA/PATH, v4l2:///dev/videoN or test://ball; PORT 0 is any free port.
# View it with: gst-play-1.0 rtsp://127.0.0.1:8554/camera
set -euo pipefail
model=${1:?"a model that uniad train wrote"} uri=${2:?"what to serve"} port=${3:-8554}
server=${UNIAD_RTSP:-uniad-rtsp}

# Paths in the configuration are relative to its folder, so they are made absolute here.
model=$(realpath "$model")
[[ $uri == *://* ]] || uri=$(realpath "$uri")
config=$(mktemp --suffix=.toml)
trap 'rm -f "$config"' EXIT
cat >"$config" <<END
[server]
port = $port
[[camera]]
name = "camera"
uri = "$uri"
model = "$model"
END
"$server" "$config" &
trap 'kill $! && wait $!; rm -f "$config"' INT TERM
wait $!
