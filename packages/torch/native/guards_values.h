// What guards ask of tensors' values.
#pragma once

#include <ATen/core/Tensor.h>

#include <utility>
#include <vector>

#include "state.h"
#include "version.h"

namespace guards {

bool isIntegral(const at::Tensor& tensor);

// The least and the most of a tensor of integers; none without elements, or where they cannot be read at once: not on
// the CPU, not strided.
Optional<std::pair<int64_t, int64_t>> extremesOf(const at::Tensor& tensor);

// The most of any real tensor, NaN apart; 0 without elements.
double largestOf(const at::Tensor& tensor);

// Whether a tensor on the CPU has an element that is no number.
bool hasNan(const at::Tensor& tensor);

// All values of a tensor of integers; none where they cannot be read at once.
Optional<std::vector<int64_t>> integersOf(const at::Tensor& tensor);

// Whether a tensor holds the least int32 or int64, where that is the type computed in.
bool hasLeast(const at::Tensor& tensor, at::ScalarType type);

// Whether the operator divides integers, which processors refuse for the least integer by −1.
bool dividesIntegers(const c10::FunctionSchema& schema);

// Puts a divisor that gives the wrapped result in the place of one that raises a signal: `−2⁶³ / −1` is `−2⁶³`, its
// remainder 0, as in PyTorch from 2.10 on. Returns the operator to call: with a number as divisor the one for tensors.
const c10::OperatorHandle& divideSafely(const Op& op, c10::Stack& stack);

}  // namespace guards
