/**
 * The exact law of boxes that are drawn by area and shape, rounded to whole pixels and drawn again until they fit:
 * random resized crops and erased boxes. By integration over a fine grid of the two uniform numbers, independently of the
 * code that is tested.
 */

export interface BoxLawOptions {
  width: number;
  height: number;
  /** Share of the image's area, [low, high], uniform. */
  area: readonly [number, number];
  /** [low, high], uniform in the logarithm. */
  shape: readonly [number, number];
  /** Shape is height over width; default width over height. */
  tall?: boolean;
  fits: (width: number, height: number) => boolean;
  /** Default 10. */
  tries?: number;
}

/** `share` of each `${width}x${height}`; `missed`: the probability that no try fits. */
export function boxLaw(options: BoxLawOptions): { share: Map<string, number>; missed: number } {
  const { width, height, area, shape, tall = false, fits, tries = 10 } = options;
  const steps = 1000;
  const share = new Map<string, number>();
  let accepted = 0;
  for (let i = 0; i < steps; i++)
    for (let j = 0; j < steps; j++) {
      const size = width * height * (area[0] + ((i + 0.5) / steps) * (area[1] - area[0]));
      const ratio = shape[0] * (shape[1] / shape[0]) ** ((j + 0.5) / steps);
      const long = Math.round(Math.sqrt(size * ratio));
      const short = Math.round(Math.sqrt(size / ratio));
      const [w, h] = tall ? [short, long] : [long, short];
      if (!fits(w, h)) continue;
      accepted++;
      share.set(`${w}x${h}`, (share.get(`${w}x${h}`) ?? 0) + 1);
    }
  const missed = (1 - accepted / steps ** 2) ** tries;
  for (const [box, count] of share) share.set(box, (count / accepted) * (1 - missed));
  return { share, missed };
}
