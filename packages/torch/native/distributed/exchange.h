// The exchange of gradients as operators: one installs the hooks of overlap.h, the other gives what came.
#pragma once

#include <ATen/ATen.h>

#include <memory>
#include <mutex>
#include <tuple>
#include <utility>
#include <vector>

#include "collectives.h"
#include "overlap.h"
#include "registry.h"

// A bucket of the rows `[rows, numel]`, one part for each rank: `[size, rows, numel / size]`.
inline at::Tensor partsOf(const at::Tensor& rows, int64_t size) {
  return rows.reshape({rows.size(0), size, rows.size(1) / size}).transpose(0, 1).contiguous();
}

// Sends the gradients of the next backward pass, as row `row` of `rows`, while it runs; with `adds` they are added to what the row has.
// `layout` has three numbers for each parameter (offset, place of its count, bucket) and `buckets` two for each bucket (offset, length).
inline int64_t overlapBegin(int64_t group, int64_t size, at::TensorList parameters, at::IntArrayRef layout, at::IntArrayRef buckets, const at::Tensor& rows,
                     int64_t row, bool adds) {
  std::vector<Bucket> list;
  for (size_t b = 0; b < buckets.size(); b += 2) list.push_back({buckets[b], buckets[b + 1], 0});
  std::vector<Place> places;
  for (size_t p = 0; p < parameters.size(); p++) {
    places.push_back({layout[3 * p], layout[3 * p + 1], static_cast<size_t>(layout[3 * p + 2])});
    list.at(places.back().bucket).pending++;
  }
  auto sending = std::make_shared<Sending>();
  std::weak_ptr<Sending> weak = sending;
  auto start = [group, size, weak](size_t, const at::Tensor& part) {
    auto owner = weak.lock();
    if (!owner) return;
    owner->sent.push_back(partsOf(part, size));
    owner->received.push_back(at::empty_like(owner->sent.back()));
    owner->works.push_back(allToAll(group, owner->received.back(), owner->sent.back()));
  };
  sending->overlap = std::make_shared<Overlap>(parameters.vec(), std::move(places), std::move(list), rows.detach(), row, adds, start);
  sending->overlap->install();
  std::lock_guard<std::mutex> lock(registry().mutex);
  const int64_t id = registry().next++;
  registry().sendings[id] = std::move(sending);
  return id;
}

// What was received of each bucket, `[size, rows, length / size]`, and the works to wait for.
inline std::tuple<std::vector<at::Tensor>, std::vector<int64_t>> overlapFinish(int64_t id) {
  std::shared_ptr<Sending> sending;
  {
    std::lock_guard<std::mutex> lock(registry().mutex);
    const auto found = registry().sendings.find(id);
    TORCH_CHECK(found != registry().sendings.end(), "internal: no sending has the number ", id);
    sending = std::move(found->second);
    registry().sendings.erase(found);
  }
  sending->overlap->finish();
  return {sending->received, sending->works};
}
