// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/publish/compress_file.h"

#include <gio/gio.h>

#include <cstdio>

#include "gst-plugin/base/ref.h"
#include "gst-plugin/base/write_signals.h"

namespace uniad {

namespace {

bool compress(const std::string &from, const std::string &to) {
  const Ref<GFile> source(g_file_new_for_path(from.c_str()));
  const Ref<GFile> target(g_file_new_for_path(to.c_str()));
  const Ref<GFileInputStream> input(g_file_read(source.get(), nullptr, nullptr));
  const Ref<GFileOutputStream> output(
      g_file_replace(target.get(), nullptr, FALSE, G_FILE_CREATE_REPLACE_DESTINATION, nullptr, nullptr));
  if (!input || !output) return false;
  const Ref<GZlibCompressor> compressor(g_zlib_compressor_new(G_ZLIB_COMPRESSOR_FORMAT_GZIP, -1));
  const Ref<GOutputStream> zipped(
      g_converter_output_stream_new(G_OUTPUT_STREAM(output.get()), G_CONVERTER(compressor.get())));
  const auto close_both = static_cast<GOutputStreamSpliceFlags>(G_OUTPUT_STREAM_SPLICE_CLOSE_SOURCE |
                                                                G_OUTPUT_STREAM_SPLICE_CLOSE_TARGET);
  return g_output_stream_splice(zipped.get(), G_INPUT_STREAM(input.get()), close_both, nullptr, nullptr) >= 0;
}

}  // namespace

bool compress_file(const std::string &path) {
  const NoWriteSignals guard;
  const std::string beside = path + ".gz.part";
  const std::string compressed = path + ".gz";
  if (compress(path, beside) && std::rename(beside.c_str(), compressed.c_str()) == 0)
    return std::remove(path.c_str()) == 0;
  std::remove(beside.c_str());
  return false;
}

}  // namespace uniad
