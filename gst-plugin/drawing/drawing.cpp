// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/drawing/drawing.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "gst-plugin/events/event.h"
#include "model/scoring/levels.h"

namespace uniad {

namespace {

// The value at which the heatmap becomes visible, relative to the threshold. Frames well below the threshold
// stay clean.
constexpr double default_low = 0.8;
// Contours are drawn at this fraction of their level. Scores are the peaks of a map whose window is slightly
// narrower than its cells, so that they are up to 2.5 % higher than the peaks of the drawn map.
constexpr double contour_level = 0.975;
constexpr GstClockTime old_age = GST_SECOND / 2;
constexpr double smallest_font = 6;  // in pixels; smaller text is not legible

constexpr std::uint32_t panel_color = 0xa6101418;
constexpr std::uint32_t normal_color = 0xff43a047;
constexpr std::uint32_t anomaly_color = 0xffe53935;
constexpr std::uint32_t motion_color = 0xff29b6f6;
constexpr std::uint32_t unknown_color = 0xff9e9e9e;
constexpr std::uint32_t track_color = 0x59ffffff;

void set_color(cairo_t *cairo, std::uint32_t argb) {
  const auto channel = [argb](int shift) { return ((argb >> shift) & 0xff) / 255.0; };
  cairo_set_source_rgba(cairo, channel(16), channel(8), channel(0), channel(24));
}

double scale_of(const Canvas &canvas) {
  return std::min(canvas.height() / 1080.0, canvas.width() / 1440.0);
}

std::string format(const char *pattern, double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), pattern, value);
  return text.data();
}

// Uses three digits, so that the text keeps its length from frame to frame.
std::string number(double value) {
  const double magnitude = std::abs(value);
  if (!std::isfinite(value)) return "?";
  if (magnitude >= 1e5 || (magnitude < 1e-3 && magnitude > 0)) return format("%.2e", value);
  if (magnitude >= 100) return format("%.0f", value);
  return format(magnitude >= 10 ? "%.1f" : magnitude >= 1 ? "%.2f" : "%.3f", value);
}

std::string escaped(const std::string &text) {
  gchar *valid = g_utf8_make_valid(text.data(), static_cast<gssize>(text.size()));
  gchar *markup = g_markup_escape_text(valid, -1);
  std::string result = markup;
  g_free(markup);
  g_free(valid);
  return result;
}

std::string age_text(GstClockTime age) {
  if (!GST_CLOCK_TIME_IS_VALID(age)) return "of an earlier frame";
  if (age < old_age) return {};
  const double seconds = static_cast<double>(age) / GST_SECOND;
  return format(seconds < 9.95 ? "%.1f s ago" : "%.0f s ago", seconds);
}

std::uint32_t state_color(const Result &result) {
  if (!result.threshold) return unknown_color;
  return result.anomalous ? anomaly_color : normal_color;
}

const char *state_name(const Result &result) {
  if (!result.threshold) return "NO THRESHOLD";
  return result.anomalous ? "ANOMALY" : "normal";
}

std::string markup_of(const Result &result) {
  std::string text = "<b>" + escaped(result.source) + "</b>  " + number(result.score);
  if (result.threshold) {
    text += " <span alpha=\"75%\">of " + number(*result.threshold) + "</span>";
    const double percent = 100 * result.score / *result.threshold;
    if (*result.threshold > 0 && percent < 1e4) text += "  <b>" + format("%.0f", percent) + " %</b>";
  }
  if (!result.age.empty()) text += "  <span color=\"#ffca28\">" + result.age + "</span>";
  return text;
}

// Adds a dark rim, which makes the line visible on any background.
void stroke(cairo_t *cairo, double width, std::uint32_t color) {
  cairo_set_line_width(cairo, width * 2);
  set_color(cairo, (color >> 25) << 24);
  cairo_stroke_preserve(cairo);
  cairo_set_line_width(cairo, width);
  set_color(cairo, color);
  cairo_stroke(cairo);
}

double line_width(const Style &style, const Canvas &canvas) {
  return std::max(1.5, style.line_width * scale_of(canvas));
}

