// SPDX-License-Identifier: Apache-2.0
#include "training/completion.h"

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <sstream>

namespace uniad {
namespace {

std::string long_options(const CLI::App &command) {
  std::string names;
  for (const CLI::Option *option : command.get_options())
    if (!option->get_group().empty())
      for (const std::string &name : option->get_lnames()) names += (names.empty() ? "--" : " --") + name;
  return names;
}

}  // namespace

std::string bash_completion(const CLI::App &app) {
  std::ostringstream commands;
  std::ostringstream cases;
  for (const CLI::App *command : app.get_subcommands([](const CLI::App *) { return true; })) {
    commands << (commands.tellp() > 0 ? " " : "") << command->get_name();
    cases << "    " << command->get_name() << ") words='" << long_options(*command) << " "
          << long_options(app) << "' ;;\n";
  }
  return "# bash completion for uniad; zsh: autoload -U bashcompinit && bashcompinit first\n"
         "_uniad() {\n"
         "  local words current=${COMP_WORDS[COMP_CWORD]}\n"
         "  case ${COMP_WORDS[1]} in\n" +
         cases.str() + "    *) words='" + commands.str() + " " + long_options(app) +
         "' ;;\n"
         "  esac\n"
         "  COMPREPLY=()\n"
         "  if [[ $COMP_CWORD -eq 1 || $current == -* ]]; then\n"
         "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
         "  fi\n"
         "}\n"
         "complete -o default -F _uniad uniad\n";
}

}  // namespace uniad
