// SPDX-License-Identifier: Apache-2.0
#include "training/bench/bench.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "model/base/error.h"
#include "model/base/json_text.h"
#include "model/engine/cuda_module.h"
#include "model/preprocess/preprocess.h"
#include "training/base/output.h"
#include "training/bench/bare_engine.h"
#include "training/bench/streams.h"
#include "training/bench/timing.h"

namespace uniad {
namespace {

using Json = nlohmann::ordered_json;

constexpr int warm_up = 10;      // calls
constexpr int stream_turns = 3;  // of one stream and of all, because the machine may be slower for a while

// Milliseconds.
struct Latency {
  double p50 = 0;
  double p99 = 0;
};

struct StreamFigures {
  double frames_per_second = 0;
  Latency latency;
};

struct StreamsReport {
  int count = 0;
  StreamFigures one, all;
  double peak_rss_mb = 0;
  double ratio() const { return all.frames_per_second / one.frames_per_second; }
};

struct BenchReport {
  std::string model, backbone, description, device, precision;
  int width = 0, height = 0;
  int rounds = 0, batch = 0;
  Latency latency;
  double images_per_second = 0;
  double preprocess_ms = 0;
  std::optional<double> statistics_ms;
  double peak_rss_mb = 0;
  std::optional<StreamsReport> streams;
};

Latency latency_of(const std::vector<double> &times) {
  return {quantile(times, 0.5), quantile(times, 0.99)};
}

// Returns the durations of `rounds` calls, after `uncounted` calls that are not counted.
template <typename Call>
std::vector<double> times_of(int uncounted, int rounds, const Call &call) {
  for (int i = 0; i < uncounted; ++i) call();
  std::vector<double> times(static_cast<std::size_t>(rounds));
  for (double &time : times) time = call();
  return times;
}

// getrusage() would include what the process was before it executed this program, such as a shell or a script
// with a model of its own.
double peak_rss_mb() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::stod(line.substr(line.find(':') + 1)) * 1024 / 1e6;
  return 0;
}

// Extracts what `auto` selected from a description like "cpu, bf16 (AMX)".
void describe_engine(const std::string &description, BenchReport &report) {
  const auto comma = description.find(", ");
  report.device = description.substr(0, comma);
  const auto rest = comma == std::string::npos ? std::string() : description.substr(comma + 2);
  report.precision = rest.substr(0, rest.find(' '));
}

double preprocess_ms(const InputConfig &input, int rounds) {
  const auto frame = NoisyFrame::nv12(1920, 1080);
  Preprocessor preprocessor(input);
  std::vector<float> tensor(std::size_t{3} * static_cast<std::size_t>(input.height) *
                            static_cast<std::size_t>(input.width));
  const auto times = times_of(warm_up, rounds,
                              [&] { return milliseconds([&] { preprocessor.run(frame.view(), tensor); }); });
  return quantile(times, 0.5);
}

std::optional<double> statistics_ms(BareEngine &engine, int rounds) {
  if (!engine.judge()) return std::nullopt;
  return quantile(times_of(warm_up, rounds, [&] { return *engine.judge(); }), 0.5);
}

void measure_engine(BareEngine &engine, const BenchOptions &options, Progress &progress,
                    BenchReport &report) {
  progress.say("one picture after the other");
  report.latency = latency_of(times_of(warm_up, options.rounds, [&] { return engine.run(1); }));
  report.statistics_ms = statistics_ms(engine, options.rounds);
  report.preprocess_ms = preprocess_ms(engine.config().input, options.rounds);
  progress.say("batches of " + std::to_string(options.batch));
  const auto batches =
      times_of(1, std::max(options.rounds / options.batch, 3), [&] { return engine.run(options.batch); });
  report.images_per_second = 1000 * options.batch / quantile(batches, 0.5);
  report.peak_rss_mb = peak_rss_mb();
}

StreamFigures figures_of(const Streams &streams) {
  const auto times = streams.times();
  return {times.frames_per_second, latency_of(times.latencies)};
}

StreamsReport measure_streams(const BenchOptions &options, Progress &progress) {
  progress.say(std::to_string(options.streams) + " streams of 1080p, and a single one");
  DetectorOptions detector = options.detector;
  detector.batch_size = static_cast<std::size_t>(options.batch);
  Streams one(options.model, detector, 1);
  Streams all(options.model, detector, options.streams);
  const int frames = std::max(options.rounds / stream_turns, 1);
  for (int i = 0; i < stream_turns; ++i) {
    one.run(frames);
    all.run(std::max(frames / options.streams, 3));
  }
  return {options.streams, figures_of(one), figures_of(all), peak_rss_mb()};
}

Json to_json(const Latency &latency) {
  return {{"p50", latency.p50}, {"p99", latency.p99}};
}

Json to_json(const StreamFigures &figures) {
  return {{"frames_per_second", figures.frames_per_second}, {"latency_ms", to_json(figures.latency)}};
}

Json to_json(const BenchReport &report) {
  Json json{{"model", report.model},
            {"backbone", report.backbone},
            {"input", {{"width", report.width}, {"height", report.height}}},
            {"device", report.device},
            {"precision", report.precision},
            {"description", report.description},
            {"rounds", report.rounds},
            {"latency_ms", to_json(report.latency)},
            {"batch", report.batch},
            {"images_per_second", report.images_per_second},
            {"stages_ms", {{"preprocess", report.preprocess_ms}, {"network", report.latency.p50}}}};
  if (report.statistics_ms) json["stages_ms"]["statistics"] = *report.statistics_ms;
  json["peak_rss_mb"] = report.peak_rss_mb;
  if (report.streams) {
    Json streams{{"count", report.streams->count}};
    streams.update(to_json(report.streams->all));
    streams["one_stream"] = to_json(report.streams->one);
    streams["ratio"] = report.streams->ratio();
    streams["peak_rss_mb"] = report.streams->peak_rss_mb;
    json["streams"] = streams;
  }
  return json;
}

void print_streams(const std::string &name, const StreamFigures &figures) {
  std::printf("%-24s %9.1f frames/s, %.2f ms per frame, p99 %.2f ms\n", name.c_str(),
              figures.frames_per_second, figures.latency.p50, figures.latency.p99);
}

void print_table(const BenchReport &report) {
  std::printf("%s: %s at %dx%d, %s\n", report.model.c_str(), report.backbone.c_str(), report.width,
              report.height, report.description.c_str());
  std::printf("%-24s %9.2f ms, p99 %.2f ms\n", "one picture", report.latency.p50, report.latency.p99);
  std::printf("%-24s %9.1f pictures/s, %.2f ms per picture\n",
              ("batch of " + std::to_string(report.batch)).c_str(), report.images_per_second,
              1000 / report.images_per_second);
  std::printf("%-24s %9.2f ms\n", "preprocess 1080p NV12", report.preprocess_ms);
  if (report.statistics_ms) std::printf("%-24s %9.2f ms\n", "statistics", *report.statistics_ms);
  std::printf("%-24s %9.1f MB\n", "peak memory", report.peak_rss_mb);
  if (!report.streams) return;
  print_streams("one stream of 1080p", report.streams->one);
  print_streams(std::to_string(report.streams->count) + " streams of 1080p", report.streams->all);
  std::printf("%-24s %9.2f\n", "ratio of their rates", report.streams->ratio());
  std::printf("%-24s %9.1f MB\n", "peak memory", report.streams->peak_rss_mb);
}

int pictures_of(const std::string &line) {
  int pictures = 0;
  const char *end = line.data() + line.size();
  const auto [rest, error] = std::from_chars(line.data(), end, pictures);
  if (error != std::errc() || rest != end || pictures < 1 || pictures > most_bench_pictures)
    throw Error(ErrorKind::InvalidArgument, "standard input",
                "\"" + line + "\" is not a valid number of pictures",
                "write a number from 1 to " + std::to_string(most_bench_pictures) + " on each line");
  return pictures;
}

void serve(BareEngine &engine, int rounds) {
  std::cout << engine.description() << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    const int pictures = pictures_of(line);
    const auto times = times_of(0, rounds, [&] { return engine.run(pictures); });
    std::cout << quantile(times, 0.5) / pictures << std::endl;
  }
}

