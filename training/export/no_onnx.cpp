// SPDX-License-Identifier: Apache-2.0
// In place of the rest where ONNX's library is not there.
#include "model/base/error.h"
#include "training/export/onnx_file.h"

namespace uniad {

void write_onnx(const OnnxContent & /*content*/, const std::filesystem::path &path) {
  throw Error(ErrorKind::Unsupported, path.string(), "this program was built without ONNX",
              "install libonnx-dev and libprotobuf-dev (Debian) and build with -Donnx=enabled");
}

}  // namespace uniad
