// SPDX-License-Identifier: Apache-2.0
// A folder of pictures for one test.
#pragma once

#include <gst/app/gstappsrc.h>
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <opencv2/imgcodecs.hpp>
#include <string>

#include "tests/support/scratch_folder.h"

namespace uniad::test {

// A temporary folder with functions that write pictures and videos.
class TemporaryFolder : public ScratchFolder {
 protected:
  std::filesystem::path write_picture(const std::string &name, const cv::Mat &picture) const {
    EXPECT_TRUE(cv::imwrite(file(name).string(), picture));
    return folder_ / name;
  }

  // Writes a picture of one color.
  std::filesystem::path write_plain(const std::string &name, double value = 100) const {
    return write_picture(name, cv::Mat(8, 8, CV_8UC3, cv::Scalar(value, value, value)));
  }

  // Writes a video whose frame n has brightness n, encoded by `encoder` ("jpegenc ! avimux").
  std::filesystem::path write_video(const std::string &name, int frames, const std::string &encoder) const {
    gst_init(nullptr, nullptr);
    constexpr int size = 64;
    GError *error = nullptr;
    GstElement *pipeline = gst_parse_launch(
        ("appsrc name=source format=time caps=video/x-raw,format=I420,width=64,height=64,framerate=25/1 ! " +
         encoder + " ! filesink name=file")
            .c_str(),
        &error);
    EXPECT_EQ(error, nullptr) << error->message;
    GstElement *written = gst_bin_get_by_name(GST_BIN(pipeline), "file");
    g_object_set(written, "location", file(name).c_str(), nullptr);
    gst_object_unref(written);
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    GstElement *source = gst_bin_get_by_name(GST_BIN(pipeline), "source");
    for (int n = 0; n < frames; ++n) {
      GstBuffer *buffer = gst_buffer_new_allocate(nullptr, size * size * 3 / 2, nullptr);
      gst_buffer_memset(buffer, 0, static_cast<guint8>(n), size * size);
      gst_buffer_memset(buffer, size * size, 128, size * size / 2);
      GST_BUFFER_PTS(buffer) = static_cast<GstClockTime>(n) * GST_SECOND / 25;
      GST_BUFFER_DURATION(buffer) = GST_SECOND / 25;
      gst_app_src_push_buffer(GST_APP_SRC(source), buffer);
    }
    gst_app_src_end_of_stream(GST_APP_SRC(source));
    GstBus *bus = gst_element_get_bus(pipeline);
    GstMessage *message = gst_bus_timed_pop_filtered(
        bus, GST_CLOCK_TIME_NONE, static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
    EXPECT_EQ(GST_MESSAGE_TYPE(message), GST_MESSAGE_EOS);
    gst_message_unref(message);
    gst_object_unref(bus);
    gst_object_unref(source);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(pipeline);
    return folder_ / name;
  }
};

}  // namespace uniad::test
