// The groups of this process, and the works that are under way: JavaScript and the operators know both by their numbers.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/csrc/distributed/c10d/Store.hpp>

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "group.h"
#include "letters.h"
#include "overlap.h"

using Work = c10d::Work;

// The backends of a group; either may be missing.
struct Backends {
  c10::intrusive_ptr<Group> gloo, nccl;
  int card = 0;  // of `nccl`
};

// The buckets of a backward pass under way: their tensors and works.
struct Sending {
  std::shared_ptr<Overlap> overlap;
  std::vector<at::Tensor> sent, received;
  std::vector<int64_t> works;
};

// The groups and the works under way, of all threads of the process.
struct Registry {
  std::mutex mutex;
  std::unordered_map<int64_t, Backends> groups;
  std::unordered_map<int64_t, Letters> letters;
  std::unordered_map<int64_t, c10::intrusive_ptr<Work>> works;
  std::unordered_map<int64_t, std::shared_ptr<Sending>> sendings;
  int64_t next = 1;
};

// Never destroyed: a group's destructor waits for collectives that may never end, and the process must be able to.
inline Registry& registry() {
  static auto* instance = new Registry();
  return *instance;
}

inline Backends backendsOf(int64_t id) {
  std::lock_guard<std::mutex> lock(registry().mutex);
  const auto found = registry().groups.find(id);
  TORCH_CHECK(found != registry().groups.end(), "the process group is destroyed");
  return found->second;
}

inline int64_t keepWork(c10::intrusive_ptr<Work> work) {
  std::lock_guard<std::mutex> lock(registry().mutex);
  const int64_t id = registry().next++;
  registry().works[id] = std::move(work);
  return id;
}

inline c10::intrusive_ptr<Work> workOf(int64_t id) {
  std::lock_guard<std::mutex> lock(registry().mutex);
  const auto found = registry().works.find(id);
  TORCH_CHECK(found != registry().works.end(), "internal: no work has the number ", id);
  return found->second;
}

inline void releaseWork(int64_t id) {
  c10::intrusive_ptr<Work> dying;
  std::lock_guard<std::mutex> lock(registry().mutex);
  const auto found = registry().works.find(id);
  if (found == registry().works.end()) return;
  dying = std::move(found->second);
  registry().works.erase(found);
}

// Waits for the collectives that are under way.
inline void destroy(int64_t id) {
  Backends dying;
  {
    std::lock_guard<std::mutex> lock(registry().mutex);
    const auto found = registry().groups.find(id);
    if (found == registry().groups.end()) return;
    dying = std::move(found->second);
    registry().groups.erase(found);
    registry().letters.erase(id);
  }
}
