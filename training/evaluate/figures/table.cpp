// SPDX-License-Identifier: Apache-2.0
#include "training/evaluate/figures/table.h"

#include <algorithm>
#include <functional>
#include <iomanip>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

namespace uniad {
namespace {

struct Column {
  const char *figure;
  const char *title;
  int width;
  int digits;
};

constexpr Column picture_columns[] = {
    {"image_auroc", "AUROC", 8, 4},   {"image_ap", "AP", 7, 4},   {"image_f1max", "F1-max", 7, 4},
    {"pixel_auroc", "AUROC", 8, 4},   {"pixel_ap", "AP", 7, 4},   {"pixel_f1max", "F1-max", 7, 4},
    {"aupro", "AUPRO", 7, 4},         {"aupimo", "AUPIMO", 7, 4}, {"false_alarm_rate", "false", 8, 4},
    {"detection_rate", "found", 7, 4}};

constexpr Column event_columns[] = {{"events", "events", 8, 0},
                                    {"found", "found", 7, 0},
                                    {"recall", "recall", 8, 4},
                                    {"alarms", "alarms", 8, 0},
                                    {"false", "false", 7, 0},
                                    {"precision", "precision", 11, 4},
                                    {"delay_seconds", "delay [s]", 11, 2},
                                    {"false_alarms_per_hour", "false/hour", 12, 2}};

constexpr Column motion_columns[] = {{"frame_auroc", "AUROC", 8, 4},
                                     {"frame_ap", "AP", 7, 4},
                                     {"frame_f1max", "F1-max", 7, 4},
                                     {"threshold", "threshold", 11, 2},
                                     {"false_alarm_rate", "false", 8, 4},
                                     {"detection_rate", "found", 7, 4},
                                     {"combined_auroc", "combined AUROC", 16, 4}};

constexpr Column deviation_columns[] = {{"found_2sd", "2 sd: found", 13, 4}, {"false_2sd", "false", 8, 4},
                                        {"found_3sd", "3 sd: found", 13, 4}, {"false_3sd", "false", 8, 4},
                                        {"found_4sd", "4 sd: found", 13, 4}, {"false_4sd", "false", 8, 4}};

constexpr Column allowed_columns[] = {{"sd_0.1%", "0.1 %: sd", 11, 2}, {"found_0.1%", "found", 8, 4},
                                      {"sd_1%", "1 %: sd", 11, 2},     {"found_1%", "found", 8, 4},
                                      {"sd_5%", "5 %: sd", 11, 2},     {"found_5%", "found", 8, 4}};

void print_name(const std::string &name, std::ostream &out) {
  out << std::left << std::setw(20) << name << std::right;
}

void print_titles(std::span<const Column> titled, std::ostream &out) {
  for (const auto &column : titled) out << std::setw(column.width) << column.title;
  out << '\n';
}

void print_figures(std::span<const Column> wanted, const Figures &figures, std::ostream &out) {
  for (const auto &column : wanted) {
    out << std::setw(column.width);
    if (const auto value = figures.find(column.figure); value != figures.end())
      out << std::fixed << std::setprecision(column.digits) << value->second;
    else
      out << '-';
  }
  out << '\n';
}

// Prints the means and, if some class lacks a metric, the number of classes in each mean.
void print_mean(const Mean &mean, std::size_t classes, std::ostream &out) {
  print_name("mean", out);
  out << std::setw(7) << "";
  print_figures(picture_columns, mean.figures, out);
  const auto is_partial = [&](const auto &of_figure) {
    return of_figure.second < static_cast<std::int64_t>(classes);
  };
  if (std::none_of(mean.classes.begin(), mean.classes.end(), is_partial)) return;
  print_name("  over classes", out);
  out << std::setw(7) << "";
  for (const auto &column : picture_columns) {
    out << std::setw(column.width);
    if (const auto count = mean.classes.find(column.figure); count != mean.classes.end())
      out << count->second;
    else
      out << '-';
  }
  out << '\n';
}

void print_row(const std::string &name, std::int64_t images, const Figures &figures, std::ostream &out) {
  print_name(name, out);
  out << std::setw(7) << images;
  print_figures(picture_columns, figures, out);
}

// A table of figures that only some classes have. Prints nothing if none has.
void print_section(const std::string &title, std::span<const Column> columns,
                   const std::map<std::string, ClassFigures> &classes,
                   const std::function<Figures(const ClassFigures &)> &figures_of, std::ostream &out) {
  bool titled = false;
  for (const auto &[name, of_class] : classes) {
    const Figures figures = figures_of(of_class);
    if (figures.empty()) continue;
    if (!std::exchange(titled, true)) {
      out << '\n';
      print_name(title, out);
      print_titles(columns, out);
    }
    print_name(name, out);
    print_figures(columns, figures, out);
  }
}

nlohmann::ordered_json of_class(const ClassFigures &figures) {
  nlohmann::ordered_json json{{"images", figures.images}};
  for (const auto &[figure, value] : figures.figures) json[figure] = value;
  for (const auto &[type, of_type] : figures.defects) json["defects"][type] = of_class(of_type);
  for (const auto &[figure, value] : figures.events) json["events"][figure] = value;
  for (const auto &[figure, value] : figures.operating_points) json["operating_points"][figure] = value;
  for (const auto &[figure, value] : figures.motion.figures) json["motion"][figure] = value;
  for (const auto &[figure, value] : figures.motion.events) json["motion"]["events"][figure] = value;
  return json;
}

}  // namespace

void print_table(const std::map<std::string, ClassFigures> &classes, std::ostream &out) {
  print_name("", out);
  out << std::setw(7) << "" << std::setw(22) << "image" << std::setw(36) << "pixel" << std::setw(15)
      << "at threshold" << '\n';
  print_name("class", out);
  out << std::setw(7) << "images";
  print_titles(picture_columns, out);
  for (const auto &[name, figures] : classes) {
    print_row(name, figures.images, figures.figures, out);
    if (figures.defects.size() < 2) continue;
    for (const auto &[type, of_type] : figures.defects)
      print_row("  " + type, of_type.images, of_type.figures, out);
  }
  print_mean(mean(classes), classes.size(), out);

  const auto operating_points_of = [](const ClassFigures &of) { return of.operating_points; };
  print_section("threshold", deviation_columns, classes, operating_points_of, out);
  print_section("false alarms", allowed_columns, classes, operating_points_of, out);
  print_section(
      "video", event_columns, classes, [](const ClassFigures &of) { return of.events; }, out);
  print_section(
      "motion", motion_columns, classes, [](const ClassFigures &of) { return of.motion.figures; }, out);
  print_section(
      "motion, events", event_columns, classes, [](const ClassFigures &of) { return of.motion.events; }, out);
}

nlohmann::ordered_json to_json(const std::map<std::string, ClassFigures> &classes) {
  nlohmann::ordered_json json;
  for (const auto &[name, figures] : classes) json["classes"][name] = of_class(figures);
  const Mean over_classes = mean(classes);
  json["mean"] = over_classes.figures;
  json["mean_classes"] = over_classes.classes;
  return json;
}

}  // namespace uniad