// The outline of each region or, if there are no regions, the lines where the map reaches the threshold.
std::vector<Segment> contours_of(const Result &result, const SmoothMap &map) {
  const auto level = [](double value) {
    return static_cast<float>(value - (1 - contour_level) * std::abs(value));
  };
  const double threshold = *result.threshold;
  if (result.boxes.empty()) return iso_line(map, level(threshold));
  std::vector<Segment> lines;
  for (const Result::Box &box : result.boxes) {
    if (!std::isfinite(box.x + box.y + box.width + box.height + box.score)) continue;
    const double foot = std::max(threshold, static_cast<double>(region_foot * box.score));
    const std::vector<Segment> around = outline(map, level(foot), {box.x, box.y, box.width, box.height});
    lines.insert(lines.end(), around.begin(), around.end());
  }
  return lines;
}

void draw_contours(const Result &result, const Style &style, Canvas &canvas) {
  if (!result.anomalous || result.grid.empty()) return;
  // Values far from the threshold are clipped, and NaN counts as the lowest value.
  const auto far =
      static_cast<float>(100 * std::max(std::abs(*result.threshold), std::abs(result.score)) + 1);
  std::vector<float> values = result.grid;
  for (float &value : values) value = std::isnan(value) ? -far : std::clamp(value, -far, far);
  const SmoothMap map(result.columns, result.rows, std::move(values), result.grid_area);
  const double width = line_width(style, canvas);
  cairo_t *cairo = canvas.cairo();
  cairo_save(cairo);
  cairo_rectangle(cairo, result.picture.x * canvas.width(), result.picture.y * canvas.height(),
                  result.picture.width * canvas.width(), result.picture.height * canvas.height());
  cairo_clip(cairo);
  cairo_set_line_cap(cairo, CAIRO_LINE_CAP_ROUND);
  for (const auto &[from, to] : contours_of(result, map)) {
    const double x0 = from.x * canvas.width();
    const double y0 = from.y * canvas.height();
    const double x1 = to.x * canvas.width();
    const double y1 = to.y * canvas.height();
    cairo_move_to(cairo, x0, y0);
    cairo_line_to(cairo, x1, y1);
    canvas.touch(std::min(x0, x1) - width - 1, std::min(y0, y1) - width - 1, std::max(x0, x1) + width + 1,
                 std::max(y0, y1) + width + 1);
  }
  stroke(cairo, width, style.line_color);
  cairo_restore(cairo);
}

void draw_boxes(const std::vector<Result::Box> &boxes, std::uint32_t color, const Style &style,
                Canvas &canvas) {
  const double width = line_width(style, canvas);
  cairo_t *cairo = canvas.cairo();
  cairo_set_line_join(cairo, CAIRO_LINE_JOIN_ROUND);
  for (const Result::Box &box : boxes) {
    if (!std::isfinite(box.x + box.y + box.width + box.height)) continue;
    // Keep the full width of the lines within the frame, even if the box extends beyond it.
    const auto within = [width](double position, int size) {
      return std::clamp(position * size, width, std::max(size - width, width));
    };
    const double x0 = within(box.x, canvas.width());
    const double y0 = within(box.y, canvas.height());
    const double x1 = within(static_cast<double>(box.x) + box.width, canvas.width());
    const double y1 = within(static_cast<double>(box.y) + box.height, canvas.height());
    if (x1 <= x0 || y1 <= y0) continue;
    cairo_rectangle(cairo, x0, y0, x1 - x0, y1 - y0);
    const double rim = width + 1;
    canvas.touch(x0 - rim, y0 - rim, x1 + rim, y0 + rim);
    canvas.touch(x0 - rim, y1 - rim, x1 + rim, y1 + rim);
    canvas.touch(x0 - rim, y0 - rim, x0 + rim, y1 + rim);
    canvas.touch(x1 - rim, y0 - rim, x1 + rim, y1 + rim);
  }
  stroke(cairo, width, color);
}

void rounded_rectangle(cairo_t *cairo, double x, double y, double width, double height, double radius) {
  radius = std::min({radius, width / 2, height / 2});
  cairo_new_sub_path(cairo);
  cairo_arc(cairo, x + width - radius, y + radius, radius, -G_PI_2, 0);
  cairo_arc(cairo, x + width - radius, y + height - radius, radius, 0, G_PI_2);
  cairo_arc(cairo, x + radius, y + height - radius, radius, G_PI_2, G_PI);
  cairo_arc(cairo, x + radius, y + radius, radius, G_PI, 3 * G_PI_2);
  cairo_close_path(cairo);
}

