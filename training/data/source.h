// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "training/progress.h"

namespace uniad {

// One picture, or one frame of a video.
struct Item {
  std::filesystem::path path;                // the picture, the video or the CIFAR-10 file
  std::optional<std::int64_t> frame;         // number of the frame as decoded, from 0; absent: a picture
  std::optional<bool> abnormal;              // as the data says; absent: nobody has said
  std::string defect;                        // "good", "broken_large", ...; empty where the data has no types
  std::vector<std::filesystem::path> masks;  // pictures whose non-zero pixels are abnormal; none: not known
  std::optional<std::int64_t> record = {};   // number of the picture in the CIFAR-10 file, from 0
  std::optional<int> bit_depth = {};         // of values of 16 bits so many are used; absent: all
};

// "cam0.mp4, frame 17", "test_batch.bin, picture 5" or "bottle/000.jpg": for messages.
std::string describe(const Item &item);

// What one camera or product shows: everything that shares a calibration.
struct Source {
  std::string name;
  bool is_named = false;             // by NAME=
  std::string path;                  // as given; several joined by ", "
  std::vector<Item> train;           // normal, to learn from
  std::vector<Item> test;            // to judge; for flat folders and videos the same items as train
  std::vector<std::string> remarks;  // what the user should know: a video that is cut short, files that miss
  double frame_rate = 0;             // frames a second, of its fastest video; 0: not known
};

struct OpenOptions {
  std::filesystem::path image_dir;  // that the names of lists start from
  std::optional<int> bit_depth;     // of all items
  Progress *progress = nullptr;     // is told how far long videos are
};

// Opens every `[NAME=]PATH`; equal names join into one source, in the order of their first appearance. PATH:
//   a folder in MVTec-AD layout   train/good, test/TYPE, ground_truth/TYPE; masks of test/TYPE/000.png are
//                                 000.png, 000_mask.png, 000_mask_1.png (any number) and the folder 000
//   CIFAR-10's folder#NORMAL      data_batch_*.bin and test_batch.bin; NORMAL: classes, by name or number, as
//                                 in "cifar10#0,1,2,3,4" (training/data/cifar.h)
//   a flat folder of pictures     sorted by name, labels unknown; what else lies there is named in a remark
//   a picture                     of the source named by its folder
//   UniAD's list (.json, .jsonl)  one JSON object a line (facts 3; "maskname": one or an array), pictures
//                                 under image_dir, default the list's folder; without NAME, a source per
//                                 class name. Files that are missing and names that come twice are left out
//                                 with a remark
//   a video file                  all its frames, or those of VIDEO#FIRST-LAST (from 0, LAST included)
// NAME defaults to the folder's name or the file's without extension; what is not UTF-8 in it is replaced
// (model/json_text.h). Throws Error: no such file, an unknown kind, a folder without pictures, a malformed
// list or selection, labels that contradict themselves, a list all of whose files are
// missing, when interrupted.
std::vector<Source> open_sources(std::span<const std::string> specs, const OpenOptions &options = {});

// At most `count` of the video frames, evenly spread over all of them; pictures stay. Order is kept.
std::vector<Item> limit_frames(std::span<const Item> items, std::size_t count);

// Normal items, parted for training and for the calibration.
struct Split {
  std::vector<Item> train;
  std::vector<Item> held_back;
};

// Holds back `share` of the items, rounded up; without it a tenth, or 20 where that leaves at least four
// fifths to learn from: of every video the frames at its end (neighbouring frames leak), of the pictures a
// random choice that depends on the seed alone. Order is kept. A single item is not held back, and one is
// always left.
Split hold_back(std::span<const Item> items, std::uint64_t seed, std::optional<double> share = std::nullopt);
// The same choice: of each item, whether it is held back.
std::vector<bool> choose_held_back(std::span<const Item> items, std::uint64_t seed,
                                   std::optional<double> share = std::nullopt);

// Parts the items into `folds` that are held back in turn: frames of a video in blocks (neighbouring frames
// leak), pictures by turns. Returns the fold of each item.
std::vector<int> assign_folds(std::span<const Item> items, int folds);

}  // namespace uniad
