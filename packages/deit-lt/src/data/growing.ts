/**
 * Lists of numbers and bytes that grow, in typed arrays: a million numbers in an ordinary array cost twice as much and
 * more to collect.
 */

const firstCapacity = 1024;

/** A list of 32-bit numbers. */
export class GrowingInts {
  #values = new Int32Array(firstCapacity);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    if (this.#length === this.#values.length) {
      const larger = new Int32Array(2 * this.#length);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#length++] = value;
  }

  /** A copy of just the numbers. */
  toArray(): Int32Array {
    return this.#values.slice(0, this.#length);
  }
}

/** Texts one after the other, as UTF-8. */
export class GrowingText {
  #bytes = Buffer.alloc(firstCapacity);
  #length = 0;

  /** Returns the length in bytes. */
  get length(): number {
    return this.#length;
  }

  push(text: string): void {
    const most = this.#length + 3 * text.length; // a UTF-16 unit has three bytes of UTF-8 at most
    if (most > this.#bytes.length) this.#bytes = Buffer.concat([this.#bytes], Math.max(most, 2 * this.#bytes.length)); // the rest is zero
    this.#length += this.#bytes.write(text, this.#length);
  }

  /** A copy of just the bytes. */
  toArray(): Uint8Array {
    return new Uint8Array(this.#bytes.subarray(0, this.#length));
  }
}
