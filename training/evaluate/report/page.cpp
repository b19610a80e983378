// SPDX-License-Identifier: Apache-2.0
#include "training/evaluate/report/page.h"

#include <algorithm>
#include <span>

#include "training/evaluate/report/html.h"
#include "training/evaluate/report/plots.h"
#include "training/evaluate/report/style.h"

namespace uniad {
namespace {

struct Heading {
  const char *figure;
  const char *title;
  const char *meaning;  // empty: another column explains it
};

constexpr Heading headings[] = {
    {"image_auroc", "image AUROC",
     "How well scores separate normal from abnormal pictures, independent of the threshold: the probability "
     "that an abnormal picture scores higher than a normal one. 1 is perfect, 0.5 is guessing."},
    {"image_ap", "AP", "Average precision: precision averaged over all recalls. 1 is perfect."},
    {"image_f1max", "F1&#8209;max", "The best balance of precision and recall (F1) at any threshold."},
    {"pixel_auroc", "pixel AUROC",
     "The same three metrics for the pixels of the heatmaps, compared with the masks."},
    {"pixel_ap", "AP", ""},
    {"pixel_f1max", "F1&#8209;max", ""},
    {"aupro", "AUPRO",
     "How much of each abnormal region is found, small or large, while up to 30 % of the normal pixels are "
     "marked."},
    {"aupimo", "AUPIMO",
     "How much of each abnormal picture's region is found while a hundred-thousandth to a ten-thousandth of "
     "the pixels of normal pictures are marked; a strict metric."},
    {"false_alarm_rate", "false alarms",
     "The fraction of normal pictures that raise an alarm at the model's own threshold or as an unknown "
     "scene."},
    {"detection_rate", "found", "The fraction of abnormal pictures that raise an alarm."},
    {"precision", "precision", "The fraction of alarms that are abnormal pictures."}};

constexpr Heading event_headings[] = {
    {"events", "events", "Runs of abnormal frames."},
    {"found", "found", "Events that contain a frame with an alarm."},
    {"recall", "recall", "Found events as a fraction of all events."},
    {"alarms", "alarms", "Runs of frames with an alarm."},
    {"false", "false", "Alarms that do not overlap an event."},
    {"precision", "precision", "Fraction of the alarms that overlap an event."},
    {"delay_frames", "delay [frames]", "Average time from the first frame of an event to its first alarm."},
    {"delay_seconds", "delay [s]", ""},
    {"false_alarms_per_hour", "false alarms / hour", "Per hour of footage outside events."}};

using Headings = std::vector<Heading>;

bool is_count(const std::string &figure) {
  return figure == "events" || figure == "found" || figure == "alarms" || figure == "false";
}

int digits_of(const std::string &figure) {
  if (is_count(figure)) return 0;
  return figure.starts_with("delay") || figure.starts_with("false_alarms") ? 2 : 3;
}

std::string cell(const std::string &content, const std::string &css_class = {}) {
  return "<td" + (css_class.empty() ? std::string() : " class=\"" + css_class + "\"") + ">" + content +
         "</td>";
}

std::string row(const std::string &name, const std::string &cells, const std::string &css_class = {}) {
  return "<tr" + (css_class.empty() ? std::string() : " class=\"" + css_class + "\"") + "><td>" + name +
         "</td>" + cells + "</tr>\n";
}

std::string figure_cells(const Headings &wanted, const Figures &figures) {
  std::string cells;
  for (const auto &heading : wanted) {
    const auto value = figures.find(heading.figure);
    cells += cell(value == figures.end() ? "" : decimal(value->second, digits_of(heading.figure)));
  }
  return cells;
}

// Returns the headings of the metrics that are present in any of the figures.
Headings present(std::span<const Heading> possible, const std::vector<const Figures *> &figures) {
  Headings found;
  for (const auto &heading : possible)
    if (std::any_of(figures.begin(), figures.end(),
                    [&](const Figures *of_one) { return of_one->contains(heading.figure); }))
      found.push_back(heading);
  return found;
}

std::string table(const std::string &first, const std::vector<std::string> &titles, const std::string &rows,
                  const std::string &css_class = "wide") {
  std::string html = "<div class=\"scroll\"><table class=\"" + css_class + "\">\n<tr><th>" + first + "</th>";
  for (const auto &title : titles) html += "<th>" + title + "</th>";
  return html + "</tr>\n" + rows + "</table></div>\n";
}

std::vector<std::string> titles_of(const Headings &wanted) {
  std::vector<std::string> titles{"pictures"};
  for (const auto &heading : wanted) titles.emplace_back(heading.title);
  return titles;
}

std::string figure(const std::string &content, const std::string &caption) {
  if (content.empty()) return {};
  return "<figure>" + content + "<figcaption>" + caption + "</figcaption></figure>\n";
}

std::string percent(std::int64_t part, std::int64_t whole) {
  return whole == 0
             ? std::string()
             : " (" + decimal(100.0 * static_cast<double>(part) / static_cast<double>(whole), 1) + " %)";
}

std::string confusion_table(const Confusion &confusion) {
  const auto normal = confusion.true_normal + confusion.false_alarms;
  const auto abnormal = confusion.missed + confusion.found;
  const auto count = [](std::int64_t part, std::int64_t whole, const char *css_class) {
    return cell(std::to_string(part) + percent(part, whole), part == 0 ? "" : css_class);
  };
  return "<h3>At the threshold</h3>\n" +
         table("actual", {"judged normal", "judged abnormal"},
               row("normal", count(confusion.true_normal, normal, "good") +
                                 count(confusion.false_alarms, normal, "bad")) +
                   row("abnormal",
                       count(confusion.missed, abnormal, "bad") + count(confusion.found, abnormal, "good")),
               "");
}

std::string defect_table(const std::map<std::string, ClassFigures> &defects) {
  if (defects.empty()) return {};
  std::vector<const Figures *> figures;
  figures.reserve(defects.size());
  for (const auto &[type, of_type] : defects) figures.push_back(&of_type.figures);
  auto wanted = present(headings, figures);
  // False alarms do not belong to a type of defect.
  std::erase_if(wanted, [](const Heading &heading) {
    return heading.figure == std::string("false_alarm_rate") || heading.figure == std::string("precision");
  });
  std::string rows;
  for (const auto &[type, of_type] : defects)
    rows +=
        row(escape_html(type), cell(std::to_string(of_type.images)) + figure_cells(wanted, of_type.figures));
  return "<h3>Types of defect</h3>\n<p class=\"faint\">Each compared with all normal pictures.</p>\n" +
         table("type", titles_of(wanted), rows);
}

std::string name_of(const Item &item) {
  auto name = (item.path.parent_path().filename() / item.path.filename()).string();
  if (item.frame) name = item.path.filename().string() + ", frame " + std::to_string(*item.frame);
  return escape_html(name);
}

// expected: whether the picture should raise an alarm; absent: not known.
std::string exhibit_figure(const Exhibit &exhibit, std::optional<bool> expected, bool has_threshold) {
  std::string verdict;
  if (has_threshold && !expected) verdict = exhibit.alarm ? "alarm" : "no alarm";
  if (has_threshold && expected) {
    const bool right = exhibit.alarm == *expected;
    verdict = *expected ? (right ? "found" : "missed") : (right ? "no alarm" : "false alarm");
    verdict = std::string("<span class=\"") + (right ? "good" : "bad") + "\">" + verdict + "</span>";
  }
  if (exhibit.as_a_whole) verdict += ", by the picture as a whole";
  if (exhibit.unknown_scene) verdict += ", unknown scene";
  return "<figure><div class=\"views\"><img alt=\"\" src=\"" + data_url(exhibit.picture) +
         "\"/><img alt=\"heatmap\" src=\"" + data_url(exhibit.heatmap) + "\"/></div><figcaption>" +
         name_of(exhibit.item) + "<br/>score " + decimal(static_cast<double>(exhibit.score), 3) +
         (verdict.empty() ? "" : ", " + verdict) + "</figcaption></figure>\n";
}

std::string exhibits(const std::string &title, const Extremes &extremes, std::optional<bool> expected,
                     bool has_threshold) {
  if (extremes.exhibits().empty()) return {};
  std::string html = "<h3>" + title + "</h3>\n<div class=\"exhibits\">\n";
  for (const auto &exhibit : extremes.exhibits()) html += exhibit_figure(exhibit, expected, has_threshold);
  return html + "</div>\n";
}

std::string key(const std::string &kind, const std::string &meaning) {
  return "<span class=\"key " + kind + "\"></span>" + meaning;
}

std::string timelines(const std::vector<Timeline> &of_videos, std::optional<double> threshold, double gap) {
  std::string html;
  for (const auto &timeline : of_videos)
    html += figure(timeline_plot(timeline, threshold, gap), escape_html(timeline.video.filename().string()) +
                                                                key("abnormal", "labeled abnormal") +
                                                                key("alarm", "alarm"));
  return html.empty() ? html : "<h3>Over time</h3>\n" + html;
}

std::string score_plots(std::span<const float> normal, std::span<const float> abnormal,
                        const std::optional<Confusion> &confusion, std::optional<double> threshold) {
  return "<div class=\"pair\">\n" +
         figure(roc_plot(normal, abnormal, confusion),
                "Detection rate over false alarm rate, for every threshold.") +
         figure(histogram_plot(normal, abnormal, threshold),
                "Scores of" + key("normal", "normal and") +
                    key("abnormal", "abnormal pictures. The last column contains the highest 1 %.")) +
         "</div>\n";
}

std::string event_table(const Figures &events) {
  if (events.empty()) return {};
  const auto wanted = present(event_headings, {&events});
  auto titles = titles_of(wanted);
  const auto cells = figure_cells({wanted.begin() + 1, wanted.end()}, events);
  titles.erase(titles.begin());
  const std::string first = titles.front();
  titles.erase(titles.begin());
  return "<h3>Events</h3>\n" + table(first, titles, row(decimal(events.at("events"), 0), cells));
}

std::string motion_html(const SourceReport &source, double gap) {
  if (!source.motion) return {};
  const MotionReport &motion = *source.motion;
  const auto reach = [&](const std::vector<float> &scores) {
    return std::ranges::count_if(scores, [&](float score) { return score >= motion.threshold; });
  };
  Confusion confusion;
  confusion.false_alarms = reach(motion.normal_scores);
  confusion.found = reach(motion.abnormal_scores);
  const Figures &figures = source.figures.motion.figures;
  std::string text = "How things move, by a score of its own. Threshold " + decimal(motion.threshold, 2);
  if (const auto auroc = figures.find("frame_auroc"); auroc != figures.end())
    text += "; AUROC of the frames " + decimal(auroc->second, 3);
  return "<section class=\"motion\">\n<h3>Motion</h3>\n<p>" + text + ".</p>\n" +
         score_plots(motion.normal_scores, motion.abnormal_scores, confusion, motion.threshold) +
         event_table(source.figures.motion.events) + timelines(motion.timelines, motion.threshold, gap) +
         "</section>\n";
}

std::string summary_of(const SourceReport &source) {
  std::string text = std::to_string(source.figures.images) + " pictures or frames";
  if (const auto normal = source.normal_scores.size(), abnormal = source.abnormal_scores.size();
      normal + abnormal > 0)
    text += ": " + std::to_string(normal) + " normal, " + std::to_string(abnormal) + " abnormal";
  if (!source.normal) return text + ". The model has no threshold.";
  return text + ". Threshold " + decimal(source.normal->threshold, 3) + ", from " +
         std::to_string(source.normal->count) + " scores of normal pictures (mean " +
         decimal(source.normal->mean, 3) + ", standard deviation " +
         decimal(source.normal->standard_deviation, 3) + ").";
}

std::string source_html(const SourceReport &source, std::size_t number, double gap) {
  const auto threshold = source.normal ? std::optional(source.normal->threshold) : std::nullopt;
  const auto &gallery = source.gallery;
  return "<h2 id=\"source" + std::to_string(number) + "\">" + escape_html(source.name) +
         "</h2>\n<p class=\"faint\">" + escape_html(source.path) + "</p>\n<p>" + summary_of(source) +
         "</p>\n" +
         score_plots(source.normal_scores, source.abnormal_scores, source.figures.confusion, threshold) +
         (source.figures.confusion ? confusion_table(*source.figures.confusion) : std::string()) +
         defect_table(source.figures.defects) + event_table(source.figures.events) +
         timelines(source.timelines, threshold, gap) + motion_html(source, gap) +
         exhibits("Normal, with the highest scores", gallery.normal_highest, false, threshold.has_value()) +
         exhibits("Abnormal, with the lowest scores", gallery.abnormal_lowest, true, threshold.has_value()) +
         exhibits("Most clearly abnormal", gallery.abnormal_highest, true, threshold.has_value()) +
         exhibits("Most clearly normal", gallery.normal_lowest, false, threshold.has_value()) +
         exhibits("Unlabeled, with the highest scores", gallery.unlabeled_highest, {}, threshold.has_value());
}

// Returns " (3 of 4 sources)" if some sources lack the metric.
std::string over(const std::string &figure, const Report &report) {
  const auto count = report.mean.classes.find(figure);
  const auto all = std::ssize(report.sources);
  if (count == report.mean.classes.end() || count->second == all) return {};
  return " (" + std::to_string(count->second) + " of " + std::to_string(all) + " sources)";
}

std::string tiles(const Report &report) {
  constexpr Heading shown[] = {{"image_auroc", "image AUROC", ""},
                               {"pixel_auroc", "pixel AUROC", ""},
                               {"aupro", "AUPRO", ""},
                               {"detection_rate", "found at the threshold", ""},
                               {"false_alarm_rate", "false alarms at the threshold", ""}};
  std::string html;
  for (const auto &tile : shown) {
    const auto value = report.mean.figures.find(tile.figure);
    if (value == report.mean.figures.end()) continue;
    const bool rate = std::string(tile.figure).ends_with("_rate");
    html += "<div class=\"tile\"><b>" +
            (rate ? decimal(100 * value->second, 1) + " %" : decimal(value->second, 3)) + "</b><span>" +
            tile.title + over(tile.figure, report) + "</span></div>\n";
  }
  return html.empty() ? html : "<div class=\"tiles\">\n" + html + "</div>\n";
}

std::string summary_table(const Report &report) {
  std::vector<const Figures *> figures;
  figures.reserve(report.sources.size());
  for (const auto &source : report.sources) figures.push_back(&source.figures.figures);
  const auto wanted = present(headings, figures);
  std::string rows;
  for (std::size_t i = 0; i < report.sources.size(); ++i) {
    const auto &source = report.sources[i];
    rows += row("<a href=\"#source" + std::to_string(i) + "\">" + escape_html(source.name) + "</a>",
                cell(std::to_string(source.figures.images)) + figure_cells(wanted, source.figures.figures));
  }
  if (report.sources.size() > 1) {
    std::string cells = cell("");
    for (const auto &heading : wanted) {
      const auto value = report.mean.figures.find(heading.figure);
      cells += cell(value == report.mean.figures.end()
                        ? ""
                        : decimal(value->second, digits_of(heading.figure)) + over(heading.figure, report));
    }
    rows += row("mean", cells, "mean");
  }
  return table("source", titles_of(wanted), rows);
}

std::string training(const std::map<std::string, std::vector<Point>> &curves) {
  if (curves.empty()) return {};
  std::string html = "<h2>Training</h2>\n<div class=\"pair\">\n";
  constexpr std::pair<const char *, const char *> known[] = {
      {"loss", "loss"}, {"gradient_norm", "norm of the gradient"}, {"lr", "learning rate"}};
  for (const auto &[name, label] : known)
    if (const auto curve = curves.find(name); curve != curves.end())
      html += "<figure>" + curve_plot(label, curve->second) + "</figure>\n";
  return html + "</div>\n";
}

void add_terms(std::span<const Heading> possible, const std::vector<const Figures *> &figures,
               std::string &terms) {
  for (const auto &heading : present(possible, figures))
    if (*heading.meaning != '\0')
      terms += std::string("<dt>") + heading.title + "</dt><dd>" + heading.meaning + "</dd>\n";
}

std::string about_heatmaps(const Report &report) {
  const bool any_threshold =
      std::any_of(report.sources.begin(), report.sources.end(),
                  [](const SourceReport &source) { return source.normal.has_value(); });
  return std::string("<dt>heatmaps</dt><dd>") +
         (any_threshold ? "Blue is the level of normal pictures, green the threshold, and red as far above "
                          "it; boxes mark the regions that reach the threshold."
                        : "From the lowest value in the picture (blue) to the highest (red).") +
         "</dd>\n";
}

std::string glossary(const Report &report) {
  std::vector<const Figures *> figures;
  std::vector<const Figures *> events;
  for (const auto &source : report.sources) {
    figures.push_back(&source.figures.figures);
    events.push_back(&source.figures.events);
  }
  std::string pictures;
  std::string videos;
  add_terms(headings, figures, pictures);
  add_terms(event_headings, events, videos);
  std::string html;
  html += "<h2>What the metrics mean</h2>\n<dl>\n" + pictures + about_heatmaps(report) + "</dl>\n";
  if (!videos.empty())
    html += "<h3>Events</h3>\n<p class=\"faint\">Frames at most " + decimal(report.event_gap, 2) +
            " s apart form one event or one alarm.</p>\n<dl>\n" + videos + "</dl>\n";
  return html;
}

std::string about_labels(const Report &report) {
  if (!report.mean.figures.contains("pixel_auroc")) return {};  // there are no masks
  if (report.label_rule == LabelRule::Strict)
    return " A picture is abnormal if its label says so or its mask has any abnormal pixel.";
  return " A picture with a mask is abnormal if at least one mask pixel remains at the network's input size.";
}

std::string introduction(const Report &report) {
  return "<h1>Evaluation of " + escape_html(report.model) + "</h1>\n<p class=\"faint\">" +
         escape_html(report.description) + "." + about_labels(report) + "</p>\n";
}

}  // namespace

std::string report_page(const Report &report) {
  std::string html =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<title>" +
      escape_html(report.model) + "</title>\n<style>" + style_sheet + "</style>\n</head>\n<body>\n";
  html += introduction(report) + tiles(report) + summary_table(report) + training(report.training);
  for (std::size_t i = 0; i < report.sources.size(); ++i)
    html += source_html(report.sources[i], i, report.event_gap);
  return html + glossary(report) + "</body>\n</html>\n";
}

}  // namespace uniad
