// The module: one State per JavaScript environment, and what each concern exports.
#include <c10/util/Logging.h>
#include <napi.h>

#include <functional>
#include <string>

#include "allocator.h"
#include "call.h"
#include "device.h"
#include "errors.h"
#include "modes.h"
#include "random.h"
#include "registration.h"
#include "state.h"
#include "tensor.h"
#include "warnings.h"

namespace {

// shareWords(ArrayBuffer): the memory that arguments and results travel in, kept by JavaScript for good.
Napi::Value shareWords(const Napi::CallbackInfo& info) {
  State& state = stateOf(info.Env());
  auto buffer = info[0].As<Napi::ArrayBuffer>();
  state.f64 = static_cast<double*>(buffer.Data());
  state.i64 = static_cast<int64_t*>(buffer.Data());
  state.bytes = static_cast<char*>(buffer.Data());
  state.words = buffer.ByteLength() / 8;
  return info.Env().Undefined();
}

void installAll(Napi::Env env, Napi::Object exports) {
  // libtorch writes the C++ stack into every error, at 1.5 ms each; no message of ours shows it.
  c10::SetStackTraceFetcher(std::function<std::string()>([] { return std::string(); }));
  // Shared, because a tensor over JavaScript memory may outlive the environment on another thread.
  napi_set_instance_data(
      env, new std::shared_ptr<State>(std::make_shared<State>()),
      [](napi_env, void* data, void*) {
        auto* state = static_cast<std::shared_ptr<State>*>(data);
        (*state)->close();
        delete state;
      },
      nullptr);
  registration::registerAll();
  warnings::install();
  exports["shareWords"] = Napi::Function::New(env, guardedFunction<shareWords>);
  allocator::install(env, exports);
  call::install(env, exports);
  tensor::install(env, exports);
  modes::install(env, exports);
  random_generators::install(env, exports);
  device::install(env, exports);
}

Napi::Object install(Napi::Env env, Napi::Object exports) {
  guarded(env, [&]() -> napi_value {
    installAll(env, exports);
    return nullptr;
  });
  return exports;
}

}  // namespace

NODE_API_MODULE(torch_bridge, install)
