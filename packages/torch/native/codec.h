// How values travel through the shared words. Every value is a tag word and its payload:
//
//   None                      Default (the schema's own)
//   Tensor, handle            Int, x            BigInt, bits        Double, x        Bool, 0|1
//   IntList|DoubleList|BoolList|TensorList|OptionalTensorList, n, x…          ScalarList, n, (kind, x)…
//   String|Device, byte length, bytes padded to words
//   Generator, index                    WrappedNumber, kind, x
//   Argument, j (result only: the j-th argument itself)          Tuple, n, values…
//
// A kind is 0 for a double, 1 for an integer as a double, 2 for a BigInt's bits, 3 for a boolean.
// The tags repeat those of src/binding/codec.ts; a test compares the two.
#pragma once

#include <ATen/core/ivalue.h>

#include "state.h"

enum class Tag : int {
  None, Default, Tensor, Int, BigInt, Double, Bool, IntList, DoubleList, BoolList, TensorList,
  OptionalTensorList, ScalarList, String, Device, Generator, WrappedNumber, Argument, Tuple,
};

// Reads values from the words, one after another. Default is left to the caller.
class Reader {
 public:
  Reader(State& state, size_t at) : state(state), at(at) {}
  c10::IValue value(const c10::IValue* schemaDefault);
  double number() { return state.f64[checked(at++)]; }

 private:
  size_t checked(size_t index) const;
  size_t count();
  c10::Scalar scalar();
  std::string text();
  State& state;
  size_t at;
};

// Writes values to the words, one after another.
class Writer {
 public:
  Writer(State& state, size_t at) : state(state), at(at) {}
  void value(const c10::IValue& value);
  void number(double x) { state.f64[checked(at++)] = x; }
  void tag(Tag tag) { number(static_cast<int>(tag)); }

 private:
  size_t checked(size_t index) const;
  void integer(int64_t x);
  void tensor(const at::Tensor& tensor);
  State& state;
  size_t at;
};
