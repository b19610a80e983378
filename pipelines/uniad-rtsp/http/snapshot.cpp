// SPDX-License-Identifier: Apache-2.0
#include "pipelines/uniad-rtsp/http/snapshot.h"

#include <gst/video/video.h>

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "gst-plugin/base/ref.h"

namespace uniad::rtsp {
namespace {

constexpr guint seconds_for_frame = 5;
constexpr GstClockTime time_to_encode = 5 * GST_SECOND;
constexpr unsigned most_at_once = 4;

struct ContextUnref {
  void operator()(GMainContext *context) const { g_main_context_unref(context); }
};
using Context = std::shared_ptr<GMainContext>;

Response unavailable(const std::string &why) {
  Response response = problem(503, why);
  response.headers["Retry-After"] = "1";
  return response;
}

std::string content_of(GstSample *sample) {
  GstBuffer *buffer = gst_sample_get_buffer(sample);
  std::string content(gst_buffer_get_size(buffer), '\0');
  gst_buffer_extract(buffer, 0, content.data(), content.size());
  return content;
}

// One snapshot, from the request to the answer; everything but the arrival of the frame happens on the thread
// of the server.
class SnapshotRequest : public std::enable_shared_from_this<SnapshotRequest> {
 public:
  explicit SnapshotRequest(Respond respond) : respond_(std::move(respond)) { ++running; }
  ~SnapshotRequest() { --running; }
  SnapshotRequest(const SnapshotRequest &) = delete;
  SnapshotRequest &operator=(const SnapshotRequest &) = delete;

  static bool is_possible() { return running < most_at_once; }

  void begin(CameraStatus &status) {
    const Context context(g_main_context_ref_thread_default(), ContextUnref());
    wait_at_most(context.get());
    // A camera that has just been lost may bring its next frame in hours, and must not hold the request.
    status.await_frame([context, request = weak_from_this()](GstSample *frame) {
      using Arrival = std::pair<std::weak_ptr<SnapshotRequest>, Ref<GstSample>>;
      auto *arrival = new Arrival(request, gst_sample_ref(frame));
      g_main_context_invoke_full(
          context.get(), G_PRIORITY_DEFAULT,
          [](gpointer data) {
            auto &[waiting, sample] = *static_cast<Arrival *>(data);
            if (const auto alive = waiting.lock()) alive->encode(sample.get());
            return G_SOURCE_REMOVE;
          },
          arrival, [](gpointer data) { delete static_cast<Arrival *>(data); });
    });
  }

 private:
  using Self = std::shared_ptr<SnapshotRequest>;

  static void release(gpointer self) { delete static_cast<Self *>(self); }

  // The source keeps the request alive until it is answered.
  void wait_at_most(GMainContext *context) {
    timeout_.reset(g_timeout_source_new_seconds(seconds_for_frame));
    g_source_set_callback(
        timeout_.get(),
        [](gpointer self) {
          (*static_cast<Self *>(self))->finish(unavailable("the camera delivers no frame"));
          return G_SOURCE_REMOVE;
        },
        new Self(shared_from_this()), release);
    g_source_attach(timeout_.get(), context);
  }

  void encode(GstSample *sample) {
    const Self self = shared_from_this();
    g_source_destroy(timeout_.get());
    g_autoptr(GstCaps) jpeg = gst_caps_new_empty_simple("image/jpeg");
    gst_video_convert_sample_async(
        sample, jpeg, time_to_encode,
        [](GstSample *picture, GError *error, gpointer request) {
          (*static_cast<Self *>(request))->deliver(picture, error);
        },
        new Self(self), release);
  }

  void deliver(GstSample *picture, GError *error) {
    if (picture != nullptr)
      finish({200, "image/jpeg", content_of(picture)});
    else
      finish(problem(500, std::string("the picture cannot be encoded: ") +
                              (error != nullptr ? error->message : "for an unknown reason")));
    if (picture != nullptr) gst_sample_unref(picture);
    g_clear_error(&error);
  }

  void finish(const Response &response) {
    if (const Respond respond = std::exchange(respond_, nullptr)) respond(response);
  }

  struct SourceUnref {
    void operator()(GSource *source) const { g_source_unref(source); }
  };

  static inline std::atomic<unsigned> running{0};
  Respond respond_;
  std::unique_ptr<GSource, SourceUnref> timeout_;
};

}  // namespace

void answer_snapshot(const Site &, const Request &request, const Respond &respond) {
  CameraStatus &status = request.camera->status;
  if (status.figures().state != CameraState::online)
    return respond(unavailable("the camera delivers no frame"));
  if (!SnapshotRequest::is_possible()) return respond(unavailable("too many pictures are being made"));
  std::make_shared<SnapshotRequest>(respond)->begin(status);
}

}  // namespace uniad::rtsp
