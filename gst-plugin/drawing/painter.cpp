// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/drawing/painter.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>

#include "gst-plugin/video/mapped_frame.h"

namespace uniad {

namespace {

constexpr std::size_t alpha_component = 3;

bool is_limited(const GstVideoInfo &info) {
  switch (info.colorimetry.range) {
    case GST_VIDEO_COLOR_RANGE_0_255:
      return false;
    case GST_VIDEO_COLOR_RANGE_16_235:
      return true;
    default:
      return GST_VIDEO_INFO_IS_YUV(&info);
  }
}

struct LumaShares {
  double red, blue;
};

LumaShares luma_shares(const GstVideoInfo &info) {
  LumaShares shares{};
  if (gst_video_color_matrix_get_Kr_Kb(info.colorimetry.matrix, &shares.red, &shares.blue) == FALSE)
    gst_video_color_matrix_get_Kr_Kb(
        info.height > 576 ? GST_VIDEO_COLOR_MATRIX_BT709 : GST_VIDEO_COLOR_MATRIX_BT601, &shares.red,
        &shares.blue);
  return shares;
}

Mix scaled(double red, double green, double blue, double scale, int offset) {
  const auto fixed = [scale](double share) {
    return static_cast<std::int32_t>(std::lround(share * scale * (1 << mix_bits)));
  };
  return {fixed(red), fixed(green), fixed(blue), offset};
}

// The weights that compute each of the frame's components, in 8 bits, from a color.
std::array<Mix, 4> mixes_of(const GstVideoInfo &info) {
  const bool limited = is_limited(info);
  const double luma_scale = limited ? 219.0 / 255 : 1.0;
  const int luma_offset = limited ? 16 : 0;
  const Mix alpha{.offset = 255};
  if (GST_VIDEO_INFO_IS_RGB(&info))
    return {scaled(1, 0, 0, luma_scale, luma_offset), scaled(0, 1, 0, luma_scale, luma_offset),
            scaled(0, 0, 1, luma_scale, luma_offset), alpha};

  const double chroma_scale = limited ? 224.0 / 255 : 1.0;
  const auto [kr, kb] = luma_shares(info);
  const double kg = 1 - kr - kb;
  const double to_u = 0.5 / (1 - kb);
  const double to_v = 0.5 / (1 - kr);
  return {scaled(kr, kg, kb, luma_scale, luma_offset), scaled(-kr * to_u, -kg * to_u, 0.5, chroma_scale, 128),
          scaled(0.5, -kg * to_v, -kb * to_v, chroma_scale, 128), alpha};
}

bool is_interlaced(const GstVideoFrame &frame) {
  return GST_VIDEO_FRAME_IS_INTERLACED(&frame) &&
         GST_VIDEO_INFO_INTERLACE_MODE(&frame.info) != GST_VIDEO_INTERLACE_MODE_ALTERNATE;
}

bool is_made_of_bytes(const GstVideoFormatInfo *format) {
  constexpr auto odd_layouts = static_cast<GstVideoFormatFlags>(
      GST_VIDEO_FORMAT_FLAG_COMPLEX | GST_VIDEO_FORMAT_FLAG_TILED | GST_VIDEO_FORMAT_FLAG_PALETTE);
  if ((format->flags & odd_layouts) != 0) return false;
  // GStreamer's format table has the chroma components of VYUY in the wrong order.
  if (format->format == GST_VIDEO_FORMAT_VYUY) return false;
  for (guint c = 0; c < format->n_components; ++c) {
    if (format->depth[c] != 8 || format->shift[c] != 0 || format->pixel_stride[c] < 1 ||
        format->pixel_stride[c] > 8)
      return false;
  }
  return true;
}

bool is_wide(const GstVideoFormatInfo *format) {
  return format->unpack_format == GST_VIDEO_FORMAT_ARGB64 || format->unpack_format == GST_VIDEO_FORMAT_AYUV64;
}

}  // namespace

// A row of a frame in GStreamer's unpacked form.
class Painter::UnpackedRow {
 public:
  UnpackedRow(GstVideoFrame &frame, bool limited)
      : frame_(frame), width_(width_to_unpack(frame.info)), wide_(is_wide(frame.info.finfo)) {
    if (is_interlaced(frame)) flags_ = GST_VIDEO_PACK_FLAG_INTERLACED;
    // When samples of limited range are widened, zeros as the new low bits keep black at 16 and white at 235.
    if (limited) flags_ = static_cast<GstVideoPackFlags>(flags_ | GST_VIDEO_PACK_FLAG_TRUNCATE_RANGE);
    // GStreamer's functions may write whole SIMD vectors, beyond the end of the row.
    const std::size_t bytes = static_cast<std::size_t>(width_) * (wide_ ? 8 : 4) + 64;
    words_.resize(bytes / sizeof(std::max_align_t) + 1);
    if (GST_VIDEO_FORMAT_INFO_HAS_PALETTE(frame.info.finfo)) before_.resize(words_.size());
  }

