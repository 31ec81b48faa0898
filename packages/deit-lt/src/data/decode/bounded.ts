/** Runs asynchronous work on many items, a few at a time. */

export interface BoundedOptions {
  /** Largest number that run at once. */
  limit: number;
  signal?: AbortSignal | undefined;
  /** Called with the number of items that are done, every 64 items and at the end. */
  onDone?: ((done: number) => void) | undefined;
}

const reportEvery = 64;

/**
 * Calls `work(i)` for every i in [0, count), `limit` at a time. The first error ends the run after those under way;
 * so does `signal`, with its reason.
 */
export async function forEachBounded(
  count: number,
  work: (index: number) => Promise<void>,
  { limit, signal, onDone }: BoundedOptions,
): Promise<void> {
  let next = 0;
  let done = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      signal?.throwIfAborted();
      try {
        await work(next++);
      } catch (error) {
        next = count;
        throw error;
      }
      done++;
      if (done % reportEvery === 0 || done === count) onDone?.(done);
    }
  };
  const settled = await Promise.allSettled(Array.from({ length: Math.min(limit, count) }, worker));
  const failed = settled.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}
