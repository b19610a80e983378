// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/uniadoverlay.h"

// What works on results, apart from the detector, so that a viewer does not load the network.
static gboolean plugin_init(GstPlugin *plugin) {
  return GST_ELEMENT_REGISTER(uniadoverlay, plugin);
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, uniad, "What anomaly detection found, drawn",
                  plugin_init, VERSION, "Apache 2.0", PACKAGE, "Unknown package origin")
