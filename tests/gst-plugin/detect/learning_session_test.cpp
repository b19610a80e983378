// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/detect/learning_session.h"

#include <gtest/gtest.h>

#include <optional>

namespace uniad {
namespace {

LearningProgress in_state(LearningProgress::State state) {
  LearningProgress progress;
  progress.state = state;
  return progress;
}

// "20 at start", "20", or "" if nothing is to begin.
std::string taken(LearningSession &session) {
  const std::optional<LearningSession::Begin> begin = session.take();
  if (!begin) return "";
  return std::to_string(begin->request.frames) + (begin->of_start ? " at start" : "");
}

TEST(LearningSession, BeginsOnceWhatThePropertiesWant) {
  LearningSession session;
  session.set_wanted({20, 0});
  EXPECT_EQ(taken(session), "");  // it is not running yet
  session.start({20, 0});
  EXPECT_EQ(taken(session), "20 at start");
  EXPECT_EQ(taken(session), "");
  EXPECT_FALSE(session.learned());
  session.update(in_state(LearningProgress::State::Done));
  EXPECT_TRUE(session.learned());
  session.stop();
  session.start({20, 0});  // a camera that reconnects
  EXPECT_EQ(taken(session), "");
}

TEST(LearningSession, LearnsAgainWhereThePropertiesChange) {
  LearningSession session;
  session.start({20, 0});
  session.take();
  session.update(in_state(LearningProgress::State::Done));
  session.set_wanted({30, 0});  // while running, it begins with the next frame
  EXPECT_EQ(taken(session), "30");
  session.stop();
  session.start({30, 0});
  EXPECT_EQ(taken(session), "30 at start");
}

TEST(LearningSession, IgnoresApplicationsWhileItIsStopped) {
  LearningSession session;
  session.ask({5, 0});
  session.start({});
  EXPECT_EQ(taken(session), "");
  session.ask({5, 0});
  EXPECT_EQ(taken(session), "5");
  session.ask({6, 0});
  session.stop();
  session.start({});
  EXPECT_EQ(taken(session), "");
}

TEST(LearningSession, GoesOnAfterThePause) {
  LearningSession session;
  session.start({20, 0});
  session.take();
  session.update(in_state(LearningProgress::State::Interrupted));
  session.pause();
  EXPECT_EQ(taken(session), "20 at start");
  session.update(in_state(LearningProgress::State::Done));
  session.pause();
  EXPECT_EQ(taken(session), "");
}

TEST(LearningSession, WhatCouldNotBeginLeavesWhatIsUnderWay) {
  LearningSession session;
  session.start({20, 0});
  session.take();
  session.ask({7, 0});
  EXPECT_EQ(taken(session), "7");
  session.refused();  // it is already learning
  session.pause();
  EXPECT_EQ(taken(session), "20");
}

TEST(LearningSession, ASourceThatIsKnownIsNotLearnedAgain) {
  LearningSession session;
  session.start({20, 0});
  session.take();
  session.known();
  session.pause();
  EXPECT_EQ(taken(session), "");
  session.stop();
  session.start({20, 0});
  EXPECT_EQ(taken(session), "");
}

TEST(LearningSession, AFailureEndsIt) {
  LearningSession session;
  session.start({20, 0});
  session.take();
  session.update(in_state(LearningProgress::State::Failed));
  EXPECT_FALSE(session.learned());
  session.pause();
  EXPECT_EQ(taken(session), "");
}

}  // namespace
}  // namespace uniad
