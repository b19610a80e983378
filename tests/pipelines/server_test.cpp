// SPDX-License-Identifier: Apache-2.0
#include <glib/gstdio.h>
#include <gst/app/app.h>
#include <gst/video/video.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>
#include <thread>

#include "gst-plugin/base/ref.h"
#include "tests/pipelines/server_fixture.h"
#ifdef UNIAD_HAS_TINY_MODEL
#include "tests/support/tiny_model.h"
#endif

namespace uniad::rtsp {
namespace {

using Connection = Ref<GSocketConnection>;

// Asks for what there is to ask, then what the stream consists of; the answers are left to be read.
Connection ask(const std::string &url) {
  const std::string host = url.substr(sizeof("rtsp://") - 1, url.rfind('/') - (sizeof("rtsp://") - 1));
  const Ref<GSocketClient> client(g_socket_client_new());
  g_autoptr(GError) error = nullptr;
  Connection connection(g_socket_client_connect_to_host(client.get(), host.c_str(), 554, nullptr, &error));
  if (!connection) throw std::runtime_error(error->message);
  const std::string requests = "OPTIONS " + url + " RTSP/1.0\r\nCSeq: 1\r\n\r\nDESCRIBE " + url +
                               " RTSP/1.0\r\nCSeq: 2\r\nAccept: application/sdp\r\n\r\n";
  GOutputStream *out = g_io_stream_get_output_stream(G_IO_STREAM(connection.get()));
  g_output_stream_write_all(out, requests.data(), requests.size(), nullptr, nullptr, nullptr);
  return connection;
}

// The first lines of that many answers.
std::vector<std::string> answers(const Connection &connection, std::size_t count) {
  const Ref<GDataInputStream> in(
      g_data_input_stream_new(g_io_stream_get_input_stream(G_IO_STREAM(connection.get()))));
  g_data_input_stream_set_newline_type(in.get(), G_DATA_STREAM_NEWLINE_TYPE_CR_LF);
  std::vector<std::string> first_lines;
  while (first_lines.size() < count) {
    g_autofree char *line = g_data_input_stream_read_line(in.get(), nullptr, nullptr, nullptr);
    if (line == nullptr) break;
    if (g_str_has_prefix(line, "RTSP/1.0 ")) first_lines.emplace_back(line);
  }
  return first_lines;
}

std::filesystem::file_time_type written_at(const std::filesystem::path &file) {
  std::error_code missing;
  return std::filesystem::last_write_time(file, missing);
}

bool has_file_named(const std::filesystem::path &folder, const std::string &begin) {
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error))
    if (entry->is_regular_file() && entry->path().filename().string().starts_with(begin)) return true;
  return false;
}

// Where uniaddetect looks for weights.
bool has_weights(const std::string &backbone) {
  const char *given = g_getenv("UNIAD_WEIGHTS_DIR");
  return (given != nullptr && has_file_named(given, backbone)) ||
         has_file_named(std::filesystem::path(g_get_user_cache_dir()) / "uniad", backbone);
}

bool has_detector() {
  g_autoptr(GstElementFactory) factory = gst_element_factory_find("uniaddetect");
  return factory != nullptr;
}

TEST_F(RtspServer, ServesAFileOverItsEndAndASecondViewerOfTheSameEncoder) {
  make_clip(20);  // one second
  Server server(write_config("c.toml", camera("belt", "clip.mp4")), 1);
  Viewer first(server.urls["belt"]);
  ASSERT_TRUE(first.reaches(is_green));  // who comes before the file's first frame sees the placeholder
  for (int i = 0; i < 30; ++i) {
    const Picture picture = first.next();
    ASSERT_EQ(picture.width, 320);
    ASSERT_EQ(picture.height, 240);
    ASSERT_EQ(picture.fps, 20);
    ASSERT_TRUE(is_green(picture)) << "picture " << i;
  }
  Viewer second(server.urls["belt"]);
  ASSERT_TRUE(second.reaches(is_green, 15));  // sooner than the regular key frame, the 40th
  EXPECT_EQ(first.ssrc(), second.ssrc());
  EXPECT_TRUE(is_green(first.next()));
}

