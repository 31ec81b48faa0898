// Operators: looked up once by name, then called by number. The schema goes to JavaScript, which
// turns arguments into tagged words; codec.cc turns those into the dispatcher's stack.
#include "call.h"

#include <ATen/core/function_schema.h>
#include <ATen/core/jit_type.h>

#include "codec.h"
#include "errors.h"
#include "guards.h"
#include "state.h"
#include "version.h"

namespace {

// A type as JavaScript reads it: "Tensor", "int[2]", "ScalarType?", …
std::string typeName(const c10::TypePtr& type, Optional<int32_t> size = {}) {
  switch (type->kind()) {
    case c10::TypeKind::OptionalType:
      return typeName(type->expectRef<c10::OptionalType>().getElementType(), size) + "?";
    case c10::TypeKind::ListType:
      return typeName(type->expectRef<c10::ListType>().getElementType()) + "[" + (size ? std::to_string(*size) : "") + "]";
    case c10::TypeKind::TensorType: return "Tensor";
    case c10::TypeKind::NumberType: return "Scalar";
    case c10::TypeKind::IntType: case c10::TypeKind::SymIntType: return "int";
    case c10::TypeKind::FloatType: return "float";
    case c10::TypeKind::BoolType: return "bool";
    case c10::TypeKind::StringType: return "str";
    case c10::TypeKind::DeviceObjType: return "Device";
    case c10::TypeKind::GeneratorType: return "Generator";
    case c10::TypeKind::ScalarTypeType: return "ScalarType";
    case c10::TypeKind::LayoutType: return "Layout";
    case c10::TypeKind::MemoryFormatType: return "MemoryFormat";
    default: return type->str();
  }
}

bool writes(const c10::Argument& argument) {
  return argument.alias_info() != nullptr && argument.alias_info()->isWrite();
}

// The argument that a return value is: `add_(Tensor(a!) self, …) -> Tensor(a!)` returns self.
int returnedArgument(const c10::FunctionSchema& schema, const c10::Argument& result) {
  if (!writes(result) || result.type()->kind() != c10::TypeKind::TensorType) return -1;
  for (size_t i = 0; i < schema.arguments().size(); i++) {
    const auto& argument = schema.arguments()[i];
    if (writes(argument) && argument.type()->kind() == c10::TypeKind::TensorType &&
        argument.alias_info()->beforeSets() == result.alias_info()->beforeSets())
      return static_cast<int>(i);
  }
  return -1;
}

int intern(State& state, const std::string& name, const std::string& overload) {
  const std::string key = name + "." + overload;
  const auto known = state.opIds.find(key);
  if (known != state.opIds.end()) return known->second;
  auto handle = c10::Dispatcher::singleton().findSchema({name, overload});
  if (!handle) return -1;
  const auto& schema = handle->schema();
  Op op{*handle, {}, {}, guards::find(schema)};
  for (const auto& argument : schema.arguments())
    op.defaults.push_back(argument.default_value() ? *argument.default_value() : c10::IValue());
  for (const auto& result : schema.returns()) op.returnsArgument.push_back(returnedArgument(schema, result));
  state.ops.push_back(std::move(op));
  return state.opIds[key] = static_cast<int>(state.ops.size() - 1);
}

Napi::Object describe(Napi::Env env, const Op& op, int id) {
  const auto& schema = op.handle.schema();
  auto arguments = Napi::Array::New(env);
  for (size_t i = 0; i < schema.arguments().size(); i++) {
    const auto& argument = schema.arguments()[i];
    auto object = Napi::Object::New(env);
    object["name"] = Napi::String::New(env, argument.name());
    object["type"] = Napi::String::New(env, typeName(argument.real_type(), argument.N()));
    object["keywordOnly"] = Napi::Boolean::New(env, argument.kwarg_only());
    object["hasDefault"] = Napi::Boolean::New(env, argument.default_value().has_value());
    arguments[i] = object;
  }
  auto returns = Napi::Array::New(env);
  for (size_t i = 0; i < schema.returns().size(); i++) {
    auto object = Napi::Object::New(env);
    object["name"] = Napi::String::New(env, schema.returns()[i].name());
    object["type"] = Napi::String::New(env, typeName(schema.returns()[i].real_type(), schema.returns()[i].N()));
    object["argument"] = Napi::Number::New(env, op.returnsArgument[i]);
    returns[i] = object;
  }
  auto result = Napi::Object::New(env);
  result["id"] = Napi::Number::New(env, id);
  result["name"] = Napi::String::New(env, schema.name());
  result["overload"] = Napi::String::New(env, schema.overload_name());
  result["arguments"] = arguments;
  result["returns"] = returns;
  return result;
}

// findOperator(name, overload) → schema, or null when this libtorch has no such operator.
Napi::Value findOperator(const Napi::CallbackInfo& info) {
  return Napi::Value(info.Env(), guarded(info.Env(), [&]() -> napi_value {
    State& state = stateOf(info.Env());
    const int id = intern(state, info[0].As<Napi::String>(), info[1].As<Napi::String>());
    if (id < 0) return info.Env().Null();
    return describe(info.Env(), state.ops[id], id);
  }));
}

// listOperators(namespace) → { name: [overload, …] }, of operators that have a schema.
Napi::Value listOperators(const Napi::CallbackInfo& info) {
  return Napi::Value(info.Env(), guarded(info.Env(), [&]() -> napi_value {
    const std::string prefix = info[0].As<Napi::String>().Utf8Value() + "::";
    std::unordered_map<std::string, std::vector<std::string>> overloads;
    for (const auto& name : c10::Dispatcher::singleton().getAllOpNames())
      if (name.name.compare(0, prefix.size(), prefix) == 0 && c10::Dispatcher::singleton().findSchema(name))
        overloads[name.name.substr(prefix.size())].push_back(name.overload_name);
    auto result = Napi::Object::New(info.Env());
    for (const auto& [name, list] : overloads) {
      auto array = Napi::Array::New(info.Env());
      for (size_t i = 0; i < list.size(); i++) array[i] = Napi::String::New(info.Env(), list[i]);
      result[name] = array;
    }
    return result;
  }));
}

void decodeArguments(State& state, const Op& op) {
  state.stack.clear();
  Reader reader(state, 1);
  for (const auto& schemaDefault : op.defaults) state.stack.push_back(reader.value(&schemaDefault));
}

const Op& requestedOp(State& state) {
  const auto id = static_cast<size_t>(state.f64[0]);
  if (id >= state.ops.size()) throw std::runtime_error("internal: no operator has the number " + std::to_string(id));
  return state.ops[id];
}

// Words in: operator number, one value per schema argument. Words out: one value per result.
napi_value callOperator(napi_env env, napi_callback_info) {
  State& state = stateOf(env);
  const Op& op = requestedOp(state);
  state.handedOut.clear();
  try {
    decodeArguments(state, op);
    state.drain(env);  // after decoding: JavaScript may hold an argument no longer, the stack does
    const c10::OperatorHandle& handle = op.guards.any ? guards::check(op, state.stack) : op.handle;
    handle.callBoxed(state.stack);
    Writer writer(state, 0);
    for (size_t i = 0; i < op.returnsArgument.size(); i++) {
      if (op.returnsArgument[i] < 0) {
        writer.value(state.stack[i]);
      } else {
        writer.tag(Tag::Argument);
        writer.number(op.returnsArgument[i]);
      }
    }
  } catch (...) {
    for (const uint32_t handle : state.handedOut) state.release(env, handle);
    state.stack.clear();
    throw;
  }
  state.stack.clear();
  return nullptr;
}

// The same words, decoded and held against the schema without running the operator.
napi_value checkArguments(napi_env env, napi_callback_info) {
  State& state = stateOf(env);
  const Op& op = requestedOp(state);
  decodeArguments(state, op);
  c10::Stack arguments;
  arguments.swap(state.stack);
  const auto& schema = op.handle.schema();
  for (size_t i = 0; i < arguments.size(); i++) {
    const auto& argument = schema.arguments()[i];
    const std::string type = typeName(argument.real_type());
    if (arguments[i].isBool() && (type == "Scalar" || type == "Scalar?")) continue;  // toScalar() takes it
    if (!arguments[i].type()->isSubtypeOf(*argument.type()) && !arguments[i].isNone())
      throw std::runtime_error("internal: " + argument.name() + " arrived as " + arguments[i].type()->str() + ", not " + argument.type()->str());
  }
  return nullptr;
}

}  // namespace

void call::install(Napi::Env env, Napi::Object exports) {
  exports["findOperator"] = Napi::Function::New(env, findOperator);
  exports["listOperators"] = Napi::Function::New(env, listOperators);
  const auto raw = [&](const char* name, napi_callback callback) {
    napi_value function;
    napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &function);
    exports[name] = Napi::Value(env, function);
  };
  raw("callOperator", guardedCallback<callOperator>);
  raw("checkArguments", guardedCallback<checkArguments>);
}
