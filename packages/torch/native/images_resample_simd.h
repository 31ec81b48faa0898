// Resampling through a matrix, part of images_simd.h: once for each processor family, in its namespace.
// Sums are taken in float32, and where one is so near to a whole level that rounding could decide, again in doubles in
// Pillow's order, so that the levels are Pillow's.

// Where a pixel comes from. Rows are monotone in x, so that what lies inside is one run.
struct Place {
  double x, y;
};

IMAGES_INLINE Place placeOf(const Matrix& m, int64_t x, double yCentre) {
  const double xCentre = static_cast<double>(x) + 0.5;
  return {m[0] * xCentre + m[1] * yCentre + m[2], m[3] * xCentre + m[4] * yCentre + m[5]};
}

IMAGES_INLINE bool isInside(const Place& place, const Picture& picture) {
  return place.x >= 0 && place.x < static_cast<double>(picture.width) && place.y >= 0 && place.y < static_cast<double>(picture.height);
}

// The sixteen bytes of four neighbouring pixels.
constexpr int64_t pieces = 16 / lanes;
struct Taps {
  Floats part[pieces];
};

IMAGES_INLINE Taps readTaps(const uint8_t* from) {
  Taps taps;
  for (int64_t k = 0; k < pieces; k++) taps.part[k] = toFloats(read<Bytes>(from + k * lanes));
  return taps;
}

// Coefficients of d³, d², d and 1 in the weight of each of the four pixels, for every channel.
struct Weights {
  Taps power[4];
};

IMAGES_INLINE Weights weightsOf(bool cubic) {
  constexpr float cubicPowers[4][4] = {{-1, 1, -1, 1}, {2, -2, 1, -1}, {-1, 0, 1, 0}, {0, 1, 0, 0}};
  constexpr float linearPowers[4][4] = {{}, {}, {0, -1, 1, 0}, {0, 1, 0, 0}};
  Weights weights;
  for (int64_t p = 0; p < 4; p++) {
    float row[16];
    for (int64_t i = 0; i < 16; i++) row[i] = (cubic ? cubicPowers : linearPowers)[p][i / 4];
    for (int64_t k = 0; k < pieces; k++) weights.power[p].part[k] = read<Floats>(row + k * lanes);
  }
  return weights;
}

// The four sums over every fourth of sixteen numbers.
IMAGES_INLINE Floats4 sumPixels(const Taps& taps) {
  float all[16];
  std::memcpy(all, &taps, sizeof all);
  return (read<Floats4>(all) + read<Floats4>(all + 4)) + (read<Floats4>(all + 8) + read<Floats4>(all + 12));
}

// One pixel in single precision, between the pixels from (x - 1, y - 1) on that `taps` points to.
template <bool cubic>
IMAGES_INLINE Floats4 resamplePixel(const uint8_t* taps, int64_t stride, float dx, float dy, const Weights& weights) {
  const Taps second = readTaps(taps + stride), third = readTaps(taps + 2 * stride);
  Taps product;
  if constexpr (cubic) {
    const Taps first = readTaps(taps), fourth = readTaps(taps + 3 * stride);
    for (int64_t k = 0; k < pieces; k++) {
      const Floats v1 = first.part[k], v2 = second.part[k], v3 = third.part[k], v4 = fourth.part[k];
      const Floats difference = v1 - v2, p3 = difference + difference + (v3 - v4), p4 = (v4 - v3) - difference;
      const Floats column = v2 + dy * ((v3 - v1) + dy * (p3 + dy * p4));
      const Floats w3 = weights.power[0].part[k], w2 = weights.power[1].part[k], w1 = weights.power[2].part[k];
      const Floats weight = ((w3 * dx + w2) * dx + w1) * dx + weights.power[3].part[k];
      product.part[k] = column * weight;
    }
  } else {
    for (int64_t k = 0; k < pieces; k++) {
      const Floats column = second.part[k] + dy * (third.part[k] - second.part[k]);
      product.part[k] = column * (weights.power[2].part[k] * dx + weights.power[3].part[k]);
    }
  }
  return sumPixels(product);
}

