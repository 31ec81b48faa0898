#include "random.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/core/Generator.h>

#include <mutex>

#include "errors.h"
#include "state.h"

namespace {

at::Generator& generatorOf(const Napi::CallbackInfo& info) {
  return stateOf(info.Env()).generators.at(info[0].As<Napi::Number>().Uint32Value());
}

Napi::Value keep(const Napi::CallbackInfo& info, at::Generator generator) {
  State& state = stateOf(info.Env());
  if (state.freeGenerators.empty()) {
    state.generators.push_back(std::move(generator));
    return Napi::Number::New(info.Env(), static_cast<double>(state.generators.size() - 1));
  }
  const uint32_t index = state.freeGenerators.back();
  state.freeGenerators.pop_back();
  state.generators[index] = std::move(generator);
  return Napi::Number::New(info.Env(), index);
}

// releaseGenerator(number): its JavaScript object is gone.
Napi::Value releaseGenerator(const Napi::CallbackInfo& info) {
  return Napi::Value(info.Env(), guarded(info.Env(), [&]() -> napi_value {
    generatorOf(info) = at::Generator();
    stateOf(info.Env()).freeGenerators.push_back(info[0].As<Napi::Number>().Uint32Value());
    return info.Env().Undefined();
  }));
}

uint64_t seedFrom(const Napi::Value& value) {
  bool lossless = false;
  return value.As<Napi::BigInt>().Uint64Value(&lossless);
}

// defaultGenerator(device) → number of the device's own generator.
Napi::Value defaultGenerator(const Napi::CallbackInfo& info) {
  return Napi::Value(info.Env(), guarded(info.Env(), [&]() -> napi_value {
    return keep(info, at::globalContext().defaultGenerator(c10::Device(info[0].As<Napi::String>().Utf8Value())));
  }));
}

// newGenerator(device) → number of a fresh generator, with the seed that PyTorch's `Generator()` has.
Napi::Value newGenerator(const Napi::CallbackInfo& info) {
  return Napi::Value(info.Env(), guarded(info.Env(), [&]() -> napi_value {
    const c10::Device device(info[0].As<Napi::String>().Utf8Value());
    // Not a clone() of the device's: libtorch 1.13 never frees what clone() gives, 5 kB each.
    if (device.is_cpu()) return keep(info, at::detail::createCPUGenerator());
    at::Generator own = at::globalContext().defaultGenerator(device);
    std::lock_guard<std::mutex> lock(own.mutex());
    at::Generator fresh = own.clone();
    fresh.set_current_seed(c10::default_rng_seed_val);
    return keep(info, std::move(fresh));
  }));
}

Napi::Value seedGenerator(const Napi::CallbackInfo& info) {
  return Napi::Value(info.Env(), guarded(info.Env(), [&]() -> napi_value {
    at::Generator& generator = generatorOf(info);
    std::lock_guard<std::mutex> lock(generator.mutex());
    generator.set_current_seed(seedFrom(info[1]));
    return info.Env().Undefined();
  }));
}

// manualSeed(seed): the CPU's generator and those of all CUDA devices.
Napi::Value manualSeed(const Napi::CallbackInfo& info) {
  return Napi::Value(info.Env(), guarded(info.Env(), [&]() -> napi_value {
    at::manual_seed(seedFrom(info[0]));
    return info.Env().Undefined();
  }));
}

Napi::Value initialSeed(const Napi::CallbackInfo& info) {
  return Napi::Value(info.Env(), guarded(info.Env(), [&]() -> napi_value {
    return Napi::BigInt::New(info.Env(), static_cast<uint64_t>(generatorOf(info).current_seed()));
  }));
}

// generatorState(number) → handle of a uint8 tensor.
Napi::Value generatorState(const Napi::CallbackInfo& info) {
  return Napi::Value(info.Env(), guarded(info.Env(), [&]() -> napi_value {
    at::Generator& generator = generatorOf(info);
    std::lock_guard<std::mutex> lock(generator.mutex());
    return Napi::Number::New(info.Env(), stateOf(info.Env()).store(generator.get_state()));
  }));
}

// setGeneratorState(number, handle of a uint8 tensor)
Napi::Value setGeneratorState(const Napi::CallbackInfo& info) {
  return Napi::Value(info.Env(), guarded(info.Env(), [&]() -> napi_value {
    at::Generator& generator = generatorOf(info);
    std::lock_guard<std::mutex> lock(generator.mutex());
    generator.set_state(stateOf(info.Env()).tensor(info[1].As<Napi::Number>().Uint32Value()));
    return info.Env().Undefined();
  }));
}

}  // namespace

void random_generators::install(Napi::Env env, Napi::Object exports) {
  exports["defaultGenerator"] = Napi::Function::New(env, defaultGenerator);
  exports["newGenerator"] = Napi::Function::New(env, newGenerator);
  exports["releaseGenerator"] = Napi::Function::New(env, releaseGenerator);
  exports["seedGenerator"] = Napi::Function::New(env, seedGenerator);
  exports["manualSeed"] = Napi::Function::New(env, manualSeed);
  exports["initialSeed"] = Napi::Function::New(env, initialSeed);
  exports["generatorState"] = Napi::Function::New(env, generatorState);
  exports["setGeneratorState"] = Napi::Function::New(env, setGeneratorState);
}
