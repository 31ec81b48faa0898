/**
 * `torch.safetensors`: tensors in files that any language reads and that run no code.
 * `load` and `save` for whole files, `open` for one tensor at a time.
 */
export type { StoredDType, UnsupportedDType } from './dtypes.js';
export { type SafetensorsCode, SafetensorsError, safetensorsCodes } from './error.js';
export { open, SafetensorsFile, type TensorInfo } from './file.js';
export { deserialize, load } from './load.js';
export type { LoadOptions } from './materialize.js';
export { type SaveOptions, save, serialize, type TensorMap } from './save.js';
