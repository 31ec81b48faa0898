// What a group of processes consists of: a backend for each kind of device.
#pragma once

#include <c10/util/intrusive_ptr.h>
#include <torch/csrc/distributed/c10d/Store.hpp>

#include <chrono>

#include "../version.h"

#if TORCH_AT_LEAST(2, 0)
#include <torch/csrc/distributed/c10d/Backend.hpp>
using Group = c10d::Backend;
#else
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
using Group = c10d::ProcessGroup;
#endif

// Of a group over NCCL; `card`: the number of this process's CUDA device.
struct NcclRequest {
  int rank = 0, size = 1;
  int card = 0;
  std::chrono::milliseconds timeout{};
};

// Makes `card` the current device of the calling thread, and the group. Its communicator is made by the first collective.
c10::intrusive_ptr<Group> makeNcclGroup(const c10::intrusive_ptr<c10d::Store>& store, const NcclRequest& request);

// Makes `card` the current CUDA device of the calling thread.
void setCard(int card);
