/**
 * Preloaded into a process (`NODE_OPTIONS=--import=…`), kills it with SIGKILL at a call of the file system that changes
 * something below a folder. KILL_AT_CALL is a `KillAtCall` as JSON.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import path from 'node:path';
import { isMainThread } from 'node:worker_threads';

export interface KillAtCall {
  /** The folder whose files count. */
  readonly under: string;
  /** Calls count from the first one on whose path has this text in it; default: from the start of the process. */
  readonly from?: string;
  /** The call to die at, from 1; 0 for none. */
  readonly call: number;
  /** Before it, after it, or in the middle of it: a write then leaves half of its bytes. */
  readonly when: 'before' | 'half' | 'after';
  /** A file that gets a line for each call. */
  readonly log?: string;
}

// biome-ignore lint/suspicious/noExplicitAny: functions of any signature are wrapped alike
type Call = (...args: any[]) => unknown;

function install({ under, from, call, when, log }: KillAtCall): void {
  const original = { ...fs };
  const paths = new Map<number, string>();
  let counts = from === undefined;
  let calls = 0;
  let depth = 0; // some functions of Node call others of the module
  const die = (): void => void process.kill(process.pid, 'SIGKILL');
  const isBelow = (file: string): boolean => `${path.resolve(file)}/`.startsWith(`${under}/`);

  /** Of a path or a descriptor; undefined for what does not count. */
  const countedPath = (target: unknown): string | undefined => {
    const file = typeof target === 'number' ? paths.get(target) : String(target);
    if (file === undefined || !isBelow(file)) return undefined;
    if (from !== undefined && file.includes(from)) counts = true;
    return counts ? file : undefined;
  };

  const counting =
    (name: string, run: Call, half: Call = () => {}): Call =>
    (...args) => {
      const file = depth > 0 ? undefined : countedPath(args[0]);
      if (file === undefined) return run(...args);
      calls++;
      if (log !== undefined) original.appendFileSync(log, `${name} ${path.relative(under, path.resolve(file))}\n`);
      if (calls === call && when === 'before') die();
      if (calls === call && when === 'half') {
        half(...args);
        die();
      }
      depth++;
      try {
        return run(...args);
      } finally {
        depth--;
        if (calls === call) die();
      }
    };

  const open = counting('open', original.openSync as Call);
  const wrapped: Record<string, Call> = {
    openSync: (file, flags = 'r', ...rest) => {
      const descriptor = (flags === 'r' ? original.openSync : open)(file, flags, ...rest) as number;
      paths.set(descriptor, String(file));
      return descriptor;
    },
    closeSync: (descriptor) => {
      paths.delete(descriptor);
      original.closeSync(descriptor);
    },
    writeSync: counting('write', original.writeSync as Call, (descriptor, bytes, offset = 0, length = bytes.length) =>
      original.writeSync(descriptor, bytes, offset, length >> 1),
    ),
    writeFileSync: counting('write', original.writeFileSync as Call, (target, content) => {
      const bytes = Buffer.from(content);
      original.writeFileSync(target, bytes.subarray(0, bytes.length >> 1));
    }),
    fsyncSync: counting('sync', original.fsyncSync as Call),
    renameSync: counting('rename', original.renameSync as Call),
    mkdirSync: counting('mkdir', original.mkdirSync as Call),
    rmSync: counting('remove', original.rmSync as Call),
    unlinkSync: counting('remove', original.unlinkSync as Call),
  };
  Object.assign(fs, wrapped);
  syncBuiltinESMExports();
}

const { KILL_AT_CALL } = process.env;
if (KILL_AT_CALL !== undefined && isMainThread) install(JSON.parse(KILL_AT_CALL) as KillAtCall);
