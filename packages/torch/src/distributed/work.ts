/** A collective that runs in the background. */
import { requireOperator } from '../binding/operator.js';
import type { Group } from './current-group.js';
import { collectiveFailure } from './failures.js';
import { distributedNative } from './native.js';

/** Works that nobody waits for give their tensors back when the object is gone. */
const forgotten = new FinalizationRegistry<number>((id) => requireOperator('bridge::c10d_release')(id));

/** A collective that was started with `asyncOp: true`. Its tensors must not be read or written before it is done. */
export class Work {
  readonly #id: number;
  readonly #where: string;
  readonly #group: Group;
  #done: Promise<void> | undefined;
  #isOver = false;

  constructor(id: number, where: string, group: Group) {
    this.#id = id;
    this.#where = where;
    this.#group = group;
    forgotten.register(this, id, this);
  }

  /** Resolves when the collective is done, without blocking the event loop. Rejects with `TorchError` (`DISTRIBUTED`). */
  wait(): Promise<void> {
    this.#done ??= new Promise<void>((resolve) => distributedNative().whenDone(this.#id, resolve)).then(() =>
      this.finish(),
    );
    return this.#done;
  }

  /** Returns whether the collective has succeeded or failed. */
  isCompleted(): boolean {
    return this.#isOver || (requireOperator('bridge::c10d_is_completed')(this.#id) as boolean);
  }

  /** Blocks until the collective is done. Throws `TorchError` (`DISTRIBUTED`). */
  finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    forgotten.unregister(this);
    try {
      requireOperator('bridge::c10d_wait')(this.#id);
    } catch (error) {
      throw collectiveFailure(error, this.#where, this.#group);
    }
  }
}
