/** Numbers of the reference implementations (../shared/golden beside the repository), and how ours are held against them. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import * as torch from '@deit-lt/torch';

const repository = path.resolve(import.meta.dirname, '../../../..');

/** Undefined where the golden files are not: tests that need them are skipped. */
export const goldenFolder = [path.join(repository, 'shared/golden'), path.join(repository, '../shared/golden')].find(
  existsSync,
);

/** One golden file: its JSON, and its tensors by name. */
export class Golden<T> {
  readonly json: T;
  readonly #tensors: Map<string, torch.Tensor>;

  constructor(topic: string) {
    const file = path.join(goldenFolder ?? '', topic);
    this.json = JSON.parse(readFileSync(`${file}.json`, 'utf8')) as T;
    this.#tensors = torch.safetensors.load(`${file}.safetensors`);
  }

  at(key: string): torch.Tensor {
    const tensor = this.#tensors.get(key);
    assert.ok(tensor !== undefined, `the golden file has no ${key}`);
    return tensor;
  }

  /** All tensors whose name begins with `prefix`, without it. */
  under(prefix: string): Map<string, torch.Tensor> {
    const found = [...this.#tensors].filter(([key]) => key.startsWith(prefix));
    return new Map(found.map(([key, tensor]) => [key.slice(prefix.length), tensor]));
  }
}

/** Asserts shape, and values to within `atol`, or `relative` times the largest expected value. */
export function assertNear(
  actual: torch.Tensor | null | undefined,
  expected: torch.Tensor,
  { atol = 0, relative = 0 }: { atol?: number; relative?: number },
  what = 'tensor',
): void {
  assert.ok(actual, `${what}: expected a tensor`);
  assert.deepEqual(actual.shape, expected.shape, `${what}: shape`);
  const [difference, largest] = torch.tidy(() => {
    const [a, e] = [actual.detach().double(), expected.double()];
    return [a.sub(e).abs().max().toNumber(), e.abs().max().toNumber()];
  });
  assert.ok(
    difference <= atol + relative * largest,
    `${what}: off by ${difference}, largest expected value ${largest}`,
  );
}
