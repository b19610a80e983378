// SPDX-License-Identifier: Apache-2.0
#include "pipelines/uniad-rtsp/element_setting.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "gst-plugin/base/ref.h"
#include "model/base/error.h"
#include "tests/support/gst_test.h"

// With elements of GStreamer itself, so that the expectations are not this project's.
namespace uniad::rtsp {
namespace {

using Value = decltype(ElementSetting::value);

class ElementSettingTest : public test::GstTest {};

Ref<GstElement> make(const char *factory) {
  return Ref<GstElement>(GST_ELEMENT(gst_object_ref_sink(gst_element_factory_make(factory, nullptr))));
}

void set(GstElement *element, const std::string &property, const Value &value) {
  apply({{property, value, "c.toml:7: detect key"}}, element);
}

std::string error_of(const char *factory, const std::string &property, const Value &value) {
  try {
    set(make(factory).get(), property, value);
  } catch (const Error &error) {
    return error.what();
  }
  return "no error";
}

template <typename T>
T get(GstElement *element, const char *property) {
  T value{};
  g_object_get(element, property, &value, nullptr);
  return value;
}

TEST_F(ElementSettingTest, SetsPropertiesOfEveryType) {
  const auto source = make("videotestsrc");
  set(source.get(), "pattern", std::string("snow"));
  set(source.get(), "is-live", true);
  set(source.get(), "kx", std::int64_t{-5});
  set(source.get(), "foreground-color", std::int64_t{4294967295});
  set(source.get(), "timestamp-offset", std::string("1500ms"));
  EXPECT_EQ(get<gint>(source.get(), "pattern"), 1);
  EXPECT_TRUE(get<gboolean>(source.get(), "is-live"));
  EXPECT_EQ(get<gint>(source.get(), "kx"), -5);
  EXPECT_EQ(get<guint>(source.get(), "foreground-color"), 4294967295U);
  EXPECT_EQ(get<gint64>(source.get(), "timestamp-offset"), 1'500'000'000);

  const auto queue = make("queue");
  set(queue.get(), "max-size-time", std::string("2min"));
  EXPECT_EQ(get<guint64>(queue.get(), "max-size-time"), 120 * GST_SECOND);
  set(queue.get(), "max-size-time", std::int64_t{7});
  EXPECT_EQ(get<guint64>(queue.get(), "max-size-time"), 7U);

  const auto sound = make("audiotestsrc");
  set(sound.get(), "volume", 0.25);
  EXPECT_EQ(get<gdouble>(sound.get(), "volume"), 0.25);
  set(sound.get(), "volume", std::int64_t{1});
  EXPECT_EQ(get<gdouble>(sound.get(), "volume"), 1.0);

  const auto file = make("filesrc");
  set(file.get(), "location", std::string("NULL"));  // no value of gst-launch's syntax, but a text
  g_autofree gchar *location = get<gchar *>(file.get(), "location");
  EXPECT_STREQ(location, "NULL");
}

TEST_F(ElementSettingTest, SaysWhereWhatAndHowToCorrectIt) {
  const struct {
    const char *factory, *property;
    Value value;
    std::vector<std::string> says;
  } cases[] = {
      {"videotestsrc",
       "patern",
       std::string("snow"),
       {"no property \"patern\"", "gst-inspect-1.0 videotestsrc"}},
      {"videotestsrc", "pattern", std::string("rain"), {"\"rain\" is not one of its values", "\"snow\""}},
      {"videotestsrc", "pattern", true, {"wrong type", "\"snow\""}},
      {"videotestsrc", "pattern", 0.5, {"wrong type"}},
      {"videotestsrc", "is-live", std::int64_t{1}, {"wrong type", "true or false"}},
      {"videotestsrc", "is-live", std::string("true"), {"wrong type", "true or false"}},
      {"videotestsrc", "kx", std::int64_t{2147483648}, {"out of range", "from -2147483648 to 2147483647"}},
      {"videotestsrc", "kx", 1.5, {"wrong type", "whole number"}},
      {"videotestsrc", "foreground-color", std::int64_t{-1}, {"out of range", "from 0 to 4294967295"}},
      {"videotestsrc", "timestamp-offset", std::string("10"), {"\"10\" is not a time", "\"10s\""}},
      {"queue", "max-size-time", std::int64_t{-1}, {"out of range"}},
      {"queue", "max-size-time", std::string("-1s"), {"out of range"}},
      {"queue", "max-size-time", std::string("1e300h"), {"out of range"}},
      {"queue", "current-level-time", std::int64_t{1}, {"can only be read"}},
      {"audiotestsrc", "volume", 1.5, {"out of range", "from 0 to 1"}},
      {"audiotestsrc", "volume", std::numeric_limits<double>::quiet_NaN(), {"out of range"}},
      {"audiotestsrc", "volume", std::string("0.5"), {"wrong type", "a number"}},
      {"filesrc", "location", std::int64_t{1}, {"wrong type", "text in quotes"}},
  };
  for (const auto &[factory, property, value, says] : cases) {
    const std::string error = error_of(factory, property, value);
    EXPECT_EQ(error.find("c.toml:7: detect key: "), 0U) << error;
    for (const auto &part : says) EXPECT_NE(error.find(part), std::string::npos) << part << "\nin: " << error;
  }
}

}  // namespace
}  // namespace uniad::rtsp
