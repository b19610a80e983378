// SPDX-License-Identifier: Apache-2.0
// Tests that pipelines can find and load the plugin file libgstuniad.so.
#include <fstream>
#include <sstream>
#include <string>

#include "tests/support/gst_test.h"

namespace uniad::test {
namespace {

class Plugin : public GstTest, public testing::WithParamInterface<const char *> {};

TEST_P(Plugin, HasTheElementAndDoesNotLoadTheNetwork) {
  const Ref<GstElement> element(
      GST_ELEMENT(gst_object_ref_sink(gst_element_factory_make(GetParam(), nullptr))));
  ASSERT_NE(element, nullptr);
  EXPECT_STREQ(gst_plugin_feature_get_plugin_name(GST_PLUGIN_FEATURE(gst_element_get_factory(element.get()))),
               "uniad");
  std::ostringstream maps;
  maps << std::ifstream("/proc/self/maps").rdbuf();
  EXPECT_NE(maps.str().find("libgstuniad.so"), std::string::npos);
  EXPECT_EQ(maps.str().find("libtorch"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Elements, Plugin, testing::Values("uniadoverlay", "uniadpublish", "uniadrecord"));

}  // namespace
}  // namespace uniad::test
