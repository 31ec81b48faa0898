/**
 * The claim of a training on its run folder: a small file with a random identity. The training reads it before it
 * writes anything else there, and so notices a folder that was deleted, moved or replaced, and a second training. The
 * file is gone when the training ends; that of a killed process is replaced by the next one.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import * as z from 'zod';
import { UserError } from '../errors.js';
import { writeFileAtomic } from './files.js';

export const claimName = 'training.claim';

const schema = z.object({ id: z.string(), process: z.number(), born: z.string().nullable() });

const fileIn = (folder: string): string => path.join(folder, 'checkpoints', claimName);

/** Throws UserError RUN_FOLDER while another process that is certainly alive trains in `folder`. */
export function requireUnclaimed(folder: string): void {
  const other = readClaim(fileIn(folder));
  if (other === undefined || !isAlive(other)) return;
  throw new UserError(
    'RUN_FOLDER',
    `${folder} is being trained by process ${other.process}. Wait until it ends, or stop it; then give the same command with --resume.`,
  );
}

export class Claim implements Disposable {
  readonly #file: string;
  readonly #id = randomUUID();

  /** Claims the run in `folder`, which has `checkpoints/`. Throws UserError RUN_FOLDER. */
  constructor(readonly folder: string) {
    this.#file = fileIn(folder);
    const own = { id: this.#id, process: process.pid, born: birthOf(process.pid) ?? null };
    writeFileAtomic(this.#file, `${JSON.stringify(own)}\n`);
  }

  /** Throws UserError RUN_FOLDER when the folder is gone, or another training has claimed it since. */
  check(): void {
    const found = readClaim(this.#file);
    if (found?.id === this.#id) return;
    throw new UserError(
      'RUN_FOLDER',
      found === undefined
        ? `${this.folder} was removed or moved while it was being trained (${this.#file} is gone), so nothing can be saved any more. This training ends. If the folder was moved, resume it there: --resume --out FOLDER.`
        : `${this.folder} is being trained twice at once: process ${found.process} started later and continues; this training ends here.`,
    );
  }

  /** Gives the folder back, if it is still ours. */
  [Symbol.dispose](): void {
    if (readClaim(this.#file)?.id !== this.#id) return;
    try {
      rmSync(this.#file, { force: true });
    } catch {} // a folder that has become read-only: the next training replaces the file
  }
}

/** Undefined when there is none, or one that says nothing. */
function readClaim(file: string): z.infer<typeof schema> | undefined {
  try {
    return schema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return undefined;
  }
}

/** Certainly alive: the number of a process is used again, so the moment of its birth must be the same. False where that is not known. */
function isAlive({ process: pid, born }: z.infer<typeof schema>): boolean {
  return born !== null && birthOf(pid) === born;
}

/** Boot of the machine and tick of the start of a process that runs, from Linux; undefined elsewhere, and for one that has ended. */
function birthOf(pid: number): string | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const hasEnded = state === 'Z' || state === 'X'; // killed, and its parent has not noticed yet
    return hasEnded ? undefined : `${boot} ${fields[18]}`;
  } catch {
    return undefined;
  }
}
