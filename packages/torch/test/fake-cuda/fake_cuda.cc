// A device "cuda:0" for a libtorch without CUDA (1.13.1), so that code for CUDA runs in tests without a card. Its memory is
// on the heap and its kernels are the CPU's. Like CUDA it refuses operators whose tensors are on two devices and operators
// of our own that have only a CPU kernel. It counts copies in both directions, reads of values (each of which would wait for
// the card) and kernels, and captures graphs (fake_graphs.h). It shows neither speed nor the results of CUDA's kernels, nor anything asynchronous.
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/EmptyTensor.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <ATen/native/CPUFallback.h>
#include <ATen/native/Resize.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <napi.h>
#include <torch/library.h>

#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "fake_graphs.h"

namespace fake_cuda {

const c10::Device device(c10::DeviceType::CUDA, 0);

// ---- What is counted ----

struct Counts {
  std::atomic<int64_t> toDevice{0}, toDeviceBytes{0}, toHost{0}, toHostBytes{0}, reads{0}, kernels{0};
};
Counts counts;
std::mutex kernelsByNameMutex;

std::map<std::string, int64_t>& kernelsByName() {
  static auto* names = new std::map<std::string, int64_t>();
  return *names;
}

// A function of JavaScript that is called at each transfer of the main thread, to find the code that caused it.
Napi::FunctionReference observer;
std::thread::id mainThread;

void observe(const char* kind, int64_t bytes) {
  if (observer.IsEmpty() || std::this_thread::get_id() != mainThread) return;
  const Napi::Env env = observer.Env();
  const Napi::HandleScope scope(env);
  observer.Call({Napi::String::New(env, kind), Napi::Number::New(env, static_cast<double>(bytes))});
}

void countKernel(const std::string& name) {
  counts.kernels++;
  const std::lock_guard<std::mutex> lock(kernelsByNameMutex);
  kernelsByName()[name]++;
}

// ---- Memory, device, hooks ----

// FAKE_CUDA_MEMORY limits it, in bytes.
std::atomic<int64_t> used{0};

int64_t memoryLimit() {
  static const char* text = std::getenv("FAKE_CUDA_MEMORY");
  static const int64_t limit = text == nullptr ? INT64_MAX : std::atoll(text);
  return limit;
}

struct Allocator final : c10::Allocator {
  static void release(void* memory) {
    used -= static_cast<int64_t>(malloc_usable_size(memory));
    std::free(memory);
  }

  c10::DataPtr allocate(size_t bytes) const override {
    if (bytes == 0) return {nullptr, nullptr, &release, device};
    TORCH_CHECK_WITH(OutOfMemoryError, used + static_cast<int64_t>(bytes) <= memoryLimit(), "CUDA out of memory. Tried to allocate ",
                     bytes, " bytes");
    void* memory = std::aligned_alloc(64, (bytes + 63) / 64 * 64);
    used += static_cast<int64_t>(malloc_usable_size(memory));
    if (underCapture != nullptr) underCapture->allocated(memory);
    return {memory, memory, &release, device};
  }

