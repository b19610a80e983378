// SPDX-License-Identifier: Apache-2.0
#include "pipelines/uniad-rtsp/quick_start.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <sstream>
#include <string_view>
#include <system_error>
#include <utility>

#include "model/base/error.h"

namespace uniad::rtsp {
namespace {

constexpr std::string_view digits = "0123456789";

bool is_number(const std::string &text) {
  return !text.empty() && text.find_first_not_of(digits) == std::string::npos && text.size() <= 9;
}

// Splits NAME=ADDRESS. An address may contain = itself, but only behind one of these characters.
std::pair<std::string, std::string> name_and_address(const std::string &camera, std::size_t number) {
  const auto end = camera.find_first_of("=:/?@");
  if (end == std::string::npos || camera[end] != '=' || end == 0)
    return {"camera" + std::to_string(number), camera};
  return {camera.substr(0, end), camera.substr(end + 1)};
}

toml::table camera_table(const QuickStart &options, const std::string &model, const std::string &camera,
                         std::size_t number) {
  const auto [name, address] = name_and_address(camera, number);
  toml::table table{{"name", name}, {"uri", address}, {"model", model}};
  if (is_number(options.learn))
    table.insert("learn", std::stoll(options.learn));
  else
    table.insert("learn", options.learn);
  return table;
}

void create_folder_of(const std::string &file) {
  const std::string folder = std::filesystem::path(file).parent_path().string();
  if (g_mkdir_with_parents(folder.c_str(), 0700) != 0)
    throw Error(ErrorKind::Unwritable, folder, std::generic_category().message(errno),
                "choose another place with --model FILE");
}

}  // namespace

std::string default_model() {
  return (std::filesystem::path(g_get_user_data_dir()) / "uniad" / "cameras.safetensors").string();
}

Config quick_config(const QuickStart &options) {
  const std::string model = options.model.empty() ? default_model() : options.model;
  toml::array cameras;
  for (const auto &camera : options.cameras)
    cameras.push_back(camera_table(options, model, camera, cameras.size() + 1));
  toml::table server{{"port", options.port}};
#ifdef UNIAD_HAS_HTTP
  server.insert("http_port", options.http_port);
#endif
  const toml::table root{{"server", server}, {"camera", cameras}};
  std::ostringstream text;
  text << root;
  Config config = parse_config(text.str(), {});
  if (options.model.empty()) create_folder_of(model);
  for (const auto &camera : config.cameras) check_model(camera);
  return config;
}

}  // namespace uniad::rtsp
