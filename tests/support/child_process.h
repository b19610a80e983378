// SPDX-License-Identifier: Apache-2.0
// Runs programs.
#pragma once

#include <gio/gio.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace uniad::test {

struct Finished {
  int status;  // exit status; -1 if a signal ended the process
  std::string out;
  std::string err;
};

// A program that a test starts. It is killed when the object is destroyed.
class ChildProcess {
 public:
  explicit ChildProcess(const std::vector<std::string> &arguments,
                        const std::map<std::string, std::string> &environment = {}) {
    g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new(
        static_cast<GSubprocessFlags>(G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE));
    for (const auto &[name, value] : environment)
      g_subprocess_launcher_setenv(launcher, name.c_str(), value.c_str(), TRUE);
    std::vector<const char *> argv;
    for (const auto &argument : arguments) argv.push_back(argument.c_str());
    argv.push_back(nullptr);
    g_autoptr(GError) error = nullptr;
    process_ = g_subprocess_launcher_spawnv(launcher, argv.data(), &error);
    if (process_ == nullptr) throw std::runtime_error(error->message);
    out_ = g_data_input_stream_new(g_subprocess_get_stdout_pipe(process_));
    err_ = g_data_input_stream_new(g_subprocess_get_stderr_pipe(process_));
  }

  ~ChildProcess() {
    g_subprocess_force_exit(process_);
    g_subprocess_wait(process_, nullptr, nullptr);
    g_object_unref(out_);
    g_object_unref(err_);
    g_object_unref(process_);
  }

  ChildProcess(const ChildProcess &) = delete;
  ChildProcess &operator=(const ChildProcess &) = delete;

  // Returns the next line of standard output or error, or nothing once the program has closed it.
  std::optional<std::string> read_out_line() { return read_line(out_); }
  std::optional<std::string> read_err_line() { return read_line(err_); }

  // The process id, as /proc names it.
  std::string id() const { return g_subprocess_get_identifier(process_); }

  void send_signal(int signal) { g_subprocess_send_signal(process_, signal); }

  // Waits until the program ends. The result does not include lines that have been read before.
  Finished wait() {
    Finished finished{-1, rest_of(out_), rest_of(err_)};
    g_subprocess_wait(process_, nullptr, nullptr);
    if (g_subprocess_get_if_exited(process_)) finished.status = g_subprocess_get_exit_status(process_);
    return finished;
  }

 private:
  static std::optional<std::string> read_line(GDataInputStream *stream) {
    gsize length = 0;
    g_autofree char *line = g_data_input_stream_read_line(stream, &length, nullptr, nullptr);
    if (line == nullptr) return std::nullopt;
    return std::string(line, length);
  }

  static std::string rest_of(GDataInputStream *stream) {
    std::string text;
    while (const auto line = read_line(stream)) text += *line + "\n";
    return text;
  }

  GSubprocess *process_ = nullptr;
  GDataInputStream *out_ = nullptr;
  GDataInputStream *err_ = nullptr;
};

inline Finished run(const std::vector<std::string> &arguments,
                    const std::map<std::string, std::string> &environment = {}) {
  return ChildProcess(arguments, environment).wait();
}

}  // namespace uniad::test