IMAGES_INLINE double cubicBetween(double v1, double v2, double v3, double v4, double d) {
  const double p2 = -v1 + v3, p3 = 2 * (v1 - v2) + v3 - v4, p4 = -v1 + v2 - v3 + v4;
  return v2 + d * (p2 + d * (p3 + d * p4));
}

// One channel of one pixel in Pillow's doubles and order.
template <bool cubic>
IMAGES_INLINE uint8_t resampleExactly(const uint8_t* taps, int64_t stride, double dx, double dy) {
  double column[4];
  for (int64_t j = cubic ? 0 : 1; j < (cubic ? 4 : 3); j++) {
    const uint8_t* row = taps + j * stride;
    column[j] = cubic ? cubicBetween(row[0], row[4], row[8], row[12], dx) : row[4] + (row[8] - row[4]) * dx;
  }
  const double v = cubic ? cubicBetween(column[0], column[1], column[2], column[3], dy) : column[1] + (column[2] - column[1]) * dy;
  return v <= 0 ? 0 : v >= 255 ? 255 : static_cast<uint8_t>(v);
}

// Single precision is right but where a result is this near to a whole level: those are computed again in doubles. The
// error stays below 255 · 2.5 (the sum of |weights|) · 10 · 2^-24 = 4e-4.
constexpr float doubtful = 1.0f / 1024;

// Makes levels of a vector of sums and says whether some are doubtful.
IMAGES_INLINE bool toLevels(uint8_t* out, const float* sums) {
  const Floats v = read<Floats>(sums);
  const Floats nearest = (v + 12582912.0f) - 12582912.0f;  // 1.5 · 2^23
  const Floats distance = v - nearest;
  const Ints unsure = (distance < doubtful) & (distance > -doubtful) & (v > 0.5f) & (v < 255.5f);
  write(out, toBytes(clipped(v)));
  return anyOf(unsure);
}

// Whether all sixteen pixels are the same: then the result is that pixel, in every precision.
IMAGES_INLINE bool isFlat(const uint8_t* taps, int64_t stride) {
  const uint64_t first = read<uint64_t>(taps);
  uint64_t different = (first >> 32) ^ (first & 0xffffffff);
  for (int64_t j = 0; j < 4; j++, taps += stride) different |= (read<uint64_t>(taps) ^ first) | (read<uint64_t>(taps + 8) ^ first);
  return different == 0;
}

struct RowBuffers {
  explicit RowBuffers(int64_t width) : offset(width + lanes), dx(width + lanes), dy(width + lanes), sums(4 * (width + lanes)) {}
  std::vector<int32_t> offset;
  std::vector<float> dx, dy, sums;
};

IMAGES_INLINE double floorOf(double v) {
  const double whole = static_cast<double>(static_cast<int64_t>(v));
  return whole > v ? whole - 1 : whole;
}

// From -1 on.
IMAGES_INLINE Doubles floorOf(Doubles v) {
  const Doubles whole = __builtin_convertvector(__builtin_convertvector(v, FewInts), Doubles);
  return whole > v ? whole - 1 : whole;
}

// Where the taps of the row's pixels lie, and how far between them the pixels do.
IMAGES_INLINE void findTaps(RowBuffers& buffers, const Matrix& m, int64_t stride, double yCentre, int64_t begin, int64_t end) {
  constexpr int64_t count = lanes / 2;
  Doubles steps;
  for (int64_t i = 0; i < count; i++) steps[i] = static_cast<double>(i) + 0.5;
  const double alongX = m[1] * yCentre, alongY = m[4] * yCentre;
  for (int64_t x = begin; x < end; x += count) {
    const Doubles xCentre = steps + static_cast<double>(x);
    const Doubles px = m[0] * xCentre + alongX + m[2] - 0.5, py = m[3] * xCentre + alongY + m[5] - 0.5;
    const Doubles ix = floorOf(px), iy = floorOf(py);
    write(&buffers.offset[x], __builtin_convertvector(iy * static_cast<double>(stride) + 4 * ix, FewInts));
    write(&buffers.dx[x], __builtin_convertvector(px - ix, FewFloats));
    write(&buffers.dy[x], __builtin_convertvector(py - iy, FewFloats));
  }
}

