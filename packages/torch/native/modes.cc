#include "modes.h"

#include <ATen/autocast_mode.h>
#include <c10/core/GradMode.h>

#include "errors.h"
#include "state.h"
#include "version.h"

namespace {

Napi::Value setGradEnabled(const Napi::CallbackInfo& info) {
  const bool before = c10::GradMode::is_enabled();
  c10::GradMode::set_enabled(info[0].As<Napi::Boolean>());
  return Napi::Boolean::New(info.Env(), before);
}

Napi::Value isGradEnabled(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), c10::GradMode::is_enabled());
}

// The guards form a stack; JavaScript pairs every push with a pop in a `finally`.
Napi::Value pushInferenceMode(const Napi::CallbackInfo& info) {
  stateOf(info.Env()).inferenceModes.push_back(std::make_unique<c10::InferenceMode>(info[0].As<Napi::Boolean>()));
  return info.Env().Undefined();
}

Napi::Value popInferenceMode(const Napi::CallbackInfo& info) {
  auto& modes = stateOf(info.Env()).inferenceModes;
  if (!modes.empty()) modes.pop_back();
  return info.Env().Undefined();
}

bool autocastEnabled(c10::DeviceType device) {
#if TORCH_AT_LEAST(2, 4)
  return at::autocast::is_autocast_enabled(device);
#else
  return device == c10::DeviceType::CPU ? at::autocast::is_cpu_enabled() : at::autocast::is_enabled();
#endif
}

void setAutocastEnabled(c10::DeviceType device, bool enabled) {
#if TORCH_AT_LEAST(2, 4)
  at::autocast::set_autocast_enabled(device, enabled);
#else
  device == c10::DeviceType::CPU ? at::autocast::set_cpu_enabled(enabled) : at::autocast::set_enabled(enabled);
#endif
}

at::ScalarType autocastDtype(c10::DeviceType device) {
#if TORCH_AT_LEAST(2, 4)
  return at::autocast::get_autocast_dtype(device);
#else
  return device == c10::DeviceType::CPU ? at::autocast::get_autocast_cpu_dtype() : at::autocast::get_autocast_gpu_dtype();
#endif
}

void setAutocastDtype(c10::DeviceType device, at::ScalarType dtype) {
#if TORCH_AT_LEAST(2, 4)
  at::autocast::set_autocast_dtype(device, dtype);
#else
  device == c10::DeviceType::CPU ? at::autocast::set_autocast_cpu_dtype(dtype) : at::autocast::set_autocast_gpu_dtype(dtype);
#endif
}

c10::DeviceType autocastDevice(const Napi::Value& name) {
  const c10::DeviceType type = c10::Device(name.As<Napi::String>().Utf8Value()).type();
  if (type != c10::DeviceType::CPU && type != c10::DeviceType::CUDA)
    throw std::runtime_error("autocast knows the devices cpu and cuda");
  return type;
}

// enterAutocast(device, enabled, dtype number, cache) → the state before, for exitAutocast.
Napi::Value enterAutocast(const Napi::CallbackInfo& info) {
  return Napi::Value(info.Env(), guarded(info.Env(), [&]() -> napi_value {
    const auto device = autocastDevice(info[0]);
    auto before = Napi::Object::New(info.Env());
    before["enabled"] = Napi::Boolean::New(info.Env(), autocastEnabled(device));
    before["dtype"] = Napi::Number::New(info.Env(), static_cast<int>(autocastDtype(device)));
    before["cache"] = Napi::Boolean::New(info.Env(), at::autocast::is_autocast_cache_enabled());
    setAutocastDtype(device, static_cast<at::ScalarType>(info[2].As<Napi::Number>().Int32Value()));
    setAutocastEnabled(device, info[1].As<Napi::Boolean>());
    at::autocast::set_autocast_cache_enabled(info[3].As<Napi::Boolean>());
    at::autocast::increment_nesting();
    return before;
  }));
}

// exitAutocast(device, enabled, dtype number, cache): leaving the outermost region drops the cast weights.
Napi::Value exitAutocast(const Napi::CallbackInfo& info) {
  return Napi::Value(info.Env(), guarded(info.Env(), [&]() -> napi_value {
    const auto device = autocastDevice(info[0]);
    if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
    setAutocastEnabled(device, info[1].As<Napi::Boolean>());
    setAutocastDtype(device, static_cast<at::ScalarType>(info[2].As<Napi::Number>().Int32Value()));
    at::autocast::set_autocast_cache_enabled(info[3].As<Napi::Boolean>());
    return info.Env().Undefined();
  }));
}

Napi::Value isAutocastEnabled(const Napi::CallbackInfo& info) {
  return Napi::Value(info.Env(), guarded(info.Env(), [&]() -> napi_value {
    return Napi::Boolean::New(info.Env(), autocastEnabled(autocastDevice(info[0])));
  }));
}

}  // namespace

void modes::install(Napi::Env env, Napi::Object exports) {
  exports["setGradEnabled"] = Napi::Function::New(env, guardedFunction<setGradEnabled>);
  exports["isGradEnabled"] = Napi::Function::New(env, guardedFunction<isGradEnabled>);
  exports["pushInferenceMode"] = Napi::Function::New(env, guardedFunction<pushInferenceMode>);
  exports["popInferenceMode"] = Napi::Function::New(env, guardedFunction<popInferenceMode>);
  exports["enterAutocast"] = Napi::Function::New(env, enterAutocast);
  exports["exitAutocast"] = Napi::Function::New(env, exitAutocast);
  exports["isAutocastEnabled"] = Napi::Function::New(env, isAutocastEnabled);
}
