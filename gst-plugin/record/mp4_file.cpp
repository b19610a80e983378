// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/record/mp4_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <memory>
#include <system_error>
#include <tuple>
#include <utility>

#include "gst-plugin/base/write_signals.h"
#include "model/base/error.h"

namespace uniad {

namespace {

constexpr GstClockTime patience_per_step = 100 * GST_MSECOND;
constexpr int most_steps = 100;
constexpr guint64 most_bytes_ahead = 4194304;

const char *element_for_missing_dts(const GstCaps *caps) {
  const GstStructure *structure = gst_caps_get_structure(caps, 0);
  if (gst_structure_has_name(structure, "video/x-h264")) return "h264timestamper";
  if (gst_structure_has_name(structure, "video/x-h265")) return "h265timestamper";
  return nullptr;
}

GstElement *make(const char *factory) {
  GstElement *element = gst_element_factory_make(factory, nullptr);
  if (element == nullptr)
    throw Error(ErrorKind::NotFound, factory, "there is no such element",
                "install GStreamer's base and good plugins");
  return element;
}

bool is_box(const GstMapInfo &data, const char *type) {
  return data.size >= 8 && std::memcmp(data.data + 4, type, 4) == 0;
}

}  // namespace

void Mp4File::check_elements() {
  for (const char *name : {"appsrc", "mp4mux", "appsink"}) gst_object_unref(gst_object_ref_sink(make(name)));
}

Mp4File::Mp4File(std::string path, const EncodedFrame &first)
    : path_(std::move(path)), pipeline_(GST_ELEMENT(gst_object_ref_sink(gst_pipeline_new(nullptr)))) {
  build(first);
  fd_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (fd_ < 0) fail(errno);
  gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
}

void Mp4File::build(const EncodedFrame &first) {
  base_ = end_ = first.time;
  source_ = GST_APP_SRC(make("appsrc"));
  gst_bin_add(GST_BIN(pipeline_.get()), GST_ELEMENT(source_));
  GstElement *last = GST_ELEMENT(source_);
  const auto append = [this, &last](GstElement *element) {
    gst_bin_add(GST_BIN(pipeline_.get()), element);
    gst_element_link(last, element);
    last = element;
  };
  const char *timestamper = element_for_missing_dts(first.stretch->caps.get());
  // MP4 needs the order of decoding, which cameras with B-frames do not send.
  if (timestamper != nullptr && !GST_BUFFER_DTS_IS_VALID(first.buffer.get()))
    if (GstElement *element = gst_element_factory_make(timestamper, nullptr)) append(element);
  GstElement *mux = make("mp4mux");
  g_object_set(mux, "fragment-duration", 500, "streamable", TRUE, nullptr);
  gst_bin_add(GST_BIN(pipeline_.get()), mux);
  gst_element_link_pads(last, "src", mux, "video_%u");
  last = mux;
  sink_ = GST_APP_SINK(make("appsink"));
  g_object_set(sink_, "sync", FALSE, nullptr);
  append(GST_ELEMENT(sink_));
  g_object_set(source_, "format", GST_FORMAT_TIME, "max-bytes", guint64{0}, "caps", first.stretch->caps.get(),
               nullptr);
}

Mp4File::~Mp4File() {
  gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
  if (fd_ < 0) return;
  std::ignore = ftruncate(fd_, static_cast<off_t>(bytes_));  // without the part of a fragment
  if (written_frames_ == 0 && !is_removed()) unlink(path_.c_str());
  close(fd_);
}

void Mp4File::fail(int error) {
  const std::string reason = std::generic_category().message(error);
  throw Error(
      ErrorKind::Unwritable, path_, reason,
      error == ENOSPC ? "free space on the disk, or lower max-size" : "check the folder in 'location'");
}

// A fragment is the box moof and the box mdat, whose header and frames come in buffers of their own. It is
// written at once, so that a process that is killed leaves whole ones.
void Mp4File::write(const GstMapInfo &data) {
  const bool is_fragment = is_box(data, "moof") || !pending_.empty();
  const bool is_mdat = fragment_size_ == 0 && is_box(data, "mdat");
  if (is_mdat) fragment_size_ = pending_.size() + GST_READ_UINT32_BE(data.data);
  if (is_fragment && fragment_size_ > 0 && !is_mdat) ++pending_frames_;
  pending_.append(reinterpret_cast<const char *>(data.data), data.size);
  if (!is_fragment || (fragment_size_ > 0 && pending_.size() >= fragment_size_)) write_pending();
}

void Mp4File::write_pending() {
  const NoWriteSignals guard;
  for (std::size_t done = 0; done < pending_.size();) {
    const ssize_t written = ::write(fd_, pending_.data() + done, pending_.size() - done);
    if (written < 0 && errno != EINTR) fail(errno);
    if (written > 0) done += static_cast<std::size_t>(written);
  }
  if (is_removed()) {
    written_frames_ = pending_frames_ = 0;
    fail(ENOENT);
  }
  bytes_ += pending_.size();
  written_frames_ += std::exchange(pending_frames_, 0);
  pending_.clear();
  fragment_size_ = 0;
}

bool Mp4File::is_removed() const {
  struct stat status {};
  return fstat(fd_, &status) == 0 && status.st_nlink == 0;
}

// Returns whether there was something to write.
bool Mp4File::write_next(GstClockTime patience) {
  const Ref<GstSample> sample(gst_app_sink_try_pull_sample(sink_, patience));
  if (!sample) return false;
  GstBuffer *buffer = gst_sample_get_buffer(sample.get());
  GstMapInfo data;
  if (gst_buffer_map(buffer, &data, GST_MAP_READ) == FALSE)
    throw Error(ErrorKind::OutOfMemory, path_, "cannot read a buffer", "free some memory");
  const std::unique_ptr<GstMapInfo, std::function<void(GstMapInfo *)>> unmap(
      &data, [buffer](GstMapInfo *info) { gst_buffer_unmap(buffer, info); });
  write(data);
  return true;
}

void Mp4File::check_errors() {
  GstBus *bus = GST_ELEMENT_BUS(pipeline_.get());
  const Ref<GstMessage> message(gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR));
  if (!message) return;
  GError *error = nullptr;
  gst_message_parse_error(message.get(), &error, nullptr);
  const Ref<GError> owned(error);
  throw Error(ErrorKind::Unsupported, path_,
              std::string("the stream does not fit into MP4: ") + error->message,
              "put a parser such as h264parse before uniadrecord");
}

