/** Tensors as a pickle describes them: views into storages. Their numbers are not read yet. */
import { type DType, itemSize } from '@deit-lt/torch';
import { containerGlobals } from '../pickle/containers.js';
import { numpyGlobals } from '../pickle/numpy.js';
import {
  type GlobalCall,
  type KnownGlobals,
  PickledObject,
  type PickleValue,
  sizesOf,
  textOf,
} from '../pickle/values.js';
import { type StorageRef, storageNames } from './storage.js';

/** A storage in a pickle. */
export class PickledStorage extends PickledObject {
  constructor(readonly storage: StorageRef) {
    super();
  }
}

/** libtorch has no tensors of more. */
const mostDimensions = 64;

/** A view into a storage: element (i, j, …) is at `offset + i · stride[0] + j · stride[1] + …`. */
export class PickledTensor extends PickledObject {
  /** Throws Error for a view that leaves its storage. */
  constructor(
    readonly storage: StorageRef,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly stride: readonly number[],
  ) {
    super();
    if (shape.length !== stride.length || shape.length > mostDimensions)
      throw new Error('it is damaged (the strides of a tensor)');
    const last = shape.reduce((at, size, i) => at + (size - 1) * stride[i]!, offset);
    if (this.elements > 0 && last >= storage.length)
      throw new Error(
        `it is damaged: a tensor [${shape.join(', ')}] ends at element ${last} of storage ${storage.key}, which has ${storage.length}`,
      );
  }

  get dtype(): DType {
    return this.storage.dtype;
  }

  get elements(): number {
    return this.shape.reduce((product, size) => product * size, 1);
  }

  /** Bytes of a copy, as far as they are more than the storage's. */
  get repeatedBytes(): number {
    return this.elements > this.storage.length ? this.elements * itemSize(this.dtype) : 0;
  }

  /** Python keeps what a script has set on a tensor; it is not part of its numbers. */
  override setState(): void {}
}

const rebuildTensor: GlobalCall = ([storage, offset, shape, stride]) => {
  if (!(storage instanceof PickledStorage)) throw new Error('it is damaged (a tensor without a storage)');
  const [start = 0] = sizesOf([offset ?? null], 'the beginning of a tensor');
  return new PickledTensor(
    storage.storage,
    start,
    sizesOf(shape, 'the shape of a tensor'),
    sizesOf(stride, 'the strides of a tensor'),
  );
};

const rebuildParameter: GlobalCall = ([tensor]) => {
  if (tensor instanceof PickledTensor) return tensor;
  throw new Error('it is damaged (a parameter of no tensor)');
};

const named = (names: readonly string[]): KnownGlobals => Object.fromEntries(names.map((name) => [name, null]));
const dtypeNames = 'float32 float64 float16 bfloat16 int64 int32 int16 int8 uint8 bool float double half long int'
  .split(' ')
  .map((name) => `torch.${name}`);

/** All that a checkpoint may name: tensors, Python's containers, options, numbers. */
export const checkpointGlobals: KnownGlobals = {
  ...containerGlobals,
  ...numpyGlobals,
  ...named(storageNames),
  ...named(dtypeNames),
  'torch._utils._rebuild_tensor': rebuildTensor,
  'torch._utils._rebuild_tensor_v2': rebuildTensor,
  'torch._utils._rebuild_parameter': rebuildParameter,
  'torch._utils._rebuild_parameter_with_state': rebuildParameter,
  'torch.nn.parameter.Parameter': rebuildParameter,
  'torch.Size': ([sizes]) => sizesOf(sizes ?? [], 'a torch.Size'),
  'torch.device': (words: readonly PickleValue[]) => words.map(textOf).join(':'),
};
