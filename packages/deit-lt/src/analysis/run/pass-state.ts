/**
 * Intermediate results of a pass over the images: sums over images, and values for each image. It is saved now and then,
 * so that a pass that was stopped resumes where it was and gives the same result bit by bit.
 */
import { existsSync, rmSync } from 'node:fs';
import * as torch from '@deit-lt/torch';
import { fitsChecksum } from '../../runs/checksum.js';
import { saveTensors } from '../../runs/save-tensors.js';

const format = 'deit-lt analysis in progress 1';

export class PassState implements Disposable {
  /** Images that are in. */
  done = 0;
  readonly #sums = new Map<string, torch.Tensor>();
  readonly #perImage = new Map<string, Float64Array>();

  /** `images` is how many there are in all; `key` says of what: a state of something else is not gone on with. */
  constructor(
    readonly images: number,
    readonly key: string,
  ) {}

  /** Adds float64 `values` of any shape to the sum of that name; the first makes it. */
  add(name: string, values: torch.Tensor): void {
    const sum = this.#sums.get(name);
    if (sum === undefined) this.#sums.set(name, torch.keep(values.clone()));
    else sum.add_(values);
  }

  sum(name: string): torch.Tensor | undefined {
    return this.#sums.get(name);
  }

  /** Notes a number of each image of the batch that comes next. */
  put(name: string, values: ArrayLike<number>): void {
    const all = this.#perImage.get(name) ?? new Float64Array(this.images);
    this.#perImage.set(name, all);
    all.set(Array.from(values), this.done);
  }

  /** The numbers of all images; undefined when none was noted. */
  numbers(name: string): Float64Array | undefined {
    return this.#perImage.get(name);
  }

  /** Throws UserError RUN_FOLDER. */
  save(file: string): void {
    torch.tidy(() => {
      const sums = [...this.#sums].map(([name, sum]) => [`sum.${name}`, sum.to('cpu')] as const);
      const numbers = [...this.#perImage].map(([name, all]) => [`image.${name}`, torch.tensor(all)] as const);
      const metadata = { format, key: this.key, done: String(this.done) };
      saveTensors(file, new Map([...sums, ...numbers]), metadata);
    });
  }

  /** Goes on with what `file` has, when it is of the same work. Says whether it did; a file of other work is removed. */
  load(file: string, device: string): boolean {
    if (!existsSync(file)) return false;
    const fits = torch.tidy(() => this.#read(file, device));
    if (!fits) rmSync(file, { force: true });
    return fits;
  }

  #read(file: string, device: string): boolean {
    try {
      using opened = torch.safetensors.open(file);
      const { metadata } = opened;
      if (metadata.format !== format || metadata.key !== this.key) return false;
      const tensors = new Map(opened.names.map((name) => [name, opened.get(name)]));
      if (!fitsChecksum(tensors, metadata)) return false;
      for (const [name, value] of tensors) {
        if (name.startsWith('sum.')) this.#sums.set(name.slice(4), torch.keep(value.to(device).clone()));
        else this.#perImage.set(name.slice(6), value.toTypedArray<'float64'>().slice());
      }
      this.done = Number(metadata.done);
      return true;
    } catch (error) {
      if (error instanceof torch.safetensors.SafetensorsError) return false; // damaged: begin again
      throw error;
    }
  }

  [Symbol.dispose](): void {
    for (const sum of this.#sums.values()) sum.dispose();
    this.#sums.clear();
  }
}
