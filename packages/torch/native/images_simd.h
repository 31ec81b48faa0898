// The vector code of image operations, written once with the compilers' vector types. images_cpu.cc includes this file for
// each processor family, hence no include guard, after defining
//   IMAGES_NAMESPACE  where the functions go
//   IMAGES_LANES      floats in a vector: 4, 8 or 16
//   IMAGES_TARGET     the attribute that allows the family's instructions, or nothing
// Every function bears that attribute itself (see kernels_simd.h). Products and sums are not to be contracted: Pillow's are
// rounded one by one, and the last bit decides where a result is truncated.

namespace IMAGES_NAMESPACE {

#define IMAGES_INLINE static inline __attribute__((always_inline)) IMAGES_TARGET

constexpr int64_t lanes = IMAGES_LANES;
typedef float Floats __attribute__((vector_size(4 * IMAGES_LANES)));
typedef int32_t Ints __attribute__((vector_size(4 * IMAGES_LANES)));
typedef double Doubles __attribute__((vector_size(4 * IMAGES_LANES)));
typedef int32_t FewInts __attribute__((vector_size(2 * IMAGES_LANES)));  // as many as doubles
typedef float FewFloats __attribute__((vector_size(2 * IMAGES_LANES)));
typedef uint32_t Words __attribute__((vector_size(4 * IMAGES_LANES)));
typedef uint16_t Halves __attribute__((vector_size(2 * IMAGES_LANES)));
typedef uint8_t Bytes __attribute__((vector_size(IMAGES_LANES)));
typedef float Floats4 __attribute__((vector_size(16)));

template <class V>
IMAGES_INLINE V read(const void* from) {
  V value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <class V>
IMAGES_INLINE void write(void* to, V value) {
  std::memcpy(to, &value, sizeof value);
}

// Whether any lane of a comparison holds.
IMAGES_INLINE bool anyOf(Ints comparison) {
  uint64_t words[lanes / 2], together = 0;
  std::memcpy(words, &comparison, sizeof words);
  for (uint64_t word : words) together |= word;
  return together != 0;
}

// GCC makes several instructions of a conversion between bytes and floats; the processors have one.
#if defined(__x86_64__) && IMAGES_LANES == 16
IMAGES_INLINE Floats toFloats(Bytes bytes) {
  return __builtin_convertvector(reinterpret_cast<Ints>(_mm512_maskz_cvtepu8_epi32(0xffff, reinterpret_cast<__m128i>(bytes))), Floats);
}
// Of numbers from 0 to below 256, truncated.
IMAGES_INLINE Bytes toBytes(Floats values) {
  const Ints ints = __builtin_convertvector(values, Ints);
  return reinterpret_cast<Bytes>(_mm512_maskz_cvtepi32_epi8(0xffff, reinterpret_cast<__m512i>(ints)));
}
#elif defined(__x86_64__) && IMAGES_LANES == 8
IMAGES_INLINE Floats toFloats(Bytes bytes) {
  return reinterpret_cast<Floats>(_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_cvtsi64_si128(read<int64_t>(&bytes)))));
}
IMAGES_INLINE Bytes toBytes(Floats values) {
  const __m256i ints = _mm256_cvttps_epi32(reinterpret_cast<__m256>(values));
  const __m128i halves = _mm_packus_epi32(_mm256_castsi256_si128(ints), _mm256_extracti128_si256(ints, 1));
  const int64_t bytes = _mm_cvtsi128_si64(_mm_packus_epi16(halves, halves));
  return read<Bytes>(&bytes);
}
#else
IMAGES_INLINE Floats toFloats(Bytes bytes) {
  return __builtin_convertvector(__builtin_convertvector(__builtin_convertvector(bytes, Halves), Ints), Floats);
}
IMAGES_INLINE Bytes toBytes(Floats values) {
  return __builtin_convertvector(__builtin_convertvector(__builtin_convertvector(values, Ints), Halves), Bytes);
}
#endif

IMAGES_INLINE Floats clipped(Floats v) {
  v = v < 0.0f ? Floats{} : v;
  return v > 255.0f ? 255.0f - Floats{} : v;
}

// Four pixels of three floats each, as bytes with a cleared fourth. The float after the last is read, too.
IMAGES_INLINE void loadFour(uint8_t* to, const float* levels) {
#if defined(__x86_64__) && IMAGES_LANES >= 8
  __m128i pixels[4];
  for (int64_t k = 0; k < 4; k++) pixels[k] = _mm_cvttps_epi32(_mm_loadu_ps(levels + 3 * k));
  const __m128i bytes = _mm_packus_epi16(_mm_packus_epi32(pixels[0], pixels[1]), _mm_packus_epi32(pixels[2], pixels[3]));
  write(to, _mm_and_si128(bytes, _mm_set1_epi32(0x00ffffff)));
#else
  for (int64_t k = 0; k < 4; k++)
    for (int64_t c = 0; c < 4; c++) to[4 * k + c] = c < 3 ? static_cast<uint8_t>(levels[3 * k + c]) : 0;
#endif
}

