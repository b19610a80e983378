// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace uniad {

// "rtsp" of "RTSP://camera/live"; empty where a text has none, as a path has.
std::string scheme_of(const std::string &address);

// The path that an address names: itself where it has no scheme, that of a file:// URI. Nothing for others.
std::optional<std::string> local_path(const std::string &address);

// Addresses of cameras and brokers hold names and passwords of users, which no message and no file may tell.
//
// Passwords are written percent-encoded or as they are, with / ? # and @ in them: an address then has more
// than one meaning. Here the name and the password end at its last @, since a password that is told is worse
// than a path that is not. An @ is the path's only where no : comes before the path, or where what stands
// between scheme and path is clearly a host: localhost or a numeric address.

// The address without name and password, "***" in place of the values of password=, token= and the like. Also
// for an address that lacks its scheme or part of it, and for one with words before it. Other text is
// returned as it is.
std::string without_credentials(const std::string &address);

// The address as libraries take it, name and password percent-encoded. What is encoded already stays.
std::string with_encoded_credentials(const std::string &address);

// A text that others wrote about the address: what it tells of the name and password, encoded or not, is
// taken out.
std::string redacted(std::string text, const std::string &address);
// The same for a command line's arguments, of which some may be addresses.
std::string redacted(std::string text, const std::vector<std::string> &arguments);

}  // namespace uniad
