/** Checks the CUDA devices that functions of `torch.cuda` receive. */
import { native } from './binding/addon.js';
import { describeValue, TorchError } from './errors.js';

/** Returns the number of a CUDA device; `where` is for the message. Throws `TorchError` (`DEVICE`) when there is none of that number. */
export function cudaIndex(device: string, where: string): number {
  const match = /^cuda(?::(\d+))?$/.exec(device);
  const count = native().cudaDeviceCount();
  if (!match)
    throw new TorchError('DEVICE', `${where}: expected 'cuda' or 'cuda:<index>', got ${describeValue(device)}`);
  const index = Number(match[1] ?? 0);
  if (index >= count)
    throw new TorchError(
      'DEVICE',
      `${where}: there is no ${device}; this process sees ${count} CUDA device${count === 1 ? '' : 's'}`,
    );
  return index;
}
