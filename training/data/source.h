// SPDX-License-Identifier: Apache-2.0
// Detects and opens the user's data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "training/base/progress.h"

namespace uniad {

// One picture, or one frame of a video.
struct Item {
  std::filesystem::path path;                // the picture, the video or the CIFAR-10 file
  std::optional<std::int64_t> frame;         // number of the decoded frame, from 0; absent: a picture
  std::optional<bool> abnormal;              // the label; absent: unlabeled
  std::string defect;                        // "good", "broken_large", ...; empty if the data has no types
  std::vector<std::filesystem::path> masks;  // pictures whose non-zero pixels are abnormal; none: not known
  std::optional<std::int64_t> record = {};   // number of the picture in the CIFAR-10 file, from 0
  std::optional<int> bit_depth = {};         // significant bits of 16-bit values; absent: all
};

// "cam0.mp4, frame 17", "test_batch.bin, picture 5" or "bottle/000.jpg": for messages.
std::string describe(const Item &item);

// The data of one camera or product, which shares a calibration.
struct Source {
  std::string name;
  bool is_named = false;              // the user set the name with NAME=
  std::string path;                   // as given; several joined by ", "
  std::vector<Item> train;            // normal, to learn from
  std::vector<Item> test;             // to judge; for flat folders and videos the same items as train
  std::vector<std::string> warnings;  // for the user: truncated videos, missing files
  double frame_rate = 0;              // frames per second, of its fastest video; 0: not known
};

struct OpenOptions {
  std::filesystem::path image_dir;  // the folder that file names in lists are relative to
  std::optional<int> bit_depth;     // of all items
  Progress *progress = nullptr;     // receives the progress of reading long videos
};

// Splits `[NAME=]PATH` into its parts; NAME is empty if there is none, or if the whole is a path itself.
std::pair<std::string, std::string> parse_spec(const std::string &spec);

// Opens every `[NAME=]PATH`; data with the same name forms one source, in order of first appearance. PATH:
//   a folder in MVTec-AD layout   train/good, test/TYPE, ground_truth/TYPE; masks of test/TYPE/000.png are
//                                 000.png, 000_mask.png, 000_mask_1.png (any number) and the folder 000
//   CIFAR-10's folder#NORMAL      data_batch_*.bin and test_batch.bin; NORMAL: classes, by name or number, as
//                                 in "cifar10#0,1,2,3,4" (training/data/cifar.h)
//   a flat folder of pictures     sorted by name, unlabeled; other files there are listed in a warning
//   a picture                     belongs to the source that is named after its folder
//   UniAD's list (.json, .jsonl)  one JSON object per line ("maskname": one or an array), pictures
//                                 relative to image_dir, by default the list's folder; without NAME, one
//                                 source per class name. Missing files and repeated names are skipped
//                                 with a warning
//   a video file                  all its frames, or those of VIDEO#FIRST-LAST (from 0, inclusive)
// NAME defaults to the name of the folder, or of the file without extension; bytes that are not UTF-8 are
// replaced (model/base/json_text.h). Throws Error if a file does not exist or has an unknown type, a folder
// contains no pictures, a list or a selection is malformed, labels contradict each other, all files of a list
// are missing, or on interruption.
std::vector<Source> open_sources(std::span<const std::string> specs, const OpenOptions &options = {});

// At most `count` video frames, evenly spaced over all of them, and all pictures. The order is kept.
std::vector<Item> limit_frames(std::span<const Item> items, std::size_t count);

// Normal items, split for training and for calibration.
struct Split {
  std::vector<Item> train;
  std::vector<Item> held_back;
};

// Holds out `share` of the items, rounded up; if absent, a tenth, or 20 if that leaves at least four fifths
// for training. From each video, the last frames are held out, because neighboring frames are nearly
// identical; from the pictures, a random choice that depends only on the seed. The order is kept. A single
// item is not held out, and at least one is always left.
Split hold_back(std::span<const Item> items, std::uint64_t seed, std::optional<double> share = std::nullopt);
// The same choice, as a flag for each item that tells whether it is held out.
std::vector<bool> choose_held_back(std::span<const Item> items, std::uint64_t seed,
                                   std::optional<double> share = std::nullopt);

// Splits the items into `folds` folds, which are held out in turn: frames of a video in blocks, because
// neighboring frames are nearly identical, and pictures alternately. Returns the fold of each item.
std::vector<int> assign_folds(std::span<const Item> items, int folds);

}  // namespace uniad
