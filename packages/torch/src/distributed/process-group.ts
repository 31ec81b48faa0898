/** The group of all processes: made once per process, as PyTorch's default group. */
import { requireOperator } from '../binding/operator.js';
import { TorchError } from '../errors.js';
import { type Check, checkNames, checkOption } from '../options.js';
import { cardOfProcess } from './card-of-process.js';
import { type Backend, currentGroup, groupOfProcess, setGroup } from './current-group.js';
import { meetingFailure } from './failures.js';
import { checkReachable, localRank, type MeetingPlace, meetingPlace } from './meeting-place.js';
import { distributedNative, ncclUnavailableReason, unavailableReason } from './native.js';

/** Options of `initProcessGroup`. */
export interface ProcessGroupOptions {
  /**
   * Default `gloo`, for tensors on the CPU. `nccl` is for tensors on cards, one card per process; `cpu:gloo,cuda:nccl` has both, and
   * its `barrier` is that of Gloo.
   */
  backend?: Backend;
  /** Number of this process's CUDA device, with NCCL: it becomes the one that `cuda` means. Default: `LOCAL_RANK`. */
  deviceId?: number;
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

const optionNames = ['backend', 'deviceId', 'initMethod', 'rank', 'worldSize', 'timeout'] as const;
const text: Check = { expected: 'a string', accepts: (value) => typeof value === 'string' };
const positive: Check = {
  expected: 'a number of seconds from 0.001 to 2e6',
  accepts: (value) => typeof value === 'number' && value >= 0.001 && value <= 2e6,
};
const backends: readonly string[] = ['gloo', 'nccl', 'cpu:gloo,cuda:nccl'] satisfies Backend[];
const knownBackend: Check = {
  expected: `one of ${backends.map((name) => `"${name}"`).join(', ')}`,
  accepts: (value) => backends.includes(value as string),
};
const deviceNumber: Check = {
  expected: 'the number of a CUDA device',
  accepts: (value) => value === undefined || (Number.isInteger(value) && (value as number) >= 0),
};

let isStarting = false;

/** Returns whether this libtorch has process groups; `npx deit-torch-doctor` says why not. */
export function isAvailable(): boolean {
  return unavailableReason() === null;
}

/** Returns whether NCCL is compiled in, which needs a libtorch with CUDA; a card is needed to use it. */
export function isNcclAvailable(): boolean {
  return ncclUnavailableReason() === null;
}

/** Returns whether `initProcessGroup` has completed in this process. */
export function isInitialized(): boolean {
  return groupOfProcess() !== undefined;
}

/**
 * Joins the group of all processes; resolves when all have joined. Processes in Python that call
 * `torch.distributed.init_process_group("gloo")` of the same PyTorch join the same group. Throws `TorchError` (`DISTRIBUTED`) when a variable
 * is missing, the address cannot be reached, or some process does not come within `timeout` seconds; with NCCL also when libtorch
 * does not have it, or this process has no card.
 */
export async function initProcessGroup(options: ProcessGroupOptions = {}): Promise<void> {
  const where = 'initProcessGroup()';
  const {
    backend = 'gloo',
    deviceId,
    initMethod = 'env://',
    rank,
    worldSize,
    timeout = 1800,
  } = checkNames(where, options, optionNames);
  checkOption(where, 'backend', backend, knownBackend);
  checkOption(where, 'deviceId', deviceId, deviceNumber);
  checkOption(where, 'initMethod', initMethod, text);
  checkOption(where, 'timeout', timeout, positive);
  if (groupOfProcess() !== undefined || isStarting)
    throw new TorchError(
      'DISTRIBUTED',
      `${where}: this process is in a group already; call destroyProcessGroup() first`,
    );
  const card = backend.includes('nccl') ? cardOfProcess(deviceId) : 0;
  const place = meetingPlace(initMethod, { rank, worldSize });
  isStarting = true;
  try {
    await checkReachable(place);
    const id = await join(place, { backend, card, timeout });
    setGroup({ id, rank: place.rank, worldSize: place.worldSize, backend, timeout });
  } finally {
    isStarting = false;
  }
}

interface Joining {
  readonly backend: Backend;
  readonly card: number;
  readonly timeout: number;
}

function join(place: MeetingPlace, { backend, card, timeout }: Joining): Promise<number> {
  const { rank, worldSize: size, host, port, file, serves, attempt } = place;
  const interfaces = (process.env.GLOO_SOCKET_IFNAME ?? '').split(',').filter((name) => name !== '');
  const native = distributedNative();
  return new Promise((resolve, reject) => {
    native.initGroup(
      {
        ...{ rank, size, host, port, file, serves, attempt, interfaces, card },
        timeout: Math.round(timeout * 1000),
        gloo: backend !== 'nccl',
        nccl: backend !== 'gloo',
      },
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
