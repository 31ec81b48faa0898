/** Seeded random JavaScript values: such as fit a schema type, and such as nobody should ever pass. */
import * as torch from '../../src/index.js';

/** mulberry32: small, fast, and the same everywhere. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** In [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  below(n: number): number {
    return Math.floor(this.next() * n);
  }

  chance(p: number): boolean {
    return this.next() < p;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  times<T>(n: number, make: () => T): T[] {
    return Array.from({ length: n }, make);
  }
}

class Custom {
  value = 1;
}
class ArrayLike extends Array<unknown> {}

const tensor = torch.keep(torch.ones(2, 3));
const scalar = torch.keep(torch.tensor(1));
const integers = torch.keep(torch.tensor([1n, 0n]));
const leaf = torch.keep(torch.ones(2, { requiresGrad: true }));
const gone = torch.ones(1);
gone.dispose();
const generator = new torch.Generator();

/** Calls torch in several ways that use the shared words, as a getter or a trap of the caller's may. */
export function useTorch(random: Random): unknown {
  switch (random.below(6)) {
    case 0:
      return tensor.sum().item();
    case 1:
      return tensor.shape;
    case 2:
      return leaf.grad;
    case 3:
      return torch.tidy(() => torch.cat([tensor, tensor]).sum().item());
    case 4:
      torch.ones(1).dispose();
      return 1;
    default:
      try {
        return torch.ones(2, 3).mm(tensor);
      } catch {
        return 1;
      }
  }
}

/** A Proxy whose traps throw, use torch, or pass on, at random. */
function hostile(random: Random, target: object): object {
  const trap =
    (pass: (...args: never[]) => unknown) =>
    (...args: unknown[]): never => {
      const kind = random.below(5);
      if (kind === 0)
        throw random.pick([
          new Error('trap'),
          'a string',
          undefined,
          new TypeError('x'.repeat(1000)),
          new Proxy(
            {},
            {
              get: () => {
                throw new Error('again');
              },
              getPrototypeOf: () => {
                throw new Error('again');
              },
            },
          ),
        ]);
      if (kind === 1) useTorch(random);
      if (kind === 2) return random.pick([Number.NaN, -1, 2 ** 40, '3', {}, null, Symbol('s'), 1n]) as never;
      return (pass as (...a: unknown[]) => never)(...args);
    };
  const handler: ProxyHandler<object> = {};
  if (random.chance(0.8)) handler.get = trap(Reflect.get as never);
  if (random.chance(0.5)) handler.has = trap(Reflect.has as never);
  if (random.chance(0.5)) handler.ownKeys = trap(Reflect.ownKeys as never);
  if (random.chance(0.5)) handler.getPrototypeOf = trap(Reflect.getPrototypeOf as never);
  if (random.chance(0.3)) handler.getOwnPropertyDescriptor = trap(Reflect.getOwnPropertyDescriptor as never);
  return new Proxy(target, handler);
}

function revoked(target: object): object {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}

const numbers = [
  0,
  -0,
  1,
  -1,
  2,
  3,
  0.5,
  -1.5,
  1e-320,
  1e308,
  2 ** 31,
  2 ** 53,
  2 ** 53 - 1,
  -(2 ** 53),
  2 ** 63,
  1e300,
  Number.NaN,
  Infinity,
  -Infinity,
];
const bigints = [
  0n,
  1n,
  -1n,
  2n ** 53n + 1n,
  2n ** 63n - 1n,
  -(2n ** 63n),
  2n ** 63n,
  2n ** 64n,
  -(2n ** 200n),
  10n ** 400n,
];
const strings = [
  '',
  'cpu',
  'cuda',
  'cuda:99',
  'meta',
  'float32',
  'int64',
  'strided',
  'channels_last',
  'mean',
  'sum',
  '\ud800',
  'a\udfff b',
  '\0',
  'ü'.repeat(50),
  'x'.repeat(300_000),
  '__proto__',
  'constructor',
  'toString',
  'cpu:-1',
  '😀',
];

