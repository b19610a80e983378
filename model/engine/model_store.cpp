// SPDX-License-Identifier: Apache-2.0
#include "model/engine/model_store.h"

#include <string>
#include <system_error>
#include <utility>

#include "model/base/error.h"
#include "model/file/file_lock.h"
#include "model/file/fingerprint.h"
#include "model/file/interrupted_learning.h"
#include "model/file/safetensors.h"

namespace uniad {
namespace {

constexpr const char *seal = "uniad.seal";

std::string seal_of(const TensorFile &content) {
  return std::to_string(fingerprint_of(content.tensors));
}

}  // namespace

void ModelStore::add(Addition addition) {
  const std::scoped_lock lock(mutex_);
  for (const SourceProvenance &source : addition.sources) {
    interrupted_.erase(source.name);
    learned_.insert(source.name);
  }
  unsaved_.push_back(std::move(addition));
}

bool ModelStore::has_unsaved() const {
  const std::scoped_lock lock(mutex_);
  return !unsaved_.empty();
}

std::vector<Addition> ModelStore::unsaved() const {
  const std::scoped_lock lock(mutex_);
  return unsaved_;
}

void ModelStore::complete(Model &model) const {
  for (const Addition &addition : unsaved()) add_to(model, addition, path_.string());
}

Model ModelStore::save(const Model *begun) {
  const std::scoped_lock one_at_a_time(writing_);
  const std::vector<Addition> additions = unsaved();
  const FileLock right_to_write(path_);
  std::error_code unreadable;
  Model model = begun != nullptr && !std::filesystem::exists(path_, unreadable) ? *begun : read_model(path_);
  if (additions.empty()) return model;
  for (const Addition &addition : additions) add_to(model, addition, path_.string());
  write_model(model, right_to_write);
  const std::scoped_lock lock(mutex_);  // more may have been added in the meantime
  unsaved_.erase(unsaved_.begin(), unsaved_.begin() + std::ssize(additions));
  std::error_code not_there;
  for (const Addition &addition : additions)
    for (const SourceProvenance &source : addition.sources)
      if (learned_.erase(source.name) > 0)
        std::filesystem::remove(interrupted_learning_path(path_, source.name), not_there);
  return model;
}

void ModelStore::forget_unsaved() {
  const std::scoped_lock one_at_a_time(writing_);
  const std::scoped_lock lock(mutex_);
  unsaved_.clear();
  learned_.clear();
}

bool ModelStore::keep_interrupted(const std::string &source, TensorFile content) {
  content.metadata[seal] = seal_of(content);
  const std::scoped_lock one_at_a_time(writing_);
  try {
    write_safetensors(content, interrupted_learning_path(path_, source));
    const std::scoped_lock lock(mutex_);
    interrupted_.erase(source);
    learned_.erase(source);
    return true;
  } catch (const Error &) {  // the folder is not writable; the return value reports it
    const std::scoped_lock lock(mutex_);
    interrupted_[source] = std::move(content);
    learned_.erase(source);
    return false;
  }
}

std::optional<TensorFile> ModelStore::interrupted(const std::string &source) const {
  {
    const std::scoped_lock lock(mutex_);
    if (learned_.contains(source)) return std::nullopt;
    const auto in_memory = interrupted_.find(source);
    if (in_memory != interrupted_.end()) return in_memory->second;
  }
  const std::filesystem::path file = interrupted_learning_path(path_, source);
  std::error_code unreadable;
  if (!std::filesystem::exists(file, unreadable)) return std::nullopt;
  TensorFile content = read_safetensors(file);
  const auto found = content.metadata.find(seal);
  if (found == content.metadata.end() || found->second != seal_of(content))
    throw Error(ErrorKind::Malformed, file.string(), "is damaged", "learn again");
  return content;
}

bool ModelStore::has_interrupted(const std::string &source) const {
  {
    const std::scoped_lock lock(mutex_);
    if (learned_.contains(source)) return false;
    if (interrupted_.contains(source)) return true;
  }
  std::error_code unreadable;
  return std::filesystem::exists(interrupted_learning_path(path_, source), unreadable);
}

bool ModelStore::empty() const {
  const std::scoped_lock lock(mutex_);
  return unsaved_.empty() && interrupted_.empty();
}

}  // namespace uniad
