// The CPU allocator that libtorch gets. libtorch's own calls posix_memalign for every tensor: small
// ones pay for the search, large ones are mapped, faulted in page by page, zeroed and unmapped at every
// step. Here small blocks come from lists per thread and large ones from an arena that keeps them.
#include "allocator.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/stack.h>
#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "arena.h"
#include "errors.h"
#include "registration.h"

namespace {

constexpr size_t headerSize = 64;  // keeps the data on a cache line, as libtorch promises
constexpr size_t smallest = 64;
constexpr size_t smallClasses = 64;  // blocks of 64, 128, … 4096 bytes
constexpr size_t keptPerClass = 256;
constexpr size_t largeFrom = 256u << 10;

enum class Kind : uint32_t { Small, Medium, Large };

struct Header {
  Kind kind;
  uint32_t sizeClass;
  size_t size;  // of the whole block
};

Arena& arena() {
  // Never destroyed: tensors in static storage are freed after every destructor has run.
  static auto* instance = new Arena(static_cast<size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<size_t>(sysconf(_SC_PAGESIZE)) * 2);
  return *instance;
}

// Free small blocks of one thread. Blocks may be freed on another thread than they came from.
struct SmallBlocks {
  struct List {
    std::array<void*, keptPerClass> blocks;
    size_t count = 0;
  };
  std::array<List, smallClasses> lists;
  ~SmallBlocks();
};

thread_local SmallBlocks* smallBlocks = nullptr;
thread_local bool threadEnding = false;

SmallBlocks::~SmallBlocks() {
  for (List& list : lists)
    for (size_t i = 0; i < list.count; i++) std::free(list.blocks[i]);
}

struct ThreadEnd {
  ~ThreadEnd() {
    threadEnding = true;
    delete smallBlocks;
    smallBlocks = nullptr;
  }
};

SmallBlocks* ownSmallBlocks() {
  if (smallBlocks == nullptr && !threadEnding) {
    static thread_local ThreadEnd end;
    (void)end;
    smallBlocks = new SmallBlocks();
  }
  return smallBlocks;
}

void* aligned(size_t size) {
  void* block = nullptr;
  return posix_memalign(&block, headerSize, size) == 0 ? block : nullptr;
}

void* withHeader(void* block, Header header) {
  std::memcpy(block, &header, sizeof header);
  return static_cast<char*>(block) + headerSize;
}

void* allocateSmall(size_t n) {
  const auto sizeClass = static_cast<uint32_t>((n - 1) / smallest);
  const size_t size = headerSize + (sizeClass + 1) * smallest;
  SmallBlocks* own = ownSmallBlocks();
  if (own != nullptr && own->lists[sizeClass].count > 0) {
    auto& list = own->lists[sizeClass];
    return static_cast<char*>(list.blocks[--list.count]) + headerSize;  // its header is still right
  }
  void* block = aligned(size);
  return block == nullptr ? nullptr : withHeader(block, {Kind::Small, sizeClass, size});
}

void* allocateBlock(size_t n) {
  if (n <= smallest * smallClasses) return allocateSmall(n);
  if (n >= largeFrom && n < SIZE_MAX / 2) {
    const size_t size = (n + headerSize + Arena::granule - 1) / Arena::granule * Arena::granule;
    if (char* block = arena().allocate(size)) return withHeader(block, {Kind::Large, 0, size});
    return nullptr;
  }
  void* block = n < SIZE_MAX / 2 ? aligned(n + headerSize) : nullptr;
  return block == nullptr ? nullptr : withHeader(block, {Kind::Medium, 0, n + headerSize});
}

void release(void* data) {
  if (data == nullptr) return;
  char* block = static_cast<char*>(data) - headerSize;
  Header header;
  std::memcpy(&header, block, sizeof header);
  if (header.kind == Kind::Large) return arena().release(block, header.size);
  if (header.kind == Kind::Small && smallBlocks != nullptr) {
    auto& list = smallBlocks->lists[header.sizeClass];
    if (list.count < keptPerClass) {
      list.blocks[list.count++] = block;
      return;
    }
  }
  std::free(block);
}

class CachingAllocator final : public c10::Allocator {
 public:
  // Without `override`: after 2.2 libtorch made allocate() non-const and added copy_data(). Each version finds its own.
  c10::DataPtr allocate(size_t n) { return make(n); }
  c10::DataPtr allocate(size_t n) const { return make(n); }
  void copy_data(void* target, const void* source, size_t count) const { std::memcpy(target, source, count); }
  c10::DeleterFnPtr raw_deleter() const { return &release; }

 private:
  static c10::DataPtr make(size_t n) {
    if (n == 0) return {nullptr, c10::Device(c10::DeviceType::CPU)};
    void* data = allocateBlock(n);
    TORCH_CHECK(data != nullptr, "out of memory: cannot allocate ", n, " bytes on the CPU");
    return {data, data, &release, c10::Device(c10::DeviceType::CPU)};
  }
};

// The allocator's statistics are operators, so that every copy of this package has those of the one that is in place.
std::vector<int64_t> memoryInUse() {
  const auto [live, peak, held] = arena().statistics();
  return {static_cast<int64_t>(live), static_cast<int64_t>(peak), static_cast<int64_t>(held)};
}

void resetPeak() { arena().resetPeak(); }

int64_t emptyCache() { return static_cast<int64_t>(arena().trim()); }

c10::Stack callOwn(const char* name) {
  c10::Stack stack;
  c10::Dispatcher::singleton().findSchemaOrThrow(name, "").callBoxed(stack);
  return stack;
}

Napi::Value cpuMemory(const Napi::CallbackInfo& info) {
  const auto numbers = callOwn("bridge::cpu_memory")[0].toIntVector();
  auto result = Napi::Object::New(info.Env());
  result["allocated"] = Napi::Number::New(info.Env(), static_cast<double>(numbers[0]));
  result["peakAllocated"] = Napi::Number::New(info.Env(), static_cast<double>(numbers[1]));
  result["reserved"] = Napi::Number::New(info.Env(), static_cast<double>(numbers[2]));
  return result;
}

Napi::Value cpuResetPeak(const Napi::CallbackInfo& info) {
  callOwn("bridge::cpu_reset_peak");
  return info.Env().Undefined();
}

Napi::Value cpuEmptyCache(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(callOwn("bridge::cpu_empty_cache")[0].toInt()));
}

// TORCH_BRIDGE_ALLOCATOR=libtorch keeps libtorch's own, to measure against it and for memory checkers.
void putInPlace() {
  const char* choice = std::getenv("TORCH_BRIDGE_ALLOCATOR");
  if (choice != nullptr && std::strcmp(choice, "libtorch") == 0) return;
  static CachingAllocator instance;
  c10::SetCPUAllocator(&instance, 100);
}

}  // namespace

void allocator::registerOperators(registration::Registrar& registrar) {
  if (registrar.define("cpu_memory() -> int[]", torch::CppFunction(&memoryInUse))) putInPlace();
  registrar.define("cpu_reset_peak() -> ()", torch::CppFunction(&resetPeak));
  registrar.define("cpu_empty_cache() -> int", torch::CppFunction(&emptyCache));
}

void allocator::install(Napi::Env env, Napi::Object exports) {
  exports["cpuMemory"] = Napi::Function::New(env, guardedFunction<cpuMemory>);
  exports["cpuResetPeak"] = Napi::Function::New(env, guardedFunction<cpuResetPeak>);
  exports["cpuEmptyCache"] = Napi::Function::New(env, guardedFunction<cpuEmptyCache>);
}
