// Captured graphs of the fake device. A captured kernel is the operator with its arguments; a replay runs it again on the same memory.
// As with CUDA, a capture leaves memory and random numbers as they were, refuses copies and reads, and must not be on the
// default stream. Beyond CUDA, a replay refuses memory that was freed since: there it would read what is there now.
#pragma once
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <torch/library.h>

#include <atomic>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace fake_cuda {

thread_local int64_t currentStreamId = 0;  // 0 is the default stream
std::atomic<int64_t> graphCaptures{0}, graphReplays{0};

/** The operators of a graph and the memory that they use. */
class Graph {
 public:
  std::vector<std::function<void()>> kernels;

  void begin() {
    kernels.clear();
    inside_.clear();
    outside_.clear();
    generator_ = at::detail::getDefaultCPUGenerator().get_state();
  }

  /** Memory that the allocator gave during the capture belongs to the graph. */
  void allocated(void* memory) { memory_.insert(memory); }

  /** Call it before an operator runs that reads or writes `tensor`. */
  void uses(const at::Tensor& tensor, const std::string& name) {
    if (!tensor.defined() || tensor.numel() == 0) return;
    const c10::Storage& storage = tensor.storage();
    if (memory_.count(storage.data()) != 0) {
      if (held_.insert(storage.unsafeGetStorageImpl()).second) inside_.push_back(storage);
      return;
    }
    if (outside_.count(storage.unsafeGetStorageImpl()) != 0) return;
    const auto* bytes = static_cast<const char*>(storage.data());
    outside_.emplace(storage.unsafeGetStorageImpl(),
                     Outside{storage.getWeakStorageImpl(), storage.data(), name, {bytes, bytes + storage.nbytes()}});
  }

  /** What the operators did while they were captured is undone: with CUDA they did not run. */
  void end() {
    for (auto& [impl, outside] : outside_) {
      std::memcpy(outside.data, outside.before.data(), outside.before.size());
      outside.before = {};
    }
    at::Generator generator = at::detail::getDefaultCPUGenerator();
    generator.set_state(generator_);
    memory_.clear();
    held_.clear();
  }

  void replay() const {
    for (const auto& [impl, outside] : outside_) {
      const auto storage = outside.storage.lock();
      TORCH_CHECK(storage && storage->data() == outside.data, "the graph uses memory that was freed since its capture (of ", outside.name, ")");
    }
    for (const auto& kernel : kernels) kernel();
  }

 private:
  struct Outside {
    c10::weak_intrusive_ptr<c10::StorageImpl> storage;
    void* data;
    std::string name;
    std::vector<char> before;
  };

  std::set<void*> memory_;
  std::set<const c10::StorageImpl*> held_;
  std::vector<c10::Storage> inside_;
  std::map<const c10::StorageImpl*, Outside> outside_;
  at::Tensor generator_;
};

std::map<int64_t, std::unique_ptr<Graph>> graphs;
Graph* underCapture = nullptr;
int64_t capturedStream = 0;
std::recursive_mutex graphMutex;  // backward passes run on another thread

/** The graph that is captured now, or null. Throws on another stream than the captured one. */
Graph* capturing(const std::string& name) {
  if (underCapture == nullptr) return nullptr;
  TORCH_CHECK(currentStreamId == capturedStream, "CUDA error: operation would make the legacy stream depend on a capturing blocking stream (",
              name, ")");
  return underCapture;
}

void refuseInCapture(const std::string& what) {
  TORCH_CHECK(underCapture == nullptr, "CUDA error: operation not permitted when stream is capturing (", what, ")");
}

Graph& graphOf(int64_t id) { return *graphs.at(id); }

std::string graphsMissing() { return ""; }

int64_t newFakeGraph(int64_t) {
  static int64_t next = 1;
  graphs[next] = std::make_unique<Graph>();
  return next++;
}

void beginFakeGraph(int64_t id, const c10::List<int64_t>&) {
  TORCH_CHECK(currentStreamId != 0, "CUDA graphs must be captured on a non-default stream.");
  TORCH_CHECK(graphOf(id).kernels.empty(), "This CUDAGraph instance already owns a captured graph.");
  graphOf(id).begin();
  capturedStream = currentStreamId;
  underCapture = &graphOf(id);
}

void endFakeGraph(int64_t id) {
  TORCH_CHECK(underCapture == &graphOf(id), "capture_end() called before capture_begin().");
  underCapture = nullptr;
  graphOf(id).end();
  graphCaptures++;
}

void replayFakeGraph(int64_t id) {
  refuseInCapture("replay");
  TORCH_CHECK(!graphOf(id).kernels.empty(), "Called CUDAGraph::replay without a preceding successful capture.");
  graphOf(id).replay();
  graphReplays++;
}

void resetFakeGraph(int64_t id) { graphs[id] = std::make_unique<Graph>(); }

std::vector<int64_t> poolOfFakeGraph(int64_t id) { return {id, 0}; }

void freeFakeGraph(int64_t id) { graphs.erase(id); }

}  // namespace fake_cuda

// Defined before the addon, which then takes these for its own.
TORCH_LIBRARY_FRAGMENT(bridge, library) {
  library.def("cuda_graph_missing() -> str", &fake_cuda::graphsMissing);
  library.def("cuda_graph_new(int device) -> int", &fake_cuda::newFakeGraph);
  library.def("cuda_graph_begin(int graph, int[] pool) -> ()", &fake_cuda::beginFakeGraph);
  library.def("cuda_graph_end(int graph) -> ()", &fake_cuda::endFakeGraph);
  library.def("cuda_graph_replay(int graph) -> ()", &fake_cuda::replayFakeGraph);
  library.def("cuda_graph_reset(int graph) -> ()", &fake_cuda::resetFakeGraph);
  library.def("cuda_graph_pool(int graph) -> int[]", &fake_cuda::poolOfFakeGraph);
  library.def("cuda_graph_free(int graph) -> ()", &fake_cuda::freeFakeGraph);
}
