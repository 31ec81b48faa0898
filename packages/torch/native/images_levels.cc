// Tables of levels, histograms, grey, hue and the nearest pixel, in Pillow's integers and in its order.
#include "images_levels.h"

#include <algorithm>
#include <cmath>
#include <cstring>

// Products and sums are rounded one by one, as Pillow's (see images_cpu.cc).
#if defined(__clang__)
#pragma clang fp contract(off)
#else
#pragma GCC push_options
#pragma GCC optimize("fp-contract=off")
#endif

namespace images {
namespace {

using Table = std::array<uint8_t, 256>;
using Histogram = std::array<int64_t, 256>;

template <class F>
Table tableOf(const F& levelOf) {
  Table table;
  for (int level = 0; level < 256; level++) table[level] = static_cast<uint8_t>(std::clamp<double>(levelOf(level), 0, 255));
  return table;
}

void lookUp(Picture& picture, const std::array<Table, 3>& tables) {
  for (int64_t y = 0; y < picture.height; y++) {
    uint8_t* row = picture.row(y);
    for (int64_t x = 0; x < picture.width; x++, row += 4) {
      row[0] = tables[0][row[0]];
      row[1] = tables[1][row[1]];
      row[2] = tables[2][row[2]];
    }
  }
}

void lookUp(Picture& picture, const Table& table) { lookUp(picture, {table, table, table}); }

// Neighbours are often equal: counting them in turns in two tables spares waiting for the last count to be stored.
std::array<Histogram, 3> histogramsOf(const Picture& picture) {
  std::vector<std::array<std::array<uint32_t, 256>, 3>> counts(2);
  for (int64_t y = 0; y < picture.height; y++) {
    const uint8_t* row = picture.row(y);
    for (int64_t x = 0; x < picture.width; x++, row += 4)
      for (int c = 0; c < 3; c++) counts[x & 1][c][row[c]]++;
  }
  std::array<Histogram, 3> histograms;
  for (int c = 0; c < 3; c++)
    for (int level = 0; level < 256; level++) histograms[c][level] = int64_t{counts[0][c][level]} + counts[1][c][level];
  return histograms;
}

// The lowest and the highest level that occur.
std::pair<int, int> rangeOf(const Histogram& histogram) {
  int low = 0, high = 255;
  while (low < high && histogram[low] == 0) low++;
  while (high > low && histogram[high] == 0) high--;
  return {low, high};
}

Table stretching(const Histogram& histogram) {
  const auto [low, high] = rangeOf(histogram);
  if (high <= low) return tableOf([](int level) { return level; });
  const double scale = 255.0 / (high - low), offset = -low * scale;
  return tableOf([=](int level) { return level * scale + offset; });
}

Table equalizing(const Histogram& histogram) {
  int64_t step = 0;
  for (int64_t count : histogram) step += count;
  step = (step - histogram[rangeOf(histogram).second]) / 255;
  if (step == 0) return tableOf([](int level) { return level; });
  int64_t below = step / 2;
  return tableOf([&](int level) {
    const int64_t place = below / step;
    below += histogram[level];
    return static_cast<double>(place);
  });
}

template <class F>
void lookUpByHistogram(Picture& picture, const F& tableFor) {
  const auto histograms = histogramsOf(picture);
  lookUp(picture, {tableFor(histograms[0]), tableFor(histograms[1]), tableFor(histograms[2])});
}

// `from + factor · (level - from)` in single precision.
Table blendFrom(int from, float factor) {
  return tableOf([=](int level) {
    const float product = factor * static_cast<float>(level - from);
    return static_cast<float>(from) + product;
  });
}

// ITU-R 601 in sixteen-bit integers.
uint32_t greyOf(const uint8_t* pixel) { return (pixel[0] * 19595u + pixel[1] * 38470u + pixel[2] * 7471u + 32768u) >> 16; }

int meanGrey(const Picture& picture) {
  uint64_t sum = 0;
  for (int64_t y = 0; y < picture.height; y++) {
    const uint8_t* row = picture.row(y);
    uint32_t part = 0;
    for (int64_t x = 0; x < picture.width; x++) part += greyOf(row + 4 * x);
    sum += part;
  }
  return static_cast<int>(static_cast<double>(sum) / static_cast<double>(picture.height * picture.width) + 0.5);
}

struct Hsv {
  int hue, saturation, value;
};

// Levels 0…255. Quotients are stored in single precision and computed with in double, as in Pillow.
Hsv hsvOf(const uint8_t* pixel) {
  const int red = pixel[0], green = pixel[1], blue = pixel[2];
  const int value = std::max({red, green, blue}), chroma = value - std::min({red, green, blue});
  if (chroma == 0) return {0, 0, value};
  const auto share = [&](int level) { return static_cast<double>(static_cast<float>(value - level) / static_cast<float>(chroma)); };
  const double r = share(red), g = share(green), b = share(blue);
  const auto sector = static_cast<float>(red == value ? b - g : green == value ? 2 + r - b : 4 + g - r);
  const double turn = sector / 6.0 + 1.0;
  const auto hue = static_cast<float>(turn >= 1 ? turn - 1 : turn);
  const float saturation = static_cast<float>(chroma) / static_cast<float>(value);
  return {static_cast<int>(hue * 255.0), static_cast<int>(saturation * 255.0), value};
}

void fromHsv(uint8_t* pixel, const Hsv& hsv) {
  // Which of v, t, p, q each channel takes in each sixth of the circle.
  static constexpr int choices[6][3] = {{0, 1, 2}, {3, 0, 2}, {2, 0, 1}, {2, 3, 0}, {1, 2, 0}, {0, 2, 3}};
  const double sixths = hsv.hue * 6.0 / 255.0, part = hsv.saturation / 255.0;
  const int sector = static_cast<int>(sixths);
  const double fraction = sixths - sector;
  const auto level = [&](double loss) { return static_cast<uint8_t>((1 - loss) * hsv.value + 0.5); };
  const uint8_t levels[4] = {static_cast<uint8_t>(hsv.value), level((1 - fraction) * part), level(part), level(part * fraction)};
  for (int c = 0; c < 3; c++) pixel[c] = levels[choices[sector % 6][c]];
}

// Copies the pixel at (x, y), or the colour when that is outside.
void copyPixel(uint8_t* out, const Picture& picture, int64_t x, int64_t y, const Colour& outside) {
  const bool inside = x >= 0 && x < picture.width && y >= 0 && y < picture.height;
  std::memcpy(out, inside ? picture.row(y) + 4 * x : outside.data(), 3);
}

// Without rotation and shear: each column and each row has its source.
void resampleByTables(Picture& out, const Picture& picture, const Matrix& m, const Colour& outside) {
  const auto sources = [](double start, double step, int64_t count) {
    std::vector<int64_t> table;
    double place = start + step * 0.5;
    for (int64_t i = 0; i < count; i++, place += step) table.push_back(place < 0 || place >= 32768 ? -1 : static_cast<int64_t>(place));
    return table;
  };
  const auto columns = sources(m[2], m[0], out.width), rows = sources(m[5], m[4], out.height);
  for (int64_t y = 0; y < out.height; y++)
    for (int64_t x = 0; x < out.width; x++) copyPixel(out.row(y) + 4 * x, picture, columns[x], rows[y], outside);
}

// In steps of 2^-16 pixels.
int64_t fixed(double v) { return static_cast<int64_t>(std::floor(std::clamp(v, -1e9, 1e9) * 65536.0 + 0.5)); }

void resampleInFixedPoint(Picture& out, const Picture& picture, const Matrix& m, const Colour& outside) {
  const int64_t x0 = fixed(m[2] + m[0] * 0.5 + m[1] * 0.5), y0 = fixed(m[5] + m[3] * 0.5 + m[4] * 0.5);
  const int64_t a = fixed(m[0]), b = fixed(m[1]), d = fixed(m[3]), e = fixed(m[4]);
  for (int64_t y = 0; y < out.height; y++)
    for (int64_t x = 0; x < out.width; x++)
      copyPixel(out.row(y) + 4 * x, picture, (x0 + a * x + b * y) >> 16, (y0 + d * x + e * y) >> 16, outside);
}

}  // namespace

void autocontrast(Picture& picture) { lookUpByHistogram(picture, stretching); }

void equalize(Picture& picture) { lookUpByHistogram(picture, equalizing); }

void invert(Picture& picture) {
  lookUp(picture, tableOf([](int level) { return 255 - level; }));
}

void solarize(Picture& picture, double threshold) {
  lookUp(picture, tableOf([=](int level) { return level < threshold ? level : 255 - level; }));
}

void solarizeAdd(Picture& picture, double amount) {
  lookUp(picture, tableOf([=](int level) { return level < 128 ? level + amount : level; }));
}

void posterize(Picture& picture, double bits) {
  const int dropped = 8 - static_cast<int>(std::clamp(bits, 0.0, 8.0));
  lookUp(picture, tableOf([=](int level) { return level >> dropped << dropped; }));
}

void brightness(Picture& picture, float factor) { lookUp(picture, blendFrom(0, factor)); }

void contrast(Picture& picture, float factor) { lookUp(picture, blendFrom(meanGrey(picture), factor)); }

void grayscale(Picture& out, const Picture& picture) {
  for (int64_t y = 0; y < picture.height; y++) {
    const uint8_t* from = picture.row(y);
    uint8_t* to = out.row(y);
    for (int64_t x = 0; x < picture.width; x++) {
      const uint32_t pixel = greyOf(from + 4 * x) * 0x010101u;
      std::memcpy(to + 4 * x, &pixel, 4);
    }
  }
}

void turnHue(Picture& picture, double steps) {
  const int turn = static_cast<int>(std::fmod(steps, 256));
  for (int64_t y = 0; y < picture.height; y++) {
    uint8_t* row = picture.row(y);
    for (int64_t x = 0; x < picture.width; x++, row += 4) {
      Hsv hsv = hsvOf(row);
      hsv.hue = (hsv.hue + turn) & 255;
      fromHsv(row, hsv);
    }
  }
}

void resampleNearest(Picture& out, const Picture& picture, const Matrix& matrix, const Colour& outside) {
  if (matrix[1] == 0 && matrix[3] == 0) resampleByTables(out, picture, matrix, outside);
  else resampleInFixedPoint(out, picture, matrix, outside);
}

}  // namespace images

#if !defined(__clang__)
#pragma GCC pop_options
#endif
