/** Small images with what photographs have: smooth parts and clipped ones. */
import * as torch from '@deit-lt/torch';

/** `[n, height, width, 3]`, uint8, the same for the same seed. */
export function smoothImages(n: number, width: number, height: number, seed = 3): torch.Tensor {
  const generator = new torch.Generator().manualSeed(seed);
  const coarse = torch.randn([n, 3, 6, 8], { generator }).mul(90).add(128);
  const levels = torch.ops.aten.upsample_bilinear2d.default(coarse, [height, width], false).clamp(0, 255).floor();
  return levels.permute(0, 2, 3, 1).contiguous().to('uint8');
}

/**
 * Python: with `Image.Image.resize = resize` Pillow resizes horizontally first, as all versions before 13 do. Since then it
 * resizes vertically first where the height shrinks much more than the width, and the rounding between both passes differs.
 */
export const resizeInPython = `
from PIL import Image
resize_at_once = Image.Image.resize
def resize(image, size, resample=None, box=None, reducing_gap=None):
    left, top, right, bottom = box or (0, 0, *image.size)
    wide = resize_at_once(image, (size[0], image.height), resample, (left, 0, right, image.height))
    return resize_at_once(wide, size, resample, (0, top, size[0], bottom))
`;
