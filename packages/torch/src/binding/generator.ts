import { native } from './addon.js';

const collected = new FinalizationRegistry<number>((index) => native().releaseGenerator(index));

/** A random number generator as operators take it; src/random.ts has the class that users see. */
export class GeneratorBase {
  /** The generator's number on the native side, until the garbage collector takes this object. */
  readonly index: number;
  readonly device: string;

  constructor(index: number, device: string) {
    this.index = index;
    this.device = device;
    collected.register(this, index);
  }
}
