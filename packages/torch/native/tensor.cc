#include "tensor.h"

#include <ATen/Functions.h>

#include <cstring>

#include "codec.h"
#include "errors.h"
#include "state.h"

namespace {

struct Bytes {
  char* data = nullptr;
  size_t length = 0;
};

// The memory of an ArrayBuffer, or of any view on one.
Bytes bytesOf(const Napi::Value& value) {
  if (value.IsArrayBuffer()) {
    auto buffer = value.As<Napi::ArrayBuffer>();
    return {static_cast<char*>(buffer.Data()), buffer.ByteLength()};
  }
  if (value.IsTypedArray()) {
    auto array = value.As<Napi::TypedArray>();
    return {static_cast<char*>(array.ArrayBuffer().Data()) + array.ByteOffset(), array.ByteLength()};
  }
  throw std::runtime_error("internal: expected an ArrayBuffer or a typed array");
}

std::vector<int64_t> sizesOf(const Napi::Value& value) {
  auto array = value.As<Napi::Array>();
  std::vector<int64_t> sizes(array.Length());
  for (uint32_t i = 0; i < array.Length(); i++) sizes[i] = array.Get(i).As<Napi::Number>().Int64Value();
  return sizes;
}

void checkLength(const Bytes& bytes, const std::vector<int64_t>& sizes, at::ScalarType dtype) {
  size_t needed = c10::elementSize(dtype);
  for (const int64_t size : sizes) needed *= static_cast<size_t>(size);
  if (needed != bytes.length)
    throw std::runtime_error("internal: " + std::to_string(bytes.length) + " bytes for a tensor of " + std::to_string(needed));
}

// copyFrom(memory, dtype, sizes) → handle of a new CPU tensor with a copy of the bytes.
Napi::Value copyFrom(const Napi::CallbackInfo& info) {
  return Napi::Value(info.Env(), guarded(info.Env(), [&]() -> napi_value {
    State& state = stateOf(info.Env());
    state.drain(info.Env());
    const Bytes bytes = bytesOf(info[0]);
    const auto dtype = static_cast<at::ScalarType>(info[1].As<Napi::Number>().Int32Value());
    const auto sizes = sizesOf(info[2]);
    checkLength(bytes, sizes, dtype);
    at::Tensor tensor = at::empty(sizes, at::TensorOptions(dtype));
    if (bytes.length > 0) std::memcpy(tensor.data_ptr(), bytes.data, bytes.length);
    return Napi::Number::New(info.Env(), state.store(std::move(tensor)));
  }));
}

// shareFrom(memory, dtype, sizes) → handle of a tensor over the bytes themselves; the JavaScript
// buffer stays referenced until the last tensor over it is gone, on whichever thread that happens.
Napi::Value shareFrom(const Napi::CallbackInfo& info) {
  return Napi::Value(info.Env(), guarded(info.Env(), [&]() -> napi_value {
    napi_env env = info.Env();
    State& state = stateOf(env);
    state.drain(env);
    const Bytes bytes = bytesOf(info[0]);
    const auto dtype = static_cast<at::ScalarType>(info[1].As<Napi::Number>().Int32Value());
    const auto sizes = sizesOf(info[2]);
    checkLength(bytes, sizes, dtype);
    napi_ref reference;
    napi_create_reference(env, info[0], 1, &reference);
    void* data = nullptr;
    napi_get_instance_data(env, &data);
    std::shared_ptr<State> owner = *static_cast<std::shared_ptr<State>*>(data);
    const auto release = [owner, reference](void*) { owner->releaseForeign(reference); };
    at::Tensor tensor = at::from_blob(bytes.data, sizes, release, at::TensorOptions(dtype));
    return Napi::Number::New(env, state.store(std::move(tensor)));
  }));
}

// copyTo(handle, memory): the tensor's values in row-major order, fetched from its device.
Napi::Value copyTo(const Napi::CallbackInfo& info) {
  return Napi::Value(info.Env(), guarded(info.Env(), [&]() -> napi_value {
    State& state = stateOf(info.Env());
    const Bytes bytes = bytesOf(info[1]);
    at::Tensor source = state.tensor(info[0].As<Napi::Number>().Uint32Value()).detach();
    // Some gradients are zeros without memory (that of sign(), for one); no operator but clone() gives them any.
    if (source._is_zerotensor()) source = at::zeros(source.sizes(), source.options());
    source = source.to(at::kCPU).contiguous().resolve_conj().resolve_neg();
    if (static_cast<size_t>(source.nbytes()) != bytes.length) throw std::runtime_error("internal: copyTo got memory of another size");
    if (bytes.length > 0) std::memcpy(bytes.data, source.data_ptr(), bytes.length);
    return info.Env().Undefined();
  }));
}

// Word in: handle. Words out: dtype, device type, device index, layout, requires grad, is leaf,
// storage offset, number of dimensions, sizes…, strides…
napi_value describeTensor(napi_env env, napi_callback_info) {
  State& state = stateOf(env);
  const at::Tensor& tensor = state.tensor(static_cast<uint32_t>(state.f64[0]));
  const bool strided = tensor.layout() == at::kStrided;
  Writer words(state, 0);
  words.number(static_cast<int>(tensor.scalar_type()));
  words.number(static_cast<int>(tensor.device().type()));
  words.number(tensor.device().has_index() ? tensor.device().index() : -1);
  words.number(static_cast<int>(tensor.layout()));
  words.number(tensor.requires_grad());
  words.number(tensor.is_leaf());
  words.number(strided ? static_cast<double>(tensor.storage_offset()) : 0);
  words.number(static_cast<double>(tensor.dim()));
  for (const int64_t size : tensor.sizes()) words.number(static_cast<double>(size));
  if (strided)
    for (const int64_t stride : tensor.strides()) words.number(static_cast<double>(stride));
  return nullptr;
}

// Word in: handle. Words out: the handle of the gradient, or 0.
napi_value gradientOf(napi_env env, napi_callback_info) {
  State& state = stateOf(env);
  const at::Tensor gradient = state.tensor(static_cast<uint32_t>(state.f64[0])).grad();
  state.drain(env);
  state.f64[0] = gradient.defined() ? state.store(gradient) : 0;
  return nullptr;
}

// Words in: handle, handle of the new gradient or 0.
napi_value setGradient(napi_env env, napi_callback_info) {
  State& state = stateOf(env);
  const at::Tensor target = state.tensor(static_cast<uint32_t>(state.f64[0]));
  const auto handle = static_cast<uint32_t>(state.f64[1]);
  const at::Tensor gradient = handle == 0 ? at::Tensor() : state.tensor(handle);
  if (gradient.defined() && (gradient.sizes() != target.sizes() || gradient.scalar_type() != target.scalar_type() || gradient.device() != target.device()))
    throw std::runtime_error("a gradient must have its tensor's shape, dtype and device");
  if (gradient.is_same(target)) throw std::runtime_error("a tensor cannot be its own gradient");
  target.mutable_grad() = gradient;
  return nullptr;
}

// Words in: n, handles…
napi_value releaseTensors(napi_env env, napi_callback_info) {
  State& state = stateOf(env);
  state.drain(env);
  const auto n = static_cast<size_t>(state.f64[0]);
  for (size_t i = 1; i <= n && i < state.words; i++) state.release(env, static_cast<uint32_t>(state.f64[i]));
  return nullptr;
}

// watchTensor(object, handle): the collector releases the tensor when it takes the object.
napi_value watchTensor(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value arguments[2];
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  uint32_t handle = 0;
  napi_get_value_uint32(env, arguments[1], &handle);
  stateOf(env).watch(env, arguments[0], handle);
  return nullptr;
}

Napi::Value liveTensors(const Napi::CallbackInfo& info) {
  State& state = stateOf(info.Env());
  state.drain(info.Env());
  return Napi::Number::New(info.Env(), static_cast<double>(state.liveTensors()));
}

// reportedMemory() → bytes that V8 believes to be held by its objects, ours and all others'.
Napi::Value reportedMemory(const Napi::CallbackInfo& info) {
  int64_t total = 0;
  napi_adjust_external_memory(info.Env(), 0, &total);
  return Napi::Number::New(info.Env(), static_cast<double>(total));
}

}  // namespace

void tensor::install(Napi::Env env, Napi::Object exports) {
  exports["copyFrom"] = Napi::Function::New(env, copyFrom);
  exports["shareFrom"] = Napi::Function::New(env, shareFrom);
  exports["copyTo"] = Napi::Function::New(env, copyTo);
  exports["liveTensors"] = Napi::Function::New(env, guardedFunction<liveTensors>);
  exports["reportedMemory"] = Napi::Function::New(env, guardedFunction<reportedMemory>);
  const auto raw = [&](const char* name, napi_callback callback) {
    napi_value function;
    napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &function);
    exports[name] = Napi::Value(env, function);
  };
  raw("describeTensor", guardedCallback<describeTensor>);
  raw("gradientOf", guardedCallback<gradientOf>);
  raw("setGradient", guardedCallback<setGradient>);
  raw("releaseTensors", guardedCallback<releaseTensors>);
  raw("watchTensor", guardedCallback<watchTensor>);
}
