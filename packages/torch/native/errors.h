// The one wrapper that every entry from JavaScript goes through: no C++ exception crosses over.
#pragma once

#include <c10/util/Exception.h>
#include <napi.h>

#include <new>

// Throws the exception that is being handled as a JavaScript Error, without the C++ backtrace.
inline void throwCurrent(napi_env env) {
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  if (pending) return;
  try {
    throw;
  } catch (const Napi::Error& error) {
    // Throws again when a worker is being terminated: nothing can be thrown to it any more.
    try {
      error.ThrowAsJavaScriptException();
    } catch (...) {
    }
  } catch (const c10::Error& error) {
    napi_throw_error(env, "TORCH", error.what_without_backtrace());
  } catch (const std::bad_alloc&) {
    napi_throw_error(env, "OUT_OF_MEMORY", "out of memory");
  } catch (const std::exception& error) {
    napi_throw_error(env, "TORCH", error.what());
  } catch (...) {
    napi_throw_error(env, "TORCH", "internal: a native exception of unknown type");
  }
}

template <class F>
napi_value guarded(napi_env env, F body) {
  try {
    return body();
  } catch (...) {
    throwCurrent(env);
    return nullptr;
  }
}

// Wraps a callback of node-addon-api's kind.
using Callback = Napi::Value (*)(const Napi::CallbackInfo&);
template <Callback body>
Napi::Value guardedFunction(const Napi::CallbackInfo& info) {
  return Napi::Value(info.Env(), guarded(info.Env(), [&]() -> napi_value { return body(info); }));
}

// Wraps a raw Node-API callback: `static napi_value name(napi_env, napi_callback_info)`.
using RawCallback = napi_value (*)(napi_env, napi_callback_info);
template <RawCallback body>
napi_value guardedCallback(napi_env env, napi_callback_info info) {
  return guarded(env, [&] { return body(env, info); });
}
