// SPDX-License-Identifier: Apache-2.0
// Digests that identify cached features.
#pragma once

#include <glib.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace uniad {

// SHA-256 of several parts; the boundaries between parts are significant.
class Digest {
 public:
  static constexpr std::size_t length = 64;  // of the hexadecimal text

  void add(std::span<const std::byte> part) {
    const std::size_t size = part.size();
    update(std::as_bytes(std::span(&size, 1)));
    update(part);
  }
  void add(const std::string &part) { add(std::as_bytes(std::span(part))); }

  std::string text() const { return g_checksum_get_string(checksum_.get()); }

 private:
  struct Free {
    void operator()(GChecksum *checksum) const { g_checksum_free(checksum); }
  };

  void update(std::span<const std::byte> bytes) {
    g_checksum_update(checksum_.get(), reinterpret_cast<const guchar *>(bytes.data()),
                      static_cast<gssize>(bytes.size()));
  }

  std::unique_ptr<GChecksum, Free> checksum_{g_checksum_new(G_CHECKSUM_SHA256)};
};

}  // namespace uniad
