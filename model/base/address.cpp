// SPDX-License-Identifier: Apache-2.0
#include "model/base/address.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <optional>
#include <string_view>

namespace uniad {
namespace {

constexpr std::string_view mask = "***";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// The byte that a percent-encoded sequence such as "%2F" at this position represents.
std::optional<char> encoded_byte(std::string_view text, std::size_t at) {
  if (at + 3 > text.size() || text[at] != '%') return std::nullopt;
  unsigned value = 0;
  const char *const end = text.data() + at + 3;
  const auto read = std::from_chars(text.data() + at + 1, end, value, 16);
  if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return static_cast<char>(value);
}

std::string decoded(std::string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = encoded_byte(text, i);
    bytes += byte.value_or(text[i]);
    if (byte) i += 2;
  }
  return bytes;
}

std::string encoded(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  constexpr std::string_view unreserved = "-._~";
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (is_letter(c) || is_digit(c) || unreserved.find(c) != unreserved.npos || encoded_byte(text, i)) {
      result += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    result += {'%', digits[byte >> 4U], digits[byte & 15U]};
  }
  return result;
}

// "localhost", "192.168.1.20" or "[fe80::1]", with or without a port.
bool is_clearly_a_host(std::string_view authority) {
  const auto bracket = authority.starts_with('[') ? authority.find(']') : authority.npos;
  const auto colon = authority.find(':', bracket == authority.npos ? 0 : bracket);
  const std::string_view host = authority.substr(0, colon);
  const std::string_view port = colon == authority.npos ? "" : authority.substr(colon + 1);
  if (!std::all_of(port.begin(), port.end(), is_digit)) return false;
  if (bracket != authority.npos) return bracket + 1 == host.size();
  const bool numeric = std::count(host.begin(), host.end(), '.') == 3 &&
                       std::all_of(host.begin(), host.end(), [](char c) { return is_digit(c) || c == '.'; });
  return numeric || host == "localhost";
}

// The position of the name and the password in a text, including the @ after them.
struct Credentials {
  std::size_t begin;
  std::size_t end;
};

std::optional<Credentials> without_scheme(std::string_view text) {
  const auto at = text.rfind('@');
  if (at == text.npos || text.substr(0, at).find(':') == text.npos) return std::nullopt;
  // The scheme of "rtsp:/name:password@host" may remain.
  const auto scheme = std::find_if_not(text.begin(), text.end(), is_letter) - text.begin();
  auto begin = static_cast<std::size_t>(scheme);
  if (!text.substr(begin).starts_with(":/")) return Credentials{0, at + 1};
  begin += 2;
  return at < begin ? std::nullopt : std::optional(Credentials{begin, at + 1});
}

std::optional<Credentials> find_credentials(std::string_view text) {
  if (text.find("://") == text.npos) return without_scheme(text);
  const auto last = text.rfind('@');
  if (last == text.npos) return std::nullopt;
  for (auto scheme = text.find("://"); scheme < last; scheme = text.find("://", scheme + 3)) {
    const auto begin = scheme + 3;
    const auto authority = text.substr(begin, text.find_first_of("/?#", begin) - begin);
    const auto at = authority.rfind('@');
    if (is_clearly_a_host(authority.substr(at == authority.npos ? 0 : at + 1))) {
      if (at == authority.npos) continue;
      return Credentials{begin, begin + at + 1};
    }
    if (authority.find_first_of(":@") != authority.npos) return Credentials{begin, last + 1};
  }
  return std::nullopt;
}

struct Range {
  std::size_t begin;
  std::size_t end;
};

// Masks the values of password= and similar parameters, in queries and in paths such as
// /user=admin&password=12345&channel=1.
std::vector<Range> secret_values(std::string_view text) {
  static constexpr std::array<std::string_view, 7> keys{
      "password=", "passwd=", "passwort=", "pwd=", "pass=", "token=", "secret="};
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  std::vector<Range> values;
  for (const std::string_view key : keys)
    for (auto at = lower.find(key); at != lower.npos; at = lower.find(key, at + 1)) {
      const auto begin = at + key.size();
      const auto end = std::min(lower.find_first_of("&;# ", begin), lower.size());
      if (end > begin) values.push_back({begin, end});
    }
  std::sort(values.begin(), values.end(), [](const Range &a, const Range &b) { return a.begin < b.begin; });
  return values;
}

std::string with_masked_values(std::string text) {
  const auto values = secret_values(text);
  for (auto value = values.rbegin(); value != values.rend(); ++value)
    text.replace(value->begin, value->end - value->begin, mask);
  return text;
}

// The end of the secret if the text contains it at this position, with any of its bytes encoded.
std::optional<std::size_t> end_of(std::string_view secret, std::string_view text, std::size_t at) {
  for (const char c : secret) {
    if (at >= text.size()) return std::nullopt;
    if (encoded_byte(text, at) == c)
      at += 3;
    else if (text[at] == c)
      ++at;
    else
      return std::nullopt;
  }
  return at;
}

void replace(std::string &text, std::string_view secret, std::string_view by) {
  if (secret.empty()) return;
  std::string result;
  for (std::size_t i = 0; i < text.size();) {
    if (const auto end = end_of(secret, text, i)) {
      result += by;
      i = *end;
    } else {
      result += text[i++];
    }
  }
  text = std::move(result);
}

// The secret as it is written, and decoded.
void replace_both(std::string &text, const std::string &secret, std::string_view by) {
  replace(text, secret, by);
  replace(text, decoded(secret), by);
}

}  // namespace