// As phones do that are held upright: the matrix in the header of the track turns its pictures by a quarter.
void say_that_it_is_turned(const std::filesystem::path &file, int height) {
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  const std::string content{std::istreambuf_iterator<char>(stream), {}};
  const std::size_t header = content.find("tkhd");
  ASSERT_NE(header, std::string::npos);
  std::string matrix;
  for (const int value : {0, 1 << 16, 0, -(1 << 16), 0, 0, height << 16, 0, 1 << 30})
    for (const int shift : {24, 16, 8, 0}) matrix += static_cast<char>(value >> shift & 0xff);
  stream.seekp(static_cast<std::streamoff>(header) + 44);
  stream << matrix;
}

TEST_F(RtspServer, TurnsAFileAsItSays) {
  say_that_it_is_turned(make_clip(20), 240);
  Server server(write_config("c.toml", camera("phone", "clip.mp4")), 1);
  Viewer viewer(server.urls["phone"]);
  ASSERT_TRUE(viewer.reaches(is_green));
  const Picture picture = viewer.next();
  EXPECT_EQ(picture.width, 240);
  EXPECT_EQ(picture.height, 320);
}

TEST_F(RtspServer, AForeignClientUnderstandsIt) {
  g_autofree char *ffprobe = g_find_program_in_path("ffprobe");
  if (ffprobe == nullptr) GTEST_SKIP() << "needs ffprobe";
  Server server(write_config("c.toml", camera("ball", "test://ball")), 1);
  const auto probed =
      test::run({ffprobe, "-v", "error", "-rtsp_transport", "tcp", "-count_frames", "-read_intervals",
                 "%+#30", "-show_streams", "-of", "json", server.urls["ball"]});
  ASSERT_EQ(probed.status, 0) << probed.err;
  const auto stream = nlohmann::json::parse(probed.out).at("streams").at(0);
  EXPECT_EQ(stream.at("codec_name"), "h264");
  EXPECT_EQ(stream.at("width"), 640);
  EXPECT_EQ(stream.at("height"), 360);
  const std::string rate = stream.at("avg_frame_rate");  // r_frame_rate is a guess from single distances
  EXPECT_NEAR(std::stod(rate) / std::stod(rate.substr(rate.find('/') + 1)), 25, 2.5) << rate;
}

TEST_F(RtspServer, SaysNoSignalWhileACameraIsAwayAndShowsItWhenItIsBack) {
  auto upstream = std::make_unique<Server>(write_config("up.toml", camera("eye", "test://green")), 1);
  const std::string port = upstream->port();
  const std::string url = upstream->urls["eye"];
  Server server(write_config("c.toml", camera("far", url) + camera("near", "test://green")), 2);
  Viewer viewer(server.urls["far"]);
  ASSERT_TRUE(viewer.reaches(is_green));

  upstream->send_signal(SIGKILL);
  upstream->wait();
  ASSERT_TRUE(viewer.reaches(is_black));
  Viewer other(server.urls["near"]);  // the other camera does not mind
  EXPECT_TRUE(is_green(other.next()));

  upstream = std::make_unique<Server>(write_config("up.toml", camera("eye", "test://green"), port), 1);
  EXPECT_TRUE(viewer.reaches(is_green));  // the same session, all the time
}

TEST_F(RtspServer, ServesACameraThatWasNeverThere) {
  Server server(write_config("c.toml", camera("none", "missing.mp4")), 1);
  Viewer viewer(server.urls["none"]);
  EXPECT_TRUE(is_black(viewer.next()));
  server.send_signal(SIGTERM);
  const std::string log = server.wait().err;
  EXPECT_NE(log.find("missing.mp4"), std::string::npos) << log;
}

