// SPDX-License-Identifier: Apache-2.0
// A short encoded stream, to push again and again.
#pragma once

#include <gst/app/gstappsink.h>
#include <gst/gst.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "gst-plugin/base/ref.h"

namespace uniad::test {

class EncodedStream {
 public:
  // launch: a pipeline that ends with its parser
  explicit EncodedStream(const std::string &launch) {
    GError *error = nullptr;
    const Ref<GstElement> pipeline(GST_ELEMENT(
        gst_object_ref_sink(gst_parse_launch((launch + " ! appsink name=sink sync=false").c_str(), &error))));
    if (const Ref<GError> owned(error); owned) throw std::runtime_error(owned->message);
    const Ref<GstElement> sink(gst_bin_get_by_name(GST_BIN(pipeline.get()), "sink"));
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    while (GstSample *sample = gst_app_sink_pull_sample(GST_APP_SINK(sink.get())))
      samples_.emplace_back(sample);
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);
    if (samples_.empty()) throw std::runtime_error("nothing was encoded: " + launch);
  }

  GstCaps *caps() const { return gst_sample_get_caps(samples_.front().get()); }

  double megabits_per_second() const {
    double bytes = 0;
    for (const auto &sample : samples_)
      bytes += static_cast<double>(gst_buffer_get_size(gst_sample_get_buffer(sample.get())));
    return bytes * 8 * 25 / static_cast<double>(samples_.size()) / 1e6;
  }

  // The frame with this number of a stream that repeats, at 25 frames per second. Owned by the caller.
  GstBuffer *frame(guint number) const {
    GstBuffer *buffer = gst_buffer_copy(gst_sample_get_buffer(samples_[number % samples_.size()].get()));
    GST_BUFFER_PTS(buffer) = GST_BUFFER_DTS(buffer) = number * 40 * GST_MSECOND;
    GST_BUFFER_DURATION(buffer) = 40 * GST_MSECOND;
    return buffer;
  }

 private:
  std::vector<Ref<GstSample>> samples_;
};

}  // namespace uniad::test
