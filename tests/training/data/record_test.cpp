// SPDX-License-Identifier: Apache-2.0
#include "training/data/record.h"

#include <gst/rtsp-server/rtsp-server.h>

#include <thread>

#include "model/error.h"
#include "tests/support/refusal.h"
#include "tests/training/data/temporary_folder.h"
#include "training/data/owned.h"
#include "training/data/source.h"

namespace uniad {
namespace {

using test::holds;
using test::refusal;

// A camera that runs, with a microphone.
class Camera {
 public:
  Camera() {
    gst_init(nullptr, nullptr);
    g_main_context_push_thread_default(context_);
    gst_rtsp_server_set_address(server_.get(), "127.0.0.1");
    gst_rtsp_server_set_service(server_.get(), "0");
    GstRTSPMediaFactory *factory = gst_rtsp_media_factory_new();
    gst_rtsp_media_factory_set_launch(
        factory,
        "( videotestsrc is-live=true ! video/x-raw,width=64,height=48,framerate=25/1 ! "
        "x264enc tune=zerolatency key-int-max=5 ! rtph264pay name=pay0 pt=96 "
        "audiotestsrc is-live=true ! alawenc ! rtppcmapay name=pay1 pt=8 )");
    GstRTSPMountPoints *mounts = gst_rtsp_server_get_mount_points(server_.get());
    gst_rtsp_mount_points_add_factory(mounts, "/cam0", factory);
    g_object_unref(mounts);
    attached_ = gst_rtsp_server_attach(server_.get(), context_);
    g_main_context_pop_thread_default(context_);
    thread_ = std::thread([this] { g_main_loop_run(loop_); });
  }
  ~Camera() {
    g_main_loop_quit(loop_);
    thread_.join();
    g_source_destroy(g_main_context_find_source_by_id(context_, attached_));
    g_main_loop_unref(loop_);
    g_main_context_unref(context_);
  }
  Camera(const Camera &) = delete;
  Camera &operator=(const Camera &) = delete;

  std::string uri() const {
    return "rtsp://user:secret@127.0.0.1:" + std::to_string(gst_rtsp_server_get_bound_port(server_.get())) +
           "/cam0";
  }

 private:
  GMainContext *context_ = g_main_context_new();
  GMainLoop *loop_ = g_main_loop_new(context_, FALSE);
  Owned<GstRTSPServer> server_{gst_rtsp_server_new()};
  guint attached_ = 0;
  std::thread thread_;
};

class Record : public test::TemporaryFolder {
 protected:
  Progress progress_;
};

TEST_F(Record, TwoStreamsBecomeVideosOfThatLength) {
  Camera camera;
  const std::vector<std::string> uris{camera.uri(), camera.uri()};
  const auto files = record(uris, 1, folder_, progress_);
  ASSERT_EQ(files.size(), 2U);
  for (const auto &file : files) {
    const auto sources = open_sources(std::vector{file.string()});
    EXPECT_TRUE(sources[0].remarks.empty()) << "the file is whole";
    EXPECT_GE(sources[0].train.size(), 15U);
    EXPECT_LE(sources[0].train.size(), 40U) << "25 frames a second";
  }
}

TEST_F(Record, AnAddressThatNobodyAnswersIsNamedWithoutItsPassword) {
  const std::vector<std::string> uris{"rtsp://user:secret@127.0.0.1:1/cam0"};
  const std::string text = refusal([&] { record(uris, 1, folder_, progress_); });
  EXPECT_TRUE(holds(text, "rtsp://127.0.0.1:1/cam0"));
  EXPECT_FALSE(holds(text, "secret"));
}

TEST_F(Record, AFileThatGrowsTooLargeEndsIt) {
  Camera camera;
  const std::vector<std::string> uris{camera.uri()};
  EXPECT_TRUE(holds(refusal([&] { record(uris, 50, folder_, progress_, 4000); }), "fills more than"));
}

TEST(Stream, HasANameWithoutPasswordAndQuery) {
  EXPECT_EQ(name_of_stream("rtsp://user:p@ss@host:554/live/cam0?x=1/2"), "cam0");
  EXPECT_EQ(name_of_stream("rtsp://user:secret@host"), "host");
  EXPECT_EQ(name_of_stream("v4l2:///dev/video0"), "video0");
  EXPECT_EQ(without_password("rtsp://user:p@ss@host:554/live"), "rtsp://host:554/live");
  EXPECT_EQ(without_password("rtsp://host/a@b"), "rtsp://host/a@b");
  EXPECT_TRUE(is_live("rtsp://host/cam0"));
  EXPECT_FALSE(is_live("gate=clip.mp4"));
}

}  // namespace
}  // namespace uniad
