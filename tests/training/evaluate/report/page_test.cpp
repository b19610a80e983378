// SPDX-License-Identifier: Apache-2.0
#include "training/evaluate/report/page.h"

#include <glib.h>
#include <gtest/gtest.h>

#include <memory>

#include "tests/support/refusal.h"
#include "training/data/picture.h"
#include "training/evaluate/report/html.h"

namespace uniad {
namespace {

using test::holds;

constexpr const char *hostile = "<script>alert(1)</script>\"'&\x01\xff.png";

// The error of GLib's parser for a page that is not well-formed.
std::string fault_of(const std::string &page) {
  const GMarkupParser nothing{};
  const std::unique_ptr<GMarkupParseContext, decltype(&g_markup_parse_context_free)> context(
      g_markup_parse_context_new(&nothing, static_cast<GMarkupParseFlags>(0), nullptr, nullptr),
      g_markup_parse_context_free);
  GError *error = nullptr;
  if (g_markup_parse_context_parse(context.get(), page.data(), static_cast<gssize>(page.size()), &error) &&
      g_markup_parse_context_end_parse(context.get(), &error))
    return {};
  const std::string fault = error->message;
  g_error_free(error);
  return fault;
}

SourceReport source_report(const std::string &name) {
  const ScoreStatistics normal{2.5, 1, 0.375, 40};
  SourceReport report{name, "/data/" + name, normal, {}, {1, 2, 3}, {4, 2}, {}, {}, Gallery(normal)};
  report.figures = {5, {{"image_auroc", 0.75}, {"detection_rate", 0.5}}, {}, Confusion{2, 1, 1, 1}, {}};
  report.figures.defects["crack"] = {2, {{"image_auroc", 0.125}}, {}, {}, {}};
  return report;
}

void exhibit(SourceReport &report, const Item &item, float score, float scene_distance = 0,
             float image_part = 0) {
  Detection detection;
  detection.grid = {2, 2, std::vector<float>(4, score)};
  detection.score = score;
  detection.scene_distance = scene_distance;
  detection.image_part = image_part;
  const cv::Mat picture(8, 8, CV_8UC3, cv::Scalar(0, 0, 255));
  report.gallery.offer(item, item.abnormal, detection, view_of(picture));
}

Report report_of(std::vector<SourceReport> sources) {
  return {"model.safetensors",
          "network, cpu",
          LabelRule::Reference,
          1,
          std::move(sources),
          {{{"image_auroc", 0.625}}, {{"image_auroc", 2}}},
          {}};
}

TEST(Page, ShowsFiguresConfusionAndTypes) {
  const auto page = report_page(report_of({source_report("bottle"), source_report("gate")}));
  EXPECT_EQ(fault_of(page), "");
  for (const char *part :
       {"Evaluation of model.safetensors", "<td>0.750</td>", "2 (66.7 %)", "1 (33.3 %)", "1 (50.0 %)",
        "crack", "<td>0.125</td>", "class=\"mean\"", "0.625", "Threshold 2.500, from 40 scores", "ROC curve"})
    EXPECT_TRUE(holds(page, part)) << part;
  EXPECT_FALSE(holds(page, "AUPIMO"));  // there is no AUPIMO, so it is not explained
  EXPECT_FALSE(holds(page, "Training"));
  EXPECT_FALSE(holds(report_page(report_of({source_report("bottle")})), "class=\"mean\""));
}

TEST(Page, SaysOverHowManySourcesAMeanIs) {
  auto report = report_of({source_report("bottle"), source_report("gate")});
  EXPECT_FALSE(holds(report_page(report), "sources)"));
  report.sources[0].figures.figures["pixel_auroc"] = 0.875;
  report.mean.figures["pixel_auroc"] = 0.875;
  report.mean.classes["pixel_auroc"] = 1;
  const auto page = report_page(report);
  EXPECT_EQ(fault_of(page), "");
  EXPECT_TRUE(holds(page, "<td>0.625</td><td>0.875 (1 of 2 sources)</td>")) << page.substr(0, 6000);
  EXPECT_TRUE(holds(page, "pixel AUROC (1 of 2 sources)"));
}

TEST(Page, NeedsNothingFromOutside) {
  auto with_pictures = source_report("bottle");
  exhibit(with_pictures, {"a/1.png", {}, false, {}, {}}, 3);
  const auto page = report_page(report_of({with_pictures}));
  EXPECT_FALSE(holds(page, "http"));
  EXPECT_FALSE(holds(page, "<script"));
  EXPECT_FALSE(holds(page, "<link"));
  EXPECT_FALSE(holds(page, "url("));
  for (auto at = page.find("src=\""); at != std::string::npos; at = page.find("src=\"", at + 1))
    EXPECT_EQ(page.compare(at, 28, "src=\"data:image/jpeg;base64,"), 0);
}

TEST(Page, SaysOfEachPictureHowItWasJudged) {
  auto judged = source_report("bottle");
  exhibit(judged, {"good/1.png", {}, false, {}, {}}, 3);
  exhibit(judged, {"crack/2.png", {}, true, {}, {}}, 2);
  exhibit(judged, {"crack/3.png", {}, true, {}, {}}, 1, 1.5F);
  exhibit(judged, {"what/4.png", {}, std::nullopt, {}, {}}, 1);
  exhibit(judged, {"dull/5.png", {}, true, {}, {}}, 4, 0, 3.5F);
  const auto page = report_page(report_of({judged}));
  EXPECT_EQ(fault_of(page), "");
  EXPECT_TRUE(holds(page, "good/1.png<br/>score 3.000, <span class=\"bad\">false alarm</span>"));
  EXPECT_TRUE(holds(page, "crack/2.png<br/>score 2.000, <span class=\"bad\">missed</span>"));
  EXPECT_TRUE(holds(page, "crack/3.png<br/>score 1.000, <span class=\"good\">found</span>, unknown scene"));
  EXPECT_TRUE(holds(page, "what/4.png<br/>score 1.000, no alarm"));
  EXPECT_TRUE(holds(
      page, "dull/5.png<br/>score 4.000, <span class=\"good\">found</span>, by the picture as a whole"));
}

TEST(Page, NamesMayHoldAnything) {
  auto named = source_report(hostile);
  named.figures.defects[hostile] = {1, {{"image_auroc", 1.0}}, {}, {}, {}};
  named.timelines.push_back({hostile, 25, {{0, 1, false, false}, {1, 2, true, true}}});
  exhibit(named, {hostile, {}, true, hostile, {}}, 3);
  auto report = report_of({named});
  report.model = hostile;
  report.description = hostile;
  const auto page = report_page(report);
  EXPECT_FALSE(holds(page, "<script"));
  EXPECT_TRUE(holds(page, "&lt;script&gt;"));
  EXPECT_EQ(fault_of(page), "");
  EXPECT_TRUE(g_utf8_validate(page.data(), static_cast<gssize>(page.size()), nullptr));
}

TEST(Page, ShowsEventsTimelinesAndTraining) {
  auto video = source_report("gate");
  video.figures.events = {{"events", 2}, {"found", 1}, {"recall", 0.5}, {"false_alarms_per_hour", 12.25}};
  video.timelines.push_back({"v.mp4", 25, {{0, 1, false, false}, {1, 2, true, true}}});
  auto report = report_of({video});
  report.training["loss"] = {{1, 5}, {2, 4}};
  const auto page = report_page(report);
  EXPECT_EQ(fault_of(page), "");
  for (const char *part : {"<h3>Events</h3>", "<td>12.25</td>", "v.mp4", "Score over time",
                           "<h2>Training</h2>", "loss over steps", "Per hour of footage outside events."})
    EXPECT_TRUE(holds(page, part)) << part;
}

TEST(Page, ShowsMotionByItself) {
  SourceReport video = source_report("gate");
  video.motion =
      MotionReport{9, {1, 2, 12}, {10, 30}, {{"gate.mp4", 25, {{0, 1, false, false}, {1, 30, true, true}}}}};
  video.figures.motion.figures["frame_auroc"] = 0.8125;
  const std::string page = report_page(report_of({video}));
  EXPECT_EQ(fault_of(page), "");
  const auto motion = page.substr(page.find("<section class=\"motion\">"));
  for (const char *part : {"<h3>Motion</h3>", "Threshold 9.00; AUROC of the frames 0.812", "ROC curve",
                           "Histogram of the scores", "gate.mp4", "Score over time"})
    EXPECT_TRUE(holds(motion.substr(0, motion.find("</section>")), part)) << part;
  EXPECT_FALSE(holds(report_page(report_of({source_report("gate")})), "<h3>Motion</h3>"));
}

TEST(Page, OfUnlabeledPicturesWithoutThresholdIsShort) {
  SourceReport flat{"flat", "flat", {}, {3, {}, {}, {}, {}}, {}, {}, {}, {}, Gallery(std::nullopt)};
  exhibit(flat, {"flat/1.png", {}, std::nullopt, {}, {}}, 1);
  auto report = report_of({flat});
  report.mean = {};
  const auto page = report_page(report);
  EXPECT_EQ(fault_of(page), "");
  EXPECT_TRUE(holds(page, "The model has no threshold"));
  EXPECT_FALSE(holds(page, "<svg"));
  EXPECT_TRUE(holds(page, "flat/1.png<br/>score 1.000</figcaption>"));
}

TEST(Html, EscapesWhatHasAMeaning) {
  EXPECT_EQ(escape_html("a<b>&\"'"), "a&lt;b&gt;&amp;&quot;&apos;");
  EXPECT_EQ(escape_html("caf\xc3\xa9"), "caf\xc3\xa9");
  EXPECT_EQ(escape_html("\xff"), "\xef\xbf\xbd");  // U+FFFD
}

TEST(Html, WritesNumbersAndData) {
  EXPECT_EQ(decimal(1234.5678, 2), "1234.57");
  const std::uint8_t bytes[] = {'M', 'a'};
  EXPECT_EQ(data_url(bytes), "data:image/jpeg;base64,TWE=");  // RFC 4648
}

}  // namespace
}  // namespace uniad
