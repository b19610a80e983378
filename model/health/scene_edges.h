// SPDX-License-Identifier: Apache-2.0
// Finds a known scene in a picture by its edges, in place or elsewhere.
#pragma once

#include <vector>

#include "model/health/picture.h"

namespace uniad {

// The side length of the pictures in which scenes are compared, in pixels.
inline constexpr int scene_side = 112;
// A scene or tile with at least this similarity in place need not be searched for elsewhere.
inline constexpr double sure_scene_similarity = 0.8;

// How well a scene is found in a picture. The scene is divided into tiles, because people, vehicles and light
// change parts of it; the majority of the tiles decides.
struct SceneMatch {
  int tiles = 0;     // number of tiles with enough edges
  int in_place = 0;  // tiles found in place
  int found = 0;     // tiles found in place or elsewhere
  int agreeing = 0;  // found tiles that a single shift, turn and zoom of the picture explains
  // The median shift of the agreeing tiles, as a share of the picture's width and height; positive: to the
  // right and down. `shift` is the median of its length, which is also above 0 for a turn.
  double shift_x = 0;
  double shift_y = 0;
  double shift = 0;
  double similarity = 0;  // the median over tiles, in place, of Pearson's correlation of edges

  bool judged() const { return tiles >= 3; }
};

// The steady edges of a scene.
class SceneEdges {
 public:
  // The mean picture of the scene, and the standard deviation of each pixel; pixels that vary have less
  // weight. Both have the size scene_side.
  SceneEdges(const LumaPlane &mean, const LumaPlane &deviation);

  // picture: the result of edges_to_match(). search: whether tiles that are not in place are searched for
  // elsewhere, which takes some milliseconds.
  SceneMatch find(const LumaPlane &picture, bool search) const;

 private:
  static constexpr int columns = 3;
  // The edges at one resolution, and the weight of each pixel.
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

// The edges of a picture of scene_side, for comparisons.
LumaPlane edges_to_match(const LumaPlane &picture);

}  // namespace uniad
