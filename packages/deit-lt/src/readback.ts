/**
 * Values of a device that are read some batches late and together: each read waits for all work that was given to the
 * device before, and a device that is not waited for works while the next batches are prepared.
 */
import * as torch from '@deit-lt/torch';

const { aten } = torch.ops;

type Values = Float32Array | Int32Array;

/** Gets the values of the tensors that were given with it, row-major. */
type Use = (...values: Values[]) => void;

interface Pending {
  /** 32-bit numbers, each tensor flat and as integers of the same bits. */
  readonly bits: readonly torch.Tensor[];
  readonly dtypes: readonly string[];
  readonly use: Use;
}

/** Most batches that are read together. */
const most = 16;

/**
 * Reads tensors of the CPU at once, those of a device after 1, 2, 4, 8, 16 batches and then every 16: the first values
 * are there soon. `flush` reads the rest.
 */
export class Readback implements Disposable {
  #pending: Pending[] = [];
  #read = 0;

  /** `late`: whether tensors of the CPU are read as those of a device. Default false. */
  constructor(private readonly late: boolean = false) {}

  /** Calls `use` with the values of `tensors`, float32 or int32, now or later, in the order of the calls. */
  add(tensors: readonly torch.Tensor[], use: Use): void {
    const plain = torch.tidy(() => torch.keep(tensors.map(thirtyTwoBits)));
    if (!this.late && plain.every(({ device }) => device === 'cpu')) {
      const values = plain.map((tensor) => tensor.toTypedArray() as Values);
      for (const tensor of plain) tensor.dispose();
      use(...values);
      return;
    }
    const bits = torch.tidy(() => torch.keep(plain.map((tensor) => aten.view.dtype(tensor.flatten(), 'int32'))));
    const dtypes = plain.map(({ dtype }) => dtype);
    for (const tensor of plain) tensor.dispose();
    this.#pending.push({ bits, dtypes, use });
    if (this.#pending.length >= Math.min(most, Math.max(1, this.#read))) this.flush();
  }

  /** Reads all that was not read yet, by one copy. Throws what a `use` throws; later ones are not called then. */
  flush(): void {
    const pending = this.#pending;
    if (pending.length === 0) return;
    const bits = pending.flatMap((each) => each.bits);
    const sizes = bits.map((tensor) => tensor.numel());
    const all = torch.tidy(() => torch.cat(bits, 0).toTypedArray<'int32'>());
    this.#read += pending.length;
    this[Symbol.dispose]();
    let [start, next] = [0, 0];
    for (const { dtypes, use } of pending) {
      const values = dtypes.map((dtype) => {
        const size = sizes[next++]!;
        const part = all.slice(start, start + size);
        start += size;
        return dtype === 'int32' ? part : new Float32Array(part.buffer);
      });
      use(...values);
    }
  }

  /** Forgets what was not read. */
  [Symbol.dispose](): void {
    const pending = this.#pending;
    this.#pending = [];
    for (const tensor of pending.flatMap(({ bits }) => bits)) tensor.dispose();
  }
}

/** A contiguous tensor of its own without gradient, int32 for integers and float32 for all else. */
function thirtyTwoBits(tensor: torch.Tensor): torch.Tensor {
  const dtype = /int/.test(tensor.dtype) ? 'int32' : 'float32';
  return tensor.detach().to({ dtype, copy: true, memoryFormat: 'contiguous_format' });
}
