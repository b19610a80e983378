// SPDX-License-Identifier: Apache-2.0
#include "training/config/config.h"

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "tests/support/refusal.h"
#include "tests/support/scratch_folder.h"

namespace uniad {
namespace {

using test::holds;
using test::refusal;
using Arguments = std::vector<std::string>;

class Config : public test::ScratchFolder {
 protected:
  Config() {
    CLI::App *train = app_.add_subcommand("train");
    train->add_option("--config");
    train->add_option("--batch", batch_);
    train->add_option("--mask-size", mask_size_);
    train->add_option("--data", data_);
    train->add_flag("--balance", balance_);
    app_.add_subcommand("info")->add_option("model");
  }

  std::string config(const std::string &text) const { return write("options.toml", text).string(); }
  Arguments expand(Arguments arguments) const { return with_config(arguments, app_); }

  CLI::App app_;
  int batch_ = 0;
  double mask_size_ = 0;
  Arguments data_;
  bool balance_ = false;
};

TEST_F(Config, KeysAreOptionsAndTablesOnlyGroup) {
  const std::string file =
      config("batch = 16\ndata = [\"a=x\", \"b\"]\n[network]\nmask_size = 5.5\nbalance = true\n");
  Arguments arguments = expand({"train", "--config", file});
  std::reverse(arguments.begin(), arguments.end());
  app_.parse(std::move(arguments));
  EXPECT_EQ(batch_, 16);
  EXPECT_EQ(mask_size_, 5.5);
  EXPECT_EQ(data_, (Arguments{"a=x", "b"}));
  EXPECT_TRUE(balance_);
}

TEST_F(Config, TheCommandLineGoesBeforeTheFile) {
  const std::string file = config("batch = 16\nbalance = true\n");
  EXPECT_EQ(expand({"train", "--batch=4", "--config=" + file}),
            (Arguments{"train", "--batch=4", "--config=" + file, "--balance"}));
  EXPECT_EQ(expand({"train", "--config", file, "--batch", "4"}),
            (Arguments{"train", "--config", file, "--batch", "4", "--balance"}));
}

TEST_F(Config, AFlagThatIsFalseIsNotGiven) {
  const std::string file = config("balance = false");
  EXPECT_EQ(expand({"train", "--config", file}), (Arguments{"train", "--config", file}));
}

TEST_F(Config, OtherCommandsHaveNone) {
  EXPECT_EQ(expand({"info", "--config", "absent.toml"}), (Arguments{"info", "--config", "absent.toml"}));
}

TEST_F(Config, AnUnknownKeyIsNamedWithTheNearestKnown) {
  const std::string text = refusal([&] {
    expand({"train", "--config", config("batch = 1\n[network]\nmask_sise = 3\n")});
  });
  EXPECT_TRUE(holds(text, "options.toml, line 3: unknown key \"mask_sise\""));
  EXPECT_TRUE(holds(text, "did you mean \"mask-size\"?"));
}

TEST_F(Config, WhatIsNoTomlOrNoValueIsRefusedWithItsLine) {
  EXPECT_TRUE(holds(refusal([&] {
                      expand({"train", "--config", config("batch = 1\nbatch =\n")});
                    }),
                    "line 2"));
  EXPECT_TRUE(holds(refusal([&] {
                      expand({"train", "--config", config("balance = 1")});
                    }),
                    "neither true nor false"));
  EXPECT_TRUE(holds(refusal([&] {
                      expand({"train", "--config", config("batch = 1979-05-27")});
                    }),
                    "neither a string nor a number"));
  EXPECT_TRUE(holds(refusal([&] {
                      expand({"train", "--config", (folder_ / "none.toml").string()});
                    }),
                    "no such file"));
}

}  // namespace
}  // namespace uniad