TEST_F(RtspServer, EndsCleanlyOnASignalWithViewersInPlace) {
  const auto log = folder_ / "leaks.log";
  make_clip(20);
  Server server(write_config("c.toml", camera("ball", "test://ball") + camera("belt", "clip.mp4") +
                                           camera("none", "no.mp4")),
                3,
                {{"GST_TRACERS", "leaks"}, {"GST_DEBUG", "GST_TRACER:7"}, {"GST_DEBUG_FILE", log.string()}});
  Viewer ball(server.urls["ball"]);
  Viewer none(server.urls["none"]);
  ball.next();
  none.next();
  server.send_signal(SIGTERM);
  const auto ended = server.wait();
  EXPECT_EQ(ended.status, 0) << ended.err;

  std::ifstream lines(log);
  std::string line;
  int lines_read = 0;
  for (; std::getline(lines, line); ++lines_read)
    EXPECT_EQ(line.find("object-alive, type-name=(string)G"), std::string::npos) << line;
  EXPECT_GT(lines_read, 0);
}

TEST_F(RtspServer, EndsCleanlyWhileAViewerIsBeingAnswered) {
  const auto config = write_config("c.toml", camera("none", "no.mp4"));
  for (int i = 0; i < 5; ++i) {
    Server server(config, 1);
    const auto viewer = ask(server.urls["none"]);
    ASSERT_EQ(answers(viewer, 1), std::vector<std::string>{"RTSP/1.0 200 OK"});  // and the second is at work
    server.send_signal(SIGTERM);
    EXPECT_EQ(server.wait().status, 0);
  }
}

TEST_F(RtspServer, AQueryInTheUrlTakesThePicturesFromNobody) {
  Server server(write_config("c.toml", camera("ball", "test://ball")), 1);
  Viewer plain(server.urls["ball"]);
  plain.next();
  Viewer with_query(server.urls["ball"] + "?quality=1");
  with_query.next();
  EXPECT_EQ(plain.ssrc(), with_query.ssrc());
  for (int i = 0; i < 50; ++i) plain.next();  // more than could be on their way
}

TEST_F(RtspServer, ShowsAViewerWhoCameFirstACameraOfAnotherFormat) {
  Server server(write_config("c.toml", camera("belt", "clip.mp4")), 1);
  Viewer viewer(server.urls["belt"]);
  const Picture placeholder = viewer.next();
  EXPECT_TRUE(is_black(placeholder));
  EXPECT_EQ(placeholder.width, 640);
  make_clip(20);
  EXPECT_TRUE(
      viewer.reaches([](const Picture &p) { return is_green(p) && p.width == 320 && p.height == 240; }));
}

TEST_F(RtspServer, ServesAnOddSizeAsAnEvenOne) {
  make_clip(20, "video/x-raw,format=I420,width=321,height=241,framerate=20/1 ! matroskamux");
  Server server(write_config("c.toml", camera("belt", "clip.mp4")), 1);
  Viewer viewer(server.urls["belt"]);
  ASSERT_TRUE(viewer.reaches(is_green));  // who comes before the file's first frame sees the placeholder
  const Picture picture = viewer.next();
  EXPECT_NEAR(picture.width, 321, 1);
  EXPECT_NEAR(picture.height, 241, 1);
}

TEST_F(RtspServer, AnswersEverybodyWhileOthersLeave) {
  Server server(write_config("c.toml", camera("ball", "test://ball")), 1);
  Viewer(server.urls["ball"]).next();
  for (int i = 0; i < 100; ++i)
    ASSERT_EQ(answers(ask(server.urls["ball"]), 2), std::vector<std::string>(2, "RTSP/1.0 200 OK")) << i;
}

TEST_F(RtspServer, ShowsPicturesToEverybodyWhileOthersLeave) {
  Server server(write_config("c.toml", camera("none", "no.mp4")), 1);
  auto viewer = std::make_unique<Viewer>(server.urls["none"]);
  for (int i = 0; i < 30; ++i) {
    ASSERT_TRUE(is_black(viewer->next())) << "viewer " << i;
    auto next = std::make_unique<Viewer>(server.urls["none"]);
    if (i % 2 == 0) next->next();  // sometimes the next one joins, sometimes he meets the media going down
    viewer = std::move(next);
  }
}

TEST_F(RtspServer, WhoJoinsOthersSeesAWholePictureFirst) {
  Server server(write_config("c.toml", camera("ball", "test://ball")), 1);
  Viewer first(server.urls["ball"]);
  ASSERT_TRUE(first.reaches(is_black));  // behind the ball
  int gray = 0;
  for (int i = 0; i < 60; ++i) gray += is_black(Viewer(server.urls["ball"]).next()) ? 0 : 1;
  EXPECT_LE(gray, 1);  // a server that stands still for 20 ms just then
}

