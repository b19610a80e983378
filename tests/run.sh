#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Sets up and builds the project and runs all tests; the last line of output counts the results.
# shellcheck disable=SC2317 # step calls the functions by name
set -uo pipefail

usage() {
  cat <<'END'
usage: tests/run.sh [--full | --quick [FOLDER]]

Checks formatting, structure and clang-tidy, and runs all tests. For the code without LibTorch, it also runs the
tests with AddressSanitizer and UndefinedBehaviorSanitizer, and fuzzes each parser for ten seconds.

  --full            also clang-tidy's path-sensitive checks, sanitizers for the code with LibTorch, a build that
                    compiles each source separately, ten minutes of fuzzing for each parser, and both commands
                    of README.md on bare Debian 12 and 13 (tests/distributions.sh)
  --quick [FOLDER]  for development: only formatting, structure, and the tests of FOLDER (model, gst-plugin,
                    training or pipelines) in build-dev/, where each source is compiled separately. The default
                    is each folder that differs from the main branch. Run subprojects/setup.sh first.
END
}

wrong_usage() {
  echo "tests/run.sh: $*" >&2
  usage >&2
  exit 2
}

full='' quick='' folders=()
for argument in "$@"; do
  case $argument in
    --full) full=yes ;;
    --quick) quick=yes ;;
    --help | -h) usage && exit ;;
    model | gst-plugin | training | pipelines)
      [ -n "$quick" ] || wrong_usage "a folder requires --quick before it"
      folders+=("$argument")
      ;;
    *) wrong_usage "unknown option or folder $argument" ;;
  esac
done
[ -z "$full" ] || [ -z "$quick" ] || wrong_usage "--full and --quick cannot be combined"

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
logs=$PWD/build-logs
mkdir -p "$logs"
passed=0 failed=0 skipped=0

# Use real data next to the checkout if it exists.
if [ -d ../shared ]; then
  UNIAD_SHARED=${UNIAD_SHARED:-$(cd ../shared && pwd)}
  export UNIAD_SHARED
  [ ! -d "$UNIAD_SHARED/weights" ] || export UNIAD_WEIGHTS_DIR="${UNIAD_WEIGHTS_DIR:-$UNIAD_SHARED/weights}"
fi

# step NAME COMMAND... : runs one test and shows its output if it fails. Exit status 77: skipped.
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

# suite NAME BUILD OPTION...: runs the tests of a build folder that meson's options select, and counts test cases.
suite() {
  local name=$1 build=$2 start=$SECONDS counts p f s
  shift 2
  rm -rf "$build/reports" "$build/meson-logs/testlog.json"
  # A separate GStreamer registry, so that the user's does not contain these plugins. Scans the system's plugins first.
  export GST_REGISTRY="$PWD/$build/registry.bin"
  GST_REGISTRY_FORK=yes gst-inspect-1.0 >/dev/null 2>&1 </dev/null
  # One thread per test, because as many tests run in parallel as there are cores.
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
    echo "clang-format-14 is missing, and other versions format differently"
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

# configure BUILD OPTION... : sets up a build folder if it does not exist.
configure() {
  local build=$1
  shift
  [ -f "$build/build.ninja" ] || meson setup "$build" "$@"
}

# GCC gives false warnings for sanitized code, so warnings are errors in build/ only.
sanitized_build() {
  configure "$@" -Db_sanitize=address,undefined -Db_lundef=false -Doptimization=1 -Dintrospection=disabled &&
    ninja -C "$1"
}

# sanitizers NAME BUILD
sanitizers() {
  # GStreamer's plugin scanner is not sanitized and could not open these plugins, so each test opens them itself.
  export GST_REGISTRY_FORK=no
  # LibTorch is not sanitized, so containers that it shares with this code would be reported as overflows.
  local asan=detect_stack_use_after_return=1:detect_container_overflow=0
  export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
  export LSAN_OPTIONS=suppressions=$PWD/tests/support/leaks.supp:print_suppressions=0
  # GLib has no frame pointers, so only the slow unwinder finds callers of its allocations. model/ does not use GLib.
  ASAN_OPTIONS=$asan suite "$1-model" "$2" --suite model
  ASAN_OPTIONS=$asan:fast_unwind_on_malloc=0 suite "$1" "$2" --no-suite model
}

fuzz_build() {
  CC=clang CXX=clang++ configure build-fuzz -Dfuzz=enabled -Dnetwork=disabled -Dtests=disabled \
    -Dwerror=false -Dintrospection=disabled -Db_sanitize=address,undefined -Db_lundef=false &&
    ninja -C build-fuzz fuzzers && /usr/bin/python3 tests/fuzz/make_seeds.py build-fuzz/corpus
}

# fuzz TARGET: starts from the seeds and findings of earlier runs. No allocation for a 16 KB file may exceed 16 MB.
fuzz() {
  local target=$1 seconds=10
  [ -z "$full" ] || seconds=600
  "build-fuzz/tests/fuzz/$target" -max_total_time="$seconds" -max_len=16384 -malloc_limit_mb=16 \
    -rss_limit_mb=1024 -timeout=10 -artifact_prefix="$logs/$target-" -print_final_stats=1 \
    "build-fuzz/corpus/$target"
}

structure() { /usr/bin/python3 tests/support/structure.py; }

# Compiles each source separately: this reveals missing includes, and recompiles only what has changed.
configure_for_developers() { configure build-dev -Dwerror=true -Dunity=off -Db_pch=true; }
developer_build() { configure_for_developers && ninja -C build-dev; }

# changed_folders: lists the folders whose code or tests differ from the main branch, committed or not.
changed_folders() {
  local base
  base=$(git merge-base HEAD main 2>/dev/null || git rev-parse HEAD) || return
  { git diff --name-only "$base" && git ls-files --others --exclude-standard; } |
    sed -nE 's#^(tests/)?(model|gst-plugin|training|pipelines)/.*#\2#p' | sort -u
}

# build_tests_of FOLDER
build_tests_of() {
  local programs
  programs=$(/usr/bin/python3 tests/support/test_programs.py build-dev "$1") && xargs ninja -C build-dev <<<"$programs"
}

if [ -n "$quick" ]; then
  step formatting formatting
  step structure structure
  [ ${#folders[@]} -gt 0 ] || mapfile -t folders < <(changed_folders)
  [ ${#folders[@]} -gt 0 ] || echo "no folder differs from the main branch: give a folder"
  step configure configure_for_developers || finish
  for folder in "${folders[@]}"; do
    step "build-$folder" build_tests_of "$folder" && suite "tests-$folder" build-dev --suite "$folder"
  done
  finish
fi

step setup subprojects/setup.sh --werror || finish
step formatting formatting
step structure structure
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
[ -z "$full" ] || step build-dev developer_build
[ -z "$full" ] || step distributions tests/distributions.sh
finish
