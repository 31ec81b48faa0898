// How the ranks of a group leave messages for each other beside its collectives: they work when those have failed.
#pragma once

#include <torch/csrc/distributed/c10d/Store.hpp>

#include <cstdint>
#include <string>
#include <vector>

struct Letters {
  c10::intrusive_ptr<c10d::Store> store;
  int rank = 0, size = 1;
  bool serves = false;
};

inline std::vector<uint8_t> bytesOf(const std::string& text) { return std::vector<uint8_t>(text.begin(), text.end()); }

inline std::string letterOf(const std::string& kind, int rank) { return kind + "/" + std::to_string(rank); }
