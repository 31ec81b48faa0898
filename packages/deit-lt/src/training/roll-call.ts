/** Finds out which process is the cause when processes lose each other. */
import * as torch from '@deit-lt/torch';

const { distributed } = torch;

/** Begins the answer of a process that failed by itself, and tells the others why. */
const ownFailure = 'failed: ';
/** The answers of those that lost others: by the end of the wait, or because the connection broke. */
const waited = 'waited';
const lost = 'lost';

/** Leaves the reason of this process's own failure to the others, which lose it soon. */
export async function leaveReason(message: string): Promise<void> {
  if (distributed.isInitialized()) await distributed.rollCall(`${ownFailure}${message}`, { timeout: 0.1 });
}

/** A failure that follows from that of another process. */
export interface Lost {
  /** Says which process is the cause, as far as that is known, and what to do. */
  readonly message: string;
  /** Whether this is the first process that can report it. */
  readonly reports: boolean;
}

export interface LostOptions {
  /** The longest wait for another process, in seconds. */
  readonly timeout: number;
  /** Seconds in which the others must answer. Default 4. */
  readonly patience?: number;
}

/** Asks all processes for an answer, after `error` of a collective. */
export async function findLost(error: Error, { timeout, patience = 4 }: LostOptions): Promise<Lost> {
  const rank = distributed.getRank();
  const { message } = error;
  const { answers, reached } = await distributed.rollCall(isTimeout(message) ? waited : lost, { timeout: patience });
  return {
    message: lostMessage({ answers, reached, rank, message, timeout }),
    reports: answers.findIndex((answer) => answer === lost || answer === waited) === rank || !reached,
  };
}

/** Whether a collective failed because another process did not come in time. */
const isTimeout = (message: string): boolean => /did not take part within/.test(message);

export interface LostFacts {
  /** The answer of each process; null: none. */
  readonly answers: readonly (string | null)[];
  /** Whether the server of the group replied, which is that of process 0 or of torchrun. */
  readonly reached: boolean;
  /** Number of this process, from 0. */
  readonly rank: number;
  /** The message of the collective. */
  readonly message: string;
  readonly timeout: number;
}

/** Returns the message about processes that lost each other. */
export function lostMessage({ answers, reached, rank, message, timeout }: LostFacts): string {
  const isMissing = !reached || answers.includes(null);
  const wait =
    isMissing && isTimeout(message) ? ` The others waited ${timeout} s for it (DEIT_LT_PROCESS_TIMEOUT).` : '';
  return `${causeOf({ answers, reached, rank, timeout })}${wait} If a checkpoint was saved, the same command with --resume continues from it, also with another number of processes.`;
}

function causeOf({ answers, reached, rank, timeout }: Omit<LostFacts, 'message'>): string {
  const count = answers.length;
  const failed = answers.flatMap((answer, i) =>
    answer?.startsWith(ownFailure)
      ? [`process ${i} of ${count} (from 0) failed: ${answer.slice(ownFailure.length)}`]
      : [],
  );
  if (failed.length > 0) return failed.join('; ');
  const gone = 'it ended, hangs, or its machine cannot be reached; look at its output.';
  if (!reached)
    return rank === 0
      ? 'the server where the processes meet (MASTER_ADDR) does not answer: its machine or torchrun there ended, or cannot be reached.'
      : `process 0 of ${count} (from 0), or torchrun on its machine (MASTER_ADDR), does not answer: ${gone}`;
  const silent = answers.flatMap((answer, i) => (answer === null ? [i] : []));
  if (silent.length === 0) return allAnswer(answers, timeout);
  const names =
    silent.length === 1 ? `process ${silent[0]}` : `processes ${silent.slice(0, -1).join(', ')} and ${silent.at(-1)}`;
  return `${names} of ${count} (from 0) ${silent.length === 1 ? 'does' : 'do'} not answer: ${silent.length === 1 ? gone : 'they ended, hang, or their machines cannot be reached; look at their output.'}`;
}

/** All run: those that did not wait for others are the ones that were late, where there are any. */
function allAnswer(answers: LostFacts['answers'], timeout: number): string {
  const count = answers.length;
  const late = answers.flatMap((answer, i) => (answer === waited ? [] : [i]));
  if (late.length === count)
    return `the ${count} processes lost each other, though all of them run: the connection between them broke.`;
  const who =
    late.length === 0
      ? 'one'
      : `${late.length === 1 ? 'process' : 'one of the processes'} ${late.join(', ')} of ${count} (from 0)`;
  return `the ${count} processes lost each other, though all of them run: ${who} took longer than ${timeout} s for its part. Raise DEIT_LT_PROCESS_TIMEOUT above the time that a batch, an evaluation or a checkpoint takes.`;
}
