/**
 * Limits that a shell or a scheduler has set for this process (`ulimit`), and what to do about those that are too low.
 * Linux tells of them.
 */
import { readFileSync } from 'node:fs';

export interface ProcessLimits {
  /** Files that may be open at once. */
  readonly openFiles: number;
  /** Bytes of address space. */
  readonly addressSpace: number;
}

/**
 * Node opens all modules of a command at once: `study` needs nearly 300, and Node then says that a package is missing.
 */
const fewestFiles = 512;
/** With less memory, Node itself ends with a native stack trace. */
const leastSpace = 2e9;

/** Infinity for what has no limit, or where the system does not tell. */
export function processLimits(text: string = limitsOfSystem()): ProcessLimits {
  const soft = (name: string): number => {
    const found = new RegExp(`^${name} +(\\S+)`, 'm').exec(text)?.[1];
    return found === undefined || !/^\d+$/.test(found) ? Number.POSITIVE_INFINITY : Number(found);
  };
  return { openFiles: soft('Max open files'), addressSpace: soft('Max address space') };
}

function limitsOfSystem(): string {
  try {
    return readFileSync('/proc/self/limits', 'utf8');
  } catch {
    return '';
  }
}

/** Why no command can run, and what to do; undefined when it can. */
export function tooLow(limits: ProcessLimits = processLimits()): string | undefined {
  if (limits.openFiles < fewestFiles) return `${filesAdvice(limits)}`;
  return limits.addressSpace < leastSpace ? spaceAdvice(limits) : undefined;
}

export function filesAdvice({ openFiles }: ProcessLimits = processLimits()): string {
  const have = Number.isFinite(openFiles) ? `only ${openFiles} files` : 'no more files';
  return `this process may have ${have} open at once, and needs some hundreds. Raise the limit, in the shell: ulimit -n 4096`;
}

/** Undefined where address space has no limit. */
export function spaceAdvice({ addressSpace }: ProcessLimits = processLimits()): string | undefined {
  if (!Number.isFinite(addressSpace)) return undefined;
  return `this process may use only ${(addressSpace / 1e9).toFixed(1)} GB of address space (ulimit -v). Node, WebAssembly and libtorch reserve far more than they use, about 20 GB: ulimit -v unlimited. To limit memory itself: systemd-run --scope -p MemoryMax=8G deit-lt …`;
}
