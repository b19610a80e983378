// SPDX-License-Identifier: Apache-2.0
// Whatever goes wrong with a camera, its password is told nowhere.
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/support/child_process.h"
#include "tests/support/rtsp_camera.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/tiny_model.h"

namespace uniad {
namespace {

using test::ChildProcess;
using test::Finished;

// Reserved characters between pieces that are found one by one, however the password is cut or escaped.
const std::vector<std::string> pieces{"aQ7x", "bW8y", "cE9z", "dR0u", "eT1i", "fY2o", "gU3p"};
constexpr auto password = "aQ7x/bW8y?cE9z#dR0u@eT1i[]:!$&()*+,;=fY2o% gU3p";

std::string told_of(const std::string &text) {
  std::string told;
  for (const auto &piece : pieces)
    if (text.find(piece) != std::string::npos) told += piece + " ";
  return told;
}

class Password : public test::ScratchFolder {
 protected:
  static Finished uniad(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), UNIAD_EXECUTABLE);
    return test::run(arguments);
  }

  static void expect_untold(const Finished &finished, int status) {
    EXPECT_EQ(finished.status, status) << finished.err;
    EXPECT_EQ(told_of(finished.out), "") << finished.out;
    EXPECT_EQ(told_of(finished.err), "") << finished.err;
  }

  std::string model() const {
    const auto path = file("tiny.safetensors");
    if (!std::filesystem::exists(path)) test::write_tiny_model(path, 1.0);
    return path.string();
  }

  // In every file of the folder, and in their names.
  void expect_folder_untold() const {
    for (const auto &entry : std::filesystem::recursive_directory_iterator(folder_)) {
      EXPECT_EQ(told_of(entry.path().string()), "");
      if (!entry.is_regular_file() || entry.path().extension() == ".toml") continue;
      std::ifstream stream(entry.path(), std::ios::binary);
      EXPECT_EQ(told_of({std::istreambuf_iterator<char>(stream), {}}), "") << entry.path();
    }
  }

  std::string write_config(const std::string &text) const {
    std::ofstream(file("cameras.toml")) << text;
    return file("cameras.toml").string();
  }

  const std::string login_ = std::string("admin:") + password + "@";
};

TEST_F(Password, IsNotInAModelThatWasLearnedThroughIt) {
  const test::RtspCamera camera("admin", password, GST_RTSP_AUTH_DIGEST);
  const auto path = file("m.safetensors").string();
  const auto trained = uniad({"train", "--data", camera.uri(login_, "rtspt"), "--record", "1", "--backbone",
                              "efficientnet-lite2", "--no-cache", "--model", path});
  if (trained.err.find("no weights") != std::string::npos)
    GTEST_SKIP() << "needs weights of efficientnet-lite2";
  expect_untold(trained, 0);
  EXPECT_NE(trained.err.find("source cam0"), std::string::npos) << trained.err;
  const auto info = uniad({"info", path, "--json", "-"});
  expect_untold(info, 0);
  EXPECT_NE(info.out.find(camera.uri("", "rtspt")), std::string::npos) << info.out;
  expect_folder_untold();
}

TEST_F(Password, IsNotToldByUniadWhateverIsWrong) {
  const test::RtspCamera camera("admin", "another", GST_RTSP_AUTH_BASIC);
  const std::string closed = "rtsp://" + login_ + "127.0.0.1:1/cam0";
  const std::string out = file("m.safetensors").string();
  for (const auto &uri :
       {camera.uri(login_), closed, "nosuch://" + login_ + "host/cam0", "rtsp:/" + login_ + "host/cam0",
        login_ + "host/cam0", "file://" + login_ + "host/cam0"}) {
    expect_untold(
        uniad({"train", "--backbone", "efficientnet-lite2", "--record", "1", "--data", uri, "--model", out}),
        1);
    expect_untold(uniad({"predict", "--model", model(), "gate=" + uri}), 1);
  }
  expect_untold(
      uniad({"train", "--backbone", "efficientnet-lite2", "--data", "gate=" + closed, "--model", out}), 1);
  expect_untold(uniad({"--log-json", "evaluate", "--model", model(), "--data", closed}), 1);
  expect_untold(uniad({"predict", "--model", closed, "none"}), 1);
  expect_untold(uniad({"train", "--dat", closed, "--model", out}), 2);
  expect_untold(uniad({"train", "--record", "gate=" + closed}), 2);
  expect_untold(uniad({closed}), 2);
  const std::string lines[] = {"data = " + closed, "data = \"" + closed, "\"" + closed + "\" = 1",
                               "\"" + closed + "\" = 1\n\"" + closed + "\" = 1",
                               "data = [\"" + closed + "\"]\nrecord = \"x\""};
  for (const auto &line : lines) expect_untold(uniad({"train", "--config", write_config(line)}), 2);
  expect_folder_untold();
}