  void read(int y) {
    const GstVideoInfo &info = frame_.info;
    info.finfo->unpack_func(info.finfo, flags_, words_.data(), frame_.data, info.stride, 0, y, width_);
    if (!before_.empty()) before_ = words_;
  }

  void blend(const std::vector<Paint> &paints, Span span, std::uint32_t wide_scale) {
    if (wide_)
      uniad::blend(paints.data(), span.width * 4, wide_scale,
                   reinterpret_cast<std::uint16_t *>(words_.data()) + std::ptrdiff_t{span.x} * 4);
    else
      uniad::blend(paints.data(), span.width * 4,
                   reinterpret_cast<std::uint8_t *>(words_.data()) + std::ptrdiff_t{span.x} * 4);
  }

  void write(int y) {
    const GstVideoInfo &info = frame_.info;
    if (!before_.empty())
      write_indices(y);
    else
      info.finfo->pack_func(info.finfo, flags_, words_.data(), 0, frame_.data, info.stride, info.chroma_site,
                            y, width_);
  }

 private:
  // The palette stays unchanged: each changed pixel gets the nearest color of the palette.
  void write_indices(int y) {
    const auto *now = reinterpret_cast<const std::uint32_t *>(words_.data());
    const auto *then = reinterpret_cast<const std::uint32_t *>(before_.data());
    auto *indices = static_cast<std::uint8_t *>(frame_.data[0]) +
                    static_cast<std::ptrdiff_t>(y) * GST_VIDEO_FRAME_PLANE_STRIDE(&frame_, 0);
    std::uint32_t last_color = 0;
    std::uint8_t last_index = 0;
    bool known = false;
    for (int x = 0; x < width_; ++x) {
      if (now[x] == then[x]) continue;
      if (!known || now[x] != last_color) last_index = nearest(now[x]);
      last_color = now[x];
      known = true;
      indices[x] = last_index;
    }
  }

  // color: the bytes alpha, red, green and blue in memory order, as unpacked. Palette entries are 32-bit
  // integers.
  std::uint8_t nearest(std::uint32_t color) const {
    const auto *argb = reinterpret_cast<const std::uint8_t *>(&color);
    const auto *palette = static_cast<const std::uint32_t *>(frame_.data[1]);
    int best = 0;
    int best_distance = G_MAXINT;
    for (int i = 0; i < 256; ++i) {
      int distance = 0;
      for (int c = 0; c < 4; ++c) {
        const int difference = argb[c] - static_cast<int>((palette[i] >> (24 - 8 * c)) & 0xff);
        distance += difference * difference;
      }
      if (distance < best_distance) best = i;
      best_distance = std::min(best_distance, distance);
    }
    return static_cast<std::uint8_t>(best);
  }

