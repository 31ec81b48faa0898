/** The one group of this process. */
import { TorchError } from '../errors.js';

/** Gloo works on CPU tensors over TCP, NCCL on CUDA tensors; with both, each tensor travels by that of its device. */
export type Backend = 'gloo' | 'nccl' | 'cpu:gloo,cuda:nccl';

/** The group as the collectives need it. */
export interface Group {
  /** Its number on the native side. */
  readonly id: number;
  readonly rank: number;
  readonly worldSize: number;
  readonly backend: Backend;
  /** In seconds. */
  readonly timeout: number;
}

let group: Group | undefined;

export const groupOfProcess = (): Group | undefined => group;

export function setGroup(next: Group | undefined): void {
  group = next;
}

/** Returns the group. Throws `TorchError` (`DISTRIBUTED`) that names the caller. */
export function currentGroup(where: string): Group {
  if (group !== undefined) return group;
  throw new TorchError(
    'DISTRIBUTED',
    `${where}: there is no process group; call await torch.distributed.initProcessGroup() first`,
  );
}
