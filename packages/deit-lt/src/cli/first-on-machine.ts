/** Work that the processes of a machine would do again and again, and that the cache keeps: the check of the data. */
import type { Processes } from '../training/processes.js';

/** Runs `open` in one process of each machine first: it checks the files, and the others read from the cache what it found. */
export async function firstOnMachine<T>(
  processes: Pick<Processes, 'count' | 'local' | 'meet'>,
  open: () => Promise<T>,
): Promise<T> {
  if (processes.count === 1) return open();
  if (processes.local > 0) await processes.meet();
  const opened = await open();
  if (processes.local === 0) await processes.meet();
  return opened;
}
