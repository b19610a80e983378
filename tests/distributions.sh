#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs both commands of README.md on bare machines: in a chroot of each supported Debian release.
set -euo pipefail

usage() {
  cat <<'END'
usage: tests/distributions.sh [options]

Creates a bare Debian system with debootstrap, unpacks the last commit there, and runs pipelines/demo.sh and
tests/run.sh as root, like a new user: without ../shared, packages and downloads. Requires root, debootstrap, a network
connection and 10 GB of disk space; takes an hour on two cores. Exits with 1 if a command failed, and with 77 if it
cannot run here.

  --only 12|13        only this release (default: both)
  --command demo|run  only this command (default: both)
  --cache DIR         folder for downloads, which are reused, and for the chroots
                      (default: $XDG_CACHE_HOME/uniad-distributions, or ~/.cache/uniad-distributions)
  --mirror URL        mirror for Debian packages (default: http://deb.debian.org/debian)
  --keep              do not remove the chroots, for inspection
END
}

say() { echo "distributions: $*"; }
wrong_usage() {
  echo "distributions: $*" >&2
  usage >&2
  exit 2
}
cannot() {
  say "$*"
  exit 77
}

releases=(12 13) commands=(demo run) keep='' mirror=http://deb.debian.org/debian
cache=${XDG_CACHE_HOME:-$HOME/.cache}/uniad-distributions
while [ $# -gt 0 ]; do
  case $1 in
    --help | -h) usage && exit ;;
    --keep) keep=yes && shift && continue ;;
    --only | --command | --cache | --mirror) [ $# -ge 2 ] || wrong_usage "$1 needs a value" ;;
    *) wrong_usage "unknown option $1" ;;
  esac
  case $1=$2 in
    --only=12 | --only=13) releases=("$2") ;;
    --command=demo | --command=run) commands=("$2") ;;
    --cache=?*) cache=$2 ;;
    --mirror=?*) mirror=$2 ;;
    *) wrong_usage "$1 does not take '$2'" ;;
  esac
  shift 2
done
[ "$(id -u)" -eq 0 ] || cannot "only root can make a chroot: run this as root"
for tool in debootstrap setpriv unshare git; do
  command -v $tool >/dev/null || cannot "there is no $tool: apt-get install debootstrap util-linux git"
done

cd "$(dirname "${BASH_SOURCE[0]}")/.."
logs=$PWD/build-logs/distributions
mkdir -p "$cache/packages" "$cache/downloads" "$logs"
cache=$(cd "$cache" && pwd)
exec 9>"$cache/lock"
flock --nonblock 9 || cannot "another run uses $cache: wait for it, or name another folder with --cache"
rm -rf --one-file-system "$cache"/root.* # of a run that was killed

# Mounts and processes end with their namespace, and that with this script, however it ends: killed outright, it
# leaves a folder behind, which the next run removes.
job=''
isolated() {
  local status=0
  setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child --mount-proc "$@" 9>&- &
  job=$!
  wait "$job" || status=$?
  job=''
  return "$status"
}
clean_up() {
  [ -z "$job" ] || kill -KILL "$job" 2>/dev/null || true
  [ -n "$keep" ] || rm -rf --one-file-system "$cache"/root.*
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# make_root RELEASE ROOT : a bare Debian with the last commit in /root/uniad-gst.
make_root() {
  local name=trixie root=$2
  [ "$1" -ne 12 ] || name=bookworm
  mkdir -p "$root/root/uniad-gst" "$root/root/.cache/uniad" "$root/etc/dpkg/dpkg.cfg.d" &&
    # Nobody needs a chroot's packages to survive a power cut.
    echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/unsafe-io" &&
    isolated debootstrap --variant=minbase --cache-dir="$cache/packages" "$name" "$root" "$mirror" </dev/null &&
    git archive HEAD | tar -x -C "$root/root/uniad-gst" &&
    mkdir -p "$root/usr/local/share/ca-certificates" &&
    # What this machine trusts: a proxy may sign for the registries.
    find /usr/local/share/ca-certificates -name '*.crt' -exec cp {} "$root/usr/local/share/ca-certificates/" \;
}

# in_root ROOT COMMAND : as root who has just logged in.
in_root() {
  local root=$1 command=$2 proxies=() name
  for name in http_proxy https_proxy no_proxy; do
    [ -z "${!name:-}" ] || proxies+=("$name=${!name}")
  done
  # shellcheck disable=SC2016 # expanded inside
  isolated bash -euc '
    root=$1 cache=$2
    shift 2
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    mount -t tmpfs tmpfs "$root/dev/shm"
    mount --bind "$cache/packages" "$root/var/cache/apt/archives"
    mount --bind "$cache/downloads" "$root/root/.cache/uniad"
    exec chroot "$root" env -i HOME=/root TERM=dumb LANG=C.UTF-8 \
      PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
  ' bash "$root" "$cache" "${proxies[@]}" bash -c "cd /root/uniad-gst && $command" </dev/null
}

failed=0
for release in "${releases[@]}"; do
  root=$(mktemp -d "$cache/root.$release.XXXXXX")
  chmod 755 "$root" # tests run as other users, too
  log=$logs/debian-$release-set-up.log start=$SECONDS
  if ! make_root "$release" "$root" >"$log" 2>&1; then
    failed=$((failed + 1))
    say "FAILED  Debian $release cannot be made, the end of $log:"
    tail -n 20 "$log" | sed 's/^/        /'
    continue
  fi
  say "ok      Debian $release: bare, commit $(git rev-parse --short HEAD) ($((SECONDS - start)) s)"
  for name in "${commands[@]}"; do
    case $name in
      demo) command=pipelines/demo.sh ;;
      run) command=tests/run.sh ;;
    esac
    log=$logs/debian-$release-$name.log start=$SECONDS
    if in_root "$root" "$command" >"$log" 2>&1; then
      say "ok      Debian $release: $command ($((SECONDS - start)) s)"
      grep -E '^demo: done|^skipped|^[0-9]+ passed' "$log" | sed 's/^/        /'
    else
      failed=$((failed + 1))
      say "FAILED  Debian $release: $command ($((SECONDS - start)) s), the end of $log:"
      tail -n 60 "$log" | sed 's/^/        /'
    fi
  done
  [ -n "$keep" ] || rm -rf --one-file-system "$root"
done
[ "$failed" -eq 0 ]
