// SPDX-License-Identifier: Apache-2.0
// Finds a scene again in a picture by its edges, in its place or elsewhere.
#pragma once

#include <vector>

#include "model/health/picture.h"

namespace uniad {

// The side of the pictures that scenes are compared by.
inline constexpr int scene_side = 112;
// Similarity from which on a scene, or a part of it, needs to be looked for nowhere else.
inline constexpr double sure_scene_similarity = 0.8;

// How a scene shows in a picture. The scene is cut into tiles, since people, vehicles and light change some
// of it; what most tiles say counts.
struct SceneMatch {
  int tiles = 0;     // that have edges to be found by
  int in_place = 0;  // of them, found where they belong
  int found = 0;     // of them, found there or elsewhere
  int agreeing = 0;  // of the found ones, those that one shift, turn and zoom of the picture explains
  // The median shift of the agreeing tiles, as a share of the picture's width and height; right and down are
  // positive. And of its length, which is above 0 for a turn, too.
  double shift_x = 0;
  double shift_y = 0;
  double shift = 0;
  double similarity = 0;  // the median of the tiles, in place: Pearson's correlation of edges

  bool judged() const { return tiles >= 3; }
};

// The edges of a scene that stand still.
class SceneEdges {
 public:
  // The scene's mean, and the standard deviation of each pixel: what changes counts less. Both have
  // scene_side.
  SceneEdges(const LumaPlane &mean, const LumaPlane &deviation);

  // picture: its edges_to_match(). Tiles that are not in their place are looked for elsewhere where `search`
  // is set, which takes some milliseconds.
  SceneMatch find(const LumaPlane &picture, bool search) const;

 private:
  static constexpr int columns = 3;
  // One resolution: what is looked for, and how much each pixel counts.
  struct Level {
    LumaPlane edges;
    LumaPlane weights;
  };
  struct Tile {
    int left, top, right, bottom;  // in pixels of the full resolution
  };
  struct Place {
    double x = 0, y = 0;  // in pixels of the full resolution
    double similarity = 0;
  };

  static double similarity(const Level &level, const LumaPlane &picture, const Tile &tile, int x, int y);
  Place refine(const LumaPlane &picture, const Tile &tile, int x, int y) const;
  Place search(const LumaPlane &picture, const LumaPlane &half_picture, const Tile &tile) const;

  Level full_;
  Level half_;
  std::vector<Tile> tiles_;
};

// The edges by which a picture of scene_side is compared.
LumaPlane edges_to_match(const LumaPlane &picture);

}  // namespace uniad
