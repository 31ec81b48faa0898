// PyTorch's process groups (c10d) over Gloo and NCCL, as an addon of its own: a libtorch without them costs only this one. Collectives are
// operators of the namespace `bridge`, so that tensors travel to them as to every other operator. A work is a number: the operator
// starts it, `c10d_wait` ends it. Mirrors torch.distributed of torch/distributed/distributed_c10d.py.
#define USE_C10D_GLOO
#include <torch/csrc/distributed/c10d/FileStore.hpp>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <ATen/core/dispatch/Dispatcher.h>
#include <napi.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "../errors.h"
#include "../version.h"
#include "group.h"
#include "overlap.h"

namespace {

using Work = c10d::Work;

// The backends of a group; either may be missing.
struct Backends {
  c10::intrusive_ptr<Group> gloo, nccl;
  int card = 0;  // of `nccl`
};

// How the ranks of a group leave messages for each other beside its collectives: they work when those have failed.
struct Letters {
  c10::intrusive_ptr<c10d::Store> store;
  int rank = 0, size = 1;
  bool serves = false;
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
Registry& registry() {
  static auto* instance = new Registry();
  return *instance;
}

Backends backendsOf(int64_t id) {
  std::lock_guard<std::mutex> lock(registry().mutex);
  const auto found = registry().groups.find(id);
  TORCH_CHECK(found != registry().groups.end(), "the process group is destroyed");
  return found->second;
}

// The backend for the device of `tensor`, which never leaves it.
c10::intrusive_ptr<Group> groupOf(int64_t id, const at::Tensor& tensor) {
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

int64_t keepWork(c10::intrusive_ptr<Work> work) {
  std::lock_guard<std::mutex> lock(registry().mutex);
  const int64_t id = registry().next++;
  registry().works[id] = std::move(work);
  return id;
}

c10::intrusive_ptr<Work> workOf(int64_t id) {
  std::lock_guard<std::mutex> lock(registry().mutex);
  const auto found = registry().works.find(id);
  TORCH_CHECK(found != registry().works.end(), "internal: no work has the number ", id);
  return found->second;
}

void releaseWork(int64_t id) {
  c10::intrusive_ptr<Work> dying;
  std::lock_guard<std::mutex> lock(registry().mutex);
  const auto found = registry().works.find(id);
  if (found == registry().works.end()) return;
  dying = std::move(found->second);
  registry().works.erase(found);
}

c10d::ReduceOp reduceOpOf(c10::string_view name) {
  if (name == "sum") return c10d::ReduceOp::SUM;
  if (name == "product") return c10d::ReduceOp::PRODUCT;
  if (name == "min") return c10d::ReduceOp::MIN;
  if (name == "max") return c10d::ReduceOp::MAX;
  TORCH_CHECK(false, "internal: there is no reduction of the name ", std::string(name.data(), name.size()));
}

// The tensor that a collective writes, outside of autograd's sight but not of its check that a saved value was changed.
at::Tensor written(const at::Tensor& tensor) {
  if (!tensor.is_inference()) tensor.unsafeGetTensorImpl()->bump_version();
  return tensor.detach();
}

std::vector<at::Tensor> detached(at::TensorList tensors) {
  std::vector<at::Tensor> result;
  for (const at::Tensor& tensor : tensors) result.push_back(tensor.detach());
  return result;
}

int64_t allReduce(int64_t group, const at::Tensor& tensor, c10::string_view op) {
  std::vector<at::Tensor> tensors{written(tensor)};
  c10d::AllreduceOptions options;
  options.reduceOp = reduceOpOf(op);
  return keepWork(groupOf(group, tensor)->allreduce(tensors, options));
}

int64_t broadcastFrom(int64_t group, const at::Tensor& tensor, int64_t source) {
  std::vector<at::Tensor> tensors{written(tensor)};
  c10d::BroadcastOptions options;
  options.rootRank = source;
  return keepWork(groupOf(group, tensor)->broadcast(tensors, options));
}

int64_t allGather(int64_t group, at::TensorList outputs, const at::Tensor& input) {
  std::vector<std::vector<at::Tensor>> lists(1);
  for (const at::Tensor& output : outputs) lists[0].push_back(written(output));
  std::vector<at::Tensor> inputs{input.detach()};
  return keepWork(groupOf(group, input)->allgather(lists, inputs));
}

int64_t reduceScatter(int64_t group, const at::Tensor& output, at::TensorList inputs, c10::string_view op) {
  std::vector<at::Tensor> outputs{written(output)};
  std::vector<std::vector<at::Tensor>> lists{detached(inputs)};
  c10d::ReduceScatterOptions options;
  options.reduceOp = reduceOpOf(op);
  return keepWork(groupOf(group, output)->reduce_scatter(outputs, lists, options));
}

// Equal parts: part r of `input` goes to rank r, whose part of `output` has the number of the sender.
int64_t allToAll(int64_t group, const at::Tensor& output, const at::Tensor& input) {
  at::Tensor received = written(output), sent = input.detach();
  std::vector<int64_t> equal, alike;
  return keepWork(groupOf(group, input)->alltoall_base(received, sent, equal, alike));
}

// By Gloo where there is both, as processes meet on the CPU.
int64_t barrier(int64_t group) {
  const Backends backends = backendsOf(group);
  if (backends.gloo) return keepWork(backends.gloo->barrier());
  c10d::BarrierOptions options;
  options.device_ids = {backends.card};
  return keepWork(backends.nccl->barrier(options));
}

void waitFor(int64_t id) {
  const auto work = workOf(id);
  releaseWork(id);
  work->wait();
}

bool isCompleted(int64_t id) { return workOf(id)->isCompleted(); }

// The sum of `tensor` over the ranks, added from rank 0 on: the same bits everywhere, whatever the backend.
at::Tensor orderedSum(int64_t group, int64_t size, const at::Tensor& tensor) {
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

at::Tensor sumOfRanks(int64_t group, const at::Tensor& tensor, int64_t size) { return SumOfRanks::apply(tensor, group, size); }

// A bucket of the rows `[rows, numel]`, one part for each rank: `[size, rows, numel / size]`.
at::Tensor partsOf(const at::Tensor& rows, int64_t size) {
  return rows.reshape({rows.size(0), size, rows.size(1) / size}).transpose(0, 1).contiguous();
}

// Sends the gradients of the next backward pass, as row `row` of `rows`, while it runs; with `adds` they are added to what the row has.
// `layout` has three numbers for each parameter (offset, place of its count, bucket) and `buckets` two for each bucket (offset, length).
int64_t overlapBegin(int64_t group, int64_t size, at::TensorList parameters, at::IntArrayRef layout, at::IntArrayRef buckets, const at::Tensor& rows,
                     int64_t row, bool adds) {
  std::vector<Bucket> list;
  for (size_t b = 0; b < buckets.size(); b += 2) list.push_back({buckets[b], buckets[b + 1], 0});
  std::vector<Place> places;
  for (size_t p = 0; p < parameters.size(); p++) {
    places.push_back({layout[3 * p], layout[3 * p + 1], static_cast<size_t>(layout[3 * p + 2])});
    list.at(places.back().bucket).pending++;
  }
  auto sending = std::make_shared<Sending>();
  std::weak_ptr<Sending> weak = sending;
  auto start = [group, size, weak](size_t, const at::Tensor& part) {
    auto owner = weak.lock();
    if (!owner) return;
    owner->sent.push_back(partsOf(part, size));
    owner->received.push_back(at::empty_like(owner->sent.back()));
    owner->works.push_back(allToAll(group, owner->received.back(), owner->sent.back()));
  };
  sending->overlap = std::make_shared<Overlap>(parameters.vec(), std::move(places), std::move(list), rows.detach(), row, adds, start);
  sending->overlap->install();
  std::lock_guard<std::mutex> lock(registry().mutex);
  const int64_t id = registry().next++;
  registry().sendings[id] = std::move(sending);
  return id;
}

// What was received of each bucket, `[size, rows, length / size]`, and the works to wait for.
std::tuple<std::vector<at::Tensor>, std::vector<int64_t>> overlapFinish(int64_t id) {
  std::shared_ptr<Sending> sending;
  {
    std::lock_guard<std::mutex> lock(registry().mutex);
    const auto found = registry().sendings.find(id);
    TORCH_CHECK(found != registry().sendings.end(), "internal: no sending has the number ", id);
    sending = std::move(found->second);
    registry().sendings.erase(found);
  }
  sending->overlap->finish();
  return {sending->received, sending->works};
}

// Waits for the collectives that are under way.
void destroy(int64_t id) {
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

// What a group is made from; plain values, because it is made on a thread of its own.
struct Request {
  std::string host, file;  // either an address or a file
  std::string attempt;     // of torchrun, whose server is used; or empty
  uint16_t port = 0;
  bool serves = false;
  int rank = 0, size = 1;
  std::chrono::milliseconds timeout{};
  std::vector<std::string> interfaces;
  bool gloo = true, nccl = false;
  int card = 0;
};

// The longest wait for a server in this process itself, which a busy machine delays: a shorter timeout is for the other ranks.
constexpr std::chrono::milliseconds ownServerTimeout{20'000};

c10::intrusive_ptr<c10d::Store> storeOf(const Request& request) {
  if (!request.file.empty()) {
    auto store = c10::make_intrusive<c10d::FileStore>(request.file, request.size);
    store->setTimeout(request.timeout);
    return store;
  }
  c10d::TCPStoreOptions options;
  options.port = request.port;
  options.isServer = request.serves;
  options.numWorkers = static_cast<size_t>(request.size);
  options.timeout = request.serves ? std::max(request.timeout, ownServerTimeout) : request.timeout;
  options.multiTenant = true;
  options.waitWorkers = !request.serves;  // the server tells later which ranks are missing
  auto store = c10::make_intrusive<c10d::TCPStore>(request.host, options);
  // torchrun may keep one server for all its attempts, with the addresses of processes that have ended. Python's processes had this
  // prefix in all attempts, and have none since PyTorch 2.4, where a restart fails with torchrun's static rendezvous.
  const char* first = TORCH_AT_LEAST(2, 4) ? "0" : "";
  if (request.attempt.empty() || request.attempt == first) return store;
  return c10::make_intrusive<c10d::PrefixStore>("/worker/attempt_" + request.attempt, std::move(store));
}

std::vector<uint8_t> bytesOf(const std::string& text) { return std::vector<uint8_t>(text.begin(), text.end()); }

std::string letterOf(const std::string& kind, int rank) { return kind + "/" + std::to_string(rank); }

// The ranks that have not come, where this one has the server: ", missing: 1, 3".
std::string missingOf(const Letters& letters) {
  std::string missing;
  if (!letters.store || !letters.serves) return missing;
  letters.store->setTimeout(ownServerTimeout);
  for (int rank = 0; rank < letters.size; rank++)
    if (!letters.store->check({letterOf("came", rank)})) missing += (missing.empty() ? "\nmissing ranks: " : ", ") + std::to_string(rank);
  return missing;
}

// The keys of torch.distributed's init_process_group(), so that ranks in Python and ranks in Node find each other.
c10::intrusive_ptr<c10d::Store> groupStoreOf(c10::intrusive_ptr<c10d::Store> store, const std::string& device) {
  auto ofDefaultGroup = c10::make_intrusive<c10d::PrefixStore>("default_pg", std::move(store));
#if TORCH_AT_LEAST(2, 0)
  return c10::make_intrusive<c10d::PrefixStore>(device + "/", c10::make_intrusive<c10d::PrefixStore>("0/", std::move(ofDefaultGroup)));
#else
  return c10::make_intrusive<c10d::PrefixStore>("0", std::move(ofDefaultGroup));
#endif
}

// PyTorch 1's init_process_group() ends with steps that all ranks must take, whatever language they are in.
void joinPythonRanks(const c10::intrusive_ptr<c10d::Store>& store, Group& group) {
#if !TORCH_AT_LEAST(2, 0)
  c10d::PrefixStore("default_pg", store).add("store_based_barrier_key:1", 1);
  group.setSequenceNumberForGroup();
#endif
}

c10::intrusive_ptr<Group> makeGlooGroup(const Request& request, const c10::intrusive_ptr<c10d::Store>& store) {
  auto options = c10d::ProcessGroupGloo::Options::create(request.timeout);
  for (const std::string& interface : request.interfaces)
    options->devices.push_back(c10d::ProcessGroupGloo::createDeviceForInterface(interface));
  if (options->devices.empty()) options->devices.push_back(c10d::ProcessGroupGloo::createDefaultDevice());
  options->threads = static_cast<int>(options->devices.size()) * 2;
  auto group = c10::make_intrusive<c10d::ProcessGroupGloo>(groupStoreOf(store, "cpu"), request.rank, request.size, options);
  joinPythonRanks(store, *group);
  return group;
}

// Meets the others by keys of the store where no Gloo has made the ranks meet.
void meetByStore(const Letters& letters) {
  std::vector<std::string> keys;
  for (int rank = 0; rank < letters.size; rank++) keys.push_back(letterOf("came", rank));
  letters.store->wait(keys);
}

Backends makeGroup(const Request& request, Letters& letters) {
  Backends backends;
  auto store = storeOf(request);
  letters = {c10::make_intrusive<c10d::PrefixStore>("bridge", store), request.rank, request.size, request.serves};
  letters.store->set(letterOf("came", request.rank), bytesOf("1"));
  store->setTimeout(request.timeout);
  if (request.gloo) backends.gloo = makeGlooGroup(request, store);
#ifdef WITH_NCCL
  if (request.nccl) {
    if (!request.gloo) meetByStore(letters);
    backends.card = request.card;
    backends.nccl = makeNcclGroup(groupStoreOf(store, "cuda"), {request.rank, request.size, request.card, request.timeout});
  }
#else
  TORCH_CHECK(!request.nccl, "internal: this addon is compiled without NCCL");
#endif
  return backends;
}

std::string messageOf(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const c10::Error& known) {
    return known.what_without_backtrace();
  } catch (const std::exception& known) {
    return known.what();
  } catch (...) {
    return "internal: a native exception of unknown type";
  }
}

// initGroup({ host, port, serves, file, attempt, rank, size, timeout, interfaces, gloo, nccl, card }, done): calls done(message or null, group) when all ranks
// are connected. On a thread of its own, because this takes as long as the slowest rank needs to start, and Ctrl-C must work.
// The thread is not one of libuv's, which the process would wait for at its end.
Napi::Value initGroup(const Napi::CallbackInfo& info) {
  const auto options = info[0].As<Napi::Object>();
  Request request;
  request.host = options.Get("host").As<Napi::String>();
  request.file = options.Get("file").As<Napi::String>();
  request.attempt = options.Get("attempt").As<Napi::String>();
  request.port = static_cast<uint16_t>(options.Get("port").As<Napi::Number>().Uint32Value());
  request.serves = options.Get("serves").As<Napi::Boolean>();
  request.rank = options.Get("rank").As<Napi::Number>();
  request.size = options.Get("size").As<Napi::Number>();
  request.timeout = std::chrono::milliseconds(options.Get("timeout").As<Napi::Number>().Int64Value());
  request.gloo = options.Get("gloo").As<Napi::Boolean>();
  request.nccl = options.Get("nccl").As<Napi::Boolean>();
  request.card = options.Get("card").As<Napi::Number>();
#ifdef WITH_NCCL
  if (request.nccl) setCard(request.card);  // of JavaScript's thread, so that the device "cuda" means it
#endif
  const auto interfaces = options.Get("interfaces").As<Napi::Array>();
  for (uint32_t i = 0; i < interfaces.Length(); i++) request.interfaces.push_back(interfaces.Get(i).As<Napi::String>());
  auto done = Napi::ThreadSafeFunction::New(info.Env(), info[1].As<Napi::Function>(), "initProcessGroup", 0, 1);
  std::thread([request, done]() mutable {
    std::string message;
    int64_t id = 0;
    Letters letters;
    try {
      auto group = makeGroup(request, letters);
      std::lock_guard<std::mutex> lock(registry().mutex);
      id = registry().next++;
      registry().groups[id] = std::move(group);
      registry().letters[id] = letters;
    } catch (...) {
      message = messageOf(std::current_exception());
      try {
        message += missingOf(letters);
      } catch (...) {
      }
    }
    done.NonBlockingCall([message, id](Napi::Env env, Napi::Function callback) {
      callback.Call({id == 0 ? Napi::Value(Napi::String::New(env, message)) : env.Null(), Napi::Number::New(env, static_cast<double>(id))});
    });
    done.Release();
  }).detach();
  return info.Env().Undefined();
}

// whenDone(work, done): calls done() when the work has succeeded or failed; `c10d_wait` says which, without waiting.
Napi::Value whenDone(const Napi::CallbackInfo& info) {
  const auto work = workOf(info[0].As<Napi::Number>().Int64Value());
  auto done = Napi::ThreadSafeFunction::New(info.Env(), info[1].As<Napi::Function>(), "Work.wait", 0, 1);
  work->getFuture()->addCallback([done](auto&&...) mutable {
    done.NonBlockingCall([](Napi::Env, Napi::Function callback) { callback.Call({}); });
    done.Release();
  });
  return info.Env().Undefined();
}

// The answers of a roll call, as far as they have come; nothing for ranks without one.
struct Answers {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::optional<std::string>> texts;
  bool isDone = false, reached = false;
};

// Leaves this rank's answer, and waits for those of the others.
void collectAnswers(const Letters& letters, const std::string& answer, std::chrono::milliseconds wait, const std::shared_ptr<Answers>& answers) {
  const auto end = std::chrono::steady_clock::now() + wait;
  letters.store->set(letterOf("answer", letters.rank), bytesOf(answer));
  for (;;) {
    size_t came = 0;
    for (int rank = 0; rank < letters.size; rank++) {
      const std::string key = letterOf("answer", rank);
      std::optional<std::string> text;
      if (letters.store->check({key})) {
        const auto bytes = letters.store->get(key);
        text = std::string(bytes.begin(), bytes.end());
        came++;
      }
      std::lock_guard<std::mutex> lock(answers->mutex);
      answers->reached = true;
      answers->texts[rank] = text;
    }
    if (came == answers->texts.size() || std::chrono::steady_clock::now() > end) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

// rollCall(group, answer, milliseconds, done): calls done(answers, reached): the text of each rank, null for those that left none
// within the time; `reached` is false when the server of the store gave no answer. On threads of their own: a store that is cut off
// would block for minutes.
Napi::Value rollCall(const Napi::CallbackInfo& info) {
  const int64_t group = info[0].As<Napi::Number>().Int64Value();
  const std::string answer = info[1].As<Napi::String>();
  const auto wait = std::chrono::milliseconds(info[2].As<Napi::Number>().Int64Value());
  Letters letters;
  {
    std::lock_guard<std::mutex> lock(registry().mutex);
    const auto found = registry().letters.find(group);
    TORCH_CHECK(found != registry().letters.end(), "the process group is destroyed");
    letters = found->second;
  }
  auto answers = std::make_shared<Answers>();
  answers->texts.resize(letters.size);
  auto done = Napi::ThreadSafeFunction::New(info.Env(), info[3].As<Napi::Function>(), "rollCall", 0, 1);
  std::thread([letters, answer, wait, answers] {
    try {
      collectAnswers(letters, answer, wait, answers);
    } catch (...) {  // the server is gone; what came before remains
    }
    // The others still read here what this rank has found.
    if (letters.serves && letters.size > 1) std::this_thread::sleep_for(std::chrono::milliseconds(500));
    std::lock_guard<std::mutex> lock(answers->mutex);
    answers->isDone = true;
    answers->changed.notify_all();
  }).detach();
  std::thread([wait, answers, done]() mutable {
    std::unique_lock<std::mutex> lock(answers->mutex);
    answers->changed.wait_for(lock, wait + std::chrono::milliseconds(1500), [&] { return answers->isDone; });
    const auto texts = answers->texts;
    const bool reached = answers->reached;
    lock.unlock();
    done.NonBlockingCall([texts, reached](Napi::Env env, Napi::Function callback) {
      auto list = Napi::Array::New(env, texts.size());
      for (uint32_t i = 0; i < texts.size(); i++) list[i] = texts[i] ? Napi::Value(Napi::String::New(env, *texts[i])) : env.Null();
      callback.Call({list, Napi::Boolean::New(env, reached)});
    });
    done.Release();
  }).detach();
  return info.Env().Undefined();
}

// Defines the operators once per process, also where several threads or copies of the package load this addon.
void registerOperators() {
  static auto* const library = [] {
    const bool known = c10::Dispatcher::singleton().findSchema({"bridge::c10d_wait", ""}).has_value();
    if (known) return static_cast<torch::Library*>(nullptr);
    auto* made = new torch::Library(torch::Library::FRAGMENT, "bridge", {}, __FILE__, __LINE__);
    made->def("c10d_all_reduce(int group, Tensor tensor, str op) -> int", allReduce);
    made->def("c10d_broadcast(int group, Tensor tensor, int source) -> int", broadcastFrom);
    made->def("c10d_all_gather(int group, Tensor[] outputs, Tensor input) -> int", allGather);
    made->def("c10d_reduce_scatter(int group, Tensor output, Tensor[] inputs, str op) -> int", reduceScatter);
    made->def("c10d_all_to_all(int group, Tensor output, Tensor input) -> int", allToAll);
    made->def(
        "c10d_overlap_begin(int group, int size, Tensor[] parameters, int[] layout, int[] buckets, Tensor rows, int row, bool adds) -> int",
        overlapBegin);
    made->def("c10d_overlap_finish(int sending) -> (Tensor[], int[])", overlapFinish);
    made->def("c10d_sum_of_ranks(int group, Tensor tensor, int size) -> Tensor", sumOfRanks);
    made->def("c10d_barrier(int group) -> int", barrier);
    made->def("c10d_wait(int work) -> ()", waitFor);
    made->def("c10d_is_completed(int work) -> bool", isCompleted);
    made->def("c10d_release(int work) -> ()", releaseWork);
    made->def("c10d_destroy(int group) -> ()", destroy);
    return made;
  }();
  (void)library;
}

Napi::Object install(Napi::Env env, Napi::Object exports) {
  guarded(env, [&]() -> napi_value {
    registerOperators();
    exports["initGroup"] = Napi::Function::New(env, guardedFunction<initGroup>);
    exports["whenDone"] = Napi::Function::New(env, guardedFunction<whenDone>);
    exports["rollCall"] = Napi::Function::New(env, guardedFunction<rollCall>);
    return nullptr;
  });
  return exports;
}

}  // namespace

NODE_API_MODULE(torch_bridge_distributed, install)
