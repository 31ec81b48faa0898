// bridge::image_operations: lists of operations on the images of a batch, each image's own, as Pillow does them in 8-bit
// levels. One pass over each image: its operations work on a copy in bytes that stays in the nearer caches.
//
// `self` is float32 [n, 3, H, W], whole levels 0…255; the result has channels last. `steps` is float64 [k, 9]: image (not
// falling), operation (the order of `Operation`), then up to seven arguments.
#include "images.h"

#include <ATen/TensorIterator.h>
#include <ATen/ops/empty_like.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <vector>

#include "images_levels.h"
#include "registration.h"

namespace {

using images::Colour;
using images::Family;
using images::Filter;
using images::Matrix;
using images::Picture;

enum class Operation {
  affine,
  autocontrast,
  equalize,
  invert,
  solarize,
  solarizeAdd,
  posterize,
  brightness,
  contrast,
  color,
  sharpness,
  grayscale,
  hue,
  blur
};
constexpr int64_t operations = 14, columns = 9, largestSide = 32767;
constexpr float mostBlur = 127;  // sums of a box stay within sixteen bits

// A picture and the one that the next operation writes to.
struct Workspace {
  Workspace(int64_t height, int64_t width) : picture(height, width), other(height, width) {}
  void exchange() { std::swap(picture.bytes, other.bytes); }
  Picture picture, other;
};

void applyAffine(Workspace& work, const double* arguments, const Colour& fill) {
  const auto filter = static_cast<Filter>(static_cast<int>(arguments[0]));
  Matrix matrix;
  std::copy(arguments + 1, arguments + 7, matrix.begin());
  if (filter == Filter::nearest) images::resampleNearest(work.other, work.picture, matrix, fill);
  else images::family().resample(work.other, work.picture, matrix, filter, fill);
  work.exchange();
}

void applyStep(Workspace& work, Operation operation, const double* arguments, const Colour& fill) {
  Picture& picture = work.picture;
  const Family& family = images::family();
  const auto factor = static_cast<float>(arguments[0]);
  switch (operation) {
    case Operation::affine: return applyAffine(work, arguments, fill);
    case Operation::autocontrast: return images::autocontrast(picture);
    case Operation::equalize: return images::equalize(picture);
    case Operation::invert: return images::invert(picture);
    case Operation::solarize: return images::solarize(picture, arguments[0]);
    case Operation::solarizeAdd: return images::solarizeAdd(picture, arguments[0]);
    case Operation::posterize: return images::posterize(picture, arguments[0]);
    case Operation::brightness: return images::brightness(picture, factor);
    case Operation::contrast: return images::contrast(picture, factor);
    case Operation::color:
      images::grayscale(work.other, picture);
      return family.blend(picture, work.other, factor);
    case Operation::sharpness:
      family.smooth(work.other, picture);
      return family.blend(picture, work.other, factor);
    case Operation::grayscale: return images::grayscale(picture, picture);
    case Operation::hue: return images::turnHue(picture, arguments[0]);
    case Operation::blur: return family.blur(picture, std::clamp(factor, 0.0f, mostBlur));
  }
}

void checkSteps(const double* steps, int64_t count, int64_t batch) {
  double before = 0;
  for (int64_t k = 0; k < count; k++, steps += columns) {
    const double image = steps[0], operation = steps[1];
    TORCH_CHECK(image >= before && image < static_cast<double>(batch) && image == std::floor(image), "image_operations: step ", k,
                " is for image ", image, ", expected a whole number from ", before, " to ", batch - 1);
    TORCH_CHECK(operation >= 0 && operation < operations && operation == std::floor(operation), "image_operations: step ", k,
                " is operation ", operation, ", expected 0 to ", operations - 1);
    for (int64_t i = 2; i < columns; i++)
      TORCH_CHECK(std::isfinite(steps[i]), "image_operations: argument ", i - 2, " of step ", k, " is ", steps[i]);
    const bool isAffine = operation == static_cast<double>(Operation::affine);
    TORCH_CHECK(!isAffine || steps[2] == 0 || steps[2] == 1 || steps[2] == 2, "image_operations: filter ", steps[2], " of step ", k,
                ", expected 0 (nearest), 1 (bilinear) or 2 (bicubic)");
    before = image;
  }
}

// The steps of one image: from `begin` to `end`.
void applyAll(float* out, const float* levels, Workspace& work, const double* begin, const double* end, const Colour& fill) {
  images::family().load(work.picture, levels);
  for (const double* step = begin; step < end; step += columns)
    applyStep(work, static_cast<Operation>(static_cast<int>(step[1])), step + 2, fill);
  images::family().store(out, work.picture);
}

Colour colourOf(at::IntArrayRef fill) {
  TORCH_CHECK(fill.size() == 3, "image_operations: expected three levels to fill with, got ", fill.size());
  Colour colour;
  for (size_t c = 0; c < 3; c++) {
    TORCH_CHECK(fill[c] >= 0 && fill[c] <= 255, "image_operations: fill ", fill[c], " is not a level 0 to 255");
    colour[c] = static_cast<uint8_t>(fill[c]);
  }
  return colour;
}

at::Tensor imageOperations(const at::Tensor& self, const at::Tensor& steps, at::IntArrayRef fill) {
  TORCH_CHECK(self.device().is_cpu() && self.scalar_type() == at::kFloat && self.dim() == 4 && self.size(1) == 3,
              "image_operations: expected float32 [n, 3, H, W] on the CPU, got ", self.scalar_type(), " ", self.sizes(), " on ",
              self.device());
  TORCH_CHECK(steps.device().is_cpu() && steps.scalar_type() == at::kDouble && steps.dim() == 2 && steps.size(1) == columns,
              "image_operations: expected steps of float64 [k, ", columns, "] on the CPU, got ", steps.scalar_type(), " ", steps.sizes());
  const int64_t batch = self.size(0), height = self.size(2), width = self.size(3), length = 3 * height * width;
  TORCH_CHECK(height <= largestSide && width <= largestSide, "image_operations: images of ", self.sizes(), " are larger than ", largestSide);
  const Colour colour = colourOf(fill);
  const at::Tensor table = steps.contiguous();
  const double* first = table.data_ptr<double>();
  checkSteps(first, table.size(0), batch);
  const at::Tensor input = self.detach().contiguous(at::MemoryFormat::ChannelsLast);
  at::Tensor out = at::empty_like(input);
  if (input.numel() == 0) return out;

  // Where each image's steps begin; an image without any has those of the next.
  std::vector<const double*> begins(batch + 1, first + table.numel());
  for (int64_t k = table.size(0) - 1; k >= 0; k--) begins[static_cast<int64_t>(first[k * columns])] = first + k * columns;
  for (int64_t i = batch - 1; i >= 0; i--) begins[i] = std::min(begins[i], begins[i + 1]);

  // The iterator's elements are the images' first levels: it spreads images over libtorch's threads.
  const auto asRows = [&](const at::Tensor& tensor) { return tensor.permute({0, 2, 3, 1}).view({batch, length}); };
  const at::Tensor rows = asRows(input);
  at::TensorIteratorConfig config;
  config.resize_outputs(false).declare_static_shape(rows.sizes(), 1).add_owned_output(asRows(out)).add_input(rows);
  auto iterator = config.build();
  const float* base = rows.data_ptr<float>();
  iterator.for_each(
      [&](char** data, const int64_t* strides, int64_t count) {
        std::optional<Workspace> work;
        for (int64_t k = 0; k < count; k++) {
          auto* to = reinterpret_cast<float*>(data[0] + k * strides[0]);
          const auto* from = reinterpret_cast<const float*>(data[1] + k * strides[1]);
          const int64_t image = (from - base) / length;
          if (begins[image] == begins[image + 1]) {
            std::memcpy(to, from, length * sizeof(float));
            continue;
          }
          if (!work) work.emplace(height, width);
          applyAll(to, from, *work, begins[image], begins[image + 1], colour);
        }
      },
      1);
  return out;
}

}  // namespace

void images::registerOperators(registration::Registrar& registrar) {
  if (registrar.define("image_operations(Tensor self, Tensor steps, int[] fill) -> Tensor"))
    registrar.cpu().impl("image_operations", imageOperations);
}
