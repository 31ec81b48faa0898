/** This process among those that train together, by the variables that torchrun and `--procs` set. */
import { UserError } from '../errors.js';
import { alone, LeaderFailed, type Processes } from '../training/processes.js';

/** The report of a failure to the process that started this one. */
export interface ReportedFailure {
  readonly message: string;
  /** It may have failed only because another process has: not the cause. */
  readonly follows: boolean;
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

/** Joins the other processes; `alone` where there are none. */
export async function joined(env: NodeJS.ProcessEnv = process.env): Promise<Processes> {
  if (!isOneOfSeveral(env)) return alone;
  const { joinProcesses } = await import('../training/process-group.js');
  const timeout = Number(env.DEIT_LT_PROCESS_TIMEOUT);
  return joinProcesses(timeout > 0 ? timeout : defaultTimeout);
}

/** Returns whether a process may have failed only because another one has, or stopped with it. */
export function failsWithOthers(error: unknown): boolean {
  if (error instanceof LeaderFailed) return true;
  if (error instanceof UserError) return error.code === 'INTERRUPTED' && isFollower();
  return error instanceof Error && error.name === 'TorchError' && 'code' in error && error.code === 'DISTRIBUTED';
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
  else if (!failure.follows || !isFollower(env))
    say(`process ${env.RANK} of ${env.WORLD_SIZE} (from 0): ${failure.message}`);
}