  c10::DeleterFnPtr raw_deleter() const override { return &release; }
};

Allocator& allocator() {
  static auto* only = new Allocator();
  return *only;
}

struct Guard final : c10::impl::DeviceGuardImplInterface {
  c10::DeviceType type() const override { return device.type(); }
  c10::Device exchangeDevice(c10::Device) const override { return device; }
  c10::Device getDevice() const override { return device; }
  void setDevice(c10::Device) const override {}
  void uncheckedSetDevice(c10::Device) const noexcept override {}
  c10::Stream getStream(c10::Device of) const noexcept override { return c10::Stream(c10::Stream::UNSAFE, of, currentStreamId); }
  c10::Stream getDefaultStream(c10::Device of) const override { return c10::Stream(c10::Stream::DEFAULT, of); }
  c10::Stream getStreamFromGlobalPool(c10::Device of, bool) const override {
    static std::atomic<int64_t> next{1};
    return c10::Stream(c10::Stream::UNSAFE, of, next++);
  }
  c10::Stream exchangeStream(c10::Stream stream) const noexcept override {
    const auto before = getStream(device);
    currentStreamId = stream.id();
    return before;
  }
  void synchronizeStream(const c10::Stream&) const override { refuseInCapture("synchronize"); }
  c10::DeviceIndex deviceCount() const noexcept override { return 1; }
  void record(void**, const c10::Stream&, const c10::DeviceIndex, const c10::EventFlag) const override {}
  void block(void*, const c10::Stream&) const override {}
  bool queryEvent(void*) const override { return true; }
  void destroyEvent(void*, const c10::DeviceIndex) const noexcept override {}
};
C10_REGISTER_GUARD_IMPL(CUDA, Guard);

struct Hooks final : at::CUDAHooksInterface {
  explicit Hooks(at::CUDAHooksArgs) {}
  void initCUDA() const override {}
  bool hasCUDA() const override { return true; }
  const at::Generator& getDefaultCUDAGenerator(c10::DeviceIndex) const override {
    static auto* only = new at::Generator(at::detail::createCPUGenerator(1));
    return *only;
  }
  c10::Device getDeviceFromPtr(void*) const override { return device; }
  bool isPinnedPtr(void*) const override { return false; }
  int64_t current_device() const override { return 0; }
  bool hasPrimaryContext(int64_t) const override { return true; }
  int getNumGPUs() const override { return 1; }
  std::string showConfig() const override { return "  - fake CUDA\n"; }
  bool hasCUDART() const override { return true; }
  long versionCUDART() const override { return 13000; }
  void deviceSynchronize(int64_t) const override {}
  c10::Allocator* getPinnedMemoryAllocator() const override { return c10::GetCPUAllocator(); }
};

}  // namespace fake_cuda

namespace at {
using fake_cuda::Hooks;
C10_REGISTER_CLASS(CUDAHooksRegistry, CUDAHooks, Hooks)
}  // namespace at

namespace fake_cuda {

// ---- Tensors ----

bool isFake(const at::Tensor& tensor) { return tensor.defined() && tensor.device().type() == device.type(); }

/** The same memory as a tensor of the CPU. */
at::Tensor cpuAlias(const at::Tensor& tensor) {
  const auto options = at::TensorOptions().dtype(tensor.scalar_type()).device(at::kCPU);
  if (tensor.numel() == 0) return at::empty(tensor.sizes(), options);
  return at::from_blob(tensor.data_ptr(), tensor.sizes(), tensor.strides(), options);
}

at::Tensor emptyStrided(at::IntArrayRef size, at::IntArrayRef stride, at::ScalarType type) {
  const c10::DispatchKeySet keys(c10::DispatchKey::CUDA);
  return at::detail::empty_strided_generic(size, stride, &allocator(), keys, type);
}

/** A copy of a CPU tensor, which nobody asked for: it is what a kernel gives, and is not counted. */
at::Tensor onDevice(const at::Tensor& cpu) {
  auto result = emptyStrided(cpu.sizes(), cpu.strides(), cpu.scalar_type());
  if (cpu.numel() != 0) cpuAlias(result).copy_(cpu);
  return result;
}

at::Tensor viewOf(const at::Tensor& base, const at::Tensor& cpuView) {
  const auto offset = static_cast<char*>(cpuView.data_ptr()) - static_cast<char*>(base.storage().data());
  const auto elements = offset / static_cast<int64_t>(cpuView.element_size());
  return at::native::as_strided_tensorimpl(base, cpuView.sizes(), cpuView.strides(), elements);
}

bool sharesMemory(const at::Tensor& base, const at::Tensor& cpu) {
  if (base.numel() == 0 || cpu.numel() == 0) return false;
  const auto* begin = static_cast<const char*>(base.storage().data());
  const auto* data = static_cast<const char*>(cpu.data_ptr());
  return data >= begin && data < begin + base.storage().nbytes();
}

// ---- Any other operator: the CPU's kernel on the same memory ----

/** What CUDA says, with the argument's name. */
void refuseDevices(const c10::OperatorHandle& op, const std::string& argument) {
  TORCH_CHECK(false, "Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu! (",
              argument, " of ", op.schema().name(), ".", op.schema().overload_name(), ")");
}

/** One call: converts arguments to the CPU's and results back. */
class Call {
 public:
  explicit Call(const c10::OperatorHandle& op) : op_(op), name_(op.schema().name()) {}

