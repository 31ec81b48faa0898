#include "state.h"

#include <algorithm>

#include "errors.h"

State& stateOf(napi_env env) {
  void* data = nullptr;
  napi_get_instance_data(env, &data);
  return *static_cast<std::shared_ptr<State>*>(data)->get();
}

State::State() {
  slots.resize(1);  // handle 0 stands for "no tensor"
  slots.reserve(1024);
}

void State::close() {
  stack.clear();
  inferenceModes.clear();
  generators.clear();
  std::vector<Slot> dying;
  dying.swap(slots);
}

uint32_t State::store(at::Tensor tensor) {
  if (freeSlots.empty()) {
    slots.emplace_back();
    slots.back().tensor = std::move(tensor);
    return static_cast<uint32_t>(slots.size() - 1);
  }
  const uint32_t handle = freeSlots.back();
  freeSlots.pop_back();
  slots[handle].tensor = std::move(tensor);
  return handle;
}

const at::Tensor& State::tensor(uint32_t handle) const {
  if (handle == 0 || handle >= slots.size() || !slots[handle].tensor.defined())
    throw std::runtime_error("internal: no tensor has the handle " + std::to_string(handle));
  return slots[handle].tensor;
}

void State::release(napi_env env, uint32_t handle) {
  if (handle == 0 || handle >= slots.size() || !slots[handle].tensor.defined()) return;
  unwatch(env, handle);
  Slot& slot = slots[handle];
  slot.generation++;
  freeSlots.push_back(handle);
  // Moved out first: a destructor may free another slot's storage and must find this one empty.
  at::Tensor dying = std::move(slot.tensor);
  slot.tensor = at::Tensor();
}

namespace {
// What V8 should believe a tensor to hold. A view counts with its own elements: were it the whole
// storage, a loop over the rows of a large tensor would drive V8 into one collection after another.
int64_t bytesHeld(const at::Tensor& tensor) {
  constexpr int64_t overhead = 256;
  if (!tensor.has_storage()) return overhead;
  const auto all = static_cast<int64_t>(tensor.storage().nbytes());
  if (tensor.storage().use_count() == 1) return all + overhead;
  return std::min(all, tensor.numel() * static_cast<int64_t>(tensor.element_size())) + overhead;
}
}  // namespace

void State::watch(napi_env env, napi_value object, uint32_t handle) {
  const at::Tensor& held = tensor(handle);
  Slot& slot = slots[handle];
  slot.reportedBytes = bytesHeld(held);
  int64_t total;
  napi_adjust_external_memory(env, slot.reportedBytes, &total);
  const uint64_t key = (static_cast<uint64_t>(slot.generation) << 32) | handle;
  // An environment outlives its objects' finalizers, hence the plain pointer.
  if (napi_add_finalizer(env, object, reinterpret_cast<void*>(key), &State::onCollected, this, nullptr) != napi_ok)
    throw std::runtime_error("internal: the garbage collector took no finalizer");
}

void State::unwatch(napi_env env, uint32_t handle) {
  Slot& slot = slots[handle];
  if (slot.reportedBytes == 0) return;
  int64_t total;
  napi_adjust_external_memory(env, -slot.reportedBytes, &total);
  slot.reportedBytes = 0;
}

// Runs inside the garbage collector: may only remember.
void State::onCollected(node_api_basic_env, void* data, void* hint) {
  static_cast<State*>(hint)->collected.push_back(reinterpret_cast<uint64_t>(data));
}

void State::releaseForeign(napi_ref reference) {
  std::lock_guard<std::mutex> lock(foreignMutex);
  foreignReferences.push_back(reference);
  foreignDead = true;
}

void State::drainSlow(napi_env env) {
  std::vector<uint64_t> dead;
  dead.swap(collected);
  for (const uint64_t key : dead) {
    const auto handle = static_cast<uint32_t>(key);
    if (handle < slots.size() && slots[handle].generation == static_cast<uint32_t>(key >> 32)) release(env, handle);
  }
  std::vector<napi_ref> references;
  {
    std::lock_guard<std::mutex> lock(foreignMutex);
    references.swap(foreignReferences);
    foreignDead = false;
  }
  for (napi_ref reference : references) napi_delete_reference(env, reference);
}
