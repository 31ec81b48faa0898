/** Numbers of the reference implementations (../shared/golden beside the repository), and how ours are held against them. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import * as torch from '@deit-lt/torch';
import { ResNetCifar } from '../src/models/index.js';

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

/**
 * A CIFAR ResNet of the shapes that stored weights have: `shapeOf` gives a tensor's shape by its published name, or undefined.
 * Blocks are counted, widths and classes read.
 */
export function resNetLike(shapeOf: (name: string) => readonly number[] | undefined, cosine = false): ResNetCifar {
  const known = (name: string): readonly number[] => shapeOf(name) ?? assert.fail(`the golden file has no ${name}`);
  let blocks = 0;
  while (shapeOf(`layer1.${blocks}.conv1.weight`) !== undefined) blocks++;
  const widths = [1, 2, 3].map((stage) => known(`layer${stage}.0.conv1.weight`)[0]!);
  const numClasses = cosine ? known('linear.weight')[1] : known('linear.weight')[0];
  const inChans = known('conv1.weight')[1];
  return new ResNetCifar(blocks, {
    widths: widths as [number, number, number],
    cosine,
    ...(numClasses !== undefined && { numClasses }),
    ...(inChans !== undefined && { inChans }),
  });
}
