// A source of data and an augmentation of one's own: images as one JSON file, and stripes over them.
// The file is { classes: ['a', 'b'], side: 16, train: [[label, [r, g, b, r, …]], …], test: […] }.
import { readFileSync } from 'node:fs';
import { registerAugmentation, registerSource, torch, z } from 'deit-lt';

registerSource({
  name: 'arrays',
  summary: 'a file of images: data.arrays.json',
  // `--data FILE`: the data set, or undefined for what another source may know. With `names: ['mine']`, `--data mine` comes here, too.
  async open(spec, { reads }) {
    if (!spec.endsWith('.arrays.json')) return undefined;
    reads(spec);
    const { classes, side, train, test } = JSON.parse(readFileSync(spec, 'utf8'));
    const split = (images, part) => ({
      labels: Int32Array.from(images, ([label]) => label),
      images: {
        kind: 'memory',
        length: images.length,
        width: side,
        height: side,
        pixels: Uint8Array.from(images.flatMap(([, pixels]) => pixels)), // row by row, RGB
        nameOf: (index) => `${spec}: ${part} image ${index}`,
      },
    });
    return { name: spec, classNames: classes, train: split(train, 'train'), test: split(test, 'test') };
  },
});

registerAugmentation({
  name: 'stripes',
  kind: 'batch',
  options: z.object({
    probability: z.number().min(0).max(1).default(0.5).describe('share of the images that are changed'),
    width: z.int().positive().default(2).describe('width of a stripe in pixels of the input'),
  }),
  // Images [B, 3, S, S] of 0…255, and a stream of random numbers for each: the same images again when a run is resumed.
  create:
    ({ probability, width }, { size }) =>
    (images, randoms) => {
      const first = torch.arange(size).floorDivide(width).remainder(2).eq(0).float().to(images.device); // (S)
      const chosen = torch.tensor(randoms.map((random) => (random.chance(probability) ? 1 : 0)));
      const dark = chosen.to(images.device).reshape([-1, 1, 1, 1]).mul(first); // (B, 1, 1, S)
      return images.mul(dark.neg().add(1));
    },
});