TEST_F(RtspServer, RefusesAPortInUse) {
  Server server(write_config("first.toml", camera("ball", "test://ball")), 1);
  const auto second = test::run(
      {UNIAD_RTSP, write_config("second.toml", camera("ball", "test://ball"), server.port()).string()});
  EXPECT_EQ(second.status, 1);
  EXPECT_NE(second.err.find("127.0.0.1:" + server.port()), std::string::npos) << second.err;
  EXPECT_NE(second.err.find("choose another port"), std::string::npos) << second.err;
}

TEST_F(RtspServer, ACameraLearnsAndOnASignalLearnsAgain) {
  if (!has_detector()) GTEST_SKIP() << "needs uniaddetect, which is built with -Dnetwork=enabled";
  if (!has_weights("efficientnet-lite2"))
    GTEST_SKIP() << "needs weights of efficientnet-lite2: run subprojects/setup.sh";
  const auto model = folder_ / "ball.safetensors";
  const auto config = write_config("c.toml", camera("ball", "test://ball",
                                                    "model = \"ball.safetensors\"\nlearn = 12\n"
                                                    "backbone = \"efficientnet-lite2\"\n"));
  const auto checked = test::run({UNIAD_RTSP, "--check", config.string()});
  EXPECT_EQ(checked.status, 0) << checked.err;
  EXPECT_NE(checked.out.find("1 camera,"), std::string::npos) << checked.out;
  ASSERT_FALSE(std::filesystem::exists(model));  // a check learns nothing

  std::filesystem::file_time_type written;
  {
    Server server(config, 1);
    ASSERT_TRUE(comes_true([&] { return std::filesystem::exists(model); })) << end_of_log(server);
    ASSERT_TRUE(logs(server, "ball: learning finished after 12 frames"));
    written = written_at(model);

    server.send_signal(SIGUSR1);
    ASSERT_TRUE(comes_true([&] { return written_at(model) != written; })) << end_of_log(server);
    ASSERT_TRUE(logs(server, "ball: learning again, from 12 more frames"));
    ASSERT_TRUE(logs(server, "ball: learning finished"));
    written = written_at(model);
    server.send_signal(SIGTERM);
    const auto ended = server.wait();
    EXPECT_EQ(ended.status, 0) << ended.err;
  }

  Server again(config, 1);  // with the model there, it learns nothing untold
  Viewer viewer(again.urls["ball"]);
  for (int i = 0; i < 50; ++i) viewer.next();
  const std::string log = end_of_log(again);
  EXPECT_EQ(log.find("learning"), std::string::npos) << log;
  EXPECT_EQ(written_at(model), written);
}

// The folder of a disk that is mounted late, and log rotation.
TEST_F(RtspServer, APublisherThatCannotWriteYetCostsNoPictureAndASignalOpensItsFileAnew) {
  if (!has_detector()) GTEST_SKIP() << "needs uniaddetect, which is built with -Dnetwork=enabled";
  if (!has_weights("efficientnet-lite2"))
    GTEST_SKIP() << "needs weights of efficientnet-lite2: run subprojects/setup.sh";
  const auto config = write_config("c.toml", camera("eye", "test://green",
                                                    "model = \"eye.safetensors\"\nlearn = 12\n"
                                                    "backbone = \"efficientnet-lite2\"\n"
                                                    "publish = \"disk/eye.jsonl\"\n"));
  const auto checked = test::run({UNIAD_RTSP, "--check", config.string()});
  EXPECT_EQ(checked.status, 1);
  EXPECT_NE(checked.err.find("c.toml:9: [[camera]] number 1 publish: cannot write"), std::string::npos)
      << checked.err;

  Server server(config, 1);
  ASSERT_TRUE(Viewer(server.urls["eye"]).reaches(is_green));
  const auto file = folder_ / "disk" / "eye.jsonl";
  std::filesystem::create_directory(file.parent_path());
  ASSERT_TRUE(comes_true([&] { return std::filesystem::exists(file); })) << end_of_log(server);
  std::filesystem::rename(file, folder_ / "disk" / "old.jsonl");
  server.send_signal(SIGHUP);
  ASSERT_TRUE(comes_true([&] { return std::filesystem::exists(file); })) << end_of_log(server);
  server.send_signal(SIGTERM);
  EXPECT_EQ(server.wait().status, 0);
}

