// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace uniad {

// One picture, or one frame of a video.
struct Item {
  std::filesystem::path path;         // the picture or the video file
  std::optional<std::int64_t> frame;  // number of the frame as decoded, from 0; absent: a picture
  std::optional<bool> abnormal;       // as the data says; absent: nobody has said
  std::string defect;                 // "good", "broken_large", ...; empty where the data has no types
  std::filesystem::path mask;         // picture whose non-zero pixels are abnormal; empty: none
};

// "cam0.mp4, frame 17" or "bottle/000.jpg": for messages.
std::string describe(const Item &item);

// What one camera or product shows: everything that shares a calibration.
struct Source {
  std::string name;
  std::string path;                  // as given; several joined by ", "
  std::vector<Item> train;           // normal, to learn from
  std::vector<Item> test;            // to judge; for flat folders and videos the same items as train
  std::vector<std::string> remarks;  // what the user should know: a video that is cut short
  double frame_rate = 0;             // frames a second, of its fastest video; 0: not known
};

// Opens every `[NAME=]PATH`; equal names join into one source, in the order of their first appearance. PATH:
//   a folder in MVTec-AD layout   train/good, test/TYPE, ground_truth/TYPE/PICTURE_mask.png
//   a flat folder of pictures     sorted by name, labels unknown
//   a picture                     of the source named by its folder
//   UniAD's list (.json, .jsonl)  one JSON object a line (facts 3), pictures under image_dir, default the
//                                 list's folder; without NAME, a source per class name
//   a video file                  all its frames, or those of VIDEO#FIRST-LAST (from 0, LAST included)
// NAME defaults to the folder's name or the file's without extension. Throws Error: no such file, an unknown
// kind, a folder without pictures, a malformed list or selection.
std::vector<Source> open_sources(std::span<const std::string> specs,
                                 const std::filesystem::path &image_dir = {});

// At most `count` of the video frames, evenly spread over all of them; pictures stay. Order is kept.
std::vector<Item> limit_frames(std::span<const Item> items, std::size_t count);

// Normal items, parted for training and for the calibration.
struct Split {
  std::vector<Item> train;
  std::vector<Item> held_back;
};

// Holds back a tenth, or 20 where that leaves at least four fifths to learn from: of every video the frames
// at its end (neighbouring frames leak), of the pictures a random choice that depends on the seed alone.
// Order is kept. A single item is not held back.
Split hold_back(std::span<const Item> items, std::uint64_t seed);

// Parts the items into `folds` that are held back in turn: frames of a video in blocks (neighbouring frames
// leak), pictures by turns. Returns the fold of each item.
std::vector<int> assign_folds(std::span<const Item> items, int folds);

}  // namespace uniad