void fill_rounded(cairo_t *cairo, std::uint32_t color, double x, double y, double width, double height,
                  double radius) {
  if (width <= 0 || height <= 0) return;
  rounded_rectangle(cairo, x, y, width, height, radius);
  set_color(cairo, color);
  cairo_fill(cairo);
}

// The probability from 0 to 1, with a mark at the threshold.
void draw_gauge(cairo_t *cairo, const Result &result, double x, double y, double width, double height) {
  fill_rounded(cairo, track_color, x, y, width, height, height / 2);
  const double share = std::isfinite(result.probability) ? std::clamp(result.probability, 0.0, 1.0) : 0.0;
  fill_rounded(cairo, state_color(result), x, y, width * share, height, height / 2);
  set_color(cairo, 0xffffffff);
  cairo_rectangle(cairo, x + width / 2 - height / 6, y - height / 3, height / 3, height * 5 / 3);
  cairo_fill(cairo);
}

struct FreeFont {
  void operator()(PangoFontDescription *font) const { pango_font_description_free(font); }
};

}  // namespace

Result result_of(const GstAnomalyMeta &meta) {
  Result result;
  result.source = meta.source != nullptr ? meta.source : "";
  if (meta.unknown_scene) result.source += ": unknown scene";
  if (meta.raised_by == g_intern_static_string("image")) result.source += ": whole picture";
  if (meta.has_motion && meta.motion_score >= meta.motion_threshold) result.source += ": motion";
  result.score = meta.score;
  if (meta.has_threshold && std::isfinite(meta.threshold)) {
    result.threshold = meta.threshold;
    result.probability = meta.probability;
    result.anomalous = meta.anomalous != FALSE;
  }
  result.age = age_text(meta.age);
  if (meta.grid != nullptr && meta.grid_width > 0 && meta.grid_height > 0) {
    result.columns = static_cast<int>(meta.grid_width);
    result.rows = static_cast<int>(meta.grid_height);
    result.grid.assign(meta.grid, meta.grid + std::size_t{meta.grid_width} * meta.grid_height);
  }
  if (std::isfinite(meta.grid_x) && std::isfinite(meta.grid_y) && meta.grid_w > 0 && meta.grid_h > 0)
    result.grid_area = {meta.grid_x, meta.grid_y, meta.grid_w, meta.grid_h};
  if (std::isfinite(meta.picture_x) && std::isfinite(meta.picture_y) && meta.picture_w > 0 &&
      meta.picture_h > 0)
    result.picture = {meta.picture_x, meta.picture_y, meta.picture_w, meta.picture_h};
  for (guint i = 0; i < meta.n_regions; ++i) {
    const GstAnomalyRegion &region = meta.regions[i];
    const bool moves = region.kind != nullptr && std::string_view(region.kind) == motion_kind;
    (moves ? result.motion_boxes : result.boxes)
        .push_back({region.x, region.y, region.w, region.h, region.score});
  }
  return result;
}

std::optional<Heat> heat_of(const Result &result, const Style &style) {
  if (!style.heatmap || style.opacity <= 0 || result.grid.empty()) return std::nullopt;
  if (!result.threshold && !style.high) return std::nullopt;
  const double threshold = result.threshold.value_or(0);
  const double low = style.low.value_or(default_low * threshold);
  const double strongest = result.boxes.empty() ? 0.0 : static_cast<double>(result.boxes.front().score);
  const double high = style.high.value_or(heat_end(threshold, strongest));
  if (!(high > low)) return std::nullopt;

  std::vector<float> levels;
  levels.reserve(result.grid.size());
  bool shows = false;
  for (const float value : result.grid) {
    // Values far outside the range are clipped, and NaN counts as invisible.
    const double level = std::clamp((value - low) / (high - low), -100.0, 100.0) * 255;
    levels.push_back(std::isnan(level) ? -255.0F : static_cast<float>(level));
    shows = shows || levels.back() >= 1;
  }
  if (!shows) return std::nullopt;
  return Heat{SmoothMap(result.columns, result.rows, std::move(levels), result.grid_area), style.color_map,
              static_cast<float>(style.opacity), result.picture};
}

