// SPDX-License-Identifier: Apache-2.0
#include "training/evaluate/report/html.h"

#include <glib.h>

#include <array>
#include <charconv>
#include <memory>

namespace uniad {
namespace {

struct Free {
  void operator()(gchar *text) const { g_free(text); }
};
using Text = std::unique_ptr<gchar, Free>;

}  // namespace

std::string escape_html(const std::string &text) {
  const Text valid(g_utf8_make_valid(text.data(), static_cast<gssize>(text.size())));
  const Text escaped(g_markup_escape_text(valid.get(), -1));
  return escaped.get();
}

std::string data_url(std::span<const std::uint8_t> jpeg) {
  const Text base64(g_base64_encode(jpeg.data(), jpeg.size()));
  return std::string("data:image/jpeg;base64,") + base64.get();
}

std::string decimal(double value, int digits) {
  std::array<char, 400> text{};  // the largest double has 309 digits before the point
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed, digits).ptr;
  return {text.data(), end};
}

}  // namespace uniad
