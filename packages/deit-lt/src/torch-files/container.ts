/** The content of a PyTorch file of either format: the pickled object, and the place of each storage's bytes. */
import type { PickleValue } from '../pickle/values.js';
import type { StorageRef } from './storage.js';

export interface TorchContainer {
  readonly value: PickleValue;
  /** Start of the bytes of a storage. Throws Error if the file has none or too few. */
  locate(storage: StorageRef): number;
}
