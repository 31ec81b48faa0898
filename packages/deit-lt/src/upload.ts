/**
 * The numbers and pixels that a batch needs on the device that trains, sent together: each copy of its own costs more
 * than the bytes of a whole batch. On a CUDA device the copy is from page-locked memory and nothing waits for it.
 */
import * as torch from '@deit-lt/torch';

const { aten } = torch.ops;

/** Arrays whose elements are a dtype. */
export type Numbers = Float32Array | Float64Array | Int32Array | BigInt64Array;

/** Returns what was sent, on the device. Call it after `send()`; the tensor belongs to the scope that is open then. */
export type Sent = () => torch.Tensor;

/** One part of the packed memory. */
interface Part {
  /** Place of its first byte. */
  readonly offset: number;
  readonly bytes: number;
  readonly dtype: torch.DType;
  /** Writes it to `memory`, its bytes on the CPU. */
  readonly write: (memory: torch.Tensor) => void;
}

const dtypes = {
  Float32Array: 'float32',
  Float64Array: 'float64',
  Int32Array: 'int32',
  BigInt64Array: 'int64',
} as const;

/** Parts begin at multiples of the largest element. */
const alignment = 8;

/**
 * Collects what a batch needs: `numbers`, `labels`, `images`, … give functions that return the tensors after `send()`.
 * On the CPU nothing is packed, and `send` does nothing. One upload is sent once.
 */
export class Upload {
  readonly #parts: Part[] = [];
  /** The memory that was sent, as elements of each dtype that occurs. */
  readonly #memory = new Map<torch.DType, torch.Tensor>();
  #bytes = 0;
  #isSent = false;

  /** `device` is where the tensors will be. `packs`: whether they are packed and sent; default: unless that is the CPU. */
  constructor(
    readonly device: string,
    readonly packs: boolean = device !== 'cpu',
  ) {}

  /** A typed array in its own dtype, in `shape`, by default one dimension. It must not be changed before `send()`. */
  numbers(values: Numbers, shape: readonly number[] = [values.length]): Sent {
    if (!this.packs) return () => torch.tensor(values, { shape });
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const dtype = dtypes[values.constructor.name as keyof typeof dtypes];
    return this.#add(shape, dtype, (memory) => {
      memory.copy_(torch.fromTypedArray(bytes));
    });
  }

  /** One number for each image of a batch, float32 `[n, 1, 1, 1]`, to be broadcast over the images. */
  perImage(values: readonly number[]): Sent {
    return this.numbers(Float32Array.from(values), [values.length, 1, 1, 1]);
  }

  /** Places in a dimension or classes, int64 `[n]`. */
  indices(values: readonly number[] | Int32Array): Sent {
    return this.numbers(BigInt64Array.from(values as readonly number[], BigInt));
  }

  /** A tensor of the CPU. */
  tensor(values: torch.Tensor): Sent {
    if (!this.packs) return () => values.view(values.shape);
    const { shape, dtype } = values;
    return this.#add(shape, dtype, (memory) => {
      aten.view.dtype(memory, dtype).view(shape).copy_(values);
    });
  }

  /**
   * Images of the CPU, `[B, 3, H, W]` of whole levels 0…255 in uint8 or float32, channels last: float32 in the same
   * shape and format. They travel as bytes.
   */
  images(levels: torch.Tensor): Sent {
    const float = (images: torch.Tensor): torch.Tensor => images.to('float32');
    if (!this.packs) return () => float(levels.view(levels.shape));
    const rows = levels.permute(0, 2, 3, 1); // (B, H, W, 3), as in memory
    const sent = this.#add(rows.shape, 'uint8', (memory) => {
      memory.view(rows.shape).copy_(rows);
    });
    return () => float(sent().permute(0, 3, 1, 2));
  }

  /** Copies everything to the device; does not wait for the copy. The memory there belongs to the scope that is open. */
  send(): void {
    if (this.#isSent) throw new Error('internal: an upload is sent once');
    this.#isSent = true;
    if (this.#bytes === 0) return;
    const packed = torch.tidy(() => {
      const memory = torch.empty([this.#bytes], { dtype: 'uint8', pinMemory: this.device.startsWith('cuda') });
      for (const { offset, bytes, write } of this.#parts) torch.tidy(() => write(memory.narrow(0, offset, bytes)));
      return memory.to(this.device, { nonBlocking: true });
    });
    for (const dtype of new Set(this.#parts.map((part) => part.dtype)))
      this.#memory.set(dtype, dtype === 'uint8' ? packed : aten.view.dtype(packed, dtype));
  }

  #add(shape: readonly number[], dtype: torch.DType, write: Part['write']): Sent {
    const count = shape.reduce((product, size) => product * size, 1);
    const [offset, bytes] = [this.#bytes, count * torch.itemSize(dtype)];
    this.#parts.push({ offset, bytes, dtype, write });
    this.#bytes = Math.ceil((offset + bytes) / alignment) * alignment;
    return () => {
      if (!this.#isSent) throw new Error('internal: this upload has not been sent');
      return this.#memory.get(dtype)!.asStrided(shape, rowMajor(shape), offset / torch.itemSize(dtype));
    };
  }
}

/** Steps between neighbours in each dimension of contiguous memory. */
function rowMajor(shape: readonly number[]): number[] {
  const strides = shape.map(() => 1);
  for (let dim = shape.length - 2; dim >= 0; dim--) strides[dim] = strides[dim + 1]! * shape[dim + 1]!;
  return strides;
}
