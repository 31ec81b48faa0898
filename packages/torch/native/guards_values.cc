#include "guards_values.h"

#include <ATen/ScalarOps.h>
#include <ATen/ops/any.h>
#include <ATen/ops/eq.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/logical_and.h>
#include <ATen/ops/max.h>
#include <ATen/ops/min.h>
#include <ATen/ops/result_type.h>
#include <ATen/ops/where.h>

#include <cstring>
#include <limits>

#include "version.h"

namespace {

bool hasReadableValues(const at::Tensor& tensor) { return tensor.defined() && tensor.device().is_cpu() && tensor.layout() == at::kStrided; }

bool hasReadableIntegers(const at::Tensor& tensor) { return hasReadableValues(tensor) && guards::isIntegral(tensor); }

// A guard's own arithmetic: without a graph, and not seen by autocast.
struct Unrecorded {
  at::AutoDispatchBelowADInplaceOrView guard;
};

int64_t leastOf(at::ScalarType type) {
  return type == at::kInt ? std::numeric_limits<int32_t>::min() : std::numeric_limits<int64_t>::min();
}

bool overflows(at::ScalarType type) { return type == at::kInt || type == at::kLong; }

// Whether an integer is one of a type of integers: comparing with another is an error in libtorch.
bool canHold(at::ScalarType type, int64_t x) {
  if (type == at::kByte) return x >= 0 && x <= 255;
  const int bits = 8 * static_cast<int>(c10::elementSize(type));
  return bits == 64 || (x >= -(int64_t{1} << (bits - 1)) && x < int64_t{1} << (bits - 1));
}

// Without operators: small tensors are divided often, and a call of three more would take longer than the division.
template <class T>
bool contains(const at::Tensor& tensor, int64_t x) {
  const T* values = tensor.data_ptr<T>();
  bool found = false;
  for (int64_t i = 0; i < tensor.numel(); i++) found |= static_cast<int64_t>(values[i]) == x;
  return found;
}

// The dividend or the divisor, whichever way it came.
struct Operand {
  const c10::IValue& value;
  bool isTensor() const { return value.isTensor(); }
  bool isIntegral() const { return isTensor() ? guards::isIntegral(value.toTensor()) : value.isInt(); }
  bool isReadable() const { return !isTensor() || hasReadableValues(value.toTensor()); }
  // A mask, or one truth for a number.
  at::Tensor equals(int64_t x) const { return isTensor() ? at::eq(value.toTensor(), x) : at::scalar_tensor(value.toInt() == x, at::kBool); }
  // Looks at the values of a tensor, or at the number.
  bool has(int64_t x) const {
    if (!isTensor()) return value.toInt() == x;
    const at::Tensor& tensor = value.toTensor();
    if (tensor.is_contiguous() && tensor.scalar_type() == at::kLong) return contains<int64_t>(tensor, x);
    if (tensor.is_contiguous() && tensor.scalar_type() == at::kInt) return contains<int32_t>(tensor, x);
    return tensor.numel() > 0 && canHold(tensor.scalar_type(), x) && at::any(equals(x)).item<bool>();
  }
};

int indexOf(const c10::FunctionSchema& schema, const char* name) {
  for (size_t i = 0; i < schema.arguments().size(); i++)
    if (schema.arguments()[i].name() == name) return static_cast<int>(i);
  return -1;
}

at::ScalarType commonType(const Operand& self, const Operand& other) {
  if (self.isTensor() && other.isTensor()) return at::result_type(self.value.toTensor(), other.value.toTensor());
  if (self.isTensor()) return at::result_type(self.value.toTensor(), other.value.toScalar());
  return at::result_type(self.value.toScalar(), other.value.toTensor());
}

bool sameArguments(const c10::FunctionSchema& schema, const c10::FunctionSchema& sibling, int other) {
  if (sibling.arguments().size() != schema.arguments().size()) return false;
  for (size_t i = 0; i < schema.arguments().size(); i++) {
    if (sibling.arguments()[i].name() != schema.arguments()[i].name()) return false;
    const auto kind = static_cast<int>(i) == other ? c10::TypeKind::TensorType : schema.arguments()[i].type()->kind();
    if (sibling.arguments()[i].type()->kind() != kind) return false;
  }
  return true;
}

// The overload whose divisor is a tensor, for one whose divisor is a number.
const c10::OperatorHandle& tensorSibling(const Op& op, int other) {
  static thread_local c10::OperatorHandle found = op.handle;
  const auto& schema = op.handle.schema();
  for (const char* overload : {"Tensor", "", "Tensor_mode", "out", "Tensor_out", "out_mode"}) {
    const auto sibling = c10::Dispatcher::singleton().findSchema({schema.name(), overload});
    if (!sibling || !sameArguments(schema, sibling->schema(), other)) continue;
    found = *sibling;
    return found;
  }
  TORCH_CHECK(false, "the least integer divided by -1 is no integer of its type");
}

}  // namespace

