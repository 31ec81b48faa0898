#include "device.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <c10/core/DeviceGuard.h>
#include <dlfcn.h>

#include <array>

#include "errors.h"
#include "version.h"

// The caching allocator's own header needs CUDA's; 2.9 gave it an interface that does not.
#if defined(WITH_CUDA_HEADERS)
#include <c10/cuda/CUDACachingAllocator.h>
namespace cudaCaching = c10::cuda::CUDACachingAllocator;
#define CUDA_STATISTICS
#elif TORCH_AT_LEAST(2, 9)
#include <c10/core/CachingDeviceAllocator.h>
namespace cudaCaching {
static c10::DeviceAllocator* get() { return c10::getDeviceAllocator(c10::DeviceType::CUDA); }
static auto getDeviceStats(c10::DeviceIndex index) { return get()->getDeviceStats(index); }
static void resetPeakStats(c10::DeviceIndex index) { get()->resetPeakStats(index); }
static void emptyCache() { get()->emptyCache(); }
}  // namespace cudaCaching
#define CUDA_STATISTICS
#endif

namespace {

// OpenBLAS keeps a thread pool of its own that at::set_num_threads does not reach.
void setBlasThreads(int n) {
  using Setter = void (*)(int);
  if (auto set = reinterpret_cast<Setter>(dlsym(RTLD_DEFAULT, "openblas_set_num_threads"))) set(n);
}

const char* blasConfig() {
  using Getter = char* (*)();
  const auto get = reinterpret_cast<Getter>(dlsym(RTLD_DEFAULT, "openblas_get_config"));
  return get ? get() : "";
}

const char* blasCore() {
  using Getter = char* (*)();
  const auto get = reinterpret_cast<Getter>(dlsym(RTLD_DEFAULT, "openblas_get_corename"));
  return get ? get() : "";
}

Napi::Value setNumThreads(const Napi::CallbackInfo& info) {
  return Napi::Value(info.Env(), guarded(info.Env(), [&]() -> napi_value {
    const int n = info[0].As<Napi::Number>().Int32Value();
    at::set_num_threads(n);
    setBlasThreads(n);
    return info.Env().Undefined();
  }));
}

Napi::Value getNumThreads(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), at::get_num_threads());
}

// Switches of libtorch's kernels for CUDA, by the names of torch.backends; they can be set without a card.
struct ContextFlag {
  const char* name;
  bool (*get)();
  void (*set)(bool);
};

constexpr std::array<ContextFlag, 4> contextFlags{{
    {"cuda.matmul.allowTf32", [] { return at::globalContext().allowTF32CuBLAS(); },
     [](bool on) { at::globalContext().setAllowTF32CuBLAS(on); }},
    {"cudnn.allowTf32", [] { return at::globalContext().allowTF32CuDNN(); },
     [](bool on) { at::globalContext().setAllowTF32CuDNN(on); }},
    {"cudnn.benchmark", [] { return at::globalContext().benchmarkCuDNN(); },
     [](bool on) { at::globalContext().setBenchmarkCuDNN(on); }},
    {"cudnn.deterministic", [] { return at::globalContext().deterministicCuDNN(); },
     [](bool on) { at::globalContext().setDeterministicCuDNN(on); }},
}};

const ContextFlag& contextFlagOf(const Napi::Value& name) {
  const std::string wanted = name.As<Napi::String>().Utf8Value();
  for (const ContextFlag& flag : contextFlags)
    if (wanted == flag.name) return flag;
  throw std::runtime_error("internal: there is no switch " + wanted);
}

// contextFlag(name) → whether it is on
Napi::Value contextFlag(const Napi::CallbackInfo& info) {
  return Napi::Value(info.Env(), guarded(info.Env(), [&]() -> napi_value {
    return Napi::Boolean::New(info.Env(), contextFlagOf(info[0]).get());
  }));
}

