// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/detect/uniaddetect.h"

// A separate plugin, so that pipelines that only draw or publish do not load the network.
static gboolean plugin_init(GstPlugin *plugin) {
  return GST_ELEMENT_REGISTER(uniaddetect, plugin);
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, uniaddetect, "Anomaly detection with UniAD",
                  plugin_init, VERSION, "Apache 2.0", PACKAGE, "Unknown package origin")
