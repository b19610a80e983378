// SPDX-License-Identifier: Apache-2.0
#include "training/man_page.h"

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <sstream>

namespace uniad {
namespace {

std::string replace_all(std::string text, const std::string &from, const std::string &to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

std::string escape_troff(const std::string &text) {
  return replace_all(replace_all(text, "\\", "\\e"), "-", "\\-");
}

std::string escape_table(const std::string &text) {
  return replace_all(text, "|", "\\|");
}

std::vector<const CLI::Option *> options_of(const CLI::App &command) {
  return command.get_options([](const CLI::Option *option) { return !option->get_group().empty(); });
}

std::string usage_of(const CLI::Option &option) {
  const auto value = option.get_type_size() == 0 ? std::string() : option.get_type_name();
  if (option.get_positional()) return value + (option.get_expected_max() > 1 ? "..." : "");
  return option.get_name() + (value.empty() ? "" : " " + value);
}

std::string help_of(const CLI::Option &option) {
  auto help = option.get_description();
  if (!option.get_default_str().empty()) help += " (default: " + option.get_default_str() + ")";
  if (option.get_required()) help += " (required)";
  return help;
}

}  // namespace

std::string man_page(const CLI::App &app) {
  std::ostringstream page;
  page << ".TH UNIAD 1 \"\" \"uniad " UNIAD_VERSION "\" \"User Commands\"\n"
       << ".SH NAME\nuniad \\- detect anomalies in pictures and videos\n"
       << ".SH SYNOPSIS\n.B uniad\n.I COMMAND\n[\\fIOPTIONS\\fR]\n"
       << ".SH DESCRIPTION\n"
       << escape_troff(app.get_description()) << ".\n.SH OPTIONS\n";
  for (const auto *option : options_of(app))
    page << ".TP\n\\fB" << escape_troff(usage_of(*option)) << "\\fR\n"
         << escape_troff(help_of(*option)) << ".\n";
  page << ".SH COMMANDS\n";
  for (const auto *command : app.get_subcommands([](const CLI::App *) { return true; })) {
    page << ".SS uniad " << command->get_name() << "\n" << escape_troff(command->get_description()) << ".\n";
    for (const auto *option : options_of(*command))
      page << ".TP\n\\fB" << escape_troff(usage_of(*option)) << "\\fR\n"
           << escape_troff(help_of(*option)) << ".\n";
  }
  page << ".SH EXIT STATUS\n0: success; 1: failure, reported on standard error; 2: incorrect usage.\n";
  return page.str();
}

std::string markdown(const CLI::App &app) {
  std::ostringstream text;
  for (const auto *command : app.get_subcommands([](const CLI::App *) { return true; })) {
    text << "### `uniad " << command->get_name() << "`\n\n"
         << command->get_description() << ".\n\n| option | meaning |\n|---|---|\n";
    for (const auto *option : options_of(*command))
      text << "| `" << escape_table(usage_of(*option)) << "` | " << escape_table(help_of(*option)) << " |\n";
    text << "\n";
  }
  return text.str();
}

}  // namespace uniad
