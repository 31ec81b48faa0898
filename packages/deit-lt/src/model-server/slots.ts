/** Bounds of what the model server holds at once: images that it accepted, and bytes of their files. */

/** A number of places, of which some are taken. */
export class Slots {
  #taken = 0;

  constructor(readonly capacity: number) {}

  get taken(): number {
    return this.#taken;
  }

  /** Takes `count` places, all or none; false where there are not so many. */
  take(count: number): boolean {
    if (this.#taken + count > this.capacity) return false;
    this.#taken += count;
    return true;
  }

  release(count: number): void {
    this.#taken -= count;
  }
}