IMAGES_TARGET void load(Picture& picture, const float* levels) {
  for (int64_t y = 0; y < picture.height; y++, levels += 3 * picture.width) {
    uint8_t* row = picture.row(y);
    int64_t x = 0;
    for (; x + 4 < picture.width; x += 4) loadFour(row + 4 * x, levels + 3 * x);
    for (; x < picture.width; x++) {
      for (int64_t c = 0; c < 3; c++) row[4 * x + c] = static_cast<uint8_t>(levels[3 * x + c]);
      row[4 * x + 3] = 0;
    }
  }
}

// Each pixel's fourth float is written over by the next; the last pixels go one by one.
IMAGES_TARGET void store(float* levels, const Picture& picture) {
  constexpr int64_t count = lanes / 4;
  for (int64_t y = 0; y < picture.height; y++, levels += 3 * picture.width) {
    const uint8_t* row = picture.row(y);
    int64_t x = 0;
    for (; x + count < picture.width; x += count) {
      Floats4 pixels[count];
      write(pixels, toFloats(read<Bytes>(row + 4 * x)));
      for (int64_t k = 0; k < count; k++) write(levels + 3 * (x + k), pixels[k]);
    }
    for (; x < picture.width; x++)
      for (int64_t c = 0; c < 3; c++) levels[3 * x + c] = row[4 * x + c];
  }
}

#include "images_resample_simd.h"

IMAGES_TARGET void blend(Picture& picture, const Picture& other, float factor) {
  for (int64_t y = 0; y < picture.height; y++)
    for (int64_t at = 0; at < 4 * picture.width; at += lanes) {
      const Floats from = toFloats(read<Bytes>(other.row(y) + at)), to = toFloats(read<Bytes>(picture.row(y) + at));
      write(picture.row(y) + at, toBytes(clipped(from + factor * (to - from))));
    }
}

IMAGES_INLINE Halves toHalves(const uint8_t* from) { return __builtin_convertvector(read<Bytes>(from), Halves); }

IMAGES_INLINE Halves sumOfThree(const uint8_t* from) { return toHalves(from - 4) + toHalves(from) + toHalves(from + 4); }

IMAGES_TARGET void smooth(Picture& out, const Picture& picture) {
  const int64_t height = picture.height, width = picture.width;
  for (int64_t y = 0; y < height; y++) {
    const uint8_t* row = picture.row(y);
    if (y == 0 || y == height - 1 || width < 3) {
      std::memcpy(out.row(y), row, 4 * width);
      continue;
    }
    for (int64_t at = 4; at < 4 * (width - 1); at += lanes) {
      const Halves sum = sumOfThree(row - picture.stride + at) + sumOfThree(row + at) + sumOfThree(row + picture.stride + at);
      const Ints weighted = __builtin_convertvector(sum + 4 * toHalves(row + at), Ints);
      // Never within 0.03 of the next level, so single precision does.
      write(out.row(y) + at, toBytes(__builtin_convertvector(weighted, Floats) * (1.0f / 13) + 0.5f));
    }
    std::memcpy(out.row(y), row, 4);
    std::memcpy(out.row(y) + 4 * (width - 1), row + 4 * (width - 1), 4);
  }
}

// out = (inner · the sum of the pixels up to `whole` steps away + outer · the two beyond) / 2^24, rounded. Border is read.
IMAGES_INLINE void boxRow(uint8_t* out, const uint8_t* row, int64_t width, int64_t step, int64_t whole, uint32_t inner, uint32_t outer) {
  for (int64_t at = 0; at < 4 * width; at += lanes) {
    Halves sum = toHalves(row + at);
    for (int64_t k = 1; k <= whole; k++) sum += toHalves(row + at - k * step) + toHalves(row + at + k * step);
    const Halves beyond = toHalves(row + at - (whole + 1) * step) + toHalves(row + at + (whole + 1) * step);
    const Words scaled = __builtin_convertvector(sum, Words) * inner + __builtin_convertvector(beyond, Words) * outer + (1u << 23);
    write(out + at, __builtin_convertvector(__builtin_convertvector(scaled >> 24, Halves), Bytes));
  }
}

IMAGES_TARGET void blur(Picture& picture, float box) {
  const auto whole = static_cast<int64_t>(box);
  const auto inner = static_cast<uint32_t>(16777216.0f / (2 * box + 1));
  const uint32_t outer = (16777216u - static_cast<uint32_t>(2 * whole + 1) * inner) / 2;
  Picture from(picture.height, picture.width, std::max<int64_t>(2, whole + 1)), to = from;
  for (int64_t y = 0; y < picture.height; y++) std::memcpy(from.row(y), picture.row(y), 4 * picture.width);
  for (int64_t pass = 0; pass < 6; pass++) {
    fillBorder(from);
    for (int64_t y = 0; y < from.height; y++) boxRow(to.row(y), from.row(y), from.width, pass < 3 ? 4 : from.stride, whole, inner, outer);
    std::swap(from.bytes, to.bytes);
  }
  for (int64_t y = 0; y < picture.height; y++) std::memcpy(picture.row(y), from.row(y), 4 * picture.width);
}

constexpr Family family = {load, store, resample, blend, smooth, blur};

#undef IMAGES_INLINE

}  // namespace IMAGES_NAMESPACE

#undef IMAGES_NAMESPACE
#undef IMAGES_LANES
#undef IMAGES_TARGET
