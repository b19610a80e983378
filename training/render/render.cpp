// SPDX-License-Identifier: Apache-2.0
#include "training/render/render.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <opencv2/imgcodecs.hpp>
#include <sstream>
#include <utility>

#include "model/base/error.h"
#include "model/engine/cpu/cpu_backend.h"
#include "model/file/safetensors.h"
#include "model/network.h"
#include "model/preprocess/preprocess.h"
#include "model/reconstruction/picture_decoder.h"
#include "training/base/interrupt.h"
#include "training/base/output.h"
#include "training/data/report.h"
#include "training/data/visit.h"
#include "training/train/bf16_scope.h"
#include "training/train/step.h"

namespace uniad {
namespace {

// A picture as the network's input, and its features.
struct Seen {
  std::string name;        // "bottle_000"
  torch::Tensor image;     // (3, H, W), fp16
  torch::Tensor features;  // (channels, H / 16, W / 16), fp16
};

std::vector<Seen> look_at(Network &network, const InputConfig &input, const RenderOptions &options,
                          Progress &progress) {
  const torch::NoGradGuard no_grad;
  Preprocessor preprocessor(input);
  std::vector<Seen> all;
  for (const Source &source : open_sources(options.data, {options.image_dir, options.bit_depth, &progress})) {
    progress.begin(source.name + ": reading pictures", std::ssize(source.test));
    const auto unread = visit_items(
        source.test,
        [&](std::size_t index, const FrameView &frame) {
          if (interrupted())
            throw Error(ErrorKind::Interrupted, "render", "interrupted while reading pictures",
                        "run the command again");
          const Item &item = source.test[index];
          const torch::Tensor image = torch::empty({1, 3, input.height, input.width});
          preprocessor.run(frame, {image.data_ptr<float>(), static_cast<std::size_t>(image.numel())});
          const torch::Tensor features =
              network.features(image.contiguous(torch::MemoryFormat::ChannelsLast));
          const std::string name = source.name + '_' + item.path.stem().string() +
                                   (item.frame ? '_' + std::to_string(*item.frame) : "");
          all.push_back({name, image[0].to(torch::kFloat16), features[0].to(torch::kFloat16)});
          progress.update(static_cast<std::int64_t>(index) + 1);
        },
        tell_by(progress));
    progress.end();
    report_unread(source.test, unread, progress);
  }
  return all;
}

void learn(PictureDecoder &decoder, const std::vector<Seen> &seen, const RenderOptions &options,
           Progress &progress) {
  constexpr double rate = 1e-3;
  constexpr double weight_decay = 1e-4;
  constexpr double clip = 1;
  const bool bf16 = cpu_has(cpu::Precision::Bf16);
  Optimizer optimizer(decoder->parameters(), weight_decay);
  decoder->train();
  progress.begin("training the network that generates pictures", options.steps);
  for (std::int64_t step = 1; step <= options.steps; ++step) {
    if (interrupted())
      throw Error(ErrorKind::Interrupted, "render", "interrupted while training",
                  "run the command again with fewer --steps");
    std::vector<torch::Tensor> images;
    std::vector<torch::Tensor> features;
    const torch::Tensor chosen = torch::randint(std::ssize(seen), {options.batch}, torch::kInt64);
    for (std::int64_t i = 0; i < options.batch; ++i) {
      const Seen &one = seen[static_cast<std::size_t>(chosen[i].item<std::int64_t>())];
      images.push_back(one.image);
      features.push_back(one.features);
    }
    optimizer.zero_grad();
    const torch::Tensor batch = torch::stack(features).to(torch::kFloat32);
    torch::Tensor made;
    {
      const Bf16Scope scope(bf16, torch::kCPU);
      made = decoder(batch.contiguous(torch::MemoryFormat::ChannelsLast)).to(torch::kFloat32);
    }
    const torch::Tensor loss = torch::mse_loss(made, torch::stack(images).to(torch::kFloat32));
    loss.backward();
    const double now = loss.item<double>();
    if (!std::isfinite(now))
      throw Error(ErrorKind::InvalidArgument, "step " + std::to_string(step), "the loss is not finite",
                  "use other pictures");
    optimizer.clip(clip);
    optimizer.step(rate);
    progress.update(step, "loss " + std::to_string(now));
  }
  progress.end();
}

PictureDecoder decoder_of(const Network &network, const std::vector<Seen> &seen, const RenderOptions &options,
                          Progress &progress) {
  PictureDecoder decoder(network.channels());
  if (std::filesystem::exists(options.decoder)) {
    load_tensors(*decoder, read_safetensors(options.decoder).tensors, "picture_decoder.",
                 options.decoder.string());
  } else {
    learn(decoder, seen, options, progress);
    TensorFile file;
    store_tensors(*decoder, "picture_decoder.", file.tensors);
    write_safetensors(file, options.decoder);
  }
  decoder->eval();
  return decoder;
}

// Writes pictures side by side. images: (B, 3, H, W), normalized.
void write_pictures(const std::filesystem::path &path, const torch::Tensor &images,
                    const InputConfig &input) {
  const auto per_channel = [](const std::array<float, 3> &values) {
    return torch::tensor({values[0], values[1], values[2]}).view({1, 3, 1, 1});
  };
  const torch::Tensor levels =
      ((images * per_channel(input.std) + per_channel(input.mean)) * 255).round().clamp(0, 255);
  const torch::Tensor strip =
      levels.flip(1).permute({2, 0, 3, 1}).flatten(1, 2).to(torch::kUInt8).contiguous();  // B, G, R
  const cv::Mat picture(static_cast<int>(strip.size(0)), static_cast<int>(strip.size(1)), CV_8UC3,
                        strip.data_ptr());
  if (!cv::imwrite(path.string(), picture))
    throw Error(ErrorKind::Unwritable, path.string(), "cannot be written",
                "check the folder and the space left on the disk");
}

void write_queries(Network &network, PictureDecoder &decoder, const InputConfig &input,
                   const std::filesystem::path &folder) {
  for (const auto &item : network.reconstruction->named_parameters()) {
    const std::string prefix = "transformer.decoder.layers.";
    const std::string suffix = ".learned_embed.weight";
    if (!item.key().starts_with(prefix) || !item.key().ends_with(suffix)) continue;
    const std::string layer =
        item.key().substr(prefix.size(), item.key().size() - prefix.size() - suffix.size());
    const torch::Tensor features = network.reconstruction->output_proj(item.value())
                                       .t()
                                       .reshape({1, network.channels(), input.height / 16, input.width / 16});
    write_pictures(folder / ("query_" + layer + ".png"), decoder(features), input);
  }
}

}  // namespace

void run_render(const RenderOptions &options, Progress &progress) {
  const Interrupts interrupts(progress);
  make_folder(options.folder, "--out");
  if (!options.decoder.empty() && !std::filesystem::exists(options.decoder))
    check_writable(options.decoder, "--decoder");
  const Model model = read_model(options.model);
  if (!model.config.reconstruction)
    throw Error(ErrorKind::InvalidArgument, options.model.string(), "has no reconstruction network",
                "train it with --recipe fast or paper");
  const auto network = make_network(model, options.model.string());
  torch::manual_seed(options.seed);
  const InputConfig &input = model.config.input;
  const std::vector<Seen> seen = look_at(*network, input, options, progress);
  if (seen.empty())
    throw Error(ErrorKind::InvalidArgument, "render", "no picture could be read",
                "the messages above give the reasons");
  PictureDecoder decoder = decoder_of(*network, seen, options, progress);

  const torch::NoGradGuard no_grad;
  progress.begin("generating pictures", std::ssize(seen));
  for (std::size_t i = 0; i < seen.size(); ++i) {
    const torch::Tensor features = seen[i].features.to(torch::kFloat32).unsqueeze(0);
    const torch::Tensor made = decoder(torch::cat({features, features - network->residuals(features)}));
    std::ostringstream name;
    name << std::setfill('0') << std::setw(6) << i << '_' << seen[i].name << ".png";
    write_pictures(options.folder / name.str(),
                   torch::cat({seen[i].image.to(torch::kFloat32).unsqueeze(0), made}), input);
    progress.update(static_cast<std::int64_t>(i) + 1);
  }
  progress.end();
  write_queries(*network, decoder, input, options.folder);
}

}  // namespace uniad
