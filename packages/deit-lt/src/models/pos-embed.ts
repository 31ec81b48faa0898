/**
 * Positional embeddings for another number of patches than a model was made for, as in DINO and DeiT-LT: the
 * learned grid is resized as an image is.
 */
import * as torch from '@deit-lt/torch';

export type Grid = readonly [rows: number, columns: number];

/**
 * `positions` `[1, prefix + rows · columns, D]` of the grid `from` for the grid `to`. The first `prefix` tokens stay;
 * the others are resized bicubically without antialiasing, by the factor `(to + 0.1) / from`.
 */
export function interpolatePositions(positions: torch.Tensor, prefix: number, from: Grid, to: Grid): torch.Tensor {
  if (from[0] === to[0] && from[1] === to[1]) return positions;
  return torch.tidy(() => {
    const width = positions.size(-1);
    const image = positions
      .narrow(1, prefix, from[0] * from[1])
      .reshape(1, from[0], from[1], width)
      .permute(0, 3, 1, 2);
    // The 0.1 keeps rounding from losing a row; it also moves the points that are sampled, and published weights expect that.
    const scaleFactor = [(to[0] + 0.1) / from[0], (to[1] + 0.1) / from[1]] as const;
    const resized = torch.nn.functional.interpolate(image, { scaleFactor, mode: 'bicubic' }); // [1, D, rows, columns]
    const patches = resized.permute(0, 2, 3, 1).reshape(1, to[0] * to[1], width);
    return torch.cat([positions.narrow(1, 0, prefix), patches], 1);
  });
}
