#include "arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>

namespace {
constexpr size_t hugePage = 2u << 20;
constexpr size_t step = 64u << 20;  // the arena grows by at least this much

size_t roundUp(size_t size, size_t multiple) { return (size + multiple - 1) / multiple * multiple; }

size_t numberIn(const char* path) {
  std::ifstream file(path);
  size_t value = 0;
  return file >> value ? value : SIZE_MAX;  // "max", or no such file
}

// What the machine and its control group have left. Linux hands out more than it has and kills the
// process later; asking first makes running out of memory an error like any other.
size_t availableMemory() {
  size_t available = SIZE_MAX;
  std::ifstream meminfo("/proc/meminfo");
  for (std::string line; std::getline(meminfo, line);)
    if (line.compare(0, 13, "MemAvailable:") == 0) available = std::stoull(line.substr(13)) << 10;
  const size_t limit = numberIn("/sys/fs/cgroup/memory.max");
  const size_t used = numberIn("/sys/fs/cgroup/memory.current");
  if (limit != SIZE_MAX && used != SIZE_MAX) available = std::min(available, limit > used ? limit - used : 0);
  return available;
}
}  // namespace

Arena::Arena(size_t reserve) {
  void* range = mmap(nullptr, reserve + hugePage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (range == MAP_FAILED) return;  // no address space: every allocation goes to the fallback
  base = top = reinterpret_cast<char*>(roundUp(reinterpret_cast<uintptr_t>(range), hugePage));
  end = base + reserve;
}

bool Arena::grow(size_t size) {
  // A free block at the top is extended rather than left behind.
  size_t missing = size;
  if (!freeByAddress.empty()) {
    const auto last = std::prev(freeByAddress.end());
    if (last->first + last->second == top) missing -= std::min(missing, last->second);
  }
  missing = roundUp(std::max(missing, step), hugePage);
  if (missing > static_cast<size_t>(end - top) || missing > availableMemory()) return false;
  if (mprotect(top, missing, PROT_READ | PROT_WRITE) != 0) return false;
#ifdef MADV_HUGEPAGE
  madvise(top, missing, MADV_HUGEPAGE);
#endif
  char* start = top;
  top += missing;
  held += missing;
  insertFree(start, missing);
  return true;
}

void Arena::insertFree(char* start, size_t size) {
  auto next = freeByAddress.lower_bound(start);
  if (next != freeByAddress.end() && start + size == next->first) {
    size += next->second;
    const auto merged = next++;
    eraseFree(merged);
  }
  if (next != freeByAddress.begin()) {
    const auto previous = std::prev(next);
    if (previous->first + previous->second == start) {
      start = previous->first;
      size += previous->second;
      eraseFree(previous);
    }
  }
  freeByAddress.emplace(start, size);
  freeBySize.emplace(size, start);
}

void Arena::eraseFree(std::map<char*, size_t>::iterator block) {
  freeBySize.erase({block->second, block->first});
  freeByAddress.erase(block);
}

char* Arena::take(std::map<char*, size_t>::iterator block, size_t size) {
  char* start = block->first;
  const size_t rest = block->second - size;
  eraseFree(block);
  if (rest > 0) {
    freeByAddress.emplace(start + size, rest);
    freeBySize.emplace(rest, start + size);
  }
  live += size;
  peak = std::max(peak, live);
  return start;
}

char* Arena::allocate(size_t size) {
  std::lock_guard<std::mutex> lock(mutex);
  auto fit = freeBySize.lower_bound({size, nullptr});
  if (fit == freeBySize.end()) {
    if (base == nullptr || !grow(size)) return nullptr;
    fit = freeBySize.lower_bound({size, nullptr});
  }
  return take(freeByAddress.find(fit->second), size);
}

void Arena::release(char* block, size_t size) {
  std::lock_guard<std::mutex> lock(mutex);
  live -= size;
  insertFree(block, size);
}

size_t Arena::trim() {
  std::lock_guard<std::mutex> lock(mutex);
  size_t given = 0;
  for (const auto& [start, size] : freeByAddress) {
    // Free blocks are whole granules, so the range holds no byte of a neighbour.
    if (madvise(start, size, MADV_DONTNEED) == 0) given += size;
  }
  return given;
}

Arena::Statistics Arena::statistics() {
  std::lock_guard<std::mutex> lock(mutex);
  return {live, peak, held};
}

void Arena::resetPeak() {
  std::lock_guard<std::mutex> lock(mutex);
  peak = live;
}
