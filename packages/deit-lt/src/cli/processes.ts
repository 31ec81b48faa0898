/** This process among those that train together, by the variables that torchrun and `--procs` set. */
import { UserError } from '../errors.js';
import { alone, LeaderFailed, type Processes } from '../training/processes.js';

/** The report of a failure to the process that started this one. */
export interface ReportedFailure {
  readonly message: string;
  /** It may have failed only because another process has: not the cause. */
  readonly follows: boolean;
  /** Another process reports the same. */
  readonly isSilent?: boolean;
}

/** Returns whether this process is one of several. */
export function isOneOfSeveral(env: NodeJS.ProcessEnv = process.env): boolean {
  return env.RANK !== undefined && env.WORLD_SIZE !== undefined && env.WORLD_SIZE !== '1';
}

/** Returns whether another process prints for this one. */
export function isFollower(env: NodeJS.ProcessEnv = process.env): boolean {
  return isOneOfSeveral(env) && env.RANK !== '0';
}

/** Longest wait for another process in seconds, where DEIT_LT_PROCESS_TIMEOUT does not say another. */
const defaultTimeout = 1800;

let waits = false;

/** Returns whether this process was stopped while it waited for the others, which only its end ends. */
export function stillWaits(): boolean {
  return waits;
}

/** Joins the other processes; `alone` where there are none. Throws the reason of `signal` as soon as it is aborted. */
export async function joined(signal: AbortSignal, env: NodeJS.ProcessEnv = process.env): Promise<Processes> {
  if (!isOneOfSeveral(env)) return alone;
  const { joinProcesses } = await import('../training/process-group.js');
  waits = true;
  const joining = joinProcesses(timeoutOf(env), { bucketBytes: bucketBytesOf(env) }).finally(() => {
    waits = false;
  });
  if (signal.aborted) throw signal.reason;
  let stop: (() => void) | undefined;
  const stopped = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason as Error);
    signal.addEventListener('abort', stop);
  });
  try {
    return await Promise.race([joining, stopped]);
  } finally {
    signal.removeEventListener('abort', stop!);
    joining.catch(() => {}); // after the signal nobody waits for it
  }
}

function timeoutOf({ DEIT_LT_PROCESS_TIMEOUT: timeout }: NodeJS.ProcessEnv): number {
  return timeout === undefined ? defaultTimeout : Number(timeout);
}

/** Bytes of the buckets of gradients; undefined: they travel in one piece. */
function bucketBytesOf({ DEIT_LT_BUCKET_MB: megabytes }: NodeJS.ProcessEnv): number | undefined {
  return megabytes === undefined ? undefined : Number(megabytes) * 1e6;
}

/**
 * Adds to the failure of one of several processes which of them is the cause; when it is this one, the others receive its
 * message. Other failures are not changed.
 */
export async function explained(error: unknown, failure: ReportedFailure): Promise<ReportedFailure> {
  if (!isOneOfSeveral() || error instanceof LeaderFailed) return failure;
  const { distributed } = await import('@deit-lt/torch');
  if (!distributed.isInitialized()) return { ...failure, message: forCommandLine(failure.message) };
  const { findLost, leaveReason } = await import('../training/roll-call.js');
  if (isLoss(error)) {
    const { message, reports } = await findLost(error, { timeout: timeoutOf(process.env) });
    return { message, follows: true, isSilent: !reports };
  }
  if (!failure.follows) await leaveReason(failure.message);
  return failure;
}

/** Whether an error of the engine is that of a collective. */
function isLoss(error: unknown): error is Error {
  return error instanceof Error && error.name === 'TorchError' && 'code' in error && error.code === 'DISTRIBUTED';
}

/** The engine's message about processes that do not meet, with the command line's way to wait longer. */
function forCommandLine(message: string): string {
  return message
    .replace(/^initProcessGroup\(\) on rank \d+ of \d+: /, 'the processes do not find each other: ')
    .replace('or raise timeout', 'or wait longer (DEIT_LT_PROCESS_TIMEOUT, in seconds)');
}

/** Returns whether a process may have failed only because another one has, or stopped with it. */
export function failsWithOthers(error: unknown): boolean {
  if (error instanceof LeaderFailed) return true;
  if (error instanceof UserError) return error.code === 'INTERRUPTED' && isFollower();
  return isLoss(error);
}

/** Set for the processes that `--procs` starts. */
export const launchedVariable = 'DEIT_LT_LAUNCHED';

/**
 * Reports a failure to the process of `--procs`, which prints the cause of all; without it prints it, but for what the
 * first process prints itself.
 */
export function tellFailure(
  failure: ReportedFailure,
  say: (message: string) => void,
  env: NodeJS.ProcessEnv = process.env,
): void {
  if (env[launchedVariable] !== undefined && process.send !== undefined) process.send(failure);
  else if (!isOneOfSeveral(env)) say(failure.message);
  else if (failure.isSilent !== undefined) {
    if (!failure.isSilent) say(failure.message); // it names the processes
  } else if (!failure.follows || !isFollower(env))
    say(`process ${env.RANK} of ${env.WORLD_SIZE} (from 0): ${failure.message}`);
}
