/** Writes what `torch.load(file, weights_only=True)` reads: tensors, text, numbers, lists and dictionaries in PyTorch's zip archive. */
import * as torch from '@deit-lt/torch';
import { opcodesOf, type Picklable, type PicklableObject, tupleOpcodes, writePickle } from '../pickle/writer.js';
import { type ZipMember, zipPieces } from './zip-writer.js';

/** Values that can be saved: as `Picklable`, and tensors anywhere in it. */
export type Savable = Picklable | torch.Tensor | readonly Savable[] | ReadonlyMap<string, Savable>;

const storageTypes: Readonly<Partial<Record<torch.DType, string>>> = {
  float64: 'DoubleStorage',
  float32: 'FloatStorage',
  float16: 'HalfStorage',
  bfloat16: 'BFloat16Storage',
  int64: 'LongStorage',
  int32: 'IntStorage',
  int16: 'ShortStorage',
  int8: 'CharStorage',
  uint8: 'ByteStorage',
  bool: 'BoolStorage',
};

/** The file in pieces. Each tensor gets a storage of its own. Throws Error for dtypes that PyTorch has no storage of. */
export function torchFilePieces(value: Savable): Generator<Uint8Array> {
  const storages: torch.Tensor[] = [];
  const pickle = writePickle(withReferences(value, storages));
  const text = (name: string, content: string): ZipMember => ({ name, content: () => Buffer.from(content) });
  return zipPieces([
    { name: 'archive/data.pkl', content: () => pickle },
    text('archive/byteorder', 'little'),
    ...storages.map((tensor, i) => ({ name: `archive/data/${i}`, content: () => bytesOf(tensor) })),
    text('archive/version', '3\n'),
  ]);
}

function withReferences(value: Savable, storages: torch.Tensor[]): Picklable {
  if (value instanceof torch.Tensor) return new TensorReference(value, storages.push(value) - 1);
  if (Array.isArray(value)) return value.map((each: Savable) => withReferences(each, storages));
  if (value instanceof Map)
    return new Map([...(value as ReadonlyMap<string, Savable>)].map(([k, v]) => [k, withReferences(v, storages)]));
  return value as Picklable;
}

/** `torch._utils._rebuild_tensor_v2(storage, 0, shape, stride, False, OrderedDict())`. */
class TensorReference implements PicklableObject {
  constructor(
    readonly tensor: torch.Tensor,
    readonly key: number,
  ) {}

  pickle(): Buffer {
    const { shape, dtype } = this.tensor;
    const type = storageTypes[dtype];
    if (type === undefined) throw new Error(`PyTorch's files have no storage for ${dtype}`);
    const elements = opcodesOf(this.tensor.numel());
    const id = tupleOpcodes([
      opcodesOf('storage'),
      named('torch', type),
      opcodesOf(String(this.key)),
      opcodesOf('cpu'),
      elements,
    ]);
    const sizes = (values: readonly number[]): Buffer => tupleOpcodes(values.map(opcodesOf));
    const hooks = Buffer.concat([named('collections', 'OrderedDict'), Buffer.from(')R')]);
    const args = [
      Buffer.concat([id, Buffer.from('Q')]),
      opcodesOf(0),
      sizes(shape),
      sizes(stridesOf(shape)),
      opcodesOf(false),
      hooks,
    ];
    return Buffer.concat([named('torch._utils', '_rebuild_tensor_v2'), tupleOpcodes(args), Buffer.from('R')]);
  }
}

const named = (module: string, name: string): Buffer => Buffer.from(`c${module}\n${name}\n`);

/** Strides of a contiguous tensor. */
function stridesOf(shape: readonly number[]): number[] {
  return shape.map((_, i) => shape.slice(i + 1).reduce((product, size) => product * size, 1));
}

/** Row by row, in the dtype's own bytes. */
function bytesOf(tensor: torch.Tensor): Uint8Array {
  return torch.tidy(() => {
    const cpu = tensor.detach().to('cpu').contiguous();
    const isHalf = cpu.dtype === 'float16' || cpu.dtype === 'bfloat16';
    const values = (isHalf ? torch.ops.aten.view.dtype(cpu, 'int16') : cpu).toTypedArray();
    return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  });
}
