#include "codec.h"

#include <ATen/ScalarOps.h>

#include "version.h"

namespace {
constexpr int64_t exactIntegers = int64_t{1} << 53;
}  // namespace

size_t Reader::checked(size_t index) const {
  if (index >= state.words) throw std::runtime_error("internal: arguments run past the shared buffer");
  return index;
}

size_t Reader::count() {
  const double n = number();
  if (!(n >= 0) || n > static_cast<double>(state.words)) throw std::runtime_error("internal: bad list length");
  return static_cast<size_t>(n);
}

c10::Scalar Reader::scalar() {
  switch (static_cast<int>(number())) {
    case 1: return static_cast<int64_t>(number());
    case 2: return state.i64[checked(at++)];
    case 3: return number() != 0;
    default: return number();
  }
}

std::string Reader::text() {
  const auto length = static_cast<size_t>(number());
  const size_t start = at;
  if (length > (state.words - start) * 8) throw std::runtime_error("internal: a text runs past the shared buffer");
  at += (length + 7) / 8;
  return std::string(state.bytes + start * 8, length);
}

c10::IValue Reader::value(const c10::IValue* schemaDefault) {
  switch (static_cast<Tag>(static_cast<int>(number()))) {
    case Tag::None:
      return c10::IValue();
    case Tag::Default:
      return *schemaDefault;
    case Tag::Tensor:
      return state.tensor(static_cast<uint32_t>(number()));
    case Tag::Int:
      return static_cast<int64_t>(number());
    case Tag::BigInt:
      return state.i64[checked(at++)];
    case Tag::Double:
      return number();
    case Tag::Bool:
      return number() != 0;
    case Tag::IntList: {
      const size_t n = count();
      c10::List<int64_t> list;
      list.reserve(n);
      for (size_t i = 0; i < n; i++) list.push_back(static_cast<int64_t>(number()));
      return list;
    }
    case Tag::DoubleList: {
      const size_t n = count();
      c10::List<double> list;
      list.reserve(n);
      for (size_t i = 0; i < n; i++) list.push_back(number());
      return list;
    }
    case Tag::BoolList: {
      const size_t n = count();
      c10::List<bool> list;
      list.reserve(n);
      for (size_t i = 0; i < n; i++) list.push_back(number() != 0);
      return list;
    }
    case Tag::TensorList: {
      const size_t n = count();
      c10::List<at::Tensor> list;
      list.reserve(n);
      for (size_t i = 0; i < n; i++) list.push_back(state.tensor(static_cast<uint32_t>(number())));
      return list;
    }
    case Tag::OptionalTensorList: {
      const size_t n = count();
      c10::List<Optional<at::Tensor>> list;
      list.reserve(n);
      for (size_t i = 0; i < n; i++) {
        const auto handle = static_cast<uint32_t>(number());
        list.push_back(handle == 0 ? Optional<at::Tensor>() : Optional<at::Tensor>(state.tensor(handle)));
      }
      return list;
    }
    case Tag::ScalarList: {
      const size_t n = count();
      c10::List<at::Scalar> list;
      list.reserve(n);
      for (size_t i = 0; i < n; i++) list.push_back(scalar());
      return list;
    }
    case Tag::String:
      return text();
    case Tag::Device:
      return c10::Device(text());
    case Tag::Generator:
      return state.generators.at(static_cast<size_t>(number()));
    case Tag::WrappedNumber: {
      at::Tensor wrapped = c10::scalar_to_tensor(scalar());
      wrapped.unsafeGetTensorImpl()->set_wrapped_number(true);
      return wrapped;
    }
    default:
      throw std::runtime_error("internal: unknown tag in the shared buffer");
  }
}

size_t Writer::checked(size_t index) const {
  if (index >= state.words) throw std::runtime_error("the result has too many values for the bridge's buffer");
  return index;
}

void Writer::integer(int64_t x) {
  if (x <= exactIntegers && x >= -exactIntegers) {
    tag(Tag::Int);
    number(static_cast<double>(x));
  } else {
    tag(Tag::BigInt);
    state.i64[checked(at++)] = x;
  }
}

void Writer::tensor(const at::Tensor& tensor) {
  number(tensor.defined() ? state.handOut(tensor) : 0);
}

void Writer::value(const c10::IValue& value) {
  if (value.isTensor()) {
    if (!value.toTensor().defined()) return tag(Tag::None);
    tag(Tag::Tensor);
    tensor(value.toTensor());
  } else if (value.isNone()) {
    tag(Tag::None);
  } else if (value.isBool()) {
    tag(Tag::Bool);
    number(value.toBool());
  } else if (value.isInt()) {
    integer(value.toInt());
  } else if (value.isDouble()) {
    tag(Tag::Double);
    number(value.toDouble());
  } else if (value.isTensorList()) {
    const auto list = value.toListRef();
    tag(Tag::TensorList);
    checked(at + 1 + list.size());  // before any slot is taken
    number(static_cast<double>(list.size()));
    for (const c10::IValue& item : list) tensor(item.toTensor());
  } else if (value.isIntList()) {
    const auto list = value.toIntList();
    tag(Tag::IntList);
    number(static_cast<double>(list.size()));
    for (const int64_t item : list) number(static_cast<double>(item));
  } else if (value.isDoubleList()) {
    const auto list = value.toDoubleList();
    tag(Tag::DoubleList);
    number(static_cast<double>(list.size()));
    for (const double item : list) number(item);
  } else if (value.isBoolList()) {
    const auto list = value.toBoolList();
    tag(Tag::BoolList);
    number(static_cast<double>(list.size()));
    for (const bool item : list) number(item);
  } else if (value.isString()) {
    const std::string& text = value.toStringRef();
    tag(Tag::String);
    number(static_cast<double>(text.size()));
    const size_t start = at;
    at += (text.size() + 7) / 8;
    checked(at);
    std::memcpy(state.bytes + start * 8, text.data(), text.size());
  } else if (value.isDevice()) {
    this->value(value.toDevice().str());
  } else if (value.isTuple()) {
    const auto& elements = value.toTupleRef().elements();
    tag(Tag::Tuple);
    number(static_cast<double>(elements.size()));
    for (const auto& element : elements) this->value(element);
  } else if (value.isList()) {
    const auto list = value.toListRef();
    tag(Tag::Tuple);
    number(static_cast<double>(list.size()));
    for (const auto& element : list) this->value(element);
  } else {
    throw std::runtime_error("a result of type " + value.tagKind() + " cannot be passed to JavaScript");
  }
}
