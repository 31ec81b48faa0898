/** What both containers of PyTorch's files give: the pickled object, and where each storage's bytes are. */
import type { PickleValue } from '../pickle/values.js';
import type { StorageRef } from './storage.js';

export interface TorchContainer {
  readonly value: PickleValue;
  /** Where the bytes of a storage begin. Throws Error when the file has them not, or too few. */
  locate(storage: StorageRef): number;
}
