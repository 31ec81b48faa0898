/**
 * Upper limits, far above what any training uses. A larger value is a typing error (`lr=1e9`) that would end in an out-of-memory
 * error or a loss that is not finite.
 */
export const most = {
  epochs: 1_000_000,
  batch: 1 << 20,
  side: 16_384,
  channels: 1 << 16,
  depth: 1000,
  rate: 1000,
} as const;