  GstVideoFrame &frame_;
  int width_;
  bool wide_;
  GstVideoPackFlags flags_ = GST_VIDEO_PACK_FLAG_NONE;
  std::vector<std::max_align_t> words_;
  std::vector<std::max_align_t> before_;  // for formats with a palette: the row before drawing
};

bool Painter::can_paint(const GstVideoInfo &info) {
  const GstVideoFormatInfo *format = info.finfo;
  if (is_made_of_bytes(format)) return true;
  if (format->unpack_func == nullptr || format->pack_func == nullptr || format->pack_lines != 1) return false;
  return is_wide(format) || format->unpack_format == GST_VIDEO_FORMAT_ARGB ||
         format->unpack_format == GST_VIDEO_FORMAT_AYUV;
}

Painter::Painter(const GstVideoInfo &info)
    : info_(info),
      width_(GST_VIDEO_INFO_WIDTH(&info)),
      height_(GST_VIDEO_INFO_FIELD_HEIGHT(&info)),
      mixes_(mixes_of(info)),
      wide_scale_(is_limited(info) ? 256 : 257) {
  if (is_made_of_bytes(info.finfo)) bands_ = direct_bands();
  const int alpha = GST_VIDEO_INFO_HAS_ALPHA(&info) ? static_cast<int>(alpha_component) : unused;
  unpacked_band_ = {0, 4, {alpha, 0, 1, 2}, 0, 0};
  levels_.resize(static_cast<std::size_t>(width_));
  averages_.resize(static_cast<std::size_t>(width_) + Canvas::tile_width);
  paints_.resize((static_cast<std::size_t>(width_) + Canvas::tile_width) * 8);
}

std::vector<Painter::Band> Painter::direct_bands() const {
  std::vector<Band> bands;
  const GstVideoFormatInfo *format = info_.finfo;
  for (guint c = 0; c < format->n_components; ++c) {
    Band band{static_cast<int>(format->plane[c]),
              format->pixel_stride[c],
              {},
              static_cast<int>(format->w_sub[c]),
              static_cast<int>(format->h_sub[c])};
    band.components.fill(unused);
    auto found = std::find_if(bands.begin(), bands.end(), [&band](const Band &other) {
      return other.plane == band.plane && other.lanes == band.lanes && other.horizontal == band.horizontal &&
             other.vertical == band.vertical;
    });
    if (found == bands.end()) found = bands.insert(found, band);
    found->components[format->poffset[c]] = static_cast<int>(c);
  }
  return bands;
}

int Painter::band_width(const Band &band) const {
  return (width_ + (1 << band.horizontal) - 1) >> band.horizontal;
}

int Painter::band_height(const Band &band) const {
  return (height_ + (1 << band.vertical) - 1) >> band.vertical;
}

// In an interlaced frame, each chroma row belongs to one field.
int Painter::frame_row(const Band &band, bool interlaced, int row, int sample) const {
  if (band.vertical == 0) return row;
  if (!interlaced) return (row << band.vertical) + sample;
  return (((row >> 1) << band.vertical) + sample) * 2 + (row & 1);
}

Painter::Tables Painter::tables_of(const Heat &heat) const {
  Tables tables{};
  for (std::size_t level = 0; level < 256; ++level) {
    const float position = static_cast<float>(level) / 255;
    // The opacity rises over the first third of the levels. For a single color, only the opacity shows the
    // level, so there it rises over all levels.
    const float t = heat.colors == ColorMap::Red ? position : std::min(position * 3, 1.0F);
    const float alpha = std::round(256 * heat.opacity * t * t * (3 - 2 * t));
    const Rgb color = color_of(heat.colors, position);
    for (std::size_t c = 0; c < tables.size(); ++c) {
      const Mix &mix = mixes_[c];
      const float value = (static_cast<float>(mix.red) * color.r + static_cast<float>(mix.green) * color.g +
                           static_cast<float>(mix.blue) * color.b) /
                              (1 << mix_bits) +
                          static_cast<float>(mix.offset);
      tables[c][level] =
          paint_of(static_cast<std::uint32_t>(alpha),
                   static_cast<std::uint32_t>(std::lround(std::clamp(value, 0.0F, 255.0F) * alpha)));
    }
  }
  return tables;
}

void Painter::fill_paints(const Band &band, const Tables &tables, const std::uint8_t *levels, int n) {
  for (int lane = 0; lane < band.lanes; ++lane) {
    const int component = band.components[static_cast<std::size_t>(lane)];
    if (component != unused)
      look_up(levels, n, tables[static_cast<std::size_t>(component)], paints_.data() + lane, band.lanes);
  }
}

void Painter::fill_paints(const Band &band, const std::uint32_t *argb, int n) {
  for (int lane = 0; lane < band.lanes; ++lane) {
    const int component = band.components[static_cast<std::size_t>(lane)];
    if (component != unused)
      mix(argb, n, mixes_[static_cast<std::size_t>(component)], paints_.data() + lane, band.lanes);
  }
}

template <typename Use>
void Painter::each_heat_span(const Band &band, bool interlaced, const Heat &heat, int row, Use use) {
  const SmoothMap &map = heat.levels;
  const int last_sample = (1 << band.vertical) - 1;
  const double center =
      (frame_row(band, interlaced, row, 0) + frame_row(band, interlaced, row, last_sample) + 1) / 2.0;
  const double v = std::min(center / height_, 1.0);
  if (v < heat.picture.y || v > heat.picture.y + heat.picture.height) return;
  map.section(v, coefficients_, parabolas_);

  const int width = band_width(band);
  const auto pixel = [width](double u) {
    return static_cast<int>(std::clamp<double>(std::round(u * width), 0, width));
  };
  const int first = pixel(heat.picture.x);
  const int last = pixel(heat.picture.x + heat.picture.width);
  const auto use_within = [&](int from, int to) {
    from = std::max(from, first);
    to = std::min(to, last);
    if (to > from) use(Span{from, to - from});
  };
  const int columns = map.columns();
  const double left = map.column_at(0);
  const double cells_per_pixel = (map.column_at(1) - left) * (1 << band.horizontal) / width_;
  const auto coefficient = [this, columns](int cell) {
    return coefficients_[static_cast<std::size_t>(std::clamp(cell, 0, columns - 1))];
  };
  const auto shows = [&](int cell) { return coefficient(cell) >= 1; };
  int begin = 0;
  int end = 0;
  // Cells -1 and `columns` represent everything beyond the grid.
  for (int cell = -1; cell <= columns; ++cell) {
    const int x = end;
    const double next = std::ceil((cell + 1 - left) / cells_per_pixel - 0.5);
    end = cell == columns ? width : static_cast<int>(std::clamp<double>(next, x, width));
    if (shows(cell - 1) || shows(cell) || shows(cell + 1)) {
      const bool beyond = cell < 0 || cell == columns;
      const SmoothMap::Parabola parabola =
          beyond ? SmoothMap::Parabola{coefficient(cell), 0, 0} : parabolas_[static_cast<std::size_t>(cell)];
      levels_along(parabola, static_cast<float>((x + 0.5) * cells_per_pixel + left - cell),
                   static_cast<float>(cells_per_pixel), end - x, levels_.data() + x);
      continue;
    }
    use_within(begin, x);
    begin = end;
  }
  use_within(begin, end);
}

void Painter::paint(GstVideoFrame &frame, const Heat &heat) {
  const bool interlaced = is_interlaced(frame);
  const Tables tables = tables_of(heat);
  coefficients_.resize(static_cast<std::size_t>(heat.levels.columns()));
  parabolas_.resize(coefficients_.size());
  std::fill(paints_.begin(), paints_.end(), untouched);

  if (bands_.empty()) {
    UnpackedRow unpacked(frame, is_limited(info_));
    for (int y = 0; y < height_; ++y) {
      bool read = false;
      each_heat_span(unpacked_band_, interlaced, heat, y, [&](Span span) {
        if (!read) unpacked.read(y);
        read = true;
        fill_paints(unpacked_band_, tables, levels_.data() + span.x, span.width);
        unpacked.blend(paints_, span, wide_scale_);
      });
      if (read) unpacked.write(y);
    }
    return;
  }
  for (const Band &band : bands_) {
    std::fill(paints_.begin(), paints_.end(), untouched);
    auto *plane = static_cast<std::uint8_t *>(frame.data[band.plane]);
    for (int row = 0; row < band_height(band); ++row) {
      each_heat_span(band, interlaced, heat, row, [&](Span span) {
        fill_paints(band, tables, levels_.data() + span.x, span.width);
        blend(paints_.data(), span.width * band.lanes,
              plane + static_cast<std::ptrdiff_t>(row) * frame.info.stride[band.plane] +
                  static_cast<std::ptrdiff_t>(span.x) * band.lanes);
      });
    }
  }
}

// A row of the canvas, averaged to the band's resolution.
const std::uint32_t *Painter::average(const Band &band, bool interlaced, const Canvas &canvas, int row,
                                      Span span) {
  if (band.horizontal == 0 && band.vertical == 0) return canvas.row(row) + span.x;
  constexpr std::uint32_t every_other_byte = 0x00ff00ff;
  const int across = 1 << band.horizontal;
  const int down = 1 << band.vertical;
  for (int x = 0; x < span.width; ++x) {
    std::uint32_t red_blue = 0;
    std::uint32_t alpha_green = 0;
    for (int sample = 0; sample < down; ++sample) {
      const std::uint32_t *pixels =
          canvas.row(frame_row(band, interlaced, row, sample)) + ((span.x + x) << band.horizontal);
      for (int i = 0; i < across; ++i) {
        red_blue += pixels[i] & every_other_byte;
        alpha_green += (pixels[i] >> 8) & every_other_byte;
      }
    }
    const int shift = band.horizontal + band.vertical;
    averages_[static_cast<std::size_t>(x)] =
        ((red_blue >> shift) & every_other_byte) | ((alpha_green >> shift) & every_other_byte) << 8;
  }
  return averages_.data();
}

template <typename Use>
void Painter::each_canvas_span(const Canvas &canvas, bool interlaced, Use use) {
  for (const Band &band : bands_) {
    std::fill(paints_.begin(), paints_.end(), untouched);
    for (const Canvas::Run &run : canvas.runs()) {
      const int x = run.x >> band.horizontal;
      const Span span{x, std::min(run.width >> band.horizontal, band_width(band) - x)};
      const int end = std::min((run.y + Canvas::tile_height) >> band.vertical, band_height(band));
      for (int row = run.y >> band.vertical; row < end; ++row) {
        fill_paints(band, average(band, interlaced, canvas, row, span), span.width);
        use(band, row, span);
      }
    }
  }
}

void Painter::paint(GstVideoFrame &frame, const Canvas &canvas) {
  const bool interlaced = is_interlaced(frame);
  std::fill(paints_.begin(), paints_.end(), untouched);

  if (bands_.empty()) {
    UnpackedRow unpacked(frame, is_limited(info_));
    for (auto first = canvas.runs().begin(); first != canvas.runs().end();) {
      const auto end = std::find_if(first, canvas.runs().end(),
                                    [first](const Canvas::Run &run) { return run.y != first->y; });
      for (int y = first->y; y < std::min(first->y + Canvas::tile_height, height_); ++y) {
        unpacked.read(y);
        for (auto run = first; run != end; ++run) {
          const Span span{run->x, std::min(run->width, width_ - run->x)};
          fill_paints(unpacked_band_, canvas.row(y) + span.x, span.width);
          unpacked.blend(paints_, span, wide_scale_);
        }
        unpacked.write(y);
      }
      first = end;
    }
    return;
  }
  each_canvas_span(canvas, interlaced, [&](const Band &band, int row, Span span) {
    blend(paints_.data(), span.width * band.lanes,
          static_cast<std::uint8_t *>(frame.data[band.plane]) +
              static_cast<std::ptrdiff_t>(row) * frame.info.stride[band.plane] +
              static_cast<std::ptrdiff_t>(span.x) * band.lanes);
  });
}

Painter::CanvasPaints Painter::paints_of(const Canvas &canvas) {
  CanvasPaints result;
  each_canvas_span(canvas, false, [&](const Band &band, int row, Span span) {
    const int count = span.width * band.lanes;
    result.spans.push_back(
        {band.plane, row, span.x * band.lanes, count, static_cast<std::uint32_t>(result.paints.size())});
    result.paints.insert(result.paints.end(), paints_.begin(), paints_.begin() + count);
  });
  return result;
}

}  // namespace uniad
