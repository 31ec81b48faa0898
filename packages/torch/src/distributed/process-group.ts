/** The group of all processes: made once per process, as PyTorch's default group. */
import { requireOperator } from '../binding/operator.js';
import { TorchError } from '../errors.js';
import { type Check, checkNames, checkOption } from '../options.js';
import { type Backend, currentGroup, groupOfProcess, setGroup } from './current-group.js';
import { meetingFailure } from './failures.js';
import { checkReachable, localRank, type MeetingPlace, meetingPlace } from './meeting-place.js';
import { distributedNative, unavailableReason } from './native.js';

/** Options of `initProcessGroup`. */
export interface ProcessGroupOptions {
  /** Default `gloo`. */
  backend?: Backend;
  /**
   * Where the processes meet: `env://` (default: the variables that torchrun sets), `tcp://host:port` or `file:///path`, a new file
   * in a folder that all of them share.
   */
  initMethod?: string;
  /** Number of this process, from 0. Default: `RANK`. */
  rank?: number;
  /** Number of processes. Default: `WORLD_SIZE`. */
  worldSize?: number;
  /** Longest wait for the other processes, at the start and in every collective, in seconds. Default 1800. */
  timeout?: number;
}

const optionNames = ['backend', 'initMethod', 'rank', 'worldSize', 'timeout'] as const;
const text: Check = { expected: 'a string', accepts: (value) => typeof value === 'string' };
const positive: Check = {
  expected: 'a number of seconds from 0.001 to 2e6',
  accepts: (value) => typeof value === 'number' && value >= 0.001 && value <= 2e6,
};
const knownBackend: Check = { expected: '"gloo"', accepts: (value) => value === 'gloo' };

let isStarting = false;

/** Returns whether this libtorch has process groups; `npx deit-torch-doctor` says why not. */
export function isAvailable(): boolean {
  return unavailableReason() === null;
}

/** Returns whether `initProcessGroup` has completed in this process. */
export function isInitialized(): boolean {
  return groupOfProcess() !== undefined;
}

/**
 * Joins the group of all processes; resolves when all have joined. Processes in Python that call
 * `torch.distributed.init_process_group("gloo")` of the same PyTorch join the same group. Throws `TorchError` (`DISTRIBUTED`) when a variable
 * is missing, the address cannot be reached, or some process does not come within `timeout` seconds.
 */
export async function initProcessGroup(options: ProcessGroupOptions = {}): Promise<void> {
  const where = 'initProcessGroup()';
  const {
    backend = 'gloo',
    initMethod = 'env://',
    rank,
    worldSize,
    timeout = 1800,
  } = checkNames(where, options, optionNames);
  checkOption(where, 'backend', backend, knownBackend);
  checkOption(where, 'initMethod', initMethod, text);
  checkOption(where, 'timeout', timeout, positive);
  if (groupOfProcess() !== undefined || isStarting)
    throw new TorchError(
      'DISTRIBUTED',
      `${where}: this process is in a group already; call destroyProcessGroup() first`,
    );
  const place = meetingPlace(initMethod, { rank, worldSize });
  isStarting = true;
  try {
    await checkReachable(place);
    const id = await join(place, timeout);
    setGroup({ id, rank: place.rank, worldSize: place.worldSize, backend, timeout });
  } finally {
    isStarting = false;
  }
}

function join(place: MeetingPlace, timeout: number): Promise<number> {
  const { rank, worldSize: size, host, port, file, serves, attempt } = place;
  const interfaces = (process.env.GLOO_SOCKET_IFNAME ?? '').split(',').filter((name) => name !== '');
  const native = distributedNative();
  return new Promise((resolve, reject) => {
    native.initGroup(
      { rank, size, host, port, file, serves, attempt, timeout: Math.round(timeout * 1000), interfaces },
      (failure, id) => (failure === null ? resolve(id) : reject(meetingFailure(failure, place, timeout))),
    );
  });
}

/** The answers of all ranks to `rollCall`. */
export interface RollCall {
  /** The text of each rank; null: it gave none in time. */
  readonly answers: readonly (string | null)[];
  /** Whether the server of the group (rank 0's, or torchrun's) replied. */
  readonly reached: boolean;
}

/**
 * Gives `answer` to all ranks, and resolves to theirs: after a failed collective, when every rank that can still run calls it, those
 * without an answer are the ones that ended, hang or cannot be reached. It waits up to `timeout` seconds (default 4), and works
 * without the connections of the collectives. Each rank calls it once. Throws `TorchError` (`DISTRIBUTED`) without a group.
 */
export function rollCall(answer: string, options: { timeout?: number } = {}): Promise<RollCall> {
  const where = 'rollCall()';
  const { timeout = 4 } = checkNames<{ timeout?: number }>(where, options, ['timeout']);
  checkOption(where, 'answer', answer, text);
  checkOption(where, 'timeout', timeout, positive);
  const { id } = currentGroup(where);
  return new Promise((resolve) =>
    distributedNative().rollCall(id, answer, Math.round(timeout * 1000), (answers, reached) =>
      resolve({ answers, reached }),
    ),
  );
}

/** Leaves the group after the collectives that are under way. Does nothing where there is no group. */
export function destroyProcessGroup(): void {
  const group = groupOfProcess();
  if (group === undefined) return;
  setGroup(undefined);
  requireOperator('bridge::c10d_destroy')(group.id);
}

/** Returns the number of this process in the group, from 0. Throws `TorchError` (`DISTRIBUTED`) without a group. */
export function getRank(): number {
  return currentGroup('getRank()').rank;
}

/** Returns the number of processes in the group. Throws `TorchError` (`DISTRIBUTED`) without a group. */
export function getWorldSize(): number {
  return currentGroup('getWorldSize()').worldSize;
}

/** Returns the backend of the group. Throws `TorchError` (`DISTRIBUTED`) without a group. */
export function getBackend(): Backend {
  return currentGroup('getBackend()').backend;
}

/** Returns the number of this process on its machine, from 0: torchrun's LOCAL_RANK, or 0 where it is not set. */
export function getLocalRank(): number {
  return localRank();
}
