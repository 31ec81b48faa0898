// A heap for large blocks: one contiguous range of addresses, best fit, neighbours merged when free,
// memory kept for the next step and backed by huge pages.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <set>
#include <utility>

class Arena {
 public:
  // Address space only; memory is taken as blocks need it. `reserve` in bytes.
  explicit Arena(size_t reserve);

  // Size is a multiple of `granule`. Null when the range or the machine's memory is used up.
  char* allocate(size_t size);
  void release(char* block, size_t size);

  // Gives the memory of free blocks back to the system; returns how many bytes. Blocks stay usable.
  size_t trim();

  struct Statistics {
    size_t live, peak, held;
  };
  Statistics statistics();
  void resetPeak();

  static constexpr size_t granule = 4096;

 private:
  bool grow(size_t size);
  char* take(std::map<char*, size_t>::iterator block, size_t size);
  void insertFree(char* start, size_t size);
  void eraseFree(std::map<char*, size_t>::iterator block);

  std::mutex mutex;
  char* base = nullptr;
  char* top = nullptr;  // memory below is usable
  char* end = nullptr;
  std::map<char*, size_t> freeByAddress;
  std::set<std::pair<size_t, char*>> freeBySize;
  size_t live = 0, peak = 0, held = 0;
};
