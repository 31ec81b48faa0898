// What one JavaScript environment (the main thread or a worker) owns on the native side.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/Generator.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/stack.h>
#include <c10/core/InferenceMode.h>
#include <napi.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

// A tensor handle is the index of its slot; the generation tells a finalizer that comes late
// that its slot has been given to another tensor since.
struct Slot {
  at::Tensor tensor;
  uint32_t generation = 0;
  int64_t reportedBytes = 0;  // what V8 was told about this tensor, 0 while a scope owns it
};

// What is checked before an operator runs, see guards.h. Arguments are meant by their place.
struct Guards {
  struct Count {
    int argument;
    int64_t least, most;
  };
  struct Length {
    int argument;
    size_t length;
    bool mayBeOne, mayBeEmpty;
  };
  bool any = false;
  int check = -1;  // a check of its own, by its place in the table of guards_named.cc
  bool divides = false;
  std::vector<Count> counts;    // integers within bounds
  std::vector<Length> lengths;  // lists of integers of fixed lengths
  std::vector<int> paired;      // lists of one length
};

struct Op {
  c10::OperatorHandle handle;
  std::vector<c10::IValue> defaults;
  std::vector<int> returnsArgument;  // per return value: the argument it is (in-place, out), or -1
  Guards guards;
};

class State {
 public:
  // The words that arguments and results travel in, one allocation shared with JavaScript.
  // Three views of the same memory; see codec.h for the layout.
  double* f64 = nullptr;
  int64_t* i64 = nullptr;
  char* bytes = nullptr;
  size_t words = 0;

  std::vector<Op> ops;
  std::unordered_map<std::string, int> opIds;
  std::vector<at::Generator> generators;
  std::vector<uint32_t> freeGenerators;
  c10::Stack stack;
  std::vector<uint32_t> handedOut;  // by the call under way: JavaScript never hears of them when it fails
  std::vector<std::unique_ptr<c10::InferenceMode>> inferenceModes;

  State();

  // The environment ends. A tensor over JavaScript memory refers to the State that holds it, so
  // the State must let go of its tensors before it can end itself.
  void close();

  uint32_t store(at::Tensor tensor);
  uint32_t handOut(const at::Tensor& tensor) {
    handedOut.push_back(store(tensor));
    return handedOut.back();
  }
  const at::Tensor& tensor(uint32_t handle) const;
  void release(napi_env env, uint32_t handle);

  // Hands the tensor's lifetime to the garbage collector through `object`.
  void watch(napi_env env, napi_value object, uint32_t handle);
  void unwatch(napi_env env, uint32_t handle);

  // Frees what the collector found dead, and JavaScript memory that no tensor uses any more.
  // Called first by every entry that may allocate, so that a loop which never returns to the
  // event loop still gives its memory back.
  void drain(napi_env env) {
    if (!collected.empty() || foreignDead) drainSlow(env);
  }

  // Called from any thread when the last tensor over a JavaScript buffer is gone.
  void releaseForeign(napi_ref reference);

  int64_t liveTensors() const { return static_cast<int64_t>(slots.size() - freeSlots.size()) - 1; }

 private:
  void drainSlow(napi_env env);
  static void onCollected(node_api_basic_env env, void* data, void* hint);

  std::vector<Slot> slots;
  std::vector<uint32_t> freeSlots;
  std::vector<uint64_t> collected;
  std::mutex foreignMutex;
  std::vector<napi_ref> foreignReferences;
  std::atomic<bool> foreignDead{false};
};

State& stateOf(napi_env env);
