// The bfloat16 kernels' arithmetic, written once with the compilers' vector types. kernels_cpu.cc includes this file for
// each processor family, hence no include guard, after defining
//   KERNELS_NAMESPACE  where the functions go
//   KERNELS_LANES      floats in a vector
//   KERNELS_TARGET     the attribute that allows the family's instructions, or nothing
// Every function bears that attribute itself: GCC takes vectors apart before it inlines, by the target of the function
// that they stand in. Values are bfloat16 in memory, float32 in registers, and rounded once, to nearest even.

namespace KERNELS_NAMESPACE {

#define KERNELS_INLINE static inline __attribute__((always_inline)) KERNELS_TARGET

constexpr int64_t lanes = KERNELS_LANES;
typedef float Floats __attribute__((vector_size(4 * KERNELS_LANES)));
typedef uint32_t Words __attribute__((vector_size(4 * KERNELS_LANES)));
typedef int32_t Ints __attribute__((vector_size(4 * KERNELS_LANES)));
typedef uint16_t Halves __attribute__((vector_size(2 * KERNELS_LANES)));

KERNELS_INLINE Floats all(float value) { return value - Floats{}; }

KERNELS_INLINE Floats load(const uint16_t* from) {
  Halves halves;
  std::memcpy(&halves, from, sizeof halves);
  return reinterpret_cast<Floats>(__builtin_convertvector(halves, Words) << 16);
}

KERNELS_INLINE void store(uint16_t* to, Floats value) {
  const Words bits = reinterpret_cast<Words>(value);
  const Words rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  const Words nan = Words{} + 0x7fc0;  // rounding could make infinity of it
  const Halves halves = __builtin_convertvector(value != value ? nan : rounded, Halves);
  std::memcpy(to, &halves, sizeof halves);
}

// The first `count` < lanes values; the others are zero.
KERNELS_INLINE Floats loadPart(const uint16_t* from, int64_t count) {
  uint16_t part[lanes] = {};
  for (int64_t i = 0; i < count; i++) part[i] = from[i];
  return load(part);
}

KERNELS_INLINE void storePart(uint16_t* to, Floats value, int64_t count) {
  uint16_t part[lanes];
  store(part, value);
  for (int64_t i = 0; i < count; i++) to[i] = part[i];
}

// 2^x, zero below 2^-126; relative error 2e-7. The polynomial is a minimax fit on [-0.5, 0.5].
KERNELS_INLINE Floats exp2(Floats x) {
  const Floats lowest = all(-126.0f);
  const Floats clamped = x < lowest ? lowest : x;  // NaN stays
  const Floats shifted = clamped + 12582912.0f;    // 1.5 · 2^23: its last bits are the rounded x
  const Floats f = clamped - (shifted - 12582912.0f);
  Floats p = f * 1.3276472190603822e-3f + 9.675541616615681e-3f;
  p = p * f + 5.550713275340516e-2f;
  p = p * f + 2.4022119718645993e-1f;
  p = p * f + 6.931469670620961e-1f;
  p = p * f + 1.0000000716557267f;
  const Words power = (reinterpret_cast<Words>(shifted) << 23) + (127u << 23);
  return x < lowest ? Floats{} : p * reinterpret_cast<Floats>(power);
}

// out = grad · slopes[x], x by its bits.
KERNELS_TARGET void multiplyByTable(uint16_t* out, const uint16_t* grad, const uint16_t* x, int64_t length, const float* slopes) {
  constexpr int64_t most = 256;
  float block[most];  // filled well before it is read: a vector of values just stored would wait for them
  for (int64_t start = 0; start < length; start += most) {
    const int64_t size = length - start < most ? length - start : most;
    for (int64_t i = 0; i < size; i++) block[i] = slopes[x[start + i]];
    for (int64_t i = 0; i < size; i += lanes) {
      Floats slope;
      std::memcpy(&slope, block + i, sizeof slope);
      const int64_t rest = size - i;
      if (rest >= lanes) store(out + start + i, load(grad + start + i) * slope);
      else storePart(out + start + i, loadPart(grad + start + i, rest) * slope, rest);
    }
  }
}

// The lanes, each exchanged with the one whose number differs by `step`.
template <int step>
KERNELS_INLINE Floats exchanged(Floats value) {
#if defined(__clang__)
  Floats result;
  for (int i = 0; i < lanes; i++) result[i] = value[i ^ step];
  return result;
#else
  Ints from;
  for (int i = 0; i < lanes; i++) from[i] = i ^ step;
  return __builtin_shuffle(value, from);
#endif
}

KERNELS_INLINE Floats larger(Floats a, Floats b) { return a > b ? a : b; }

// The largest lane and the sum of the lanes, in all lanes.
KERNELS_INLINE Floats largestOf(Floats v) {
  if constexpr (lanes > 8) v = larger(v, exchanged<8>(v));
  if constexpr (lanes > 4) v = larger(v, exchanged<4>(v));
  v = larger(v, exchanged<2>(v));
  return larger(v, exchanged<1>(v));
}

KERNELS_INLINE Floats sumOf(Floats v) {
  if constexpr (lanes > 8) v += exchanged<8>(v);
  if constexpr (lanes > 4) v += exchanged<4>(v);
  v += exchanged<2>(v);
  return v + exchanged<1>(v);
}

// Lanes from `count` on replaced.
KERNELS_INLINE Floats first(int64_t count, Floats value, Floats others) {
  Ints lane;
  for (int i = 0; i < lanes; i++) lane[i] = i;
  return lane < static_cast<int32_t>(count) ? value : others;
}

// softmax(scale · x) of one row. The last vector reaches over the row's end: `whole` says that memory does too, and that
// what is written there will be written again.
KERNELS_INLINE void softmaxRow(uint16_t* out, const uint16_t* x, int64_t length, float scale, float* scratch, bool whole) {
  const Floats nothing = all(-std::numeric_limits<float>::infinity());
  const int64_t full = length / lanes * lanes, rest = length - full;
  Floats largest = nothing;
  for (int64_t i = 0; i < full; i += lanes) {
    const Floats scores = load(x + i) * scale;
    largest = larger(scores, largest);  // a NaN is passed over here, and taken up by the sum
    std::memcpy(scratch + i, &scores, sizeof scores);
  }
  if (rest > 0) {
    const Floats scores = first(rest, (whole ? load(x + full) : loadPart(x + full, rest)) * scale, nothing);
    largest = larger(scores, largest);
    std::memcpy(scratch + full, &scores, sizeof scores);
  }
  largest = largestOf(largest);
  Floats sum = {};
  for (int64_t i = 0; i < length; i += lanes) {
    Floats scores;
    std::memcpy(&scores, scratch + i, sizeof scores);
    const Floats power = exp2((scores - largest) * 1.44269504088896341f);
    sum += power;
    std::memcpy(scratch + i, &power, sizeof power);
  }
  const Floats factor = 1.0f / sumOf(sum);
  for (int64_t i = 0; i < length; i += lanes) {
    Floats power;
    std::memcpy(&power, scratch + i, sizeof power);
    if (i < full || whole) store(out + i, power * factor);
    else storePart(out + i, power * factor, rest);
  }
}

// scale · y · (grad - Σ grad · y) of one row.
KERNELS_INLINE void softmaxBackwardRow(uint16_t* out, const uint16_t* grad, const uint16_t* y, int64_t length, float scale, bool whole) {
  const int64_t full = length / lanes * lanes, rest = length - full;
  Floats sum = {}, lastGrad = {}, lastY = {};
  for (int64_t i = 0; i < full; i += lanes) sum += load(grad + i) * load(y + i);
  if (rest > 0) {
    lastGrad = whole ? load(grad + full) : loadPart(grad + full, rest);
    lastY = whole ? load(y + full) : loadPart(y + full, rest);
    sum += first(rest, lastGrad * lastY, Floats{});
  }
  sum = sumOf(sum);
  for (int64_t i = 0; i < full; i += lanes) store(out + i, (load(grad + i) - sum) * load(y + i) * scale);
  if (rest == 0) return;
  const Floats last = (lastGrad - sum) * lastY * scale;
  if (whole) store(out + full, last);
  else storePart(out + full, last, rest);
}

// Whether the row's vectors stay within `rows` rows.
KERNELS_INLINE bool staysInside(int64_t row, int64_t rows, int64_t length) {
  return row * length + (length + lanes - 1) / lanes * lanes <= rows * length;
}

KERNELS_TARGET void softmaxRows(uint16_t* out, const uint16_t* x, int64_t rows, int64_t length, float scale, float* scratch) {
  for (int64_t row = 0; row < rows; row++)
    softmaxRow(out + row * length, x + row * length, length, scale, scratch, staysInside(row, rows, length));
}

KERNELS_TARGET void softmaxBackwardRows(uint16_t* out, const uint16_t* grad, const uint16_t* y, int64_t rows, int64_t length, float scale) {
  for (int64_t row = 0; row < rows; row++) {
    const int64_t at = row * length;
    softmaxBackwardRow(out + at, grad + at, y + at, length, scale, staysInside(row, rows, length));
  }
}

constexpr Kernels kernels = {multiplyByTable, softmaxRows, softmaxBackwardRows};

#undef KERNELS_INLINE

}  // namespace KERNELS_NAMESPACE

#undef KERNELS_NAMESPACE
#undef KERNELS_LANES
#undef KERNELS_TARGET
