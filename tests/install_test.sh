#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# install_test.sh SOURCE BUILD PREFIX LIBDIR: what meson installs works from wherever it lies, without
# LD_LIBRARY_PATH.
set -euo pipefail

source=$1 build=$2 prefix=$3 libdir=$4
root=$(mktemp -d "$build/installed.XXXXXX")
trap 'rm -rf "$root"' EXIT
meson install -C "$build" --no-rebuild --quiet --destdir "$root"
lib=$root$prefix/$libdir
unset LD_LIBRARY_PATH GST_PLUGIN_PATH
export GST_REGISTRY=$root/registry.bin

fail() { echo "install_test: $*" >&2; exit 1; }

# Nothing installed may lean on the build folder or the cache it was built from.
while read -r file; do
  run_path=$(readelf -d "$file" 2>/dev/null | sed -n 's/.*R.*PATH.*\[\(.*\)\]/\1/p')
  case $run_path in
    *"$build"* | *"$HOME"* | *"$source"*) fail "$file has the run path $run_path" ;;
  esac
done < <(find "$root$prefix" -type f \( -name '*.so*' -o -perm -u+x \))

# Every plugin opens and registers an element; the program starts.
for plugin in "$lib"/gstreamer-1.0/libgst*.so; do
  gst-inspect-1.0 "$plugin" >"$root/inspect.txt" || fail "gst-inspect-1.0 cannot open $plugin"
  grep -q 'element' "$root/inspect.txt" || fail "$plugin has no element"
done
GST_PLUGIN_PATH=$lib/gstreamer-1.0 gst-inspect-1.0 uniaddetect >/dev/null || fail "no uniaddetect"
"$root$prefix/bin/uniad" --help | grep -q train || fail "uniad --help does not speak of train"

# An application finds the metadata's header and library by pkg-config.
sed -i "s|^prefix=.*|prefix=$root$prefix|" "$lib/pkgconfig/gstuniadmeta-1.0.pc"
cat >"$root/application.c" <<'END'
#include <gst/uniad/gstanomalymeta.h>
int main(void) { return gst_anomaly_meta_api_get_type() == 0; }
END
read -ra flags < <(PKG_CONFIG_PATH=$lib/pkgconfig pkg-config --cflags --libs gstuniadmeta-1.0)
cc -o "$root/application" "$root/application.c" "${flags[@]}" -Wl,-rpath,"$lib"
"$root/application" || fail "the application does not run"

# The same from the build folder.
meson devenv -C "$build" gst-inspect-1.0 uniaddetect >/dev/null || fail "meson devenv: no uniaddetect"
meson devenv -C "$build" uniad --help >/dev/null || fail "meson devenv: no uniad"