void Mp4File::add(const EncodedFrame &frame) {
  const Ref<GstBuffer> owner(gst_buffer_new());
  GstBuffer *buffer = owner.get();
  gst_buffer_copy_into(buffer, frame.buffer.get(),
                       static_cast<GstBufferCopyFlags>(GST_BUFFER_COPY_FLAGS | GST_BUFFER_COPY_TIMESTAMPS |
                                                       GST_BUFFER_COPY_MEMORY),
                       0, static_cast<gsize>(-1));
  const auto shift = [this](GstClockTime &time) {
    if (GST_CLOCK_TIME_IS_VALID(time)) time = time > base_ ? time - base_ : 0;
  };
  shift(GST_BUFFER_PTS(buffer));
  shift(GST_BUFFER_DTS(buffer));
  if (!GST_BUFFER_PTS_IS_VALID(buffer)) GST_BUFFER_PTS(buffer) = GST_BUFFER_DTS(buffer);
  gst_app_src_push_buffer(source_, gst_buffer_ref(buffer));
  ++frames_;
  end_ =
      std::max(end_, frame.time + (GST_BUFFER_DURATION_IS_VALID(buffer) ? GST_BUFFER_DURATION(buffer) : 0));
  write_available();
  while (gst_app_src_get_current_level_bytes(source_) > most_bytes_ahead) {
    write_next(patience_per_step);
    check_errors();
  }
}

void Mp4File::write_available() {
  while (write_next(0)) {
  }
  check_errors();
}

void Mp4File::finish() {
  gst_app_src_end_of_stream(source_);
  for (int steps = 0; gst_app_sink_is_eos(sink_) == FALSE && steps < most_steps;)
    if (!write_next(patience_per_step)) {
      check_errors();
      ++steps;
    }
  if (gst_app_sink_is_eos(sink_) == FALSE)
    throw Error(ErrorKind::Internal, path_, "mp4mux does not end the file", "report this error");
  write_pending();
  if (fdatasync(fd_) != 0) fail(errno);
}

}  // namespace uniad