// Puts right the channels of a pixel whose sums are doubtful.
template <bool cubic>
IMAGES_TARGET void correctPixel(uint8_t* out, const uint8_t* taps, int64_t stride, const Place& place, const float* sums) {
  if (isFlat(taps, stride)) {
    std::memcpy(out, taps, 4);
    return;
  }
  const double px = place.x - 0.5, py = place.y - 0.5;
  const double dx = px - floorOf(px), dy = py - floorOf(py);
  for (int64_t c = 0; c < 3; c++)
    if (std::abs(sums[c] - std::nearbyint(sums[c])) < doubtful) out[c] = resampleExactly<cubic>(taps + c, stride, dx, dy);
}

template <bool cubic>
IMAGES_TARGET void resampleRow(uint8_t* out, const Picture& picture, const Matrix& matrix, int64_t y, int64_t begin, int64_t end,
                               const Weights& weights, RowBuffers& buffers) {
  const uint8_t* corner = picture.row(-1) - 4;  // the tap of pixel (0, 0)
  const double yCentre = static_cast<double>(y) + 0.5;
  findTaps(buffers, matrix, picture.stride, yCentre, begin, end);
  for (int64_t x = begin; x < end; x++) {
    const uint8_t* taps = corner + buffers.offset[x];
    write(&buffers.sums[4 * x], resamplePixel<cubic>(taps, picture.stride, buffers.dx[x], buffers.dy[x], weights));
  }
  for (int64_t at = 4 * begin; at < 4 * end; at += lanes) {
    if (!toLevels(out + at, &buffers.sums[at])) continue;
    for (int64_t x = at / 4; x < std::min(end, (at + lanes) / 4); x++)
      correctPixel<cubic>(out + 4 * x, corner + buffers.offset[x], picture.stride, placeOf(matrix, x, yCentre), &buffers.sums[4 * x]);
  }
}

IMAGES_INLINE void fillRow(uint8_t* row, int64_t begin, int64_t end, const Colour& colour) {
  uint8_t pixel[4] = {colour[0], colour[1], colour[2], 0};
  for (int64_t x = begin; x < end; x++) std::memcpy(row + 4 * x, pixel, 4);
}

// Repeats the outermost pixels into the border.
IMAGES_INLINE void fillBorder(Picture& picture) {
  for (int64_t y = 0; y < picture.height; y++) {
    uint8_t* row = picture.row(y);
    for (int64_t k = 1; k <= picture.border; k++) {
      std::memcpy(row - 4 * k, row, 4);
      std::memcpy(row + 4 * (picture.width - 1 + k), row + 4 * (picture.width - 1), 4);
    }
  }
  uint8_t* first = picture.row(0) - 4 * picture.border;
  uint8_t* last = first + (picture.height - 1) * picture.stride;
  for (int64_t k = 1; k <= picture.border; k++) {
    std::memcpy(first - k * picture.stride, first, picture.stride);
    std::memcpy(last + k * picture.stride, last, picture.stride);
  }
}

template <bool cubic>
IMAGES_TARGET void resampleAll(Picture& out, const Picture& picture, const Matrix& matrix, const Colour& outside) {
  const Weights weights = weightsOf(cubic);
  RowBuffers buffers(picture.width);
  for (int64_t y = 0; y < out.height; y++) {
    const double yCentre = static_cast<double>(y) + 0.5;
    int64_t begin = 0, end = out.width;
    while (begin < end && !isInside(placeOf(matrix, begin, yCentre), picture)) begin++;
    while (begin < end && !isInside(placeOf(matrix, end - 1, yCentre), picture)) end--;
    resampleRow<cubic>(out.row(y), picture, matrix, y, begin, end, weights, buffers);
    fillRow(out.row(y), 0, begin, outside);
    fillRow(out.row(y), end, out.width, outside);
  }
}

IMAGES_TARGET void resample(Picture& out, Picture& picture, const Matrix& matrix, Filter filter, const Colour& outside) {
  fillBorder(picture);
  if (filter == Filter::bicubic) resampleAll<true>(out, picture, matrix, outside);
  else resampleAll<false>(out, picture, matrix, outside);
}
