/** Random draws that are kept, so that a program in another language can draw the same. */
import { RandomStream } from '../../src/random/stream.js';

/** Drawn numbers of each kind, in order. */
export interface Draws {
  /** Numbers in [0, 1): of `random()`, `uniform()` and `chance()`. */
  readonly random: number[];
  /** Results of `int()`. */
  readonly int: number[];
  /** Standard normal numbers. */
  readonly normal: number[];
  readonly gamma: number[];
  readonly beta: number[];
}

/** A stream that keeps what it drew; the numbers from which others are made are left out. */
export class RecordingStream extends RandomStream {
  readonly drawn: Draws = { random: [], int: [], normal: [], gamma: [], beta: [] };
  #depth = 0;

  override random(): number {
    return this.#keep('random', () => super.random());
  }

  override int(n: number): number {
    return this.#keep('int', () => super.int(n));
  }

  override normal(): number {
    return this.#keep('normal', () => super.normal());
  }

  override gamma(shape: number): number {
    return this.#keep('gamma', () => super.gamma(shape));
  }

  override beta(a: number, b: number): number {
    return this.#keep('beta', () => super.beta(a, b));
  }

  #keep(kind: keyof Draws, draw: () => number): number {
    this.#depth++;
    const value = draw();
    this.#depth--;
    if (this.#depth === 0) this.drawn[kind].push(value);
    return value;
  }
}

/**
 * Python: `Draws(drawn)` stands in for the modules `random` and, by `.numpy`, `numpy` of a library, which then draws the
 * recorded numbers; `check_empty()` fails when some are left. To draw one that was not recorded is an error, too.
 */
export const drawsInPython = `
import numpy

class NumpyRandom:
    def __init__(self, draws): self.draws = draws
    def rand(self): return self.draws.random()
    def randint(self, low, high=None, size=None): return self.draws.take("int") + (low if high is not None else 0)
    def choice(self, items, count, replace=True, p=None): return [items[self.draws.take("int")] for _ in range(count)]
    def beta(self, a, b): return self.draws.take("beta")
    def dirichlet(self, alphas):
        gammas = [self.draws.take("gamma") for _ in alphas]
        return numpy.array(gammas) / sum(gammas)

class Numpy:
    def __init__(self, draws): self.random = NumpyRandom(draws)
    def __getattr__(self, name): return getattr(numpy, name)

class Draws:
    def __init__(self, drawn):
        self.left = {kind: list(values) for kind, values in drawn.items()}
        self.numpy = Numpy(self)
    def take(self, kind): return self.left[kind].pop(0)
    def random(self): return self.take("random")
    def uniform(self, low, high): return low + (high - low) * self.random()
    def gauss(self, mean, std): return mean + std * self.take("normal")
    def choice(self, items): return items[self.take("int")]
    def randint(self, low, high): return low + self.take("int")
    def check_empty(self): assert not any(self.left.values()), f"not drawn: {self.left}"
`;
