// What differs between the libtorch versions that the bridge compiles against (1.13 to 2.11).
#pragma once

#include <torch/version.h>

#define TORCH_AT_LEAST(major, minor) \
  (TORCH_VERSION_MAJOR > (major) || (TORCH_VERSION_MAJOR == (major) && TORCH_VERSION_MINOR >= (minor)))

#if TORCH_AT_LEAST(2, 4)
#include <optional>
template <class T>
using Optional = std::optional<T>;
#else
#include <c10/util/Optional.h>
template <class T>
using Optional = c10::optional<T>;
#endif
