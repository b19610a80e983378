#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Sets up, builds, and runs every test; the last line counts them.
# shellcheck disable=SC2317 # step calls the functions by name
set -uo pipefail

usage() {
  cat <<'END'
usage: tests/run.sh [--full]

Every run: formatting, clang-tidy, all tests; and of the code without LibTorch also all tests under
AddressSanitizer and UndefinedBehaviorSanitizer, and ten seconds of fuzzing for each parser.
--full: clang-tidy's path-sensitive checks too, sanitizers over the network too, ten minutes of fuzzing for each parser,
and both of README's commands on bare Debian 12 and 13 (tests/distributions.sh).
END
}

full=''
for argument in "$@"; do
  case $argument in
    --full) full=yes ;;
    --help | -h) usage && exit ;;
    *)
      echo "tests/run.sh: unknown option $argument" >&2
      usage >&2
      exit 2
      ;;
  esac
done

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
logs=$PWD/build-logs
mkdir -p "$logs"
passed=0 failed=0 skipped=0

# Real data beside the checkout, where it is.
if [ -d ../shared ]; then
  UNIAD_SHARED=${UNIAD_SHARED:-$(cd ../shared && pwd)}
  export UNIAD_SHARED
  [ ! -d "$UNIAD_SHARED/weights" ] || export UNIAD_WEIGHTS_DIR="${UNIAD_WEIGHTS_DIR:-$UNIAD_SHARED/weights}"
fi

# step NAME COMMAND... : one test; its output is shown where it fails. 77: it cannot run here.
step() {
  local name=$1 start=$SECONDS status=0
  shift
  "$@" >"$logs/$name.log" 2>&1 </dev/null || status=$?
  if [ "$status" -eq 0 ]; then
    passed=$((passed + 1))
    echo "ok      $name ($((SECONDS - start)) s)"
  elif [ "$status" -eq 77 ]; then
    skipped=$((skipped + 1))
    echo "skipped $name: $(tail -n 1 "$logs/$name.log")"
  else
    failed=$((failed + 1))
    echo "FAILED  $name ($((SECONDS - start)) s), the end of $logs/$name.log:"
    tail -n 60 "$logs/$name.log" | sed 's/^/        /'
    return 1
  fi
}

# suite NAME BUILD OPTION...: the tests of a build folder that meson's options choose, counted case by case.
suite() {
  local name=$1 build=$2 start=$SECONDS counts p f s
  shift 2
  rm -rf "$build/reports" "$build/meson-logs/testlog.json"
  # A GStreamer registry of its own: the user's must not learn these plugins. The system's are scanned first.
  export GST_REGISTRY="$PWD/$build/registry.bin"
  GST_REGISTRY_FORK=yes gst-inspect-1.0 >/dev/null 2>&1 </dev/null
  # One thread a test: as many tests run at once as there are cores.
  OMP_NUM_THREADS=1 GTEST_OUTPUT="xml:$PWD/$build/reports/" meson test -C "$build" --no-rebuild --num-processes "$(nproc)" \
    --timeout-multiplier 4 "$@" >"$logs/$name.log" 2>&1 </dev/null
  if ! counts=$(/usr/bin/python3 tests/support/count_tests.py "$build" "$logs/$name.failures"); then
    counts='0 1 0'
    tail -n 20 "$logs/$name.log" >"$logs/$name.failures"
  fi
  read -r p f s <<<"$counts"
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
  if [ "$f" -eq 0 ]; then
    echo "ok      $name: $p passed, $s skipped ($((SECONDS - start)) s)"
  else
    echo "FAILED  $name: $p passed, $f failed, $s skipped ($((SECONDS - start)) s); all in $logs/$name.log"
    sed 's/^/        /' "$logs/$name.failures"
  fi
}

finish() {
  echo "$passed passed, $failed failed, $skipped skipped"
  [ "$failed" -eq 0 ]
  exit
}

formatting() {
  if ! command -v clang-format-14 >/dev/null; then
    echo "there is no clang-format-14, and other versions format otherwise"
    return 77
  fi
  find model gst-plugin training pipelines tests \( -name '*.h' -o -name '*.c' -o -name '*.cpp' -o -name '*.cu' \) -print0 |
    xargs -0 clang-format-14 --dry-run --Werror
}

shell_scripts() {
  local scripts
  mapfile -t scripts < <(grep -rl -m1 '^#!/usr/bin/env bash' .ci subprojects pipelines tests)
  shellcheck "${scripts[@]}"
}

# configure BUILD OPTION... : sets a build folder up once.
configure() {
  local build=$1
  shift
  [ -f "$build/build.ninja" ] || meson setup "$build" "$@"
}

# Sanitized code makes GCC warn of what is not there: warnings are errors in build/ alone.
sanitized_build() {
  configure "$@" -Db_sanitize=address,undefined -Db_lundef=false -Doptimization=1 -Dintrospection=disabled &&
    ninja -C "$1"
}

# sanitizers NAME BUILD
sanitizers() {
  # GStreamer's plugin scanner is not sanitized and could not open our plugins: each test opens them itself.
  export GST_REGISTRY_FORK=no
  # LibTorch is not sanitized: containers that it shares with us look overflowed.
  local asan=detect_stack_use_after_return=1:detect_container_overflow=0
  export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
  export LSAN_OPTIONS=suppressions=$PWD/tests/support/leaks.supp:print_suppressions=0
  # GLib has no frame pointers: only the slow unwinder sees who allocated through it. model/ is without GLib.
  ASAN_OPTIONS=$asan suite "$1-model" "$2" --suite model
  ASAN_OPTIONS=$asan:fast_unwind_on_malloc=0 suite "$1" "$2" --no-suite model
}

fuzz_build() {
  CC=clang CXX=clang++ configure build-fuzz -Dfuzz=enabled -Dnetwork=disabled -Dtests=disabled \
    -Dwerror=false -Dintrospection=disabled -Db_sanitize=address,undefined -Db_lundef=false &&
    ninja -C build-fuzz fuzzers && /usr/bin/python3 tests/fuzz/make_seeds.py build-fuzz/corpus
}

# fuzz TARGET: from the seeds and what earlier runs found. No file of 16 KB may cost 16 MB at once.
fuzz() {
  local target=$1 seconds=10
  [ -z "$full" ] || seconds=600
  "build-fuzz/tests/fuzz/$target" -max_total_time="$seconds" -max_len=16384 -malloc_limit_mb=16 \
    -rss_limit_mb=1024 -timeout=10 -artifact_prefix="$logs/$target-" -print_final_stats=1 \
    "build-fuzz/corpus/$target"
}

step setup subprojects/setup.sh --werror || finish
step formatting formatting
step shellcheck shell_scripts
step clang-tidy /usr/bin/python3 tests/support/tidy.py build ${full:+--deep}
suite tests build

if step build-asan sanitized_build build-asan -Dnetwork=disabled; then
  sanitizers sanitizers build-asan
fi
if step build-fuzz fuzz_build; then
  for target in tests/fuzz/fuzz_*.cpp; do
    target=$(basename "$target" .cpp)
    step "$target" fuzz "$target"
  done
fi
if [ -n "$full" ] && step build-asan-full sanitized_build build-asan-full; then
  sanitizers sanitizers-full build-asan-full
fi
[ -z "$full" ] || step distributions tests/distributions.sh
finish