bool guards::isIntegral(const at::Tensor& tensor) { return tensor.defined() && c10::isIntegralType(tensor.scalar_type(), false); }

Optional<std::pair<int64_t, int64_t>> guards::extremesOf(const at::Tensor& tensor) {
  if (!hasReadableIntegers(tensor) || tensor.numel() == 0) return {};
  Unrecorded guard;
  return std::pair{at::min(tensor).item<int64_t>(), at::max(tensor).item<int64_t>()};
}

double guards::largestOf(const at::Tensor& tensor) {
  if (!hasReadableValues(tensor) || tensor.numel() == 0 || tensor.is_complex()) return 0;
  Unrecorded guard;
  const at::Tensor values = tensor.detach().to(at::kDouble);  // not every type has a maximum
  return at::max(at::where(values.ne(values), at::full_like(values, 0), values)).item<double>();
}

bool guards::hasNan(const at::Tensor& tensor) {
  if (!hasReadableValues(tensor) || tensor.numel() == 0 || !tensor.is_floating_point()) return false;
  Unrecorded guard;
  return at::any(tensor.detach().ne(tensor.detach())).item<bool>();
}

Optional<std::vector<int64_t>> guards::integersOf(const at::Tensor& tensor) {
  if (!hasReadableIntegers(tensor)) return {};
  Unrecorded guard;
  const at::Tensor longs = tensor.to(at::kLong).contiguous();
  const int64_t* first = longs.data_ptr<int64_t>();
  return std::vector<int64_t>{first, first + longs.numel()};
}

bool guards::hasLeast(const at::Tensor& tensor, at::ScalarType type) {
  if (!overflows(type) || tensor.scalar_type() != type || !hasReadableValues(tensor) || tensor.numel() == 0) return false;
  Unrecorded guard;
  return at::min(tensor).item<int64_t>() == leastOf(type);
}

bool guards::dividesIntegers(const c10::FunctionSchema& schema) {
  static const char* const names[] = {"floor_divide", "fmod", "remainder", "div", "divide"};
  std::string name = schema.name().substr(schema.name().find("::") + 2);
  if (name.back() == '_') name.pop_back();
  if (indexOf(schema, "self") < 0 || indexOf(schema, "other") < 0) return false;
  for (const char* known : names)
    if (name == known) return name.compare(0, 3, "div") != 0 || indexOf(schema, "rounding_mode") >= 0;
  return false;
}

const c10::OperatorHandle& guards::divideSafely(const Op& op, c10::Stack& stack) {
  const auto& schema = op.handle.schema();
  const int at = indexOf(schema, "other"), mode = indexOf(schema, "rounding_mode");
  if (mode >= 0 && stack[mode].isNone()) return op.handle;
  const Operand self{stack[indexOf(schema, "self")]}, other{stack[at]};
  if (!self.isIntegral() || !other.isIntegral() || !self.isReadable() || !other.isReadable()) return op.handle;
  const auto type = commonType(self, other);
  if (!overflows(type)) return op.handle;
  Unrecorded guard;
  // A divisor without −1 is the usual case, and the cheaper question where it is a number.
  if (!other.has(-1) || !self.has(leastOf(type))) return op.handle;
  const at::Tensor overflowing = at::logical_and(self.equals(leastOf(type)), other.equals(-1));
  const at::Tensor divisor = other.isTensor() ? other.value.toTensor().to(type) : at::full({}, -1, type);
  const at::Tensor safe = at::where(overflowing, at::full({}, 1, type), divisor);
  const c10::OperatorHandle& handle = other.isTensor() ? op.handle : tensorSibling(op, at);
  stack[at] = safe;
  return handle;
}