#ifdef UNIAD_HAS_TINY_MODEL
using Json = nlohmann::json;

// Those that are whole.
std::vector<Json> lines_of(const std::filesystem::path &file) {
  std::vector<Json> lines;
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line) && !stream.eof();) lines.push_back(Json::parse(line));
  return lines;
}

std::set<std::string> sessions_of(const std::vector<Json> &lines) {
  std::set<std::string> sessions;
  for (const auto &line : lines) sessions.insert(line.at("session"));
  return sessions;
}

// By the event's id, the states as they were written.
std::map<std::string, std::vector<std::string>> states_of(const std::vector<Json> &lines) {
  std::map<std::string, std::vector<std::string>> states;
  for (const auto &line : lines)
    if (line.contains("event") && line.at("event").at("state") != "ongoing")
      states[line.at("event").at("id")].push_back(line.at("event").at("state"));
  return states;
}

TEST_F(RtspServer, EveryRoundOfAFileIsASessionOfItsOwnAndEveryEndSaysWhy) {
  make_clip(20);  // one second
  test::write_tiny_model(folder_ / "m.safetensors");
  const std::string judged = "model = \"m.safetensors\"\nthreshold = 0\n";  // every frame is anomalous
  const std::size_t rounds = 3;
  Server server(
      write_config("c.toml",
                   camera("loop", "clip.mp4", judged + "publish = \"loop.jsonl\"\n") +
                       camera("once", "clip.mp4", judged + "loop = false\npublish = \"once.jsonl\"\n") +
                       camera("live", "test://ball",
                              judged + "publish = \"live.jsonl\"\npublish_mode = \"events\"\n")),
      3);
  const auto file = [this](const std::string &name) { return lines_of(folder_ / (name + ".jsonl")); };
  const auto has_ended = [](const std::vector<Json> &lines) {
    return !lines.empty() && lines.back().contains("type") && lines.back().at("event").at("state") == "end";
  };
  const auto goes_on = [&] {
    return sessions_of(file("loop")).size() > rounds && has_ended(file("once")) && !file("live").empty();
  };
  ASSERT_TRUE(comes_true(goes_on)) << end_of_log(server);
  server.send_signal(SIGTERM);
  const auto ended = server.wait();
  EXPECT_EQ(ended.status, 0) << ended.err;

  for (const char *name : {"loop", "once", "live"})
    for (auto [id, states] : states_of(file(name))) {
      std::erase(states, "update");
      EXPECT_EQ(states, (std::vector<std::string>{"begin", "end"})) << name << " " << id;
    }
  EXPECT_EQ(file("live").back().at("event").at("reason"), "stopped");
  EXPECT_EQ(file("once").back().at("event").at("reason"), "eos");

  std::map<std::string, std::int64_t> newest;
  std::string session;
  for (const auto &line : file("loop")) {
    const std::int64_t pts = line.at("pts");
    if (line.at("session") != session) {
      EXPECT_FALSE(newest.contains(line.at("session"))) << "a session of before comes again";
      session = line.at("session");
      newest[session] = -1;
    }
    if (line.contains("type")) continue;
    EXPECT_GT(pts, newest[session]) << session;
    newest[session] = pts;
  }
  for (const auto &line : file("loop"))
    if (line.contains("type") && line.at("session") != session) {
      EXPECT_EQ(line.at("event").at("reason"), "eos");
    }
}