/** Anything. */
export function wild(random: Random, depth = 0): unknown {
  switch (random.below(depth > 2 ? 12 : 24)) {
    case 0:
      return random.pick(numbers);
    case 1:
      return random.pick(bigints);
    case 2:
      return random.pick(strings);
    case 3:
      return random.chance(0.5);
    case 4:
      return random.pick([null, undefined]);
    case 5:
      return random.pick([tensor, scalar, integers, leaf, gone]);
    case 6:
      return random.pick([Symbol('s'), Symbol.iterator]);
    case 7:
      return random.pick([() => 1, class {}, Math.max, async () => 1]);
    case 8:
      return random.pick([
        new Date(0),
        /x/,
        new Map([[1, 2]]),
        new Set([1]),
        new Custom(),
        Promise.resolve(1),
        new WeakMap(),
        new Error('e'),
      ]);
    case 9:
      return random.pick([
        new Float32Array(3),
        new BigInt64Array(2),
        new Uint8Array(0),
        new DataView(new ArrayBuffer(4)),
        new ArrayBuffer(8),
        Buffer.from('x'),
      ]);
    case 10:
      return generator;
    case 11:
      return random.next() * 10 - 5;
    case 12:
    case 13:
      return random.times(random.below(5), () => wild(random, depth + 1));
    case 14:
      return new Array(random.pick([3, 1000, 200_000, 2 ** 32 - 1]));
    case 15:
      return new Array(random.pick([10, 140_000])).fill(random.pick<unknown>([1, 0.5, true, tensor, null]));
    case 16:
      return ArrayLike.from(random.times(3, () => random.below(3)));
    case 17:
      return hostile(
        random,
        random.times(3, () => random.below(3)),
      );
    case 18:
      return hostile(random, random.pick<object>([{}, tensor, () => 1, generator, gone, [tensor], new Custom()]));
    case 19:
      return revoked(random.pick<object>([[], {}, tensor]));
    case 20:
      return withGetter(random, [1, 2, 3], '1');
    case 21:
      return Object.fromEntries(
        random.times(random.below(4), () => [
          random.pick(['dim', 'self', 'other', 'dtype', 'x', '__proto__', 'y'.repeat(100_000)]),
          wild(random, depth + 1),
        ]),
      );
    case 22:
      return Object.assign(Object.create(random.pick([null, Array.prototype, torch.Tensor.prototype])) as object, {
        handle: random.pick<unknown>([1, 2, 1e9, 'x', -1, Symbol('h'), { valueOf: () => useTorch(random) }]),
        length: 2,
      });
    default:
      return random.pick<unknown>([tensor.shape, [[]], [[1]], [undefined], [null], [Number.NaN], [tensor, gone]]);
  }
}

/** The object with a getter under `name` that throws, uses torch, or gives a plain value. */
export function withGetter<T extends object>(random: Random, target: T, name: string): T {
  const kind = random.below(3);
  return Object.defineProperty(target, name, {
    enumerable: true,
    configurable: true,
    get() {
      if (kind === 0) throw new RangeError('getter');
      return kind === 1 ? useTorch(random) : 1;
    },
  });
}

/** A value that fits a schema type, as far as a type tells. */
export function fitting(random: Random, type: string): unknown {
  if (type.endsWith('?')) return random.chance(0.4) ? null : fitting(random, type.slice(0, -1));
  const list = /^(.*)\[(\d*)\]$/.exec(type);
  if (list) return random.times(list[2] ? Number(list[2]) : random.below(4), () => fitting(random, list[1] as string));
  switch (type) {
    case 'Tensor':
      return random.pick([tensor, scalar, integers, leaf]);
    case 'int':
      return random.below(4) - 1;
    case 'float':
      return random.next();
    case 'Scalar':
      return random.pick<unknown>([1, 2.5, -1, 0]);
    case 'bool':
      return random.chance(0.5);
    case 'str':
      return random.pick(['mean', 'sum', 'ij->i', 'zeros']);
    case 'ScalarType':
      return random.pick(torch.dtypes);
    case 'Layout':
      return 'strided';
    case 'Device':
      return 'cpu';
    case 'MemoryFormat':
      return random.pick(['contiguous_format', 'channels_last', 'preserve_format']);
    case 'Generator':
      return generator;
    default:
      return undefined;
  }
}
