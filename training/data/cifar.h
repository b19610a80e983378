// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <opencv2/core/mat.hpp>
#include <string>

#include "training/data/source.h"

namespace uniad {

// Whether the folder holds CIFAR-10 in its binary layout (Krizhevsky, 2009): any number of data_batch_*.bin,
// and test_batch.bin, of any number of records: the class, 0 to 9, then 32 x 32 bytes each of R, G and B.
bool is_cifar(const std::filesystem::path &folder);

// UniAD's many-against-many protocol (paper section 4.3, facts 10). `normal`: the classes that are, by number
// or name, "0,1,2,3,4" or "airplane,ship"; training pictures of them together are one source. Its test: their
// test pictures and as many of the other classes, drawn once and for all, so that every model is judged on
// the same ones; a picture's `defect` is its class, "good" where it is normal. Throws Error: no such class,
// none or all, a file that is no CIFAR-10.
Source open_cifar(const std::filesystem::path &folder, const std::string &normal);

// The picture of a record as B G R, 224 x 224 by Pillow's Lanczos filter, as the protocol sees it. Throws
// Error.
cv::Mat read_cifar(const std::filesystem::path &file, std::int64_t record);

}  // namespace uniad
