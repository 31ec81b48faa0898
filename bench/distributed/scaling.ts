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

/** The share of the time that cards compute, one shard per card. */
export interface Efficiency {
  /** The gradients travel in one piece after the backward pass. */
  readonly flat: number;
  /** They travel in buckets during the backward pass, two thirds of the step, and nothing slows down: at best. */
  readonly overlapped: number;
}

/** Each card receives its part of the gradients of all, and the sums of the other parts: twice the gradients, as in a ring. */
export function efficiencyOf({ parameters, stepSeconds, linkBytes, cards }: Cluster): Efficiency {
  const exchange = (2 * 4 * parameters * (cards - 1)) / cards / linkBytes;
  return {
    flat: stepSeconds / (stepSeconds + exchange),
    overlapped: stepSeconds / Math.max(stepSeconds, stepSeconds / 3 + exchange),
  };
}
