// The vector code of images_simd.h for each processor family, chosen at run time. ATEN_CPU_CAPABILITY (default, avx2) lowers
// the choice, as it does libtorch's.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <string>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "images.h"

// GCC contracts across statements unless told otherwise for the whole function; Clang within them.
#if defined(__clang__)
#pragma clang fp contract(off)
#else
#pragma GCC push_options
#pragma GCC optimize("fp-contract=off")
#endif

namespace images {
namespace {

#define IMAGES_NAMESPACE images_of_any
#define IMAGES_LANES 4
#define IMAGES_TARGET
#include "images_simd.h"

#if defined(__x86_64__)
#define IMAGES_NAMESPACE images_of_avx2
#define IMAGES_LANES 8
#define IMAGES_TARGET __attribute__((target("avx2,fma")))
#include "images_simd.h"

#define IMAGES_NAMESPACE images_of_avx512
#define IMAGES_LANES 16
#define IMAGES_TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")))
#include "images_simd.h"
#endif

const Family& chooseFamily() {
#if defined(__x86_64__)
  const char* asked = std::getenv("ATEN_CPU_CAPABILITY");
  const std::string most = asked == nullptr ? "" : asked;
  const bool avx2 = most != "default" && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = avx2 && most != "avx2" && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (avx512) return images_of_avx512::family;
  if (avx2) return images_of_avx2::family;
#endif
  return images_of_any::family;
}

}  // namespace

const Family& family() {
  static const Family& chosen = chooseFamily();
  return chosen;
}

}  // namespace images

#if !defined(__clang__)
#pragma GCC pop_options
#endif
