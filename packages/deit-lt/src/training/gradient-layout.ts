/** Where the gradients of a network lie in one row, in parts (buckets) that can travel by themselves. */

/** A parameter in the row. */
export interface GradientPlace {
  readonly offset: number;
  readonly numel: number;
  /** Place of the number of batches in which it had a gradient. */
  readonly count: number;
  readonly bucket: number;
}

export interface GradientLayout {
  /** One for each parameter, in their order. */
  readonly places: readonly GradientPlace[];
  /** In the order in which they are sent: the last parameters, whose gradients come first, are in the first one. */
  readonly buckets: readonly { readonly offset: number; readonly length: number }[];
  /** Numbers of the row. */
  readonly length: number;
}

export interface GradientLayoutOptions {
  /** Bytes of a bucket, in float32; a larger parameter has one of its own. Default: all are in one bucket. */
  readonly bucketBytes?: number | undefined;
  /** The length of each bucket is a multiple of it. Default 1. */
  readonly count?: number;
}

/** Returns the layout for parameters with so many numbers: in each bucket the gradients, their counts, and zeros at the end. */
export function gradientLayout(
  numels: readonly number[],
  { bucketBytes = Number.POSITIVE_INFINITY, count = 1 }: GradientLayoutOptions = {},
): GradientLayout {
  const places: GradientPlace[] = [];
  const buckets: { offset: number; length: number }[] = [];
  let length = 0;
  for (const members of grouped(numels, bucketBytes / 4)) {
    const offset = length;
    for (const p of members) {
      places[p] = { offset: length, numel: numels[p]!, count: -1, bucket: buckets.length };
      length += numels[p]!;
    }
    for (const p of members) places[p] = { ...places[p]!, count: length++ };
    length = offset + Math.ceil((length - offset) / count) * count;
    buckets.push({ offset, length: length - offset });
  }
  return { places, buckets, length };
}

/** The parameters of each bucket, from the last one on. */
function grouped(numels: readonly number[], most: number): number[][] {
  const groups: number[][] = [];
  let size = 0;
  for (let p = numels.length - 1; p >= 0; p--) {
    const numel = numels[p]!;
    if (groups.length === 0 || size + numel > most) {
      groups.push([]);
      size = 0;
    }
    groups.at(-1)!.push(p);
    size += numel;
  }
  return groups;
}
