#include "device.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <dlfcn.h>

#include "errors.h"
#include "version.h"

#ifdef WITH_CUDA_HEADERS
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#include <cuda_runtime_api.h>
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

Napi::Value buildInfo(const Napi::CallbackInfo& info) {
  return Napi::Value(info.Env(), guarded(info.Env(), [&]() -> napi_value {
    auto result = Napi::Object::New(info.Env());
    result["version"] = Napi::String::New(info.Env(), TORCH_VERSION);
    result["config"] = Napi::String::New(info.Env(), at::show_config());
    result["parallel"] = Napi::String::New(info.Env(), at::get_parallel_info());
    result["blasConfig"] = Napi::String::New(info.Env(), blasConfig());
    result["blasCore"] = Napi::String::New(info.Env(), blasCore());
    result["cuda"] = Napi::Boolean::New(info.Env(), at::hasCUDA());
#ifdef WITH_CUDA_HEADERS
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

#ifdef WITH_CUDA_HEADERS
void checkCuda(cudaError_t status) {
  if (status != cudaSuccess) throw std::runtime_error(cudaGetErrorString(status));
}
#endif

[[noreturn]] void noCudaBuild() {
  throw std::runtime_error("the bridge was built without CUDA headers, or this libtorch has no CUDA");
}

Napi::Value cudaSynchronize(const Napi::CallbackInfo& info) {
  return Napi::Value(info.Env(), guarded(info.Env(), [&]() -> napi_value {
#ifdef WITH_CUDA_HEADERS
    const int index = info[0].As<Napi::Number>().Int32Value();
    int before;
    checkCuda(cudaGetDevice(&before));
    checkCuda(cudaSetDevice(index));
    const cudaError_t status = cudaDeviceSynchronize();
    checkCuda(cudaSetDevice(before));
    checkCuda(status);
    return info.Env().Undefined();
#else
    noCudaBuild();
#endif
  }));
}

// cudaProperties(index) → { name, major, minor, multiprocessors, totalBytes, freeBytes }
Napi::Value cudaProperties(const Napi::CallbackInfo& info) {
  return Napi::Value(info.Env(), guarded(info.Env(), [&]() -> napi_value {
#ifdef WITH_CUDA_HEADERS
    const int index = info[0].As<Napi::Number>().Int32Value();
    cudaDeviceProp properties;
    checkCuda(cudaGetDeviceProperties(&properties, index));
    int before;
    size_t freeBytes, totalBytes;
    checkCuda(cudaGetDevice(&before));
    checkCuda(cudaSetDevice(index));
    const cudaError_t status = cudaMemGetInfo(&freeBytes, &totalBytes);
    checkCuda(cudaSetDevice(before));
    checkCuda(status);
    auto result = Napi::Object::New(info.Env());
    result["name"] = Napi::String::New(info.Env(), properties.name);
    result["major"] = Napi::Number::New(info.Env(), properties.major);
    result["minor"] = Napi::Number::New(info.Env(), properties.minor);
    result["multiprocessors"] = Napi::Number::New(info.Env(), properties.multiProcessorCount);
    result["totalBytes"] = Napi::Number::New(info.Env(), static_cast<double>(totalBytes));
    result["freeBytes"] = Napi::Number::New(info.Env(), static_cast<double>(freeBytes));
    return result;
#else
    noCudaBuild();
#endif
  }));
}

// cudaMemory(index) → bytes of the caching allocator: { allocated, peakAllocated, reserved, peakReserved }
Napi::Value cudaMemory(const Napi::CallbackInfo& info) {
  return Napi::Value(info.Env(), guarded(info.Env(), [&]() -> napi_value {
#ifdef WITH_CUDA_HEADERS
    const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(static_cast<c10::DeviceIndex>(info[0].As<Napi::Number>().Int32Value()));
    auto result = Napi::Object::New(info.Env());
    result["allocated"] = Napi::Number::New(info.Env(), static_cast<double>(stats.allocated_bytes[0].current));
    result["peakAllocated"] = Napi::Number::New(info.Env(), static_cast<double>(stats.allocated_bytes[0].peak));
    result["reserved"] = Napi::Number::New(info.Env(), static_cast<double>(stats.reserved_bytes[0].current));
    result["peakReserved"] = Napi::Number::New(info.Env(), static_cast<double>(stats.reserved_bytes[0].peak));
    return result;
#else
    noCudaBuild();
#endif
  }));
}

Napi::Value cudaResetPeak(const Napi::CallbackInfo& info) {
  return Napi::Value(info.Env(), guarded(info.Env(), [&]() -> napi_value {
#ifdef WITH_CUDA_HEADERS
    c10::cuda::CUDACachingAllocator::resetPeakStats(static_cast<c10::DeviceIndex>(info[0].As<Napi::Number>().Int32Value()));
    return info.Env().Undefined();
#else
    noCudaBuild();
#endif
  }));
}

Napi::Value cudaEmptyCache(const Napi::CallbackInfo& info) {
  return Napi::Value(info.Env(), guarded(info.Env(), [&]() -> napi_value {
#ifdef WITH_CUDA_HEADERS
    c10::cuda::CUDACachingAllocator::emptyCache();
    return info.Env().Undefined();
#else
    noCudaBuild();
#endif
  }));
}

}  // namespace

void device::install(Napi::Env env, Napi::Object exports) {
  exports["setNumThreads"] = Napi::Function::New(env, setNumThreads);
  exports["getNumThreads"] = Napi::Function::New(env, getNumThreads);
  exports["buildInfo"] = Napi::Function::New(env, buildInfo);
  exports["cudaDeviceCount"] = Napi::Function::New(env, cudaDeviceCount);
  exports["cudaSynchronize"] = Napi::Function::New(env, cudaSynchronize);
  exports["cudaProperties"] = Napi::Function::New(env, cudaProperties);
  exports["cudaMemory"] = Napi::Function::New(env, cudaMemory);
  exports["cudaResetPeak"] = Napi::Function::New(env, cudaResetPeak);
  exports["cudaEmptyCache"] = Napi::Function::New(env, cudaEmptyCache);
}