std::string scheme_of(const std::string &address) {
  const auto end = address.find("://");
  if (end == std::string::npos || end == 0 || !is_letter(address.front())) return {};
  std::string scheme = address.substr(0, end);
  for (char &c : scheme) {
    if (!is_letter(c) && !is_digit(c) && c != '+' && c != '-' && c != '.') return {};
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return scheme;
}

std::optional<std::string> local_path(const std::string &address) {
  const std::string scheme = scheme_of(address);
  if (scheme.empty()) return address;
  if (scheme != "file") return std::nullopt;
  const std::string_view rest = std::string_view(address).substr(scheme.size() + 3);
  const auto slash = rest.find('/');
  const bool is_here = slash == 0 || rest.substr(0, slash) == "localhost";
  if (slash == rest.npos || !is_here) return std::nullopt;
  for (std::size_t i = slash; i < rest.size(); ++i)
    if (rest[i] == '%' && encoded_byte(rest, i).value_or('\0') == '\0') return std::nullopt;
  return decoded(rest.substr(slash));
}

std::string without_credentials(const std::string &address) {
  std::string text = address;
  if (const auto found = find_credentials(text)) text.erase(found->begin, found->end - found->begin);
  return text.find("://") == text.npos ? text : with_masked_values(text);
}

std::string with_encoded_credentials(const std::string &address) {
  const auto found = find_credentials(address);
  if (!found || scheme_of(address).empty()) return address;
  const std::string_view both = std::string_view(address).substr(found->begin, found->end - 1 - found->begin);
  const auto colon = both.find(':');
  std::string result = address.substr(0, found->begin) + encoded(both.substr(0, colon));
  if (colon != both.npos) result += ":" + encoded(both.substr(colon + 1));
  return result + address.substr(found->end - 1);
}

std::string redacted(std::string text, const std::string &address) {
  constexpr std::size_t shortest =
      3;  // minimum length of a password that is searched for by itself; shorter ones occur in words
  std::vector<std::string> secrets;
  for (const Range &value : secret_values(address))
    secrets.push_back(address.substr(value.begin, value.end - value.begin));
  if (const auto found = find_credentials(address)) {
    const std::string both = address.substr(found->begin, found->end - found->begin);
    replace_both(text, both, "");
    if (const auto colon = both.find(':'); colon != both.npos)
      secrets.push_back(both.substr(colon + 1, both.size() - colon - 2));
  }
  for (const std::string &secret : secrets)
    if (secret.size() >= shortest) replace_both(text, secret, mask);
  return text;
}

std::string redacted(std::string text, const std::vector<std::string> &arguments) {
  for (const std::string &argument : arguments) text = redacted(std::move(text), argument);
  return text;
}

}  // namespace uniad
