/** How an update scales with the number of cards: a model of arithmetic and links, not a measurement. */

export interface Cluster {
  /** Parameters of the network, sent in float32. */
  readonly parameters: number;
  /** Seconds of the forward and backward passes of one shard. */
  readonly stepSeconds: number;
  /** Bytes per second that a card sends and receives. */
  readonly linkBytes: number;
  readonly cards: number;
}

/** The share of the time that cards compute, one shard per card, when nothing overlaps. */
export interface Efficiency {
  /** All cards receive the gradients of all shards, as here: the sum has one order. */
  readonly gathered: number;
  /** A ring that reduces: each card sends and receives twice the gradients. */
  readonly reduced: number;
}

export function efficiencyOf({ parameters, stepSeconds, linkBytes, cards }: Cluster): Efficiency {
  const bytes = 4 * parameters;
  const share = (received: number): number => stepSeconds / (stepSeconds + received / linkBytes);
  return { gathered: share(bytes * (cards - 1)), reduced: share((2 * bytes * (cards - 1)) / cards) };
}