// The renderer has its own font map, because Pango's default one belongs to a single thread.
OverlayRenderer::OverlayRenderer()
    : fonts_(pango_cairo_font_map_new()),
      context_(pango_font_map_create_context(fonts_.get())),
      layout_(pango_layout_new(context_.get())) {
  pango_layout_set_single_paragraph_mode(layout_.get(), TRUE);
}

double OverlayRenderer::draw_score(const Result &result, const Style &style, double top, Canvas &canvas) {
  const double scale = scale_of(canvas);
  const std::unique_ptr<PangoFontDescription, FreeFont> font(
      pango_font_description_from_string(style.font.c_str()));
  double size = pango_font_description_get_size(font.get()) / static_cast<double>(PANGO_SCALE);
  if (size <= 0) size = 34;
  size = std::max(size * scale, 11.0);

  cairo_t *cairo = canvas.cairo();
  const std::string state = std::string("<b>") + state_name(result) + "</b>";
  const std::string text = markup_of(result);
  const auto measure = [&](const std::string &markup) {
    pango_font_description_set_absolute_size(font.get(), size * PANGO_SCALE);
    pango_layout_set_font_description(layout_.get(), font.get());
    pango_layout_set_width(layout_.get(), -1);
    pango_layout_set_markup(layout_.get(), markup.c_str(), -1);
    int width = 0;
    int height = 0;
    pango_layout_get_pixel_size(layout_.get(), &width, &height);
    return std::pair<double, double>(width, height);
  };

  // Reduce the font size if the text does not fit. At the smallest size, the end of the text is cut off.
  const double margin = std::round(16 * scale);
  const double room = canvas.width() - 2 * margin;
  const auto needed = [&] { return measure(state).first + measure(text).first + 2.7 * size; };
  if (const double width = needed(); width > room) size = std::max(size * room / width, smallest_font);
  const auto [state_width, line_height] = measure(state);
  const double badge_width = state_width + size;
  const double height = std::ceil(line_height + 1.1 * size);
  if (badge_width + size > room || top + height > canvas.height()) return top;
  const double text_width = std::min(measure(text).first, room - badge_width - 1.7 * size);

  const double left = margin;
  const double padding = 0.35 * size;
  const double width = std::ceil(badge_width + (text_width > 0 ? text_width + 1.7 * size : 2 * padding));
  canvas.touch(left, top, left + width, top + height);
  cairo_save(cairo);
  cairo_rectangle(cairo, left, top, width, height);
  cairo_clip(cairo);
  fill_rounded(cairo, panel_color, left, top, width, height, 0.4 * size);
  fill_rounded(cairo, state_color(result), left + padding, top + padding, badge_width, line_height,
               0.25 * size);
  if (result.threshold)
    draw_gauge(cairo, result, left + padding, top + padding + line_height + 0.28 * size, width - 2 * padding,
               0.18 * size);

  set_color(cairo, 0xffffffff);
  if (text_width > 0) {
    pango_layout_set_ellipsize(layout_.get(), PANGO_ELLIPSIZE_END);
    pango_layout_set_width(layout_.get(), static_cast<int>(std::ceil(text_width) * PANGO_SCALE));
    cairo_move_to(cairo, left + padding + badge_width + 0.6 * size, top + padding);
    pango_cairo_show_layout(cairo, layout_.get());
  }
  measure(state);
  cairo_move_to(cairo, left + padding + size / 2, top + padding);
  pango_cairo_show_layout(cairo, layout_.get());
  cairo_restore(cairo);
  return top + height;
}

void OverlayRenderer::draw(const std::vector<Result> &results, const Style &style, Canvas &canvas) {
  if (canvas.cairo() == nullptr) return;
  canvas.clear();
  for (const Result &result : results) {
    if (style.contours) draw_contours(result, style, canvas);
    if (style.boxes) draw_boxes(result.boxes, style.line_color, style, canvas);
    if (style.boxes || style.contours) draw_boxes(result.motion_boxes, motion_color, style, canvas);
  }
  const double gap = std::round(16 * scale_of(canvas));
  double top = gap;
  for (const Result &result : results)
    if (style.score) top = draw_score(result, style, top, canvas) + std::ceil(gap / 2);
  canvas.finish();
}

}  // namespace uniad
