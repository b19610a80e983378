// SPDX-License-Identifier: Apache-2.0
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace uniad::test {
namespace {

const char *plugin_file() {
  return g_getenv("UNIAD_PLUGIN");
}

// Plugins live as long as the process: no hunt for leaks.
class Plugin : public testing::Test {
 protected:
  static void SetUpTestSuite() { gst_init(nullptr, nullptr); }
};

TEST_F(Plugin, HasTheElementsThatWorkOnResults) {
  GError *error = nullptr;
  GstPlugin *plugin = gst_plugin_load_file(plugin_file(), &error);
  ASSERT_NE(plugin, nullptr) << error->message;
  EXPECT_STREQ(gst_plugin_get_name(plugin), "uniad");
  std::vector<std::string> names;
  GList *features = gst_registry_get_feature_list_by_plugin(gst_registry_get(), "uniad");
  for (GList *item = features; item != nullptr; item = item->next)
    names.emplace_back(gst_plugin_feature_get_name(item->data));
  gst_plugin_feature_list_free(features);
  EXPECT_NE(std::find(names.begin(), names.end(), "uniadoverlay"), names.end())
      << testing::PrintToString(names);
  gst_object_unref(plugin);
}

TEST_F(Plugin, LoadsNoLibTorch) {
  gchar *libraries = nullptr;
  gint status = 0;
  const std::vector<const char *> command{"ldd", plugin_file(), nullptr};
  ASSERT_TRUE(g_spawn_sync(nullptr, const_cast<gchar **>(command.data()), nullptr, G_SPAWN_SEARCH_PATH,
                           nullptr, nullptr, &libraries, nullptr, &status, nullptr));
  const std::string text = libraries;
  g_free(libraries);
  EXPECT_EQ(status, 0);
  EXPECT_NE(text.find("libgstuniadmeta"), std::string::npos) << text;
  EXPECT_EQ(text.find("torch"), std::string::npos) << text;
  EXPECT_EQ(text.find("libc10"), std::string::npos) << text;
  EXPECT_EQ(text.find("libuniad."), std::string::npos) << text;
  EXPECT_EQ(text.find("not found"), std::string::npos) << text;
}

}  // namespace
}  // namespace uniad::test