// setContextFlag(name, on)
Napi::Value setContextFlag(const Napi::CallbackInfo& info) {
  return Napi::Value(info.Env(), guarded(info.Env(), [&]() -> napi_value {
    contextFlagOf(info[0]).set(info[1].As<Napi::Boolean>());
    return info.Env().Undefined();
  }));
}

Napi::Value buildInfo(const Napi::CallbackInfo& info) {
  return Napi::Value(info.Env(), guarded(info.Env(), [&]() -> napi_value {
    auto result = Napi::Object::New(info.Env());
    result["version"] = Napi::String::New(info.Env(), TORCH_VERSION);
    result["config"] = Napi::String::New(info.Env(), at::show_config());
    result["parallel"] = Napi::String::New(info.Env(), at::get_parallel_info());
    result["blasConfig"] = Napi::String::New(info.Env(), blasConfig());
    result["blasCore"] = Napi::String::New(info.Env(), blasCore());
    result["cuda"] = Napi::Boolean::New(info.Env(), at::hasCUDA());
#ifdef CUDA_STATISTICS
    result["cudaStatistics"] = Napi::Boolean::New(info.Env(), true);
#else
    result["cudaStatistics"] = Napi::Boolean::New(info.Env(), false);
#endif
    return result;
  }));
}

Napi::Value cudaDeviceCount(const Napi::CallbackInfo& info) {
  return Napi::Value(info.Env(), guarded(info.Env(), [&]() -> napi_value {
    return Napi::Number::New(info.Env(), at::hasCUDA() ? static_cast<double>(at::detail::getCUDAHooks().getNumGPUs()) : 0);
  }));
}

// libtorch_cuda's own CUDA runtime, asked by name: pip's packages of it lack some of the headers.
template <class Function>
Function* cudaRuntime(const char* name) {
  const auto function = reinterpret_cast<Function*>(dlsym(RTLD_DEFAULT, name));
  if (function == nullptr) throw std::runtime_error(std::string("libtorch came without a CUDA runtime: there is no ") + name);
  return function;
}

enum CudaAttribute : int { MultiProcessorCount = 16, ComputeCapabilityMajor = 75, ComputeCapabilityMinor = 76 };  // cudaDevAttr…

void checkCuda(int status) {
  if (status != 0) throw std::runtime_error(cudaRuntime<const char*(int)>("cudaGetErrorString")(status));
}

// The caching allocator knows no device before CUDA has started. Every version starts it for its generators.
c10::Device startedDevice(const Napi::Value& index) {
  const c10::Device device(c10::DeviceType::CUDA, static_cast<c10::DeviceIndex>(index.As<Napi::Number>().Int32Value()));
  at::globalContext().defaultGenerator(device);
  return device;
}

#ifndef CUDA_STATISTICS
[[noreturn]] void noCudaStatistics() {
  throw std::runtime_error("the bridge was built without CUDA headers, which this libtorch's memory statistics need");
}
#endif

Napi::Value cudaSynchronize(const Napi::CallbackInfo& info) {
  return Napi::Value(info.Env(), guarded(info.Env(), [&]() -> napi_value {
    const c10::DeviceGuard guard(startedDevice(info[0]));
    checkCuda(cudaRuntime<int()>("cudaDeviceSynchronize")());
    return info.Env().Undefined();
  }));
}

