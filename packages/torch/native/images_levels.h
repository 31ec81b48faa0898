// Operations on a picture that need no vector code: tables of levels, histograms, grey, and the nearest pixel.
#pragma once

#include "images.h"

namespace images {

// What each does stands in deit-lt's src/augment/levels.ts and enhance.ts; all change the picture itself.
void autocontrast(Picture& picture);
void equalize(Picture& picture);
void invert(Picture& picture);
void solarize(Picture& picture, double threshold);
void solarizeAdd(Picture& picture, double amount);
void posterize(Picture& picture, double bits);
void brightness(Picture& picture, float factor);
void contrast(Picture& picture, float factor);

// out = the grey levels in all three channels; may be the picture itself.
void grayscale(Picture& out, const Picture& picture);

// Turns the hue by `steps` of 255 of the circle.
void turnHue(Picture& picture, double steps);

// out = picture through the matrix; a pixel that falls outside takes the colour.
void resampleNearest(Picture& out, const Picture& picture, const Matrix& matrix, const Colour& outside);

}  // namespace images
