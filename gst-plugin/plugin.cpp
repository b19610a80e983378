// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/overlay/uniadoverlay.h"
#include "gst-plugin/publish/uniadpublish.h"
#include "gst-plugin/record/uniadrecord.h"

// Registers the elements that use results. None of them needs the network.
static gboolean plugin_init(GstPlugin *plugin) {
  const gboolean overlay = GST_ELEMENT_REGISTER(uniadoverlay, plugin);
  const gboolean publish = GST_ELEMENT_REGISTER(uniadpublish, plugin);
  const gboolean record = GST_ELEMENT_REGISTER(uniadrecord, plugin);
  return overlay && publish && record ? TRUE : FALSE;
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, uniad, "Results of anomaly detection with UniAD",
                  plugin_init, VERSION, "Apache 2.0", PACKAGE, "Unknown package origin")
