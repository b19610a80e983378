// SPDX-License-Identifier: Apache-2.0
#include "model/engine/torch_backend.h"

#include <torch/torch.h>

#include <utility>

#include "model/backbone/backbone.h"
#include "model/base/torch_tensors.h"
#include "model/reconstruction/uniad.h"
#include "model/statistics/one_torch_thread.h"

namespace uniad {
namespace {

class TorchBackend : public Backend {
 public:
  TorchBackend(std::unique_ptr<Backend> features, const Model &model, const std::string &where,
               c10::ScalarType precision, std::shared_ptr<cpu::ThreadPool> pool)
      : features_(std::move(features)),
        rows_(model.config.input.height / 16),
        columns_(model.config.input.width / 16),
        precision_(precision),
        pool_(std::move(pool)),
        reconstruction_(*model.config.reconstruction, tapped_channels(model.config.backbone), rows_,
                        columns_) {
    const torch::NoGradGuard no_grad;
    load_tensors(*reconstruction_, model.tensors, "reconstruction.", where);
    reconstruction_->to(precision);
    reconstruction_->eval();
  }

  void run(std::span<Picture> pictures) override {
    features_->run(pictures);
    pool_->run(static_cast<int>(pictures.size()), [&](int number, int /*thread*/) {
      Picture &picture = pictures[static_cast<std::size_t>(number)];
      if (picture.failure) return;
      try {
        reconstruct(*picture.tokens);
      } catch (const std::exception &) {
        picture.failure = std::current_exception();
      }
    });
  }

  std::string description() const override {
    return features_->description() + ", reconstruction by LibTorch";
  }

 private:
  void reconstruct(Tokens &tokens) {
    const OneTorchThread one_thread;
    const c10::InferenceMode inference;
    const torch::Tensor features =
        torch::from_blob(tokens.features.data(),
                         {1, rows_, columns_, std::ssize(tokens.features) / (rows_ * columns_)})
            .permute({0, 3, 1, 2});
    const torch::Tensor left = features - reconstruction_(features.to(precision_)).to(torch::kFloat32);
    tokens.residuals.resize(tokens.features.size());
    torch::from_blob(tokens.residuals.data(), {1, rows_, columns_, features.size(1)})
        .copy_(left.permute({0, 2, 3, 1}));
  }

  const std::unique_ptr<Backend> features_;
  const int rows_, columns_;
  const c10::ScalarType precision_;
  const std::shared_ptr<cpu::ThreadPool> pool_;
  UniAD reconstruction_;
};

}  // namespace

std::unique_ptr<Backend> make_torch_backend(std::unique_ptr<Backend> features, const Model &model,
                                            const std::string &where, c10::ScalarType precision,
                                            std::shared_ptr<cpu::ThreadPool> pool) {
  return std::make_unique<TorchBackend>(std::move(features), model, where, precision, std::move(pool));
}

}  // namespace uniad
