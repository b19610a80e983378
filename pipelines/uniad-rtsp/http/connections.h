// SPDX-License-Identifier: Apache-2.0
// Accepts connections, a bounded number of them and each for a bounded time.
#pragma once

#include <gio/gio.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "gst-plugin/base/ref.h"
#include "pipelines/uniad-rtsp/http/http_config.h"

namespace uniad::rtsp {

// Each connection is closed after `longest_connection`, whatever it is doing, so that clients that send or
// read slowly, or nothing at all, do not keep others out. All on the thread-default main context of the
// constructor.
class Connections {
 public:
  static constexpr unsigned most = 64;
  static constexpr guint longest_connection = 30;  // seconds

  using Take = std::function<void(GSocketConnection *)>;

  // Throws Error if the address cannot be used.
  Connections(const HttpConfig &config, Take take);
  ~Connections();
  Connections(const Connections &) = delete;
  Connections &operator=(const Connections &) = delete;

  std::uint16_t port() const { return port_; }

 private:
  struct Connection;
  static gboolean accept(GSocketService *service, GSocketConnection *connection, GObject *source,
                         gpointer self);
  void add(GSocketConnection *connection);

  Ref<GSocketService> service_;
  Take take_;
  std::uint16_t port_ = 0;
  std::shared_ptr<unsigned> count_ = std::make_shared<unsigned>(0);
};

}  // namespace uniad::rtsp
