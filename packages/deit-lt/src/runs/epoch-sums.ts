/** What a training adds up over the batches of an epoch, for the epoch's line of metrics. It is saved within an epoch. */

export interface EpochSums {
  /** Of the batches' mean losses, and of each part that the task names. */
  readonly loss: number;
  readonly parts: Readonly<Record<string, number>>;
  readonly images: number;
  readonly seconds: number;
  /** Of the norms of the gradients that were measured, and how many were. */
  readonly gradNorm: number;
  readonly gradNorms: number;
}

export const noSums: EpochSums = { loss: 0, parts: {}, images: 0, seconds: 0, gradNorm: 0, gradNorms: 0 };

/** The sums with those of another batch, or of an update, or with more seconds. */
export function added(sums: EpochSums, more: Partial<EpochSums>): EpochSums {
  const names = new Set([...Object.keys(sums.parts), ...Object.keys(more.parts ?? {})]);
  const total = (name: Exclude<keyof EpochSums, 'parts'>): number => sums[name] + (more[name] ?? 0);
  return {
    loss: total('loss'),
    parts: Object.fromEntries([...names].map((name) => [name, (sums.parts[name] ?? 0) + (more.parts?.[name] ?? 0)])),
    images: total('images'),
    seconds: total('seconds'),
    gradNorm: total('gradNorm'),
    gradNorms: total('gradNorms'),
  };
}

/** As a checkpoint has them; older ones have the parts beside the other sums, and nothing of an epoch that has not begun. */
export function sumsOf(saved: Partial<EpochSums> | Readonly<Record<string, number>>): EpochSums {
  const {
    loss = 0,
    images = 0,
    seconds = 0,
    gradNorm = 0,
    gradNorms = 0,
    parts,
    ...flat
  } = saved as Partial<EpochSums>;
  return { loss, images, seconds, gradNorm, gradNorms, parts: parts ?? (flat as Record<string, number>) };
}