// cudaProperties(index) → { name, major, minor, multiprocessors, totalBytes, freeBytes }
Napi::Value cudaProperties(const Napi::CallbackInfo& info) {
  return Napi::Value(info.Env(), guarded(info.Env(), [&]() -> napi_value {
    const c10::Device device = startedDevice(info[0]);
    const c10::DeviceGuard guard(device);
    // cudaDeviceProp takes about 1 KiB and begins with the name, whatever follows in each CUDA version.
    alignas(16) std::array<char, 8192> properties{};
    checkCuda(cudaRuntime<int(void*, int)>("cudaGetDeviceProperties")(properties.data(), device.index()));
    const auto attribute = [&](CudaAttribute which) {
      int value = 0;
      checkCuda(cudaRuntime<int(int*, int, int)>("cudaDeviceGetAttribute")(&value, which, device.index()));
      return Napi::Number::New(info.Env(), value);
    };
    size_t freeBytes = 0, totalBytes = 0;
    checkCuda(cudaRuntime<int(size_t*, size_t*)>("cudaMemGetInfo")(&freeBytes, &totalBytes));
    auto result = Napi::Object::New(info.Env());
    result["name"] = Napi::String::New(info.Env(), properties.data());
    result["major"] = attribute(ComputeCapabilityMajor);
    result["minor"] = attribute(ComputeCapabilityMinor);
    result["multiprocessors"] = attribute(MultiProcessorCount);
    result["totalBytes"] = Napi::Number::New(info.Env(), static_cast<double>(totalBytes));
    result["freeBytes"] = Napi::Number::New(info.Env(), static_cast<double>(freeBytes));
    return result;
  }));
}

// cudaMemory(index) → bytes of the caching allocator: { allocated, peakAllocated, reserved, peakReserved }
Napi::Value cudaMemory(const Napi::CallbackInfo& info) {
  return Napi::Value(info.Env(), guarded(info.Env(), [&]() -> napi_value {
#ifdef CUDA_STATISTICS
    const auto stats = cudaCaching::getDeviceStats(startedDevice(info[0]).index());
    auto result = Napi::Object::New(info.Env());
    result["allocated"] = Napi::Number::New(info.Env(), static_cast<double>(stats.allocated_bytes[0].current));
    result["peakAllocated"] = Napi::Number::New(info.Env(), static_cast<double>(stats.allocated_bytes[0].peak));
    result["reserved"] = Napi::Number::New(info.Env(), static_cast<double>(stats.reserved_bytes[0].current));
    result["peakReserved"] = Napi::Number::New(info.Env(), static_cast<double>(stats.reserved_bytes[0].peak));
    return result;
#else
    noCudaStatistics();
#endif
  }));
}

Napi::Value cudaResetPeak(const Napi::CallbackInfo& info) {
  return Napi::Value(info.Env(), guarded(info.Env(), [&]() -> napi_value {
#ifdef CUDA_STATISTICS
    cudaCaching::resetPeakStats(startedDevice(info[0]).index());
    return info.Env().Undefined();
#else
    noCudaStatistics();
#endif
  }));
}

Napi::Value cudaEmptyCache(const Napi::CallbackInfo& info) {
  return Napi::Value(info.Env(), guarded(info.Env(), [&]() -> napi_value {
#ifdef CUDA_STATISTICS
    cudaCaching::emptyCache();
    return info.Env().Undefined();
#else
    noCudaStatistics();
#endif
  }));
}

}  // namespace

void device::install(Napi::Env env, Napi::Object exports) {
  exports["setNumThreads"] = Napi::Function::New(env, setNumThreads);
  exports["getNumThreads"] = Napi::Function::New(env, guardedFunction<getNumThreads>);
  exports["contextFlag"] = Napi::Function::New(env, contextFlag);
  exports["setContextFlag"] = Napi::Function::New(env, setContextFlag);
  exports["buildInfo"] = Napi::Function::New(env, buildInfo);
  exports["cudaDeviceCount"] = Napi::Function::New(env, cudaDeviceCount);
  exports["cudaSynchronize"] = Napi::Function::New(env, cudaSynchronize);
  exports["cudaProperties"] = Napi::Function::New(env, cudaProperties);
  exports["cudaMemory"] = Napi::Function::New(env, cudaMemory);
  exports["cudaResetPeak"] = Napi::Function::New(env, cudaResetPeak);
  exports["cudaEmptyCache"] = Napi::Function::New(env, cudaEmptyCache);
}