  void run(torch::jit::Stack* stack) {
    const std::lock_guard<std::recursive_mutex> lock(graphMutex);
    Graph* const graph = capturing(name_);
    const auto& schema = op_.schema();
    const auto arguments = torch::jit::last(*stack, schema.arguments().size());
    c10::Stack inner;
    for (size_t i = 0; i < schema.arguments().size(); i++) inner.push_back(converted(arguments[i], schema.arguments()[i]));
    torch::jit::drop(*stack, schema.arguments().size());
    c10::Stack kept = graph == nullptr ? c10::Stack() : inner;
    if (graph != nullptr)
      for (const auto& [original, cpu] : pairs_) graph->uses(original, name_);
    callCpu(op_, &inner);
    const size_t first = inner.size() - schema.returns().size();
    for (size_t i = first; i < inner.size(); i++) stack->push_back(returned(inner[i]));
    if (graph == nullptr) return;
    for (const at::Tensor& written : written_) graph->uses(written, name_);
    graph->kernels.push_back([op = op_, kept = std::move(kept), targets = std::move(targets_)] {
      c10::Stack again = kept;
      callCpu(op, &again);
      size_t next = 0;
      const auto write = [&](const at::Tensor& result) {
        const auto& target = targets.at(next++);
        if (target.defined()) target.copy_(result);
      };
      for (size_t i = again.size() - op.schema().returns().size(); i < again.size(); i++) {
        if (again[i].isTensor()) write(again[i].toTensor());
        if (again[i].isTensorList())
          for (const at::Tensor& item : again[i].toTensorVector()) write(item);
      }
    });
  }

 private:
  struct Pair {
    at::Tensor original;
    at::Tensor cpu;
  };

  /** Zero-dimensional tensors may be on the CPU, and so may the indices of index() and index_put(), as with CUDA. */
  at::Tensor toCpu(const at::Tensor& tensor, const std::string& argument) {
    if (!tensor.defined()) return tensor;
    if (isFake(tensor)) {
      pairs_.push_back({tensor, cpuAlias(tensor)});
      return pairs_.back().cpu;
    }
    const bool indexes = name_.find("aten::index") == 0 || name_.find("aten::_index_put") == 0;
    if (tensor.dim() != 0 && !(indexes && argument == "indices")) refuseDevices(op_, argument);
    return underCapture == nullptr ? tensor : tensor.detach().clone();  // a graph has its value of now
  }

  c10::IValue converted(const c10::IValue& value, const c10::Argument& argument) {
    const auto& name = argument.name();
    if (value.isTensor()) return toCpu(value.toTensor(), name);
    if (value.isDevice()) return c10::Device(at::kCPU);
    if (value.isTensorList()) {
      std::vector<at::Tensor> list;
      for (const at::Tensor& item : value.toTensorVector()) list.push_back(toCpu(item, name));
      return list;
    }
    if (value.isList() && argument.type()->str().find("Tensor?[]") != std::string::npos) {
      c10::List<c10::optional<at::Tensor>> list;
      for (const c10::IValue& item : value.toListRef())
        list.push_back(item.isNone() ? c10::optional<at::Tensor>() : c10::optional<at::Tensor>(toCpu(item.toTensor(), name)));
      return list;
    }
    return value;
  }

  /** Backends without convolutions of their own get the "overrideable" ones, whose CPU forms have other names. */
  static void callCpu(const c10::OperatorHandle& op, c10::Stack* inner) {
    const at::AutoDispatchBelowADInplaceOrView below;
    auto& dispatcher = c10::Dispatcher::singleton();
    const auto& name = op.schema().name();
    if (name == "aten::convolution_overrideable") return dispatcher.findSchemaOrThrow("aten::convolution", "").callBoxed(inner);
    if (name == "aten::convolution_backward_overrideable") {
      const std::vector<int64_t> biasSizes{(*inner)[2].toTensor().size(0)};
      inner->insert(inner->begin() + 3, c10::IValue(biasSizes));
      return dispatcher.findSchemaOrThrow("aten::convolution_backward", "").callBoxed(inner);
    }
    op.callBoxed(inner);
  }

