// Reverse-mode differentiation as operators of our own namespace, so that their tensors travel
// like every other operator's: bridge::backward and bridge::grad.
#include "autograd.h"

#include <ATen/core/ivalue.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/function.h>

#include "registration.h"
#include "version.h"

namespace {

torch::autograd::variable_list tensors(const c10::IValue& list) {
  torch::autograd::variable_list result;
  for (const c10::IValue& item : list.toListRef()) result.push_back(item.isNone() ? at::Tensor() : item.toTensor());
  return result;
}

Optional<bool> flag(const c10::IValue& value) {
  return value.isNone() ? Optional<bool>() : Optional<bool>(value.toBool());
}

void backward(const c10::OperatorHandle&, c10::Stack* stack) {
  const auto arguments = torch::jit::last(*stack, 5);
  torch::autograd::backward(tensors(arguments[0]), tensors(arguments[1]), flag(arguments[2]), arguments[3].toBool(), tensors(arguments[4]));
  torch::jit::drop(*stack, 5);
}

void grad(const c10::OperatorHandle&, c10::Stack* stack) {
  const auto arguments = torch::jit::last(*stack, 6);
  auto gradients = torch::autograd::grad(tensors(arguments[0]), tensors(arguments[1]), tensors(arguments[2]), flag(arguments[3]),
                                         arguments[4].toBool(), arguments[5].toBool());
  torch::jit::drop(*stack, 6);
  stack->push_back(c10::IValue(std::move(gradients)));
}

// The class of the node that made a tensor, as Python prints it; none for a leaf.
void gradFnName(const c10::OperatorHandle&, c10::Stack* stack) {
  const auto node = torch::jit::pop(*stack).toTensor().grad_fn();
  if (!node) return torch::jit::push(*stack, c10::IValue());
  const std::string name = node->name();
  const auto colons = name.rfind("::");
  const size_t start = colons == std::string::npos ? 0 : colons + 2;
  const size_t end = name.find_last_not_of('>') + 1;  // a node of our own is a CppNode<…::BridgeGelu>
  torch::jit::push(*stack, name.substr(start, end - start));
}

}  // namespace

void autograd::registerOperators(registration::Registrar& registrar) {
  registrar.define(
      "backward(Tensor[] tensors, Tensor?[] grad_tensors, bool? retain_graph, bool create_graph, Tensor[] inputs) -> ()",
      torch::CppFunction::makeFromBoxedFunction<&backward>());
  registrar.define(
      "grad(Tensor[] outputs, Tensor[] inputs, Tensor?[] grad_outputs, bool? retain_graph, bool create_graph, bool allow_unused) -> Tensor[]",
      torch::CppFunction::makeFromBoxedFunction<&grad>());
  registrar.define("grad_fn_name(Tensor self) -> str?", torch::CppFunction::makeFromBoxedFunction<&gradFnName>());
}
