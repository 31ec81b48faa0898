// The kernels of kernels_simd.h for each processor family, chosen at run time, and spread over libtorch's threads by
// TensorIterator: at::parallel_for is a template, serial in code that is compiled without OpenMP.
// ATEN_CPU_CAPABILITY (default, avx2) lowers the choice, as it does libtorch's.
#include <ATen/TensorIterator.h>
#include <ATen/ops/empty.h>
#include <c10/util/BFloat16.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "kernels.h"

namespace {

struct Kernels {
  // out = grad · slopes[x], x by its bits.
  void (*multiplyByTable)(uint16_t* out, const uint16_t* grad, const uint16_t* x, int64_t length, const float* slopes);
  // `scratch` has room for a row, rounded up to a vector.
  void (*softmax)(uint16_t* out, const uint16_t* x, int64_t rows, int64_t length, float scale, float* scratch);
  void (*softmaxBackward)(uint16_t* out, const uint16_t* grad, const uint16_t* y, int64_t rows, int64_t length, float scale);
};

constexpr int64_t mostLanes = 16;

#define KERNELS_NAMESPACE kernels_of_any
#define KERNELS_LANES 4
#define KERNELS_TARGET
#include "kernels_simd.h"

#if defined(__x86_64__)
#define KERNELS_NAMESPACE kernels_of_avx2
#define KERNELS_LANES 8
#define KERNELS_TARGET __attribute__((target("avx2,fma")))
#include "kernels_simd.h"

#define KERNELS_NAMESPACE kernels_of_avx512
#define KERNELS_LANES 16
#define KERNELS_TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")))
#include "kernels_simd.h"
#endif

Kernels chooseKernels() {
#if defined(__x86_64__)
  const char* asked = std::getenv("ATEN_CPU_CAPABILITY");
  const std::string most = asked == nullptr ? "" : asked;
  const bool avx2 = most != "default" && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = avx2 && most != "avx2" && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (avx512) return kernels_of_avx512::kernels;
  if (avx2) return kernels_of_avx2::kernels;
#endif
  return kernels_of_any::kernels;
}

const Kernels& chosenKernels() {
  static const Kernels chosen = chooseKernels();
  return chosen;
}

// GELU and its derivative of all the bfloat16 there are, by their bits: exact, and faster than any polynomial, as the
// few thousand numbers around zero that occur stay in the nearest cache. Made in float64, without cancellation on the left.
struct GeluTable {
  std::array<uint16_t, 65536> values;
  std::array<float, 65536> slopes;

  GeluTable() {
    for (uint32_t bits = 0; bits < values.size(); bits++) {
      const double x = c10::BFloat16(static_cast<uint16_t>(bits), c10::BFloat16::from_bits());
      const double cumulative = 0.5 * std::erfc(-x * M_SQRT1_2), density = 0.5 * M_2_SQRTPI * M_SQRT1_2 * std::exp(-0.5 * x * x);
      values[bits] = c10::BFloat16(static_cast<float>(x * cumulative)).x;
      slopes[bits] = static_cast<float>(cumulative + x * density);
    }
  }
};

const GeluTable& geluTable() {
  static const auto table = std::make_unique<GeluTable>();
  return *table;
}

void requireBfloat16(const char* name, const at::Tensor& tensor) {
  TORCH_CHECK(tensor.device().is_cpu() && tensor.scalar_type() == at::kBFloat16, name, ": expected bfloat16 on the CPU, got ",
              tensor.scalar_type(), " on ", tensor.device());
}

// Calls `compute(pointers, length)` with contiguous memory: the output first, then `inputs` inputs.
template <size_t inputs, class F>
void overStrides(char** data, const int64_t* strides, int64_t length, const F& compute) {
  constexpr int64_t element = sizeof(uint16_t), most = 256;
  std::array<uint16_t*, inputs + 1> pointers;
  bool contiguous = true;
  for (size_t k = 0; k <= inputs; k++) {
    pointers[k] = reinterpret_cast<uint16_t*>(data[k]);
    contiguous = contiguous && strides[k] == element;
  }
  if (contiguous) return compute(pointers, length);
  uint16_t blocks[inputs + 1][most];
  for (size_t k = 0; k <= inputs; k++) pointers[k] = blocks[k];
  for (int64_t start = 0; start < length; start += most) {
    const int64_t size = std::min(most, length - start);
    for (size_t k = 1; k <= inputs; k++)
      for (int64_t i = 0; i < size; i++) std::memcpy(&blocks[k][i], data[k] + (start + i) * strides[k], element);
    compute(pointers, size);
    for (int64_t i = 0; i < size; i++) std::memcpy(data[0] + (start + i) * strides[0], &blocks[0][i], element);
  }
}

// A thread's share of rows, in elements like libtorch's own.
int64_t rowGrain(int64_t length) { return std::max<int64_t>(1, at::internal::GRAIN_SIZE / length); }

at::Tensor asRows(const at::Tensor& tensor) {
  return tensor.contiguous().view({-1, tensor.dim() == 0 ? 1 : tensor.size(-1)});
}

// An iterator over the rows of equal, contiguous tensors [rows, length]: its elements are the rows' first ones.
at::TensorIterator overRows(const at::Tensor& out, at::ArrayRef<at::Tensor> inputs) {
  at::TensorIteratorConfig config;
  config.resize_outputs(false).declare_static_shape(out.sizes(), 1).add_output(out);
  for (const at::Tensor& input : inputs) config.add_input(input);
  return config.build();
}

}  // namespace

