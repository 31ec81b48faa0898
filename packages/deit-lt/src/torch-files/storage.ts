/** Storages: the pieces of memory that a checkpoint's tensors look into. */
import { type DType, itemSize } from '@deit-lt/torch';
import { Global, type PickleValue, sizesOf, textOf } from '../pickle/values.js';

/** PyTorch's classes of storages by name. Complex and quantised ones are known only by name. */
const elementTypes: Readonly<Record<string, DType>> = {
  DoubleStorage: 'float64',
  FloatStorage: 'float32',
  HalfStorage: 'float16',
  BFloat16Storage: 'bfloat16',
  LongStorage: 'int64',
  IntStorage: 'int32',
  ShortStorage: 'int16',
  CharStorage: 'int8',
  ByteStorage: 'uint8',
  BoolStorage: 'bool',
};

/** Names that a pickle may give to a type of storage. */
export const storageNames = Object.keys(elementTypes).flatMap((name) => [`torch.${name}`, `torch.cuda.${name}`]);

export interface StorageRef {
  /** Its name in the file. */
  readonly key: string;
  readonly dtype: DType;
  /** Elements. */
  readonly length: number;
  readonly bytes: number;
}

/**
 * Returns the storage of a persistent id, `('storage', type, key, location, elements, …)`. Throws Error for anything
 * else.
 */
export function storageOf(id: PickleValue): StorageRef {
  const [kind, type, key, , length] = Array.isArray(id) ? id : [];
  if (kind === undefined || textOf(kind) !== 'storage' || !(type instanceof Global))
    throw new Error('it is damaged (an outside object that is not a storage)');
  const dtype = elementTypes[type.name.slice(type.name.lastIndexOf('.') + 1)];
  if (dtype === undefined) throw new Error(`it has tensors of type ${type.name}, which are not supported`);
  const [elements = 0] = sizesOf([length ?? null], `the size of storage ${textOf(key)}`);
  const bytes = elements * itemSize(dtype);
  if (!Number.isSafeInteger(bytes)) throw new Error(`it is damaged (the size of storage ${textOf(key)})`);
  return { key: textOf(key), dtype, length: elements, bytes };
}
