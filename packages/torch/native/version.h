// What differs between the libtorch versions that the bridge compiles against (1.13 to 2.11).
#pragma once

#include <ATen/core/ivalue.h>
#include <torch/version.h>

#include <utility>

#define TORCH_AT_LEAST(major, minor) \
  (TORCH_VERSION_MAJOR > (major) || (TORCH_VERSION_MAJOR == (major) && TORCH_VERSION_MINOR >= (minor)))

// c10::optional in the older versions, std::optional in the newer: the one that libtorch's own functions give.
template <class T>
using Optional = decltype(std::declval<c10::IValue>().toOptional<T>());
