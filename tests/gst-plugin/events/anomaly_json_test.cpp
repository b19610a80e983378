// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/events/anomaly_json.h"

#include <limits>
#include <string>

#include "tests/support/gst_test.h"

namespace uniad::test {
namespace {

class AnomalyJson : public GstTest {
 protected:
  GstAnomalyMeta *add(const char *source, double score, GstClockTime age = 0) const {
    return gst_buffer_add_anomaly_meta(buffer_.get(), source, score, age);
  }

  std::string line() const {
    const auto *meta = gst_buffer_get_anomaly_meta(buffer_.get());
    return anomaly_json(*meta, buffer_.get(), meta->event_state);
  }

  void add_reference(const char *caps_text, GstClockTime time) const {
    const Ref<GstCaps> caps(gst_caps_from_string(caps_text));
    gst_buffer_add_reference_timestamp_meta(buffer_.get(), caps.get(), time, GST_CLOCK_TIME_NONE);
  }

  void TearDown() override {
    buffer_.reset();
    GstTest::TearDown();
  }

  Ref<GstBuffer> buffer_{gst_buffer_new()};
};

TEST_F(AnomalyJson, HasAllKeysInTheOrderOfTheSchema) {
  auto *meta = add("cam0", 3.5);
  gst_anomaly_meta_set_threshold(meta, 2.25, 0.75);
  const GstAnomalyRegion regions[] = {{0.41F, 0.5F, 0.12F, 0.2F, 3.5F, nullptr, nullptr},
                                      {0, 0, 1, 1, 2.25F, "door", nullptr}};
  gst_anomaly_meta_set_regions(meta, regions, 2);
  gst_anomaly_meta_set_event(meta, "7f3a", GST_ANOMALY_EVENT_BEGIN);
  GST_BUFFER_PTS(buffer_.get()) = 40 * GST_MSECOND;
  add_reference("timestamp/x-unix", 1'714'564'800 * GST_SECOND + 40 * GST_MSECOND);
  EXPECT_EQ(
      line(),
      R"({"version":1,"source":"cam0","pts":40000000,"time":"2024-05-01T12:00:00.040000Z",)"
      R"("time_source":"camera","score":3.5,"threshold":2.25,"probability":0.75,"anomalous":true,"age":0,)"
      R"("regions":[{"x":0.41,"y":0.5,"w":0.12,"h":0.2,"score":3.5},)"
      R"({"x":0.0,"y":0.0,"w":1.0,"h":1.0,"score":2.25,"zone":"door"}],)"
      R"("event":{"id":"7f3a","kind":"anomaly","state":"begin"}})");
}

TEST_F(AnomalyJson, LeavesOutWhatIsNotKnown) {
  add("cam0", 0.5, 80 * GST_MSECOND);
  EXPECT_EQ(line(),
            R"({"version":1,"source":"cam0","score":0.5,"anomalous":false,"age":80000000,"regions":[]})");
}

TEST_F(AnomalyJson, AnUnknownSceneIsSaidBeforeTheAgeAndAKnownOneNotAtAll) {
  auto *meta = add("cam0", 0.5, 80 * GST_MSECOND);
  gst_anomaly_meta_set_threshold(meta, 2, 0.5);
  EXPECT_EQ(line().find("unknown_scene"), std::string::npos) << line();
  gst_anomaly_meta_set_unknown_scene(meta);
  EXPECT_EQ(line(), R"({"version":1,"source":"cam0","score":0.5,"threshold":2.0,"probability":0.5,)"
                    R"("anomalous":true,"unknown_scene":true,"age":80000000,"regions":[]})");
}

TEST_F(AnomalyJson, SaysWhatRaisedTheScore) {
  auto *meta = add("cam0", 2.5, 0);
  gst_anomaly_meta_set_threshold(meta, 2, 0.75);
  gst_anomaly_meta_set_raised_by(meta, "both");
  EXPECT_EQ(line(), R"({"version":1,"source":"cam0","score":2.5,"threshold":2.0,"probability":0.75,)"
                    R"("anomalous":true,"raised_by":"both","age":0,"regions":[]})");
}

TEST_F(AnomalyJson, AnAgeThatNobodyKnowsIsNull) {
  add("cam0", 0.5, GST_CLOCK_TIME_NONE);
  EXPECT_EQ(line(), R"({"version":1,"source":"cam0","score":0.5,"anomalous":false,"age":null,"regions":[]})");
}

TEST_F(AnomalyJson, KeepsEveryDigitOfAScoreAndEveryNanosecond) {
  add("cam0", 0.1 + 0.2, 1);
  GST_BUFFER_PTS(buffer_.get()) = G_MAXUINT64 - 1;
  EXPECT_EQ(line(), R"({"version":1,"source":"cam0","pts":18446744073709551614,"score":0.30000000000000004,)"
                    R"("anomalous":false,"age":1,"regions":[]})");
}

TEST_F(AnomalyJson, NumbersThatAreNotFiniteAreNull) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  auto *meta = add("cam0", std::numeric_limits<double>::quiet_NaN());
  gst_anomaly_meta_set_threshold(meta, std::numeric_limits<double>::infinity(),
                                 std::numeric_limits<double>::quiet_NaN());
  const GstAnomalyRegion region{
      std::numeric_limits<float>::quiet_NaN(), infinity, -infinity, 0, infinity, nullptr, nullptr};
  gst_anomaly_meta_set_regions(meta, &region, 1);
  EXPECT_EQ(line(), R"({"version":1,"source":"cam0","score":null,"threshold":null,"probability":null,)"
                    R"("anomalous":false,"age":0,)"
                    R"("regions":[{"x":null,"y":null,"w":null,"h":0.0,"score":null}]})");
}

TEST_F(AnomalyJson, ANameStaysOneLineOfUtf8) {
  add("T\xC3\xBCr \"1\"\n\xFF\xC3 \xF0\x9F\x9A\xAA", 0);
  EXPECT_EQ(line(),
            "{\"version\":1,\"source\":\"T\xC3\xBCr \\\"1\\\"\\n\xEF\xBF\xBD\xEF\xBF\xBD \xF0\x9F\x9A\xAA\","
            "\"score\":0.0,\"anomalous\":false,\"age\":0,\"regions\":[]}");
}

TEST_F(AnomalyJson, AnEventIsNamedAsLongAsItLasts) {
  auto *meta = add("cam0", 0);
  for (const auto &[state, name] : {std::pair{GST_ANOMALY_EVENT_BEGIN, "begin"},
                                    {GST_ANOMALY_EVENT_ONGOING, "ongoing"},
                                    {GST_ANOMALY_EVENT_END, "end"}}) {
    gst_anomaly_meta_set_event(meta, "1", state);
    EXPECT_TRUE(
        line().ends_with(std::string(R"(,"event":{"id":"1","kind":"anomaly","state":")") + name + "\"}}"))
        << line();
  }
  gst_anomaly_meta_set_event_kind(meta, "unknown-scene", "door");
  EXPECT_TRUE(line().ends_with(R"(,"event":{"id":"1","kind":"unknown-scene","state":"end","zone":"door"}})"))
      << line();
  gst_anomaly_meta_set_event(meta, nullptr, GST_ANOMALY_EVENT_NONE);
  EXPECT_EQ(line().find("event"), std::string::npos);
}

TEST_F(AnomalyJson, TheDetectorsTimeAndSessionAreTold) {
  auto *meta = add("cam0", 0.5);
  gst_anomaly_meta_set_session(meta, "3f0c");
  gst_anomaly_meta_set_time(meta, 951'782'400 * GST_SECOND, GST_ANOMALY_TIME_ARRIVAL);
  EXPECT_EQ(line(), R"({"version":1,"source":"cam0","session":"3f0c","time":"2000-02-29T00:00:00.000000Z",)"
                    R"("time_source":"arrival","score":0.5,"anomalous":false,"age":0,"regions":[]})");
}

TEST_F(AnomalyJson, AnEventsLineTellsItsCourse) {
  Event event;
  event.id = "a5b2";
  event.source = "cam0";
  event.session = "3f0c";
  event.state = GST_ANOMALY_EVENT_BEGIN;
  event.begin = event.moment = event.peak = {40 * GST_MSECOND, 951'782'400 * GST_SECOND};
  event.time_source = GST_ANOMALY_TIME_CAMERA;
  event.duration = 0;
  event.frames = 1;
  event.peak_score = 3.5;
  event.threshold = 2.25;
  const std::string common = R"({"version":1,"type":"event","source":"cam0","session":"3f0c",)";
  const std::string begin = R"("begin":{"pts":40000000,"time":"2000-02-29T00:00:00.000000Z"},)";
  const std::string time_of_peak = R"("pts":40000000,"time":"2000-02-29T00:00:00.000000Z")";
  EXPECT_EQ(event_json(event),
            common + R"("pts":40000000,"time":"2000-02-29T00:00:00.000000Z","time_source":"camera",)" +
                R"("event":{"id":"a5b2","kind":"anomaly","state":"begin",)" + begin +
                R"("peak":{"score":3.5,)" + time_of_peak + R"(},"threshold":2.25,"frames":1}})");
  event.state = GST_ANOMALY_EVENT_END;
  event.moment = {1240 * GST_MSECOND, unknown_moment.time};
  event.duration = 1200 * GST_MSECOND;
  event.frames = 30;
  event.peak_regions = {{0.41F, 0.5F, 0.12F, 0.2F, 3.5F, nullptr, nullptr}};
  event.reason = "eos";
  EXPECT_EQ(event_json(event, {"a.jpg", "b.jpg"}),
            common + R"("pts":1240000000,"event":{"id":"a5b2","kind":"anomaly","state":"end",)" + begin +
                R"("end":{"pts":1240000000},"duration":1200000000,"peak":{"score":3.5,)" + time_of_peak +
                R"(,"regions":[{"x":0.41,"y":0.5,"w":0.12,"h":0.2,"score":3.5}]},"threshold":2.25,)" +
                R"("frames":30,"reason":"eos","snapshot":"a.jpg","snapshot_overlay":"b.jpg"}})");
  const std::string in_a_recording = event_json(event, {}, {FilePlace{"a.mp4", 5}, FilePlace{"b.mp4", 6}});
  EXPECT_NE(in_a_recording.find(R"("time":"2000-02-29T00:00:00.000000Z","file":"a.mp4","offset":5},"end":)"
                                R"({"pts":1240000000,"file":"b.mp4","offset":6})"),
            std::string::npos)
      << in_a_recording;
}

TEST_F(AnomalyJson, EncodersDoNotChangeTheTimestampOfTheDetector) {
  GST_BUFFER_PTS(buffer_.get()) = 40 * GST_MSECOND;
  gst_anomaly_meta_set_event(add("cam0", 3.5), "a5b2", GST_ANOMALY_EVENT_BEGIN);
  GST_BUFFER_PTS(buffer_.get()) += 1000 * GST_SECOND;
  EXPECT_NE(line().find(R"("pts":1000040000000,)"), std::string::npos) << line();
  const std::string at_detector =
      anomaly_json_at_detector(*gst_buffer_get_anomaly_meta(buffer_.get()), buffer_.get());
  EXPECT_NE(at_detector.find(R"("pts":40000000,)"), std::string::npos) << at_detector;
  EXPECT_NE(at_detector.find(R"("state":"begin")"), std::string::npos) << at_detector;
}

// A meta that another element has filled incompletely.
TEST_F(AnomalyJson, AMetaWithoutASourceIsStillALine) {
  gst_buffer_add_meta(buffer_.get(), GST_ANOMALY_META_INFO, nullptr);
  EXPECT_EQ(line(), R"({"version":1,"source":"","score":0.0,"anomalous":false,"age":0,"regions":[]})");
}

std::string time_of(const std::string &line) {
  const auto at = line.find("\"time\":\"");
  return at == std::string::npos ? "" : line.substr(at + 8, line.find('"', at + 8) - at - 8);
}

TEST_F(AnomalyJson, NtpTimeCountsFrom1900) {
  add("cam0", 0);
  add_reference("timestamp/x-ntp, host=pool.ntp.org", 2'208'988'800 * GST_SECOND + 999'999'999);
  EXPECT_EQ(time_of(line()), "1970-01-01T00:00:00.999999Z");
}

TEST_F(AnomalyJson, OtherClocksAreNoWallClock) {
  add("cam0", 0);
  add_reference("timestamp/x-ptp", 1'714'564'800 * GST_SECOND);
  add_reference("timestamp/x-ntp", 5 * GST_SECOND);  // before 1970: an unset clock
  EXPECT_EQ(time_of(line()), "");
  add_reference("timestamp/x-unix", 951'782'400 * GST_SECOND);
  EXPECT_EQ(time_of(line()), "2000-02-29T00:00:00.000000Z");
}

}  // namespace
}  // namespace uniad::test
