// Exchanges the gradients of a backward pass while it runs, in buckets, as DistributedDataParallel's reducer does
// (torch/csrc/distributed/c10d/reducer.hpp): each bucket travels when the gradients of its parameters are there.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/intrusive_ptr.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

// Where the gradient of a parameter lies in a row: its first number, the place of its count, and its bucket.
struct Place {
  int64_t offset = 0, count = 0;
  size_t bucket = 0;
};

// A part of the rows that travels together.
struct Bucket {
  int64_t offset = 0, length = 0;
  size_t pending = 0;
};

class Overlap : public std::enable_shared_from_this<Overlap> {
 public:
  using Start = std::function<void(size_t, const at::Tensor&)>;  // sends a bucket: the rows' part

  Overlap(std::vector<at::Tensor> parameters, std::vector<Place> places, std::vector<Bucket> buckets, at::Tensor rows, int64_t row,
          bool adds, Start start)
      : parameters_(std::move(parameters)),
        places_(std::move(places)),
        buckets_(std::move(buckets)),
        rows_(std::move(rows)),
        row_(rows_.select(0, row)),
        adds_(adds),
        start_(std::move(start)),
        isThere_(parameters_.size(), false) {}

  // Puts a hook on each parameter. A hook outlives this only as long as the graph does, and then does nothing.
  void install() {
    for (size_t p = 0; p < parameters_.size(); p++) {
      auto node = torch::autograd::impl::grad_accumulator(parameters_[p]);
      node->add_post_hook(std::make_unique<Hook>(shared_from_this(), p));
      nodes_.push_back(std::move(node));
    }
  }

  // Sends what was not sent: parameters without a gradient have zeros.
  void finish() {
    std::lock_guard<std::mutex> lock(mutex_);
    isActive_ = false;
    for (size_t p = 0; p < parameters_.size(); p++) {
      if (isThere_[p] || adds_) continue;
      partOf(p).zero_();
      row_.narrow(0, places_[p].count, 1).zero_();
    }
    for (; next_ < buckets_.size(); next_++) send(next_);
    nodes_.clear();
  }

 private:
  struct Hook : torch::autograd::FunctionPostHook {
    Hook(const std::shared_ptr<Overlap>& overlap, size_t parameter) : overlap(overlap), parameter(parameter) {}
    torch::autograd::variable_list operator()(const torch::autograd::variable_list& outputs,
                                              const torch::autograd::variable_list&) override {
      if (auto owner = overlap.lock()) owner->arrived(parameter);
      return outputs;
    }
    std::weak_ptr<Overlap> overlap;
    size_t parameter;
  };

  at::Tensor partOf(size_t p) { return row_.narrow(0, places_[p].offset, parameters_[p].numel()); }

  void arrived(size_t p) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!isActive_ || isThere_[p]) return;
    at::NoGradGuard noGrad;
    const at::Tensor grad = parameters_[p].grad().detach().reshape({-1});
    at::Tensor count = row_.narrow(0, places_[p].count, 1);
    if (adds_) {
      partOf(p).add_(grad.to(row_.scalar_type()));
      count.add_(1);
    } else {
      partOf(p).copy_(grad);
      count.fill_(1);
    }
    isThere_[p] = true;
    buckets_[places_[p].bucket].pending--;
    // In their order, which is that of all processes.
    while (next_ < buckets_.size() && buckets_[next_].pending == 0) send(next_++);
  }

  void send(size_t bucket) {
    at::NoGradGuard noGrad;
    start_(bucket, rows_.narrow(1, buckets_[bucket].offset, buckets_[bucket].length));
  }

  std::mutex mutex_;
  std::vector<at::Tensor> parameters_;
  std::vector<Place> places_;
  std::vector<Bucket> buckets_;
  at::Tensor rows_, row_;
  bool adds_;
  Start start_;
  std::vector<bool> isThere_;
  size_t next_ = 0;
  bool isActive_ = true;
  std::vector<decltype(torch::autograd::impl::grad_accumulator(std::declval<at::Tensor>()))> nodes_;
};
