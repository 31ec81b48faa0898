// Operators of our own for bfloat16 on the CPU, where libtorch 1.13 to 2.x spends much of a vision transformer's step
// outside the matrix products. kernels.cc makes differentiable operators of these.
#pragma once

#include <ATen/core/Tensor.h>

namespace registration {
class Registrar;
}

namespace kernels {

// x · Φ(x), Φ by the error function; any strides, and the output has them too.
at::Tensor gelu(const at::Tensor& x);
at::Tensor geluBackward(const at::Tensor& grad, const at::Tensor& x);

// softmax(scale · x) over the last dimension; the output is contiguous.
at::Tensor scaledSoftmax(const at::Tensor& x, double scale);
at::Tensor scaledSoftmaxBackward(const at::Tensor& grad, const at::Tensor& y, double scale);

void registerOperators(registration::Registrar& registrar);

}  // namespace kernels
