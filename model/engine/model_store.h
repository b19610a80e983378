// SPDX-License-Identifier: Apache-2.0
// What this process has learned for model files and has not written yet.
#pragma once

#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "model/engine/addition.h"
#include "model/file/model_file.h"

namespace uniad {

// The unsaved state of a model file: what was learned and is not in the file yet, and interrupted learning.
// There is one per file and process (model_store_of()), so that when the model is opened again, for example
// after a camera was lost, what could not be saved is found again. Thread-safe.
class ModelStore {
 public:
  explicit ModelStore(std::filesystem::path path) : path_(std::move(path)) {}

  // The addition supersedes what was kept of interrupted learning of its sources, which is removed when the
  // addition has been saved.
  void add(Addition addition);
  bool has_unsaved() const;
  // Adds everything that is not in the file yet to the model. Throws Error (add_to).
  void complete(Model &model) const;

  // Adds everything to the content of the file, under its lock, so that what others have written is kept.
  // Returns the new content. begun: the model to start from if the file does not exist; may be null. Throws
  // Error; everything is then kept, to be saved later.
  Model save(const Model *begun);
  // Discards the additions, because they can never be saved: the file contains a model with another network.
  void forget_unsaved();

  // Stores what a source has learned so far in a file beside the model, or in memory if that fails. Returns
  // whether it is in a file. content: tensors, and metadata for resuming.
  bool keep_interrupted(const std::string &source, TensorFile content);
  // Absent if nothing was interrupted. Throws Error if the file is damaged.
  std::optional<TensorFile> interrupted(const std::string &source) const;
  bool has_interrupted(const std::string &source) const;

  bool empty() const;  // everything is in files

 private:
  std::vector<Addition> unsaved() const;

  const std::filesystem::path path_;
  std::mutex writing_;        // only one thread writes; locked before mutex_
  mutable std::mutex mutex_;  // guards what follows; never locked during file access
  std::vector<Addition> unsaved_;
  std::map<std::string, TensorFile> interrupted_;  // by source, if it could not be written
  std::set<std::string> learned_;                  // sources whose interrupted learning is part of `unsaved_`
};

}  // namespace uniad
