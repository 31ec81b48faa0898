/** Bytes of a file as a tensor. */
import { native } from '../binding/addon.js';
import type { Device } from '../devices.js';
import { wrapTensor } from '../tensor/base.js';
import { empty } from '../tensor/create.js';
import { dtypeNumber, isDType } from '../tensor/dtype.js';
import { tidy } from '../tensor/scope.js';
import type { Tensor } from '../tensor/tensor.js';
import { dtypeOf } from './dtypes.js';
import { quote, SafetensorsError } from './error.js';
import type { StoredTensor } from './header.js';

/** The bytes to read, and their destination. */
export interface LoadOptions {
  /** Default `cpu`. */
  device?: Device;
  /** Only these tensors. Default: all. */
  names?: Iterable<string>;
}

/**
 * The tensor that `info` describes. `share` builds it over `memory` itself, which nobody else may hold;
 * otherwise the bytes are copied. Throws where the package has no such dtype.
 */
export function materialize(
  info: StoredTensor,
  memory: ArrayBuffer | Uint8Array,
  { share, device, path }: { share: boolean; device: Device | undefined; path?: string | undefined },
): Tensor {
  const dtype = dtypeOf(info.dtype);
  if (!isDType(dtype)) throw unsupported(info, path);
  const origin = `torch.safetensors, tensor ${quote(info.name)}`;
  return tidy(() => {
    if (info.shape.includes(0)) return empty(info.shape, { dtype, device: device ?? 'cpu' });
    const carrier = dtypeNumber(dtype === 'bool' ? 'uint8' : dtype);
    const make = share ? native().shareFrom : native().copyFrom;
    const raw = wrapTensor(make(memory, carrier, info.shape), origin) as Tensor;
    // A byte other than 0 and 1 as a bool is undefined behaviour in C++: a file must not bring one in.
    const tensor = dtype === 'bool' ? raw.ne(0) : raw;
    return device === undefined ? tensor : tensor.to(device);
  });
}

/** Fails before anything is read for a tensor that could not be built. */
export function requireSupported(info: StoredTensor, path?: string): void {
  if (!isDType(dtypeOf(info.dtype))) throw unsupported(info, path);
}

function unsupported(info: StoredTensor, path: string | undefined): SafetensorsError {
  return new SafetensorsError(
    'DTYPE_UNSUPPORTED',
    `this package has no tensors of type ${info.dtype}; leave it out with the option names`,
    { path, tensor: info.name },
  );
}
