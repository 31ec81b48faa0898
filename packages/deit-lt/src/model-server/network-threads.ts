/**
 * The number of threads in which a network computes a batch. The operations of a small network are shorter than waking a second thread, which
 * takes a core from the threads that decode as well: at 32×32 pixels one thread is up to twice as fast. Large networks use all.
 */

export interface ThreadChoice {
  /** Returns the number of threads for a batch of so many images. */
  of(images: number): number;
}

export interface ThreadOptions {
  /** Threads that may be used. */
  readonly most: number;
  /** Sets the number of threads of what runs next. */
  readonly setThreads: (threads: number) => void;
  /** The clock, in milliseconds. */
  readonly now?: () => number;
}

/** A network that takes so many milliseconds for an image uses all threads; trying would be long, and is not needed. */
const largeMs = 25;
/** Batches that are tried; one between them is treated as the smaller. */
const tried = [1, 8] as const;
const repetitions = 4;

/** Runs the network on batches in one thread and in all, in turns, and takes what was faster at its best. Leaves the setting at `most`. */
export async function chooseThreads(
  run: (images: number) => Promise<void>,
  { most, setThreads, now = () => performance.now() }: ThreadOptions,
): Promise<ThreadChoice> {
  const timeOf = async (images: number, threads: number): Promise<number> => {
    setThreads(threads);
    const since = now();
    await run(images);
    return now() - since;
  };
  if (most === 1 || (await timeOf(1, most)) > largeMs) return { of: () => most };
  const chosen: [images: number, threads: number][] = [];
  for (const images of tried) {
    const best = { one: Number.POSITIVE_INFINITY, all: Number.POSITIVE_INFINITY };
    for (let i = 0; i < repetitions; i++) {
      best.one = Math.min(best.one, await timeOf(images, 1));
      best.all = Math.min(best.all, await timeOf(images, most));
    }
    chosen.push([images, best.one <= best.all ? 1 : most]);
  }
  setThreads(most);
  return { of: (images) => chosen.findLast(([from]) => images >= from)?.[1] ?? most };
}