at::Tensor kernels::gelu(const at::Tensor& x) {
  requireBfloat16("gelu", x);
  at::Tensor out;
  auto iterator = at::TensorIteratorConfig().add_output(out).add_input(x).build();
  const uint16_t* values = geluTable().values.data();
  iterator.for_each([=](char** data, const int64_t* strides, int64_t length) {
    overStrides<1>(data, strides, length, [=](const auto& at, int64_t size) {
      for (int64_t i = 0; i < size; i++) at[0][i] = values[at[1][i]];
    });
  });
  return iterator.output();
}

at::Tensor kernels::geluBackward(const at::Tensor& grad, const at::Tensor& x) {
  requireBfloat16("gelu_backward", grad);
  requireBfloat16("gelu_backward", x);
  at::Tensor out;
  auto iterator = at::TensorIteratorConfig().add_output(out).add_input(grad).add_input(x).build();
  const auto kernel = chosenKernels().multiplyByTable;
  const float* slopes = geluTable().slopes.data();
  iterator.for_each([=](char** data, const int64_t* strides, int64_t length) {
    overStrides<2>(data, strides, length, [=](const auto& at, int64_t size) { kernel(at[0], at[1], at[2], size, slopes); });
  });
  return iterator.output();
}

at::Tensor kernels::scaledSoftmax(const at::Tensor& x, double scale) {
  requireBfloat16("scaled_softmax", x);
  at::Tensor out = at::empty(x.sizes(), x.options());
  if (x.numel() == 0) return out;
  const at::Tensor outRows = asRows(out), rows = asRows(x);
  const int64_t rowLength = rows.size(1);
  const auto kernel = chosenKernels().softmax;
  auto iterator = overRows(outRows, {rows});
  iterator.for_each(
      [=](char** data, const int64_t*, int64_t count) {
        std::vector<float> scratch(rowLength + mostLanes);
        kernel(reinterpret_cast<uint16_t*>(data[0]), reinterpret_cast<uint16_t*>(data[1]), count, rowLength, scale, scratch.data());
      },
      rowGrain(rowLength));
  return out;
}

at::Tensor kernels::scaledSoftmaxBackward(const at::Tensor& grad, const at::Tensor& y, double scale) {
  requireBfloat16("scaled_softmax_backward", grad);
  requireBfloat16("scaled_softmax_backward", y);
  TORCH_CHECK(grad.sizes() == y.sizes(), "scaled_softmax_backward: grad ", grad.sizes(), " is not of the output's shape ", y.sizes());
  at::Tensor out = at::empty(y.sizes(), y.options());
  if (y.numel() == 0) return out;
  const at::Tensor outRows = asRows(out), gradRows = asRows(grad), rows = asRows(y);
  const int64_t rowLength = rows.size(1);
  const auto kernel = chosenKernels().softmaxBackward;
  auto iterator = overRows(outRows, {gradRows, rows});
  iterator.for_each(
      [=](char** data, const int64_t*, int64_t count) {
        kernel(reinterpret_cast<uint16_t*>(data[0]), reinterpret_cast<uint16_t*>(data[1]), reinterpret_cast<uint16_t*>(data[2]), count,
               rowLength, scale);
      },
      rowGrain(rowLength));
  return out;
}
