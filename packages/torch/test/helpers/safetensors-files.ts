/** Tensors of every kind for safetensors files, and a folder for the files. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before } from 'node:test';
import * as torch from '../../src/index.js';
import { readBytes } from '../../src/tensor/values.js';

/** A folder for the tests of a file: the path of a name in it, and the temporary files that were left there. */
export function testFolder(): { at(name: string): string; leftovers(): string[] } {
  let folder = '';
  before(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'safetensors-'));
  });
  after(() => fs.rmSync(folder, { recursive: true }));
  return {
    at: (name) => path.join(folder, name),
    leftovers: () => fs.readdirSync(folder).filter((name) => name.endsWith('.tmp')),
  };
}

const storable = [
  'float64',
  'float32',
  'float16',
  'bfloat16',
  'int64',
  'int32',
  'int16',
  'int8',
  'uint8',
  'bool',
] as const;

/** One tensor of each dtype, and every awkward form. */
export function variety(): Record<string, torch.Tensor> {
  torch.manualSeed(1);
  const tensors: Record<string, torch.Tensor> = {};
  for (const dtype of storable) tensors[`${dtype}.weight`] = torch.randn([3, 5]).mul(50).abs().to(dtype);
  return {
    ...tensors,
    nonFinite: torch.tensor([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0]),
    large: torch.tensor([2n ** 62n, -(2n ** 63n)]),
    scalar: torch.tensor(2.5),
    boolScalar: torch.tensor(true),
    empty: torch.zeros([0]),
    emptyMatrix: torch.zeros([3, 0, 2], { dtype: 'int64' }),
    transposed: torch.randn([4, 6]).t(),
    strided: torch.arange(20).index('1::3'),
    expanded: torch.randn([1, 3]).expand([4, 3]),
    channelsLast: torch.randn([2, 3, 4, 5]).to({ memoryFormat: 'channels_last' }),
    parameter: torch.ones([2], { requiresGrad: true }),
    'name with "quotes", ünïcode and \n': torch.ones([1]),
  };
}

export function assertSameTensors(
  actual: ReadonlyMap<string, torch.Tensor>,
  expected: Record<string, torch.Tensor>,
): void {
  assert.deepEqual([...actual.keys()].sort(), Object.keys(expected).sort());
  for (const [name, tensor] of Object.entries(expected)) assertSameBytes(actual.get(name), tensor, name);
}

export function assertSameBytes(actual: torch.Tensor | undefined, expected: torch.Tensor, what: string): void {
  assert.ok(actual, what);
  assert.equal(actual.dtype, expected.dtype, what);
  assert.deepEqual(actual.shape, expected.shape, what);
  assert.ok(Buffer.from(readBytes(actual)).equals(readBytes(expected)), `${what}: other bytes`);
}
