// SPDX-License-Identifier: Apache-2.0
// Replaces the ONNX export if the ONNX library is not available.
#include "model/base/error.h"
#include "training/export/onnx_file.h"

namespace uniad {

void write_onnx(const OnnxContent & /*content*/, const std::filesystem::path &path) {
  throw Error(ErrorKind::Unsupported, path.string(), "this program was built without ONNX",
              "install libonnx-dev and libprotobuf-dev (Debian) and build with -Donnx=enabled");
}

}  // namespace uniad
