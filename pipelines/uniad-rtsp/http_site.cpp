// SPDX-License-Identifier: Apache-2.0
#include "pipelines/uniad-rtsp/http_site.h"

#include <cstddef>
#include <optional>

#include "gst-plugin/base/ref.h"

namespace uniad::rtsp {
namespace {

struct Viewers {
  const std::string &path;
  unsigned count = 0;
};

GstRTSPFilterResult count_media(GstRTSPSession *, GstRTSPSessionMedia *media, gpointer data) {
  auto &viewers = *static_cast<Viewers *>(data);
  gint matched = 0;
  if (gst_rtsp_session_media_matches(media, viewers.path.c_str(), &matched) != FALSE &&
      static_cast<std::size_t>(matched) == viewers.path.size())
    ++viewers.count;
  return GST_RTSP_FILTER_KEEP;
}

GstRTSPFilterResult count_session(GstRTSPSessionPool *, GstRTSPSession *session, gpointer viewers) {
  g_list_free_full(gst_rtsp_session_filter(session, count_media, viewers), g_object_unref);
  return GST_RTSP_FILTER_KEEP;
}

// Counts the sessions that have set up the stream at this path.
unsigned count_viewers(GstRTSPServer *server, const std::string &path) {
  Viewers viewers{path};
  const Ref<GstRTSPSessionPool> pool(gst_rtsp_server_get_session_pool(server));
  g_list_free_full(gst_rtsp_session_pool_filter(pool.get(), count_session, &viewers), g_object_unref);
  return viewers.count;
}

}  // namespace

MainLoopPulse::MainLoopPulse()
    : source_(g_timeout_add(
          250,
          [](gpointer pulse) -> gboolean {
            static_cast<MainLoopPulse *>(pulse)->moved_ = std::chrono::steady_clock::now();
            return G_SOURCE_CONTINUE;
          },
          this)) {}

MainLoopPulse::~MainLoopPulse() {
  g_source_remove(source_);
}

std::chrono::steady_clock::duration MainLoopPulse::silence() const {
  return std::chrono::steady_clock::now() - moved_.load();
}

Site make_site(const Config &config, std::deque<CameraOutput> &outputs, const EventLog &events,
               GstRTSPServer *server, const std::string &root,
               const std::shared_ptr<AbandonedPipelines> &abandoned, const MainLoopPulse &pulse) {
  Site site{{}, events, [abandoned] { return abandoned->count(); }, [&pulse] { return pulse.silence(); }};
  for (std::size_t i = 0; i < config.cameras.size(); ++i) {
    const CameraConfig &camera = config.cameras[i];
    site.cameras.push_back({camera.name, root + camera.path, camera.model.has_value(),
                            camera.learns() ? std::optional(camera.learn_order()) : std::nullopt,
                            outputs[i].status,
                            [server, path = camera.path] { return count_viewers(server, path); }});
  }
  return site;
}

}  // namespace uniad::rtsp
