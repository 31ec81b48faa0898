/** The CUDA device of this process in a group over NCCL. */
import { native } from '../binding/addon.js';
import { TorchError } from '../errors.js';
import { localRank } from './meeting-place.js';
import { ncclUnavailableReason } from './native.js';

/**
 * Returns the number of the card: `deviceId`, or the rank on this machine. Throws `TorchError` (`DISTRIBUTED`) where NCCL is not
 * compiled in, where there is no card, and where there are fewer cards than processes.
 */
export function cardOfProcess(deviceId: number | undefined): number {
  const reason = ncclUnavailableReason();
  if (reason !== null) throw failure(`the backend nccl is not in this libtorch: ${reason}`);
  const cards = native().cudaDeviceCount();
  if (cards === 0)
    throw failure('the backend nccl needs an NVIDIA card, and no CUDA device is visible here; use the backend "gloo"');
  const card = deviceId ?? localRank();
  if (card < cards) return card;
  const has = `this machine has ${cards} ${cards === 1 ? 'card' : 'cards'}`;
  throw failure(
    deviceId === undefined
      ? `process ${card} of this machine (LOCAL_RANK, from 0) has no card of its own: ${has}. Start as many processes as there are cards, or give deviceId`
      : `deviceId is ${card}, and ${has}`,
  );
}

const failure = (message: string): TorchError => new TorchError('DISTRIBUTED', `initProcessGroup(): ${message}`);
