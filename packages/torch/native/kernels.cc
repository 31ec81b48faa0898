// The bfloat16 kernels as operators of our own namespace, with gradients: bridge::gelu and bridge::scaled_softmax.
// A gradient that is itself to be differentiated (create_graph) comes from ATen's operators instead.
#include "kernels.h"

#include <ATen/ops/gelu_backward.h>
#include <torch/csrc/autograd/custom_function.h>

#include "registration.h"

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct BridgeGelu : torch::autograd::Function<BridgeGelu> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x) {
    at::AutoDispatchBelowADInplaceOrView guard;
    context->save_for_backward({x});
    return kernels::gelu(x);
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    const at::Tensor x = context->get_saved_variables()[0];
    if (at::GradMode::is_enabled()) return {at::gelu_backward(grads[0], x)};
    return {kernels::geluBackward(grads[0], x)};
  }
};

struct BridgeSoftmax : torch::autograd::Function<BridgeSoftmax> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, double scale) {
    at::AutoDispatchBelowADInplaceOrView guard;
    at::Tensor y = kernels::scaledSoftmax(x, scale);
    context->save_for_backward({y});
    context->saved_data["scale"] = scale;
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    const at::Tensor y = context->get_saved_variables()[0];
    const double scale = context->saved_data["scale"].toDouble();
    if (!at::GradMode::is_enabled()) return {kernels::scaledSoftmaxBackward(grads[0], y, scale), at::Tensor()};
    const at::Tensor product = grads[0].mul(y);
    return {product.sub(y.mul(product.sum(-1, true))).mul(scale), at::Tensor()};
  }
};

bool needsGradient(const at::Tensor& x) { return at::GradMode::is_enabled() && x.requires_grad(); }

at::Tensor differentiableGelu(const at::Tensor& x) {
  if (needsGradient(x)) return BridgeGelu::apply(x);
  at::AutoDispatchBelowADInplaceOrView guard;
  return kernels::gelu(x);
}

at::Tensor differentiableSoftmax(const at::Tensor& x, double scale) {
  if (needsGradient(x)) return BridgeSoftmax::apply(x, scale);
  at::AutoDispatchBelowADInplaceOrView guard;
  return kernels::scaledSoftmax(x, scale);
}

}  // namespace

void kernels::registerOperators(registration::Registrar& registrar) {
  if (registrar.define("gelu(Tensor self) -> Tensor")) {
    registrar.cpu().impl("gelu", kernels::gelu);
    registrar.autogradCpu().impl("gelu", differentiableGelu);
  }
  if (registrar.define("scaled_softmax(Tensor self, float scale=1.0) -> Tensor")) {
    registrar.cpu().impl("scaled_softmax", kernels::scaledSoftmax);
    registrar.autogradCpu().impl("scaled_softmax", differentiableSoftmax);
  }
}
