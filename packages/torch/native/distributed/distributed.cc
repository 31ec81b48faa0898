// PyTorch's process groups (c10d) over Gloo and NCCL, as an addon of its own: a libtorch without them costs only this one. Collectives are
// operators of the namespace `bridge`, so that tensors travel to them as to every other operator. A work is a number: the operator
// starts it, `c10d_wait` ends it. Mirrors torch.distributed of torch/distributed/distributed_c10d.py.
#define USE_C10D_GLOO
#include <ATen/core/dispatch/Dispatcher.h>
#include <napi.h>
#include <torch/library.h>

#include "../errors.h"
#include "collectives.h"
#include "exchange.h"
#include "registry.h"
#include "rendezvous.h"
#include "roll_call.h"

namespace {

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