// The server's log up to the line that has the words.
std::string log_until(ChildProcess &server, const std::string &words) {
  std::string log;
  while (const auto line = server.read_err_line()) {
    log += *line + "\n";
    if (line->find(words) != std::string::npos) break;
  }
  return log;
}

TEST_F(Password, IsNotToldByTheServerWhateverTheCameraAnswers) {
  const test::RtspCamera refusing("admin", "another", GST_RTSP_AUTH_DIGEST);
  const test::RtspCamera open("admin", password, GST_RTSP_AUTH_DIGEST);
  for (const auto &[uri, words] : std::vector<std::pair<std::string, std::string>>{
           {refusing.uri(login_), "trying again"},
           {refusing.uri(login_, "rtspt"), "trying again"},
           {"rtsp://" + login_ + "127.0.0.1:1/a", "trying again"},
           {"rtsp://" + login_ + "no.such.host.invalid/a", "trying again"}}) {
    ChildProcess server(
        {UNIAD_RTSP, write_config("[server]\nport = 0\n[[camera]]\nname = \"gate\"\nuri = '" + uri + "'\n")});
    const std::string log = log_until(server, words);
    EXPECT_NE(log.find("gate: "), std::string::npos) << log;
    EXPECT_EQ(told_of(log), "") << log;
    server.send_signal(SIGTERM);
    expect_untold(server.wait(), 0);
  }
  // The right password opens it: what is published was judged.
  const auto published = file("gate.jsonl");
  ChildProcess server({UNIAD_RTSP, write_config("[server]\nport = 0\n[[camera]]\nname = \"gate\"\nuri = '" +
                                                open.uri(login_) + "'\nmodel = \"" + model() +
                                                "\"\npublish = \"" + published.string() + "\"\n")});
  std::error_code none_yet;
  for (int i = 0; i < 1200; ++i) {
    if (std::filesystem::exists(published, none_yet) && std::filesystem::file_size(published, none_yet) > 0)
      break;
    g_usleep(50000);
  }
  EXPECT_GT(std::filesystem::file_size(published, none_yet), 0U);
  server.send_signal(SIGTERM);
  expect_untold(server.wait(), 0);
  expect_folder_untold();
}

TEST_F(Password, IsNotToldByACheckOfTheConfiguration) {
  const std::string uri = "rtsp://" + login_ + "host/live";
  const std::string camera = "[[camera]]\nname = \"gate\"\n";
  for (const std::string &text : {
           camera + "uri = 'nosuch://" + login_ + "host'\n",
           camera + "uri = " + uri + "\n",
           camera + "uri = '" + uri + "\n",
           camera + "uri = \"" + uri + "\n",
           camera + "uri = \"\\q" + uri + "\"\n",
           camera + "'" + uri + "' = 1\n'" + uri + "' = 2\n",
           camera + "'" + uri + "' = 1\n",
           "['" + uri + "']\n['" + uri + "']\n",
           uri + " = 1\n",
       })
    expect_untold(test::run({UNIAD_RTSP, "--check", write_config(text)}), 1);
  expect_untold(
      test::run({UNIAD_RTSP, "--check", write_config(camera + "uri = '" + uri + "'\n'" + uri + "' = 1\n")}),
      0);
  expect_untold(test::run({UNIAD_RTSP, uri}), 1);
  expect_untold(test::run({UNIAD_RTSP, uri, uri}), 2);
}

}  // namespace
}  // namespace uniad
