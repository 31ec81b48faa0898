// Operations of image augmentation on the CPU, image by image and in 8-bit levels, as Pillow does them. images.cc makes an
// operator of them, images_cpu.cc chooses the processor's vector code of images_simd.h.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace registration {
class Registrar;
}

namespace images {

// One image as rows of four-byte pixels (red, green, blue, zero), with a border on each side that is filled before it is
// read. Vector code may write up to 15 bytes beyond a row: that is border, too, hence at least two pixels of it.
struct Picture {
  Picture(int64_t height, int64_t width, int64_t border = 2)
      : height(height), width(width), border(border), stride(4 * (width + 2 * border)), bytes(stride * (height + 2 * border) + 64) {}

  uint8_t* row(int64_t y) { return bytes.data() + (y + border) * stride + 4 * border; }
  const uint8_t* row(int64_t y) const { return bytes.data() + (y + border) * stride + 4 * border; }

  int64_t height, width, border, stride;
  std::vector<uint8_t> bytes;
};

enum class Filter { nearest, bilinear, bicubic };

// Where an output pixel's centre comes from: x' = a·x + b·y + c, y' = d·x + e·y + f.
using Matrix = std::array<double, 6>;
using Colour = std::array<uint8_t, 3>;

// The functions with vector code, for one processor family.
struct Family {
  // Between whole levels as float32, channels interleaved, and a picture.
  void (*load)(Picture& picture, const float* levels);
  void (*store)(float* levels, const Picture& picture);
  // out = picture through the matrix, bilinear or bicubic; outside of the picture, the colour.
  void (*resample)(Picture& out, Picture& picture, const Matrix& matrix, Filter filter, const Colour& outside);
  // picture = other + factor · (picture - other), clipped and truncated.
  void (*blend)(Picture& picture, const Picture& other, float factor);
  // out = Pillow's SMOOTH filter of the picture; its outermost pixels stay.
  void (*smooth)(Picture& out, const Picture& picture);
  // Three box blurs along x, then three along y. The box's half width is `box`: its outermost pixels count in part.
  void (*blur)(Picture& picture, float box);
};

const Family& family();

void registerOperators(registration::Registrar& registrar);

}  // namespace images
