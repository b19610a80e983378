// SPDX-License-Identifier: Apache-2.0
#include "model/reconstruction/training_attention.h"

#include <ATen/Parallel.h>

#include <cmath>
#include <functional>

#include "model/reconstruction/dropout.h"

namespace uniad {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// The heads of one picture: (heads, tokens, dim / heads), a view.
torch::Tensor heads_of(const torch::Tensor &tokens, std::int64_t picture, std::int64_t heads) {
  return tokens[tokens.size(0) == 1 ? 0 : picture].view({tokens.size(1), heads, -1}).transpose(0, 1);
}

// Calls work(picture) for all pictures, in parallel on all cores, with one picture per call.
void for_each_picture(std::int64_t pictures, const std::function<void(std::int64_t)> &work) {
  at::parallel_for(0, pictures, 1, [&](std::int64_t begin, std::int64_t end) {
    const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
    const at::AutoDispatchBelowADInplaceOrView no_gradient;
    for (std::int64_t picture = begin; picture < end; ++picture) work(picture);
  });
}

struct Attention : torch::autograd::Function<Attention> {
  static torch::Tensor forward(AutogradContext *context, const torch::Tensor &q, const torch::Tensor &k,
                               const torch::Tensor &v, const torch::Tensor &mask, std::int64_t heads,
                               double probability) {
    const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
    const std::int64_t batch = k.size(0);
    const double scale = 1 / std::sqrt(static_cast<double>(q.size(2) / heads));
    const DropoutMask dropout = probability > 0 ? draw_dropout(probability) : DropoutMask{};
    const torch::Tensor added = mask.to(q.scalar_type());
    const torch::Tensor weights = torch::empty({batch, heads, q.size(1), k.size(1)}, q.options());
    const torch::Tensor output = torch::empty({batch, q.size(1), q.size(2)}, q.options());

    for_each_picture(batch, [&](std::int64_t picture) {
      torch::Tensor own = weights[picture];
      const torch::Tensor scores = torch::baddbmm(added, heads_of(q, picture, heads),
                                                  heads_of(k, picture, heads).transpose(1, 2), 1, scale);
      at::_softmax_out(own, scores, -1, false);
      if (probability > 0) {
        own = own.clone();
        drop(dropout, own, picture * own.numel());
      }
      heads_of(output, picture, heads).copy_(torch::bmm(own, heads_of(v, picture, heads)));
    });

    context->save_for_backward({q, k, v, weights});
    context->saved_data["heads"] = heads;
    context->saved_data["seed"] = static_cast<std::int64_t>(dropout.seed);
    context->saved_data["probability"] = probability;
    return output;
  }

  static variable_list backward(AutogradContext *context, const variable_list &gradients) {
    const variable_list saved = context->get_saved_variables();
    const torch::Tensor &q = saved[0], &k = saved[1], &v = saved[2], &weights = saved[3];
    const std::int64_t heads = context->saved_data["heads"].toInt();
    const std::int64_t batch = k.size(0);
    const double scale = 1 / std::sqrt(static_cast<double>(q.size(2) / heads));
    const DropoutMask dropout{static_cast<std::uint32_t>(context->saved_data["seed"].toInt()),
                              context->saved_data["probability"].toDouble()};
    const torch::Tensor gradient = gradients[0].contiguous();
    const torch::Tensor q_gradient = torch::empty({batch, q.size(1), q.size(2)}, q.options());
    const torch::Tensor k_gradient = torch::empty(k.sizes(), k.options());
    const torch::Tensor v_gradient = torch::empty(v.sizes(), v.options());

    for_each_picture(batch, [&](std::int64_t picture) {
      const auto part = [&](const torch::Tensor &tokens) { return heads_of(tokens, picture, heads); };
      const torch::Tensor own = weights[picture];
      const std::int64_t first = picture * own.numel();
      const torch::Tensor own_gradient = part(gradient);
      torch::Tensor scores_gradient = torch::bmm(own_gradient, part(v).transpose(1, 2));
      torch::Tensor dropped = own;
      if (dropout.probability > 0) {
        dropped = own.clone();
        drop(dropout, dropped, first);
        drop(dropout, scores_gradient, first);
      }
      part(v_gradient).copy_(torch::bmm(dropped.transpose(1, 2), own_gradient));
      scores_gradient = at::_softmax_backward_data(scores_gradient, own, -1, own.scalar_type()).mul_(scale);
      part(q_gradient).copy_(torch::bmm(scores_gradient, part(k)));
      part(k_gradient).copy_(torch::bmm(scores_gradient.transpose(1, 2), part(q)));
    });
    return {q.size(0) == batch ? q_gradient : q_gradient.sum(0, /*keepdim=*/true),
            k_gradient,
            v_gradient,
            torch::Tensor(),
            torch::Tensor(),
            torch::Tensor()};
  }
};

}  // namespace

torch::Tensor training_attention(const torch::Tensor &q, const torch::Tensor &k, const torch::Tensor &v,
                                 const torch::Tensor &mask, std::int64_t heads, double dropout) {
  // An autograd function does not accept undefined tensors.
  const torch::Tensor added = mask.defined() ? mask : torch::zeros({1}, q.options().requires_grad(false));
  return Attention::apply(q, k, v, added, heads, dropout);
}

}  // namespace uniad
