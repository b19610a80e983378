// SPDX-License-Identifier: Apache-2.0
#include "training/extract/extract.h"

#include <fstream>
#include <optional>
#include <string>

#include "gst-plugin/embed/frame_results.h"
#include "gst-plugin/embed/nal_format.h"
#include "model/base/error.h"
#include "training/base/interrupt.h"
#include "training/base/output.h"
#include "training/extract/packet_reader.h"
#include "training/extract/result_order.h"

namespace uniad {
namespace {

namespace fs = std::filesystem;

// What was found so far.
struct Findings {
  std::size_t lines = 0;
  std::size_t damaged = 0;
};

void check_file(const fs::path &recording) {
  std::error_code error;
  const fs::file_status status = fs::status(recording, error);
  if (!fs::exists(status))
    throw Error(ErrorKind::NotFound, recording.string(), "does not exist", "check the path");
  if (!fs::is_regular_file(status))
    throw Error(ErrorKind::InvalidArgument, recording.string(), "is not a file", "give a recording");
  if (!std::ifstream(recording, std::ios::binary))
    throw Error(ErrorKind::Unreadable, recording.string(), "cannot be read",
                "give this user read permission");
}

FrameResults results_in(GstBuffer *packet, NalFormat format) {
  GstMapInfo map;
  if (gst_buffer_map(packet, &map, GST_MAP_READ) == FALSE) return {};
  const std::string text = user_data_in({map.data, map.size}, format, results_uuid);
  gst_buffer_unmap(packet, &map);
  return results_of(text);
}

void read_frames(const fs::path &recording, PacketReader &reader, Ref<GstSample> sample, ResultOrder &order,
                 Findings &findings) {
  for (; sample; sample = reader.next()) {
    const auto format = nal_format_of(gst_caps_get_structure(gst_sample_get_caps(sample.get()), 0));
    if (!format)
      throw Error(ErrorKind::Malformed, recording.string(), "its stream has no codec data",
                  "use a recording of uniadrecord, or a copy of it");
    GstBuffer *const packet = gst_sample_get_buffer(sample.get());
    const FrameResults results = results_in(packet, *format);
    findings.damaged += results.damaged;
    const bool is_known = GST_BUFFER_PTS_IS_VALID(packet);
    order.add(results, is_known ? std::optional<std::uint64_t>(GST_BUFFER_PTS(packet)) : std::nullopt);
  }
}

// Codecs other than H.264 and H.265 have no user data, and their results lie beside the recording.
void read_lines_beside(const fs::path &recording, const ResultOrder::Visitor &visit, Findings &findings) {
  const fs::path beside = fs::path(recording).replace_extension(".jsonl");
  std::ifstream file(beside);
  if (!file)
    throw Error(ErrorKind::NotFound, recording.string(),
                "is neither H.264 nor H.265, and there is no " + beside.filename().string() + " beside it",
                "record it with uniadrecord embed-results=true, and copy both files");
  for (std::string line; !interrupted() && std::getline(file, line);) {
    const FrameResults results = results_of(line);
    findings.damaged += results.damaged;
    for (const auto *lines : {&results.events_before, &results.frames})
      for (const std::string &result : *lines) visit(result);
  }
}

bool has_user_data(const Ref<GstSample> &sample) {
  const GstStructure *format = gst_caps_get_structure(gst_sample_get_caps(sample.get()), 0);
  return gst_structure_has_name(format, "video/x-h264") || gst_structure_has_name(format, "video/x-h265");
}

void read(const fs::path &recording, const ResultOrder::Visitor &visit, Findings &findings) {
  PacketReader reader(recording);
  Ref<GstSample> first = reader.next();
  if (!first)
    throw Error(ErrorKind::Malformed, recording.string(), "it has no frames",
                "use a recording of uniadrecord");
  if (!has_user_data(first)) return read_lines_beside(recording, visit, findings);
  ResultOrder order(visit);
  try {
    read_frames(recording, reader, std::move(first), order, findings);
  } catch (const Error &) {
    order.finish();  // what could be read until then
    throw;
  }
  order.finish();
}

void check(const fs::path &recording, const Findings &findings) {
  if (findings.damaged > 0)
    throw Error(ErrorKind::Malformed, recording.string(),
                std::to_string(findings.damaged) + " of its results cannot be read", "copy it again");
  if (findings.lines == 0)
    throw Error(ErrorKind::NotFound, recording.string(), "contains no results",
                "record it with uniadrecord embed-results=true, behind uniaddetect and an encoder");
}

}  // namespace

void extract(const ExtractOptions &options, Progress &progress) {
  check_json(options.json, "--json");
  check_file(options.recording);
  const Interrupts interrupts(progress);
  Output output(options.json.empty() ? "-" : options.json);
  Findings findings;
  const auto visit = [&](const std::string &line) {
    output.stream() << line << '\n';
    ++findings.lines;
  };
  try {
    read(options.recording, visit, findings);
  } catch (const Error &) {
    output.close();
    throw;
  }
  output.close();
  check(options.recording, findings);
}

}  // namespace uniad
