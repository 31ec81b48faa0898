/** The addon of process groups, beside the bridge: optional, and loaded on first use. */
import path from 'node:path';
import { buildRecord, loadFile, native } from '../binding/addon.js';
import { TorchError } from '../errors.js';

/** Where and how a group's processes meet; plain values for the native side. */
export interface NativeGroupOptions {
  /** Address of the store's server; unused where `file` is set. */
  readonly host: string;
  readonly port: number;
  /** Whether this process starts the server. */
  readonly serves: boolean;
  /** A file that all processes can lock and write, or an empty string. */
  readonly file: string;
  /** The number of torchrun's attempt, where the server is torchrun's; or an empty string. */
  readonly attempt: string;
  readonly rank: number;
  readonly size: number;
  /** In milliseconds. */
  readonly timeout: number;
  /** Network interfaces; the one of the machine's host name where there is none. */
  readonly interfaces: readonly string[];
  /** The backends of the group. */
  readonly gloo: boolean;
  readonly nccl: boolean;
  /** The CUDA device of this process; used with `nccl`. */
  readonly card: number;
}

/** The functions of native/distributed/distributed.cc; collectives are operators of the namespace `bridge`. */
export interface DistributedAddon {
  initGroup(options: NativeGroupOptions, done: (failure: string | null, group: number) => void): void;
  whenDone(work: number, done: () => void): void;
  rollCall(
    group: number,
    answer: string,
    milliseconds: number,
    done: (answers: (string | null)[], reached: boolean) => void,
  ): void;
}

let loaded: DistributedAddon | undefined;

/** Returns why there are no process groups, or null where there are. Throws `BridgeError` when the bridge is not built. */
export function unavailableReason(): string | null {
  const { distributed } = buildRecord();
  if (distributed === undefined) return 'the bridge was built by an earlier set-up; run: npx deit-torch-setup';
  return 'reason' in distributed ? distributed.reason : null;
}

/** Returns why there is no NCCL, or null where it is compiled in. Throws `BridgeError` when the bridge is not built. */
export function ncclUnavailableReason(): string | null {
  const none = unavailableReason();
  const { distributed } = buildRecord();
  if (none !== null || distributed === undefined || 'reason' in distributed) return none;
  if (distributed.nccl === undefined) return 'the bridge was built by an earlier set-up; run: npx deit-torch-setup';
  return distributed.nccl === true ? null : distributed.nccl.reason;
}

/** Returns the addon. Throws `TorchError` (`DISTRIBUTED`) with the reason where there is none. */
export function distributedNative(): DistributedAddon {
  loaded ??= load();
  return loaded;
}

function load(): DistributedAddon {
  const { distributed, file } = buildRecord();
  if (distributed === undefined || 'reason' in distributed)
    throw new TorchError(
      'DISTRIBUTED',
      `this libtorch has no process groups: ${unavailableReason()}. ` +
        'Use one that has them (npm run setup:torch, then npx deit-torch-setup), or train in one process',
    );
  native();
  return loadFile<DistributedAddon>(path.join(path.dirname(file), distributed.addon));
}
