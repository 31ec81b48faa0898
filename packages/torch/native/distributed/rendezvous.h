// How the ranks of a group meet, and what the group is made from.
#pragma once

#include <napi.h>
#include <torch/csrc/distributed/c10d/FileStore.hpp>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "letters.h"
#include "registry.h"

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

inline c10::intrusive_ptr<c10d::Store> storeOf(const Request& request) {
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

// The ranks that have not come, where this one has the server: ", missing: 1, 3".
inline std::string missingOf(const Letters& letters) {
  std::string missing;
  if (!letters.store || !letters.serves) return missing;
  letters.store->setTimeout(ownServerTimeout);
  for (int rank = 0; rank < letters.size; rank++)
    if (!letters.store->check({letterOf("came", rank)})) missing += (missing.empty() ? "\nmissing ranks: " : ", ") + std::to_string(rank);
  return missing;
}

// The keys of torch.distributed's init_process_group(), so that ranks in Python and ranks in Node find each other.
inline c10::intrusive_ptr<c10d::Store> groupStoreOf(c10::intrusive_ptr<c10d::Store> store, const std::string& device) {
  auto ofDefaultGroup = c10::make_intrusive<c10d::PrefixStore>("default_pg", std::move(store));
#if TORCH_AT_LEAST(2, 0)
  return c10::make_intrusive<c10d::PrefixStore>(device + "/", c10::make_intrusive<c10d::PrefixStore>("0/", std::move(ofDefaultGroup)));
#else
  return c10::make_intrusive<c10d::PrefixStore>("0", std::move(ofDefaultGroup));
#endif
}

// PyTorch 1's init_process_group() ends with steps that all ranks must take, whatever language they are in.
inline void joinPythonRanks(const c10::intrusive_ptr<c10d::Store>& store, Group& group) {
#if !TORCH_AT_LEAST(2, 0)
  c10d::PrefixStore("default_pg", store).add("store_based_barrier_key:1", 1);
  group.setSequenceNumberForGroup();
#endif
}

inline c10::intrusive_ptr<Group> makeGlooGroup(const Request& request, const c10::intrusive_ptr<c10d::Store>& store) {
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
inline void meetByStore(const Letters& letters) {
  std::vector<std::string> keys;
  for (int rank = 0; rank < letters.size; rank++) keys.push_back(letterOf("came", rank));
  letters.store->wait(keys);
}

inline Backends makeGroup(const Request& request, Letters& letters) {
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

inline std::string messageOf(const std::exception_ptr& error) {
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
inline Napi::Value initGroup(const Napi::CallbackInfo& info) {
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
