/** What the tests of augmentations share: golden images, and streams of given numbers in place of ours. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import * as torch from '@deit-lt/torch';
import type { RandomStream } from '../src/random/stream.js';

/** The nearest `shared/golden` at or above this file; a clone without the shared folder has none. */
function goldenFolder(): string | undefined {
  for (let folder = import.meta.dirname; folder !== path.dirname(folder); folder = path.dirname(folder)) {
    const candidate = [path.join(folder, 'shared/golden'), path.join(folder, '../shared/golden')].find((place) =>
      existsSync(path.join(place, 'augment.json')),
    );
    if (candidate !== undefined) return candidate;
  }
  return undefined;
}

const folder = goldenFolder();

/** What a suite of golden numbers says when the folder is absent; false when it is there. */
export const noGolden = folder === undefined ? 'the folder shared/golden is not there' : false;

/** The golden numbers of augmentations: `json` as `T`, and a function that gives a tensor by its key. */
export function loadGolden<T>(): { json: T; at: (key: string) => torch.Tensor } {
  const place = folder ?? '';
  const tensors = torch.safetensors.load(path.join(place, 'augment.safetensors'));
  const at = (key: string): torch.Tensor => {
    const tensor = tensors.get(key);
    assert.ok(tensor, `the golden file has no ${key}`);
    return tensor;
  };
  return { json: JSON.parse(readFileSync(path.join(place, 'augment.json'), 'utf8')) as T, at };
}

/** uint8 `[H, W, 3]` as a float32 batch `[1, 3, H, W]`, channels last. */
export function asBatch(image: torch.Tensor): torch.Tensor {
  return image.float().unsqueeze(0).permute(0, 3, 1, 2);
}

/** Image `i` of a batch in the order of the golden files, `[H, W, 3]`. */
export function asImage(batch: torch.Tensor, i = 0): torch.Tensor {
  return batch.select(0, i).permute(1, 2, 0);
}

/** The largest difference of two tensors of the same shape. */
export function maxDifference(actual: torch.Tensor, expected: torch.Tensor): number {
  assert.deepEqual(actual.shape, expected.shape);
  return torch.tidy(() => actual.double().sub(expected.double()).abs().max().toNumber());
}

/** A stream that draws from `uint32`, with Python's rules for integers. */
function streamOver(random: () => number, int: (n: number) => number): RandomStream {
  const stream = {
    random,
    int,
    uniform: (low: number, high: number) => low + (high - low) * random(),
    chance: (p: number) => random() < p,
    uint32: () => 0,
  };
  return stream as unknown as RandomStream;
}

/** A stream of the given uniform numbers. */
export function replay(numbers: readonly number[]): RandomStream {
  let next = 0;
  const random = (): number => numbers[next++]!;
  return streamOver(random, (n) => Math.floor(random() * n));
}

/** Python's `random.Random(seed)`: `random()`, and `int(n)` as `randint(0, n - 1)`. */
export function pythonStream(seed: number): RandomStream {
  const uint32 = twister(seed);
  const random = (): number => ((uint32() >>> 5) * 0x4000000 + (uint32() >>> 6)) / 0x20000000000000;
  return streamOver(random, (n) => {
    const bits = 32 - Math.clz32(n);
    for (;;) {
      const value = uint32() >>> (32 - bits);
      if (value < n) return value;
    }
  });
}

/** MT19937 seeded by the array [seed], as Python seeds it. */
function twister(seed: number): () => number {
  const state = new Uint32Array(624);
  state[0] = 19650218;
  const mix = (i: number): number => state[i - 1]! ^ (state[i - 1]! >>> 30);
  for (let i = 1; i < 624; i++) state[i] = Math.imul(mix(i), 1812433253) + i;
  let i = 1;
  const wrap = (): void => {
    if (++i < 624) return;
    state[0] = state[623]!;
    i = 1;
  };
  for (let k = 0; k < 624; k++, wrap()) state[i] = (state[i]! ^ Math.imul(mix(i), 1664525)) + seed;
  for (let k = 0; k < 623; k++, wrap()) state[i] = (state[i]! ^ Math.imul(mix(i), 1566083941)) - i;
  state[0] = 0x80000000;
  let next = 624;
  return () => {
    if (next === 624) {
      for (let k = 0; k < 624; k++) {
        const y = (state[k]! & 0x80000000) | (state[(k + 1) % 624]! & 0x7fffffff);
        state[k] = state[(k + 397) % 624]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
      }
      next = 0;
    }
    let y = state[next++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  };
}
