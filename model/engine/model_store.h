// SPDX-License-Identifier: Apache-2.0
// The models of this process that are not in their files yet.
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

// A model file as those see it who learn into it: what they learned and is not in the file yet, and learning
// that was interrupted. One a file and process (model_store_of), so that who opens the model again, as a
// camera does that was lost, finds what others could not save. Thread-safe.
class ModelStore {
 public:
  explicit ModelStore(std::filesystem::path path) : path_(std::move(path)) {}

  // What was kept of its sources is part of it, and goes once it is in the file.
  void add(Addition addition);
  bool has_unsaved() const;
  // The model with everything that is not in its file. Throws Error (add_to).
  void complete(Model &model) const;

  // Brings everything into the file, under its lock, and whatever else was written there meanwhile stays.
  // Returns what the file holds then. `begun`: what it is begun with where there is none; may be null. Throws
  // Error; then everything is kept, to be saved later.
  Model save(const Model *begun);
  // What was added cannot be saved, ever: the file holds a model with another network.
  void forget_unsaved();

  // Keeps what a source has learned so far beside the model, else in memory; true: beside the model.
  // `content`: tensors, and metadata for whoever goes on.
  bool keep_interrupted(const std::string &source, TensorFile content);
  // None where nothing was interrupted. Throws Error where it is damaged.
  std::optional<TensorFile> interrupted(const std::string &source) const;
  bool has_interrupted(const std::string &source) const;

  bool empty() const;  // nothing here that is not in a file

 private:
  std::vector<Addition> unsaved() const;

  const std::filesystem::path path_;
  std::mutex writing_;        // one at a time; before mutex_
  mutable std::mutex mutex_;  // guards what follows; never held while anything is read or written
  std::vector<Addition> unsaved_;
  std::map<std::string, TensorFile> interrupted_;  // of sources, where it could not be written
  std::set<std::string> learned_;                  // sources whose kept learning is part of `unsaved_`
};

}  // namespace uniad
