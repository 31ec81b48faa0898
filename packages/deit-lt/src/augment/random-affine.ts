/** A random rotation, shear and translation of each image, in one resampling. */
import * as torch from '@deit-lt/torch';
import { z } from 'zod';
import type { RandomStream } from '../random/stream.js';
import { compose, planAffine } from './affine.js';
import type { Matrix } from './affine-matrix.js';
import { augmentation, colour, probability } from './augmentation.js';
import { affineOps } from './ops.js';
import { plannedTransform } from './transform.js';

const options = z.strictObject({
  probability: probability(1),
  degrees: z.number().min(0).max(180).default(0).describe('rotation is drawn from −x … x degrees'),
  shear: z.number().min(0).max(2).default(0).describe('shear on each axis is drawn from −x … x pixels per pixel'),
  translate: z.number().min(0).max(1).default(0).describe('shift on each axis is drawn from −x … x of the side'),
  fill: colour().optional().describe('colour of what comes in, three levels 0…255; default the mean colour'),
});

const unchanged: Matrix = [1, 0, 0, 0, 1, 0];

function drawMatrix(
  { degrees, shear, translate }: z.output<typeof options>,
  width: number,
  height: number,
  random: RandomStream,
): Matrix {
  const within = (limit: number): number => random.uniform(-limit, limit);
  return [
    affineOps.rotate(within(degrees), width, height),
    affineOps.shearX(within(shear)),
    affineOps.shearY(within(shear)),
    affineOps.translateX(within(translate), width),
    affineOps.translateY(within(translate), width, height),
  ].reduce(compose);
}

export const randomAffine = augmentation('batch', options, (given, { mean }) => {
  const fill = given.fill ?? mean.map((value) => Math.round(255 * value));
  return plannedTransform((batch, randoms) => {
    const matrices = randoms.map((random) =>
      random.chance(given.probability) ? drawMatrix(given, batch.width, batch.height, random) : unchanged,
    );
    const change = planAffine(matrices, fill, batch);
    return (images) => torch.tidy(() => change(images).contiguous({ memoryFormat: 'channels_last' }));
  });
});
