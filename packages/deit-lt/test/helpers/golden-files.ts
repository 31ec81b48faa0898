/** Golden vectors of `../shared/golden` beside this repository: numbers only, made by the published code. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import * as torch from '@deit-lt/torch';

/** The nearest `../shared/NAME` above this file; a clone without the shared folder has none. */
export function sharedFile(name: string): string | undefined {
  for (let folder = import.meta.dirname; folder !== path.dirname(folder); folder = path.dirname(folder)) {
    const candidate = path.join(folder, '../shared', name);
    if (existsSync(candidate)) return candidate;
  }
  return undefined;
}

/** The folder of the golden vectors. */
export function goldenFolder(): string | undefined {
  const file = sharedFile('golden/losses.json');
  return file && path.dirname(file);
}

/** What a suite's `skip` is: false, or why. */
export const skipGolden = goldenFolder() === undefined && 'no ../shared/golden beside this repository';

/** A golden topic: its JSON, and its tensors by key. */
export interface Golden<T> {
  readonly json: T;
  tensor(key: string): torch.Tensor;
  has(key: string): boolean;
}

/** Reads a topic. Where the folder is absent it gives empty things, for suites that are then skipped. */
export function golden<T extends object>(topic: string, empty: T): Golden<T> {
  const folder = goldenFolder();
  if (folder === undefined) return { json: empty, tensor: () => assert.fail('no golden files'), has: () => false };
  const json = JSON.parse(readFileSync(path.join(folder, `${topic}.json`), 'utf8')) as T;
  const file = path.join(folder, `${topic}.safetensors`);
  const tensors = existsSync(file)
    ? torch.safetensors.deserialize(readFileSync(file))
    : new Map<string, torch.Tensor>();
  return {
    json,
    tensor: (key) => tensors.get(key) ?? assert.fail(`the golden file has no ${key}`),
    has: (key) => tensors.has(key),
  };
}

/** Largest `|actual − expected|` must be within `atol + rtol · |expected|` everywhere. */
export function assertNear(
  actual: torch.Tensor | null,
  expected: torch.Tensor,
  { atol = 0, rtol = 0 }: { atol?: number; rtol?: number },
  what: string,
): void {
  assert.ok(actual !== null, `${what}: there is none`);
  assert.deepEqual(actual.shape, expected.shape, `${what}: shape`);
  const [a, e] = [actual, expected].map((t) => t.detach().double().toTypedArray<'float64'>());
  e!.forEach((y, i) => {
    const x = a![i]!;
    assert.ok(Math.abs(x - y) <= atol + rtol * Math.abs(y), `${what}: element ${i} is ${x}, expected ${y}`);
  });
}

/** As `assertNear` for numbers. */
export function assertClose(actual: number, expected: number, { atol = 0, rtol = 0 }, what: string): void {
  const near = Math.abs(actual - expected) <= atol + rtol * Math.abs(expected);
  assert.ok(near, `${what}: ${actual}, expected ${expected}`);
}
