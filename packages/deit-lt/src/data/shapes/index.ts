/**
 * `shapes`: a small data set that is drawn from a seed, so that everything can be tried without a download. Ten classes of
 * outlines in random poses and light and in colours and textures that hint at the class, partly covered and noisy; see
 * docs/shapes.md.
 */
import { stream } from '../../random/stream.js';
import type { Dataset, ImageSplit } from '../dataset.js';
import { type ShapeName, shapeNames } from './outlines.js';
import { drawScene } from './scene.js';

export { shapeNames };

export interface ShapesOptions {
  /** Default 0. */
  seed?: number;
  /** Training images of each class. Default 1000: a tail of ratio 100 then ends with 10 images. */
  trainPerClass?: number;
  /** Test images of each class. Default 200. */
  testPerClass?: number;
  /** Side of the images in pixels. Default 32. */
  size?: number;
}

/** Draws the data set, balanced; `makeLongTail` cuts a long tail from it. About a quarter of a millisecond an image. */
export function drawShapes({
  seed = 0,
  trainPerClass = 1000,
  testPerClass = 200,
  size = 32,
}: ShapesOptions = {}): Dataset {
  return {
    name: 'shapes',
    classNames: shapeNames,
    train: drawSplit({ name: 'train', number: 0, perClass: trainPerClass }, size, seed),
    test: drawSplit({ name: 'test', number: 1, perClass: testPerClass }, size, seed),
  };
}

/** Image i is of class i mod 10 and depends only on (seed, split, i). */
function drawSplit(
  { name, number, perClass }: { name: string; number: number; perClass: number },
  size: number,
  seed: number,
): ImageSplit {
  const length = perClass * shapeNames.length;
  const labels = Int32Array.from({ length }, (_, i) => i % shapeNames.length);
  const pixels = new Uint8Array(length * size * size * 3);
  const shapeOf = (i: number): ShapeName => shapeNames[labels[i]!]!;
  for (let i = 0; i < length; i++)
    pixels.set(drawScene(shapeOf(i), size, stream(seed, 'draw', number, i)), i * size * size * 3);
  const nameOf = (i: number): string => `shapes ${name} #${i} (${shapeOf(i)})`;
  return { images: { kind: 'memory', length, width: size, height: size, pixels, nameOf }, labels };
}
