// The group over NCCL, for tensors on CUDA devices. A file of its own, because only a libtorch with CUDA compiles it.
#define USE_C10D_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

#include <c10/cuda/CUDAFunctions.h>

#include "group.h"

void setCard(int card) { c10::cuda::set_device(static_cast<c10::DeviceIndex>(card)); }

c10::intrusive_ptr<Group> makeNcclGroup(const c10::intrusive_ptr<c10d::Store>& store, const NcclRequest& request) {
  auto options = c10d::ProcessGroupNCCL::Options::create();
  options->timeout = request.timeout;
  setCard(request.card);
  auto group = c10::make_intrusive<c10d::ProcessGroupNCCL>(store, request.rank, request.size, options);
#if TORCH_AT_LEAST(2, 4)
  // Without a device of its own, PyTorch derives the one of a barrier from the rank, which is wrong on a second machine.
  group->setBoundDeviceId(at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(request.card)));
#endif
  return group;
}
