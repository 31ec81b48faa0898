/**
 * `shapes`: a small data set that is drawn from a seed, so that everything can be tried without a download. Ten classes of
 * outlines in random poses and light and in colours and textures that hint at the class, partly covered and noisy; see
 * docs/shapes.md.
 */
import { stream } from '../../random/stream.js';
import { type Dataset, type ImageSplit, imagesOnDemand } from '../dataset.js';
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

/**
 * Draws the data set, balanced; `makeLongTail` cuts a long tail from it. Images are drawn when the first pixel of their split, or of
 * a subset of it, is read, and no others are. About 0.2 ms an image.
 */
export function drawShapes({
  seed = 0,
  trainPerClass = 1000,
  testPerClass = 200,
  size = 32,
}: ShapesOptions = {}): Dataset {
  return {
    name: 'shapes',
    classNames: shapeNames,
    train: splitOf({ name: 'train', number: 0, size, seed }, trainPerClass),
    test: splitOf({ name: 'test', number: 1, size, seed }, testPerClass),
  };
}

/** The parts that all images of a split have in common. */
interface Drawn {
  readonly name: string;
  readonly number: number;
  readonly size: number;
  readonly seed: number;
}

function splitOf(drawn: Drawn, perClass: number): ImageSplit {
  const { name, size } = drawn;
  const ids = Int32Array.from({ length: perClass * shapeNames.length }, (_, id) => id);
  const nameOf = (id: number): string => `shapes ${name} #${id} (${shapeOf(id)})`;
  const make = (chosen: Int32Array): Uint8Array => drawPixels(drawn, chosen);
  return {
    images: imagesOnDemand({ width: size, height: size, nameOf, make }, ids),
    labels: ids.map((id) => id % shapeNames.length),
  };
}

const shapeOf = (id: number): ShapeName => shapeNames[id % shapeNames.length]!;

/** Image `id` is of class `id` mod 10 and depends only on (seed, split, id). */
function drawPixels({ number, size, seed }: Drawn, ids: Int32Array): Uint8Array {
  const bytes = size * size * 3;
  const pixels = new Uint8Array(ids.length * bytes);
  ids.forEach((id, i) => {
    pixels.set(drawScene(shapeOf(id), size, stream(seed, 'draw', number, id)), i * bytes);
  });
  return pixels;
}