TEST_F(RtspServer, PublishedFilesRotateByAgeAndAreCompressed) {
  test::write_tiny_model(folder_ / "m.safetensors");
  Server server(write_config("c.toml", camera("live", "test://ball",
                                              "model = \"m.safetensors\"\npublish = \"live.jsonl\"\n"
                                              "publish_max_age = \"1s\"\npublish_max_files = 3\n"
                                              "publish_gzip = true\n")),
                1);
  const auto file = [this](const std::string &ending) { return folder_ / ("live.jsonl" + ending); };
  ASSERT_TRUE(comes_true([&] { return std::filesystem::exists(file(".2.gz")); })) << end_of_log(server);
  server.send_signal(SIGTERM);
  const auto ended = server.wait();
  EXPECT_EQ(ended.status, 0) << ended.err;
  const auto unpacked = test::run({"gzip", "-dc", file(".1.gz").string()});
  EXPECT_EQ(unpacked.status, 0) << unpacked.err;
  const std::string first = unpacked.out.substr(0, unpacked.out.find('\n'));
  EXPECT_EQ(Json::parse(first).at("source"), "live");
  for (const char *ending : {".1", ".2", ".3", ".3.gz"})
    EXPECT_FALSE(std::filesystem::exists(file(ending))) << ending;
}
#endif

TEST_F(RtspServer, GoesOnWhenToldToOpenFilesAnew) {
  Server server(write_config("c.toml", camera("eye", "test://green")), 1);
  server.send_signal(SIGHUP);
  EXPECT_TRUE(is_green(Viewer(server.urls["eye"]).next()));
  server.send_signal(SIGTERM);
  EXPECT_EQ(server.wait().status, 0);
}

TEST_F(RtspServer, SaysThatNoCameraLearnsAgain) {
  Server server(write_config("c.toml", camera("ball", "test://ball")), 1);
  server.send_signal(SIGUSR1);
  ASSERT_TRUE(logs(server, "no camera has `learn`"));
  server.send_signal(SIGTERM);
  EXPECT_EQ(server.wait().status, 0);
}

TEST_F(RtspServer, PlaysPicturesWithoutTimesAtTheirRateOverTheirEnd) {
  make_clip(20, "video/x-raw,width=320,height=240,framerate=25/1 ! jpegenc");
  Server server(write_config("c.toml", camera("belt", "clip.mp4")), 1);
  Viewer viewer(server.urls["belt"]);
  ASSERT_TRUE(viewer.reaches(is_green));
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 60; ++i) ASSERT_TRUE(is_green(viewer.next())) << "picture " << i;
  EXPECT_GT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(1500));  // it should be 2.4 s
  EXPECT_EQ(end_of_log(server).find("warning"), std::string::npos);
}

TEST_F(RtspServer, ShowsAStillPicture) {
  for (const char *encoder : {"pngenc", "jpegenc"}) {
    make_clip(1, std::string("video/x-raw,width=320,height=240 ! ") + encoder);
    Server server(write_config("c.toml", camera("still", "clip.mp4")), 1);
    Viewer viewer(server.urls["still"]);
    ASSERT_TRUE(viewer.reaches(is_green)) << encoder;
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(is_green(viewer.next())) << encoder;
    const std::string log = end_of_log(server);
    EXPECT_NE(log.find("still: the source is a still picture"), std::string::npos) << log;
    EXPECT_EQ(log.find("warning"), std::string::npos) << log;
  }
}

TEST_F(RtspServer, SaysOnceThatAFileHasNoVideo) {
  const auto file = folder_ / "sound.wav";
  const Pipeline pipeline(gst_parse_launch(
      ("audiotestsrc num-buffers=20 ! wavenc ! filesink location=" + file.string()).c_str(), nullptr));
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  g_autoptr(GstBus) bus = gst_element_get_bus(pipeline.get());
  gst_message_unref(gst_bus_timed_pop_filtered(bus, GST_CLOCK_TIME_NONE, GST_MESSAGE_EOS));
  const auto config = write_config("c.toml", camera("sound", "sound.wav"));
  const auto checked = test::run({UNIAD_RTSP, "--check", config.string()});
  EXPECT_EQ(checked.status, 1);
  EXPECT_NE(checked.err.find("c.toml:5: [[camera]] number 1 uri: there is no video in " + file.string()),
            std::string::npos)
      << checked.err;

  Server server(config, 1);
  Viewer viewer(server.urls["sound"]);
  for (int i = 0; i < 40; ++i) EXPECT_TRUE(is_black(viewer.next()));  // through three attempts
  const std::string log = end_of_log(server);
  const auto first = log.find("there is no video in " + file.string());
  EXPECT_NE(first, std::string::npos) << log;
  EXPECT_EQ(log.find("trying again", log.find('\n', first)), std::string::npos) << log;
}

