// SPDX-License-Identifier: Apache-2.0
#include "model/base/address.h"

#include <gio/gio.h>
#include <gtest/gtest.h>

#include <regex>
#include <string>
#include <vector>

namespace uniad {
namespace {

// The reserved characters of RFC 3986, and other characters that occur in passwords.
constexpr std::string_view special = ":/?#[]@!$&'()*+,;=% \"<>\\^`{|}";

const std::vector<std::string> hosts{"camera/live",           "camera.local:554/a/b?x=1",
                                     "192.168.1.20:554/live", "[fe80::1]:554/stream1",
                                     "localhost/cam0#t",      "camera"};

std::vector<std::string> passwords() {
  std::vector<std::string> all{"plain", "1234", std::string(special), "p@ss/w?rd#1", "a://b", "%41%zz", "ü"};
  for (const char c : special) {
    all.push_back(std::string("left") + c + "right");
    all.push_back(c + std::string("behind"));
    all.push_back("12" + std::string(1, c) + "34");
  }
  return all;
}

std::string escaped(const std::string &text) {
  g_autofree char *result = g_uri_escape_string(text.c_str(), nullptr, FALSE);
  return result;
}

bool looks_encoded(const std::string &text) {
  return std::regex_search(text, std::regex("%[0-9A-Fa-f]{2}"));
}

TEST(Address, HasALocalPathWhereItIsAFileOrStandardOutput) {
  EXPECT_EQ(local_path("-"), "-");
  EXPECT_EQ(local_path("a b%20.jsonl"), "a b%20.jsonl");
  EXPECT_EQ(local_path("./mqtt://odd"), "./mqtt://odd");
  EXPECT_EQ(local_path("C:x"), "C:x");
  EXPECT_EQ(local_path("file:///tmp/a%20b"), "/tmp/a b");
  EXPECT_EQ(local_path("file://localhost/tmp/a"), "/tmp/a");
  EXPECT_EQ(local_path("file://elsewhere/tmp/a"), std::nullopt);
  EXPECT_EQ(local_path("file:///tmp/%zz"), std::nullopt);
  for (const char *uri : {"mqtt://broker/topic", "kafka://broker/topic", "https://host/", "x-y.z+1://"})
    EXPECT_EQ(local_path(uri), std::nullopt) << uri;
}

TEST(Address, HasASchemeWhateverItsLetters) {
  EXPECT_EQ(scheme_of("rtsp://host"), "rtsp");
  EXPECT_EQ(scheme_of("RTSPt://host"), "rtspt");
  EXPECT_EQ(scheme_of("rtsp-sdp://host"), "rtsp-sdp");
  for (const char *none :
       {"", "/data/a.mp4", "a.mp4", "gate=rtsp://host", "./x://y", "://x", "9p://x", "a:b"})
    EXPECT_EQ(scheme_of(none), "") << none;
}

TEST(Address, IsToldWithoutNameAndPassword) {
  for (const std::string scheme : {"rtsp://", "rtspt://", "rtsps://", "http://", "mqtts://", "gate=rtsp://"})
    for (const std::string &host : hosts) {
      EXPECT_EQ(without_credentials(scheme + host), scheme + host);
      EXPECT_EQ(without_credentials(scheme + "admin@" + host), scheme + host);
      for (const std::string &password : passwords()) {
        EXPECT_EQ(without_credentials(scheme + "admin:" + password + "@" + host), scheme + host);
        EXPECT_EQ(without_credentials(scheme + "admin:" + escaped(password) + "@" + host), scheme + host);
        EXPECT_EQ(without_credentials(scheme + ":" + password + "@" + host), scheme + host);
        EXPECT_EQ(without_credentials(scheme + "me@home.org:" + password + "@" + host), scheme + host);
      }
    }
}

TEST(Address, KeepsAnAtOfItsPathWhereThatCanBeNothingElse) {
  for (const char *address : {"rtsp://host/a@b", "rtsp://10.0.0.2:554/a@b:c", "rtsp://[::1]:554/live@2",
                              "http://localhost:80/?x=a@b"})
    EXPECT_EQ(without_credentials(address), address);
  EXPECT_EQ(without_credentials("rtsp://admin:secret@10.0.0.2/live@2"), "rtsp://10.0.0.2/live@2");
}

TEST(Address, IsToldWithoutThePasswordsInItsQueryAndPath) {
  EXPECT_EQ(without_credentials("rtsp://host/live?user=a&Password=secret&channel=2"),
            "rtsp://host/live?user=a&Password=***&channel=2");
  EXPECT_EQ(without_credentials("rtsp://host/user=a&password=secret&channel=2"),
            "rtsp://host/user=a&password=***&channel=2");
  EXPECT_EQ(without_credentials("http://a:secret@host/?token=secret"), "http://host/?token=***");
}

// The error for a mistyped address repeats what the user typed.
TEST(Address, IsToldWithoutAPasswordWhereItsSchemeIsWrong) {
  EXPECT_EQ(without_credentials("admin:sec/ret@host/live"), "host/live");
  EXPECT_EQ(without_credentials("rtsp:/admin:sec@ret@host/live"), "rtsp:/host/live");
  EXPECT_EQ(without_credentials("rtsp//admin:secret@host/live"), "host/live");
  EXPECT_EQ(without_credentials("//admin:secret@host"), "host");
  for (const char *path : {"/data/a@b.mp4", "clip:1.mp4", "gate=a@b/clip.mp4#0-9"})
    EXPECT_EQ(without_credentials(path), path);
}

// GLib's parser serves as the reference.
TEST(Address, IsPercentEncodedForLibraries) {
  for (const std::string &host : hosts)
    for (const std::string &password : passwords()) {
      if (looks_encoded(password)) continue;  // "%41" cannot be distinguished from an encoded A
      for (const std::string &written : {password, escaped(password)}) {
        const std::string address = with_encoded_credentials("rtsp://admin:" + written + "@" + host);
        g_autofree char *user = nullptr;
        g_autofree char *read = nullptr;
        g_autofree char *found = nullptr;
        g_autoptr(GError) error = nullptr;
        ASSERT_TRUE(g_uri_split_with_user(address.c_str(), G_URI_FLAGS_HAS_PASSWORD, nullptr, &user, &read,
                                          nullptr, &found, nullptr, nullptr, nullptr, nullptr, &error))
            << address;
        EXPECT_STREQ(user, "admin");
        EXPECT_EQ(read, password);
        EXPECT_EQ(address.substr(address.size() - host.size() - 1), "@" + host);
      }
      const std::string without = "rtsp://" + host;
      EXPECT_EQ(with_encoded_credentials(without), without);
    }
  EXPECT_EQ(with_encoded_credentials("/data/a:b@c.mp4"), "/data/a:b@c.mp4");
}

TEST(Address, IsTakenOutOfOthersWords) {
  for (const std::string &password : passwords()) {
    if (password.size() < 3) continue;
    const std::string address = "rtsp://admin:" + password + "@camera/live";
    for (const std::string &form : {address, with_encoded_credentials(address)})
      EXPECT_EQ(redacted("open " + form + " failed, " + form, address),
                "open rtsp://camera/live failed, rtsp://camera/live");
    EXPECT_EQ(redacted("login admin <" + password + ">", address), "login admin <***>");
    EXPECT_EQ(redacted("login admin <" + escaped(password) + ">", address), "login admin <***>");
    EXPECT_EQ(redacted("login <" + password + ">", "rtsp://admin:" + escaped(password) + "@camera/live"),
              "login <***>");
  }
  EXPECT_EQ(redacted("no route to camera", "rtsp://admin:pw@camera/live"), "no route to camera");
  EXPECT_EQ(redacted("a: no such file", "clip.mp4"), "a: no such file");
  EXPECT_EQ(redacted("GET /?token=abcd", "http://host/?token=abcd"), "GET /?token=***");
}

}  // namespace
}  // namespace uniad