  /** The result on the device; notes where a replay has to write it. */
  at::Tensor back(const at::Tensor& tensor) {
    targets_.emplace_back();
    if (!tensor.defined()) return tensor;
    for (auto& [original, cpu] : pairs_) {
      if (cpu.unsafeGetTensorImpl() != tensor.unsafeGetTensorImpl()) continue;
      if (original.sizes() != tensor.sizes()) {
        original.resize_(tensor.sizes());
        if (tensor.numel() != 0) cpuAlias(original).copy_(tensor);
        written(original);
      }
      return original;
    }
    for (const auto& [original, cpu] : pairs_)
      if (sharesMemory(original, tensor)) return viewOf(original, tensor);
    return written(onDevice(tensor));
  }

  at::Tensor written(const at::Tensor& result) {
    targets_.back() = cpuAlias(result);
    written_.push_back(result);
    return result;
  }

  c10::IValue returned(const c10::IValue& value) {
    if (value.isTensor()) return back(value.toTensor());
    if (!value.isTensorList()) return value;
    std::vector<at::Tensor> list;
    for (const at::Tensor& item : value.toTensorVector()) list.push_back(back(item));
    return list;
  }

  const c10::OperatorHandle& op_;
  const std::string name_;
  std::vector<Pair> pairs_;
  /** For each tensor that the operator returns: the memory that a replay copies it to; undefined where it is there already. */
  std::vector<at::Tensor> targets_;
  std::vector<at::Tensor> written_;
};

void fallback(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  const std::string name = op.schema().name();
  TORCH_CHECK(name.rfind("aten::", 0) == 0 && name.find("mkldnn") == std::string::npos, "Could not run '", name,
              "' with arguments from the 'CUDA' backend (fake): it has only a CPU kernel");
  countKernel(name);
  Call(op).run(stack);
}

// ---- Operators that a backend must have itself ----

at::Tensor empty(at::IntArrayRef size, c10::optional<at::ScalarType> dtype, c10::optional<at::Layout>,
                 c10::optional<at::Device>, c10::optional<bool>, c10::optional<at::MemoryFormat> format) {
  const c10::DispatchKeySet keys(c10::DispatchKey::CUDA);
  return at::detail::empty_generic(size, &allocator(), keys, c10::dtype_or_default(dtype), format);
}

at::Tensor emptyStridedOperator(at::IntArrayRef size, at::IntArrayRef stride, c10::optional<at::ScalarType> dtype,
                                c10::optional<at::Layout>, c10::optional<at::Device>, c10::optional<bool>) {
  return emptyStrided(size, stride, c10::dtype_or_default(dtype));
}

at::Tensor& copy(at::Tensor& self, const at::Tensor& source, bool) {
  at::AutoDispatchBelowADInplaceOrView below;
  const bool toDevice = isFake(self) && !isFake(source);
  const bool toHost = !isFake(self) && isFake(source);
  const auto bytes = static_cast<int64_t>(source.nbytes());
  if (toDevice || toHost) refuseInCapture(toDevice ? "copy to the device" : "copy to the host");
  if (toDevice) counts.toDevice++, counts.toDeviceBytes += bytes, observe("toDevice", bytes);
  if (toHost) counts.toHost++, counts.toHostBytes += bytes, observe("toHost", bytes);
  auto target = isFake(self) ? cpuAlias(self) : self;
  const auto from = isFake(source) ? cpuAlias(source) : source;
  const std::lock_guard<std::recursive_mutex> lock(graphMutex);
  if (Graph* const graph = capturing("copy_")) {
    graph->uses(self, "copy_");
    graph->uses(source, "copy_");
    if (self.numel() != 0) graph->kernels.push_back([target, from] { target.copy_(from); });
  }
  if (self.numel() != 0) target.copy_(from);
  return self;
}

at::Tensor copyFrom(const at::Tensor& self, const at::Tensor& target, bool nonBlocking) {
  auto written = target;
  return copy(written, self, nonBlocking);
}

at::Scalar localScalar(const at::Tensor& self) {
  refuseInCapture("read of a value");
  counts.reads++;
  observe("read", static_cast<int64_t>(self.nbytes()));
  return cpuAlias(self).item();
}

at::Tensor view(const at::Tensor& self, at::IntArrayRef size) { return at::native::view(self, size); }

at::Tensor asStrided(const at::Tensor& self, at::IntArrayRef size, at::IntArrayRef stride, c10::optional<int64_t> offset) {
  return at::native::as_strided_tensorimpl(self, size, stride, offset);
}

at::Tensor reshapeAlias(const at::Tensor& self, at::IntArrayRef size, at::IntArrayRef stride) {
  return at::native::as_strided_tensorimpl(self, size, stride, self.storage_offset());
}

const at::Tensor& resize(const at::Tensor& self, at::IntArrayRef size, c10::optional<at::MemoryFormat>) {
  int64_t elements = 1;
  for (const auto side : size) elements *= side;
  const size_t bytes = static_cast<size_t>(elements) * self.element_size();
  auto* storage = self.storage().unsafeGetStorageImpl();
  if (bytes > self.storage().nbytes()) {
    storage->set_data_ptr(allocator().allocate(bytes));
    storage->set_nbytes(bytes);
  }
  self.unsafeGetTensorImpl()->set_sizes_contiguous(size);
  return self;
}

// ---- JavaScript ----

/** The counts since the last call. */
Napi::Value takeCounts(const Napi::CallbackInfo& info) {
  auto result = Napi::Object::New(info.Env());
  const auto put = [&](const char* name, std::atomic<int64_t>& count) {
    result[name] = Napi::Number::New(info.Env(), static_cast<double>(count.exchange(0)));
  };
  put("toDevice", counts.toDevice);
  put("toDeviceBytes", counts.toDeviceBytes);
  put("toHost", counts.toHost);
  put("toHostBytes", counts.toHostBytes);
  put("reads", counts.reads);
  put("kernels", counts.kernels);
  put("graphCaptures", graphCaptures);
  put("graphReplays", graphReplays);
  auto byName = Napi::Object::New(info.Env());
  const std::lock_guard<std::mutex> lock(kernelsByNameMutex);
  for (const auto& [name, count] : kernelsByName()) byName[name] = Napi::Number::New(info.Env(), static_cast<double>(count));
  kernelsByName().clear();
  result["kernelsByName"] = byName;
  return result;
}

/** Calls `observer(kind, bytes)` at each copy and read of the main thread. */
void setObserver(const Napi::CallbackInfo& info) {
  mainThread = std::this_thread::get_id();
  observer = Napi::Persistent(info[0].As<Napi::Function>());
  observer.SuppressDestruct();
}

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  static const bool once = [] {
    c10::SetAllocator(device.type(), &allocator(), 100);
    return true;
  }();
  static_cast<void>(once);
  exports["takeCounts"] = Napi::Function::New(env, takeCounts);
  exports["setObserver"] = Napi::Function::New(env, setObserver);
  return exports;
}

}  // namespace fake_cuda

