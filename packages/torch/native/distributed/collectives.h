// The collectives as operators: each starts a work, `c10d_wait` ends it. Mirrors torch.distributed of
// torch/distributed/distributed_c10d.py.
#pragma once

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <string>
#include <utility>
#include <vector>

#include "registry.h"

// The backend for the device of `tensor`, which never leaves it.
inline c10::intrusive_ptr<Group> groupOf(int64_t id, const at::Tensor& tensor) {
  const Backends backends = backendsOf(id);
  const bool onCard = tensor.is_cuda();
  if (onCard && backends.nccl) {
    TORCH_CHECK(tensor.device().index() == backends.card, "the tensor is on ", tensor.device(), ", and this process's card in the group is cuda:",
                backends.card);
    return backends.nccl;
  }
  TORCH_CHECK(backends.gloo, "the tensor is on ", tensor.device(),
              ", and NCCL takes those on a card: move it there, or give initProcessGroup() the backend \"cpu:gloo,cuda:nccl\"");
  return backends.gloo;
}

inline c10d::ReduceOp reduceOpOf(c10::string_view name) {
  if (name == "sum") return c10d::ReduceOp::SUM;
  if (name == "product") return c10d::ReduceOp::PRODUCT;
  if (name == "min") return c10d::ReduceOp::MIN;
  if (name == "max") return c10d::ReduceOp::MAX;
  TORCH_CHECK(false, "internal: there is no reduction of the name ", std::string(name.data(), name.size()));
}

// The tensor that a collective writes, outside of autograd's sight but not of its check that a saved value was changed.
inline at::Tensor written(const at::Tensor& tensor) {
  if (!tensor.is_inference()) tensor.unsafeGetTensorImpl()->bump_version();
  return tensor.detach();
}

inline std::vector<at::Tensor> detached(at::TensorList tensors) {
  std::vector<at::Tensor> result;
  for (const at::Tensor& tensor : tensors) result.push_back(tensor.detach());
  return result;
}

inline int64_t allReduce(int64_t group, const at::Tensor& tensor, c10::string_view op) {
  std::vector<at::Tensor> tensors{written(tensor)};
  c10d::AllreduceOptions options;
  options.reduceOp = reduceOpOf(op);
  return keepWork(groupOf(group, tensor)->allreduce(tensors, options));
}

inline int64_t broadcastFrom(int64_t group, const at::Tensor& tensor, int64_t source) {
  std::vector<at::Tensor> tensors{written(tensor)};
  c10d::BroadcastOptions options;
  options.rootRank = source;
  return keepWork(groupOf(group, tensor)->broadcast(tensors, options));
}

inline int64_t allGather(int64_t group, at::TensorList outputs, const at::Tensor& input) {
  std::vector<std::vector<at::Tensor>> lists(1);
  for (const at::Tensor& output : outputs) lists[0].push_back(written(output));
  std::vector<at::Tensor> inputs{input.detach()};
  return keepWork(groupOf(group, input)->allgather(lists, inputs));
}

inline int64_t reduceScatter(int64_t group, const at::Tensor& output, at::TensorList inputs, c10::string_view op) {
  std::vector<at::Tensor> outputs{written(output)};
  std::vector<std::vector<at::Tensor>> lists{detached(inputs)};
  c10d::ReduceScatterOptions options;
  options.reduceOp = reduceOpOf(op);
  return keepWork(groupOf(group, output)->reduce_scatter(outputs, lists, options));
}

// Equal parts: part r of `input` goes to rank r, whose part of `output` has the number of the sender.
inline int64_t allToAll(int64_t group, const at::Tensor& output, const at::Tensor& input) {
  at::Tensor received = written(output), sent = input.detach();
  std::vector<int64_t> equal, alike;
  return keepWork(groupOf(group, input)->alltoall_base(received, sent, equal, alike));
}

// By Gloo where there is both, as processes meet on the CPU.
inline int64_t barrier(int64_t group) {
  const Backends backends = backendsOf(group);
  if (backends.gloo) return keepWork(backends.gloo->barrier());
  c10d::BarrierOptions options;
  options.device_ids = {backends.card};
  return keepWork(backends.nccl->barrier(options));
}

inline void waitFor(int64_t id) {
  const auto work = workOf(id);
  releaseWork(id);
  work->wait();
}

inline bool isCompleted(int64_t id) { return workOf(id)->isCompleted(); }

// The sum of `tensor` over the ranks, added from rank 0 on: the same bits everywhere, whatever the backend.
inline at::Tensor orderedSum(int64_t group, int64_t size, const at::Tensor& tensor) {
  const at::Tensor sent = tensor.detach().contiguous();
  std::vector<at::Tensor> all;
  for (int64_t rank = 0; rank < size; rank++) all.push_back(at::empty_like(sent));
  waitFor(allGather(group, all, sent));
  at::Tensor sum = all[0];
  for (int64_t rank = 1; rank < size; rank++) sum = sum.add_(all[rank]);
  return sum;
}

// The sum over the ranks as a step of autograd: every rank's result depends on every rank's tensor, so the gradient is a sum, too.
struct SumOfRanks : torch::autograd::Function<SumOfRanks> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& tensor, int64_t group, int64_t size) {
    context->saved_data["group"] = group;
    context->saved_data["size"] = size;
    return orderedSum(group, size, tensor);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context, torch::autograd::variable_list grads) {
    const auto sum = orderedSum(context->saved_data["group"].toInt(), context->saved_data["size"].toInt(), grads[0]);
    return {sum, at::Tensor(), at::Tensor()};
  }
};

inline at::Tensor sumOfRanks(int64_t group, const at::Tensor& tensor, int64_t size) { return SumOfRanks::apply(tensor, group, size); }
