/** A folder in the temporary one for as long as a bench runs, also when Ctrl-C ends it. */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export async function withScratch<T>(name: string, work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(path.join(os.tmpdir(), `${name}-`));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  const stop = (): never => {
    remove();
    process.exit(130);
  };
  process.once('SIGINT', stop);
  try {
    return await work(folder);
  } finally {
    process.off('SIGINT', stop);
    remove();
  }
}
