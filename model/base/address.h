// SPDX-License-Identifier: Apache-2.0
// Addresses of streams, and how to remove passwords from text.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace uniad {

// The scheme of an address: "rtsp" for "RTSP://camera/live"; empty if there is none, as for a path.
std::string scheme_of(const std::string &address);

// The path of a file:// URI, or the address itself if it has no scheme; absent for other schemes.
std::optional<std::string> local_path(const std::string &address);

// Addresses of cameras and brokers contain user names and passwords, which must not appear in any message or
// file.
//
// Passwords may be percent-encoded or not, and then contain / ? # and @, which makes an address ambiguous.
// Here, the name and the password end at the last @, because disclosing a password is worse than hiding a
// path. An @ belongs to the path only if there is no : before the path, or if the text between scheme and
// path is clearly a host: localhost or a numeric address.

// The address without name and password, and with "***" in place of the values of password=, token= and
// similar parameters. Also works for an address without scheme or with part of it, and with text before it.
// Other text is returned unchanged.
std::string without_credentials(const std::string &address);

// The address for use with libraries, with name and password percent-encoded unless they already are.
std::string with_encoded_credentials(const std::string &address);

// Removes the name and password of the address, encoded or not, from a text that other software wrote.
std::string redacted(std::string text, const std::string &address);
// The same for the arguments of a command line, which may contain addresses.
std::string redacted(std::string text, const std::vector<std::string> &arguments);

}  // namespace uniad
