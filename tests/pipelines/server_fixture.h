// SPDX-License-Identifier: Apache-2.0
// Runs uniad-rtsp.
#pragma once

#include <gst/app/app.h>
#include <gst/video/video.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include "tests/support/child_process.h"

// uniad-rtsp as its users have it: the program, its configuration, its viewers.
namespace uniad::rtsp {

using test::ChildProcess;

struct StopAndUnref {
  void operator()(GstElement *pipeline) const {
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(pipeline);
  }
};
using Pipeline = std::unique_ptr<GstElement, StopAndUnref>;

struct Picture {
  int width, height, fps;
  int red, green, blue;  // of its corner pixel
};

// A real RTSP client, over TCP so that no frame is lost. The parser reads the frame rate that the stream
// states: newer decoders do not.
class Viewer {
 public:
  explicit Viewer(const std::string &url)
      : pipeline_(gst_parse_launch(
            ("rtspsrc location=" + url +
             " protocols=tcp latency=0 ! rtph264depay name=depay ! h264parse ! avdec_h264 ! videoconvert ! "
             "video/x-raw,format=RGB ! appsink name=sink sync=false max-buffers=100")
                .c_str(),
            nullptr)) {
    gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
  }

  // The next picture; throws when the stream has ended or brings none for as long as no working one takes.
  Picture next() {
    g_autoptr(GstElement) sink = gst_bin_get_by_name(GST_BIN(pipeline_.get()), "sink");
    g_autoptr(GstSample) sample = gst_app_sink_try_pull_sample(GST_APP_SINK(sink), 30 * GST_SECOND);
    if (sample == nullptr) throw std::runtime_error("the stream brings no picture");
    GstVideoInfo info;
    gst_video_info_from_caps(&info, gst_sample_get_caps(sample));
    guint8 corner[3] = {};
    gst_buffer_extract(gst_sample_get_buffer(sample), 0, corner, 3);
    return {info.width, info.height, info.fps_d > 0 ? info.fps_n / info.fps_d : 0,
            corner[0],  corner[1],   corner[2]};
  }

  // Goes on to the first picture that `is_wanted`; false if none comes in time.
  template <typename IsWanted>
  bool reaches(IsWanted is_wanted, int within = 1000) {
    for (int i = 0; i < within; ++i)
      if (is_wanted(next())) return true;
    return false;
  }

  // The synchronization source of the RTP stream: one for each encoder at work.
  guint ssrc() const {
    g_autoptr(GstElement) depay = gst_bin_get_by_name(GST_BIN(pipeline_.get()), "depay");
    g_autoptr(GstPad) pad = gst_element_get_static_pad(depay, "sink");
    g_autoptr(GstCaps) caps = gst_pad_get_current_caps(pad);
    guint ssrc = 0;
    gst_structure_get_uint(gst_caps_get_structure(caps, 0), "ssrc", &ssrc);
    return ssrc;
  }

 private:
  Pipeline pipeline_;
};

inline bool is_green(const Picture &p) {
  return p.green > 200 && p.red < 60 && p.blue < 60;
}
inline bool is_black(const Picture &p) {
  return p.green < 30 && p.red < 30 && p.blue < 30;
}

struct Server : ChildProcess {
  std::map<std::string, std::string> urls;  // by camera, as it printed them

  Server(const std::filesystem::path &config, std::size_t cameras,
         const std::map<std::string, std::string> &environment = {})
      : ChildProcess({UNIAD_RTSP, config.string()}, environment) {
    while (urls.size() < cameras) {
      const auto line = read_out_line();
      if (!line) throw std::runtime_error("the server ended: " + wait().err);
      const auto colon = line->find(": ");
      urls[line->substr(0, colon)] = line->substr(colon + 2);
    }
  }

  // The port in use, for a later server in its place.
  std::string port() const {
    const std::string &url = urls.begin()->second;
    const auto colon = url.rfind(':');
    return url.substr(colon + 1, url.find('/', colon) - colon - 1);
  }
};

// Goes on to the log line that has `words`; false if the program ends without it.
inline bool logs(Server &server, const std::string &words) {
  while (const auto line = server.read_err_line())
    if (line->find(words) != std::string::npos) return true;
  return false;
}

// Ends the server; the rest of its log.
inline std::string end_of_log(Server &server) {
  server.send_signal(SIGTERM);
  return server.wait().err;
}

template <typename IsTrue>
bool comes_true(IsTrue is_true) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!is_true()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return true;
}

class RtspServer : public testing::Test {
 protected:
  static void SetUpTestSuite() { gst_init(nullptr, nullptr); }

  void SetUp() override {
    g_autofree char *name = g_dir_make_tmp("uniad-rtsp-XXXXXX", nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path write_config(const std::string &name, const std::string &cameras,
                                     const std::string &port = "0") {
    auto file = folder_ / name;
    std::ofstream(file) << "[server]\nport = " << port << "\n" << cameras;
    return file;
  }

  std::filesystem::path make_clip(
      int frames,
      const std::string &encoding = "video/x-raw,width=320,height=240,framerate=20/1 ! x264enc ! mp4mux") {
    auto part = folder_ / "clip.part";
    auto file = folder_ / "clip.mp4";
    const Pipeline pipeline(
        gst_parse_launch(("videotestsrc pattern=green num-buffers=" + std::to_string(frames) + " ! " +
                          encoding + " ! filesink location=" + part.string())
                             .c_str(),
                         nullptr));
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    g_autoptr(GstBus) bus = gst_element_get_bus(pipeline.get());
    g_autoptr(GstMessage) end = gst_bus_timed_pop_filtered(
        bus, GST_CLOCK_TIME_NONE, static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
    EXPECT_EQ(GST_MESSAGE_TYPE(end), GST_MESSAGE_EOS);
    std::filesystem::rename(part, file);  // whole from the start, for who waits for it
    return file;
  }

  std::filesystem::path folder_;
};

inline std::string camera(const std::string &name, const std::string &uri, const std::string &more = "") {
  return "[[camera]]\nname = \"" + name + "\"\nuri = \"" + uri + "\"\n" + more;
}

}  // namespace uniad::rtsp
