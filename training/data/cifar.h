// SPDX-License-Identifier: Apache-2.0
// Reads CIFAR-10.
#pragma once

#include <cstdint>
#include <filesystem>
#include <opencv2/core/mat.hpp>
#include <string>

#include "training/data/source.h"

namespace uniad {

// Whether the folder contains CIFAR-10 in its binary layout (Krizhevsky, 2009): any number of
// data_batch_*.bin, and test_batch.bin, with any number of records: the class, 0 to 9, followed by 32 x 32
// bytes each of R, G and B.
bool is_cifar(const std::filesystem::path &folder);

// UniAD's many-against-many protocol (paper section 4.3, docs/network-details.md, "Evaluation"). normal:
// the normal classes by number or name, such as "0,1,2,3,4" or "airplane,ship". Their training pictures form
// one source. Its test items are their test pictures and the same number of pictures of other classes, chosen
// identically in every run, so that all models are judged on the same pictures. A picture's `defect` is its
// class, or "good" if it is normal. Throws Error if there is no such class, if no class or every class is
// normal, or if a file is not in CIFAR-10's format.
Source open_cifar(const std::filesystem::path &folder, const std::string &normal);

// The picture of a record as B G R, 224 x 224 by Pillow's Lanczos filter, as the protocol sees it. Throws
// Error.
cv::Mat read_cifar(const std::filesystem::path &file, std::int64_t record);

}  // namespace uniad