TEST_F(RtspServer, ACheckNamesFileLineAndKeyOfAllThatIsInTheWay) {
  struct {
    std::string camera, says;
  } const cases[] = {
      {camera("a", "test://nopattern"),
       "c.toml:5: [[camera]] number 1 uri: there is no test picture \"nopattern\""},
      {camera("a", "missing.mp4"), "c.toml:5: [[camera]] number 1 uri: cannot open"},
      {camera("a", "."), "c.toml:5: [[camera]] number 1 uri: cannot open"},
      {camera("a", "c.toml"), "c.toml:5: [[camera]] number 1 uri: "},
      {camera("a", "rtsp://127.0.0.1:99999/x"), "c.toml:5: [[camera]] number 1 uri: its port"},
      {camera("a", "rtsp://[::1/x"), "c.toml:5: [[camera]] number 1 uri: its host"},
      {camera("a", "v4l2:///dev/video-missing"), "c.toml:5: [[camera]] number 1 uri: cannot open"},
  };
  for (const auto &[text, says] : cases) {
    const auto checked = test::run({UNIAD_RTSP, "--check", write_config("c.toml", text).string()});
    EXPECT_EQ(checked.status, 1) << says;
    EXPECT_NE(checked.err.find(says), std::string::npos) << checked.err;
  }
  std::ofstream(folder_ / "c.toml") << "[server]\naddress = \"192.0.2.1\"\n" << camera("a", "test://ball");
  const auto checked = test::run({UNIAD_RTSP, "--check", (folder_ / "c.toml").string()});
  EXPECT_EQ(checked.status, 1);
  EXPECT_NE(checked.err.find("c.toml:2: [server] address 192.0.2.1"), std::string::npos) << checked.err;
}

TEST_F(RtspServer, ACheckFindsAFolderThatLearningCannotWrite) {
  if (!has_detector()) GTEST_SKIP() << "needs uniaddetect, which is built with -Dnetwork=enabled";
  if (!has_weights("efficientnet-lite2"))
    GTEST_SKIP() << "needs weights of efficientnet-lite2: run subprojects/setup.sh";
  const auto checked = test::run(
      {UNIAD_RTSP, "--check",
       write_config("c.toml", camera("a", "test://ball",
                                     "backbone = \"efficientnet-lite2\"\nlearn = 10\n"
                                     "model = \"/proc/a.safetensors\"\n"))  // where not even root can write
           .string()});
  EXPECT_EQ(checked.status, 1);
  EXPECT_NE(checked.err.find("c.toml:8: [[camera]] number 1 model: the model cannot be saved in /proc"),
            std::string::npos)
      << checked.err;
}

TEST_F(RtspServer, ChecksAFileWithoutServing) {
  const auto good =
      test::run({UNIAD_RTSP, "--check", write_config("c.toml", camera("ball", "test://ball")).string()});
  EXPECT_EQ(good.status, 0) << good.err;
  EXPECT_NE(good.out.find("c.toml: 1 camera, which can be served"), std::string::npos) << good.out;
  const auto bad =
      test::run({UNIAD_RTSP, "--check", write_config("bad.toml", camera("a b", "test://ball")).string()});
  EXPECT_EQ(bad.status, 1);
  EXPECT_NE(bad.err.find("bad.toml"), std::string::npos) << bad.err;
  EXPECT_EQ(test::run({UNIAD_RTSP}).status, 2);
  EXPECT_EQ(test::run({UNIAD_RTSP, "--port", "0"}).status, 2);
  EXPECT_EQ(test::run({UNIAD_RTSP, "c.toml", "--camera", "test://ball"}).status, 2);
  EXPECT_EQ(test::run({UNIAD_RTSP, "--help"}).status, 0);
}

}  // namespace
}  // namespace uniad::rtsp
