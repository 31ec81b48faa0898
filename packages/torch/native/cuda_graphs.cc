// Streams and captured graphs of CUDA devices, as operators of our own namespace: a device of another kind (the tests have
// one) can define them first. Mirrors torch/csrc/cuda/Graph.cpp and torch/cuda/graphs.py. A stream is { id, device }.
#include "cuda_graphs.h"

#include <c10/core/DeviceGuard.h>
#include <c10/core/Event.h>
#include <c10/core/Stream.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#ifdef WITH_CUDA_HEADERS
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#endif

namespace {

// ---- Streams ----

c10::impl::VirtualGuardImpl cudaGuard() { return c10::impl::VirtualGuardImpl(c10::DeviceType::CUDA); }

c10::Device cudaDevice(int64_t index) { return {c10::DeviceType::CUDA, static_cast<c10::DeviceIndex>(index)}; }

std::vector<int64_t> wordsOf(const c10::Stream& stream) { return {static_cast<int64_t>(stream.id()), stream.device_index()}; }

c10::Stream streamOf(const c10::List<int64_t>& words) {
  TORCH_CHECK(words.size() == 2, "internal: a stream has two numbers, not ", words.size());
  return c10::Stream(c10::Stream::UNSAFE, cudaDevice(words.get(1)), static_cast<c10::StreamId>(words.get(0)));
}

std::vector<int64_t> newStream(int64_t device) { return wordsOf(cudaGuard().getStreamFromGlobalPool(cudaDevice(device))); }

std::vector<int64_t> currentStream(int64_t device) { return wordsOf(cudaGuard().getStream(cudaDevice(device))); }

void setStream(const c10::List<int64_t>& stream) { cudaGuard().exchangeStream(streamOf(stream)); }

// What `stream` gets from now on waits for what `other` has now.
void waitStream(const c10::List<int64_t>& stream, const c10::List<int64_t>& other) {
  c10::Event event(c10::DeviceType::CUDA);
  event.record(streamOf(other));
  event.block(streamOf(stream));
}

void synchronizeStream(const c10::List<int64_t>& stream) { cudaGuard().synchronizeStream(streamOf(stream)); }

// ---- Graphs ----

#ifdef WITH_CUDA_HEADERS

struct HeldGraph {
  c10::Device device;
  at::cuda::CUDAGraph graph;
  explicit HeldGraph(c10::Device on) : device(on) {}
};

struct HeldGraphs {
  std::mutex mutex;
  std::unordered_map<int64_t, std::unique_ptr<HeldGraph>> byId;
  int64_t next = 1;
};

HeldGraphs& heldGraphs() {
  static auto* all = new HeldGraphs();  // never destroyed: CUDA may have ended before
  return *all;
}

// The addresses of graphs stay the same while others come and go.
HeldGraph& heldGraph(int64_t id) {
  const std::lock_guard<std::mutex> lock(heldGraphs().mutex);
  const auto found = heldGraphs().byId.find(id);
  TORCH_CHECK(found != heldGraphs().byId.end(), "internal: no graph has the number ", id);
  return *found->second;
}

// Why there are no graphs; empty where there are.
std::string whyNoGraphs() { return ""; }

int64_t newGraph(int64_t device) {
  const c10::DeviceGuard guard(cudaDevice(device));
  auto held = std::make_unique<HeldGraph>(cudaDevice(device));
  const std::lock_guard<std::mutex> lock(heldGraphs().mutex);
  heldGraphs().byId[heldGraphs().next] = std::move(held);
  return heldGraphs().next++;
}

// An empty pool: one of its own. The allocator's free memory cannot serve a private pool, so it goes back first.
void beginGraph(int64_t id, const c10::List<int64_t>& pool) {
  auto& [device, graph] = heldGraph(id);
  const c10::DeviceGuard guard(device);
  c10::cuda::device_synchronize();
  c10::cuda::CUDACachingAllocator::emptyCache();
  if (pool.empty()) return graph.capture_begin();
  graph.capture_begin({static_cast<unsigned long long>(pool.get(0)), static_cast<unsigned long long>(pool.get(1))});
}

void endGraph(int64_t id) {
  auto& [device, graph] = heldGraph(id);
  const c10::DeviceGuard guard(device);
  graph.capture_end();
}

void replayGraph(int64_t id) {
  auto& [device, graph] = heldGraph(id);
  const c10::DeviceGuard guard(device);
  graph.replay();
}

void resetGraph(int64_t id) {
  auto& [device, graph] = heldGraph(id);
  const c10::DeviceGuard guard(device);
  graph.reset();
}

std::vector<int64_t> poolOfGraph(int64_t id) {
  const auto pool = heldGraph(id).graph.pool();
  return {static_cast<int64_t>(pool.first), static_cast<int64_t>(pool.second)};
}

void freeGraph(int64_t id) {
  std::unique_ptr<HeldGraph> held;
  {
    const std::lock_guard<std::mutex> lock(heldGraphs().mutex);
    const auto found = heldGraphs().byId.find(id);
    if (found == heldGraphs().byId.end()) return;
    held = std::move(found->second);
    heldGraphs().byId.erase(found);
  }
  const c10::DeviceGuard guard(held->device);
  held.reset();
}

#else

std::string whyNoGraphs() { return "the bridge was built for a libtorch without CUDA, or without CUDA's headers"; }

[[noreturn]] void failWithoutGraphs() { throw std::runtime_error(whyNoGraphs()); }

int64_t newGraph(int64_t) { failWithoutGraphs(); }
void beginGraph(int64_t, const c10::List<int64_t>&) { failWithoutGraphs(); }
void endGraph(int64_t) { failWithoutGraphs(); }
void replayGraph(int64_t) { failWithoutGraphs(); }
void resetGraph(int64_t) { failWithoutGraphs(); }
std::vector<int64_t> poolOfGraph(int64_t) { failWithoutGraphs(); }
void freeGraph(int64_t) { failWithoutGraphs(); }

#endif

}  // namespace

void cuda_graphs::registerOperators(registration::Registrar& registrar) {
  registrar.define("cuda_stream_new(int device) -> int[]", torch::CppFunction(&newStream));
  registrar.define("cuda_stream_current(int device) -> int[]", torch::CppFunction(&currentStream));
  registrar.define("cuda_stream_set(int[] stream) -> ()", torch::CppFunction(&setStream));
  registrar.define("cuda_stream_wait(int[] stream, int[] other) -> ()", torch::CppFunction(&waitStream));
  registrar.define("cuda_stream_synchronize(int[] stream) -> ()", torch::CppFunction(&synchronizeStream));
  registrar.define("cuda_graph_missing() -> str", torch::CppFunction(&whyNoGraphs));
  registrar.define("cuda_graph_new(int device) -> int", torch::CppFunction(&newGraph));
  registrar.define("cuda_graph_begin(int graph, int[] pool) -> ()", torch::CppFunction(&beginGraph));
  registrar.define("cuda_graph_end(int graph) -> ()", torch::CppFunction(&endGraph));
  registrar.define("cuda_graph_replay(int graph) -> ()", torch::CppFunction(&replayGraph));
  registrar.define("cuda_graph_reset(int graph) -> ()", torch::CppFunction(&resetGraph));
  registrar.define("cuda_graph_pool(int graph) -> int[]", torch::CppFunction(&poolOfGraph));
  registrar.define("cuda_graph_free(int graph) -> ()", torch::CppFunction(&freeGraph));
}
