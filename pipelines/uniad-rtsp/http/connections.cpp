// SPDX-License-Identifier: Apache-2.0
#include "pipelines/uniad-rtsp/http/connections.h"

#include <utility>

#include "model/base/error.h"

namespace uniad::rtsp {
namespace {

Ref<GInetAddress> address_of(const HttpConfig &config) {
  if (config.address == "localhost")
    return Ref<GInetAddress>(g_inet_address_new_loopback(G_SOCKET_FAMILY_IPV4));
  return Ref<GInetAddress>(g_inet_address_new_from_string(config.address.c_str()));
}

}  // namespace

// Lives as long as the connection.
struct Connections::Connection {
  GSocketConnection *connection;
  std::shared_ptr<unsigned> count;
  GSource *deadline;
};

Connections::Connections(const HttpConfig &config, Take take)
    : service_(g_socket_service_new()), take_(std::move(take)) {
  const std::string place =
      (config.place.empty() ? "" : config.place + " ") + config.address + ":" + std::to_string(config.port);
  const Ref<GInetAddress> address = address_of(config);
  if (!address)
    throw Error(ErrorKind::InvalidArgument, place, "is not a numeric address",
                "use an address of this machine");
  const Ref<GSocketAddress> wanted(g_inet_socket_address_new(address.get(), config.port));
  GSocketAddress *used = nullptr;
  g_autoptr(GError) error = nullptr;
  if (g_socket_listener_add_address(G_SOCKET_LISTENER(service_.get()), wanted.get(), G_SOCKET_TYPE_STREAM,
                                    G_SOCKET_PROTOCOL_TCP, nullptr, &used, &error) == FALSE)
    throw Error(ErrorKind::InvalidArgument, place, error->message,
                "choose another http_port or http_address in [server], or stop the program that uses it");
  const Ref<GSocketAddress> effective(used);
  port_ = g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(effective.get()));
  g_signal_connect(service_.get(), "incoming", G_CALLBACK(accept), this);
}

Connections::~Connections() {
  g_signal_handlers_disconnect_by_data(service_.get(), this);
  g_socket_service_stop(service_.get());
  g_socket_listener_close(G_SOCKET_LISTENER(service_.get()));
}

gboolean Connections::accept(GSocketService *, GSocketConnection *connection, GObject *, gpointer self) {
  auto &connections = *static_cast<Connections *>(self);
  if (*connections.count_ < most)
    connections.add(connection);
  else
    g_io_stream_close(G_IO_STREAM(connection), nullptr, nullptr);
  return TRUE;
}

void Connections::add(GSocketConnection *connection) {
  ++*count_;
  auto *added = new Connection{connection, count_, g_timeout_source_new_seconds(longest_connection)};
  g_source_set_callback(
      added->deadline,
      [](gpointer data) {
        // Whoever reads or writes is told that the connection has ended, and releases it.
        GSocket *socket = g_socket_connection_get_socket(static_cast<Connection *>(data)->connection);
        g_socket_shutdown(socket, TRUE, TRUE, nullptr);
        return G_SOURCE_REMOVE;
      },
      added, nullptr);
  g_source_attach(added->deadline, g_main_context_get_thread_default());
  g_object_weak_ref(
      G_OBJECT(connection),
      [](gpointer data, GObject *) {
        const std::unique_ptr<Connection> gone(static_cast<Connection *>(data));
        g_source_destroy(gone->deadline);
        g_source_unref(gone->deadline);
        --*gone->count;
      },
      added);
  take_(connection);
}

}  // namespace uniad::rtsp