void test_gpu(const BenchOptions &options) {
  const std::string &device = options.detector.device;
  if (!device.starts_with("cuda"))
    throw Error(ErrorKind::Device, "self-test", "compares a GPU with the CPU, but the device is " + device,
                "use --device cuda or cuda:N");
  int failed = 0;
  for (const SelfTest &test : cuda_self_test(read_model(options.model), options.model.string(),
                                             cuda_device_number(device), options.detector.precision)) {
    std::cout << (test.passed() ? "ok      " : "FAILED  ") << test.name << ": ";
    if (test.failure.empty())
      std::cout << test.largest << ", allowed " << test.tolerance << '\n';
    else
      std::cout << test.failure << '\n';
    if (!test.passed()) ++failed;
  }
  if (failed > 0)
    throw Error(ErrorKind::Device, device, std::to_string(failed) + " checks failed",
                "do not trust this GPU or its driver; use device=cpu");
}

}  // namespace

void run_bench(const BenchOptions &options, Progress &progress) {
  if (options.self_test) return test_gpu(options);
  check_json(options.json, "--json");
  BareEngine engine(options.model, options.detector.device, options.detector.precision);
  const ModelConfig &config = engine.config();
  if (!engine.warning().empty()) progress.say(engine.warning());
  if (options.serve) return serve(engine, options.rounds);
  std::optional<Output> output;
  if (!options.json.empty()) output.emplace(options.json);  // before the work, which a typo must not waste
  BenchReport report;
  report.model = options.model.string();
  report.backbone = config.backbone.name;
  report.description = engine.description();
  describe_engine(report.description, report);
  report.width = config.input.width;
  report.height = config.input.height;
  report.rounds = options.rounds;
  report.batch = options.batch;
  measure_engine(engine, options, progress, report);
  if (options.streams > 0) report.streams = measure_streams(options, progress);
  if (options.json != "-") print_table(report);
  if (!output) return;
  output->stream() << json_text(to_json(report), 2) << '\n';
  output->close();
}

}  // namespace uniad