TORCH_LIBRARY_IMPL(_, CUDA, library) {
  library.fallback(torch::CppFunction::makeFromBoxedFunction<&fake_cuda::fallback>());
}

TORCH_LIBRARY_IMPL(aten, CUDA, library) {
  library.impl("empty.memory_format", fake_cuda::empty);
  library.impl("empty_strided", fake_cuda::emptyStridedOperator);
  library.impl("copy_", fake_cuda::copy);
  library.impl("_copy_from", fake_cuda::copyFrom);
  library.impl("_local_scalar_dense", fake_cuda::localScalar);
  library.impl("view", fake_cuda::view);
  library.impl("as_strided", fake_cuda::asStrided);
  library.impl("_reshape_alias", fake_cuda::reshapeAlias);
  library.impl("resize_", fake_cuda::resize);
  library.impl("convolution_overrideable", torch::CppFunction::makeFromBoxedFunction<&fake_cuda::fallback>());
  library.impl("convolution_backward_overrideable", torch::CppFunction::makeFromBoxedFunction<&fake_cuda::fallback>());
}

// The macro makes a name of the function's, so that has no namespace.
static Napi::Object initializeFakeCuda(Napi::Env env, Napi::Object exports) { return fake_cuda::initialize(env, exports); }
NODE_API_MODULE(fake_cuda_device, initializeFakeCuda)
