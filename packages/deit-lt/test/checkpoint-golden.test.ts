/** Files that PyTorch wrote, as training scripts leave them, and hostile ones. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { openClassifier } from '../src/classifier/classifier.js';
import { Namespace } from '../src/pickle/containers.js';
import type { PickleValue } from '../src/pickle/values.js';
import { openTorchFile } from '../src/torch-files/open.js';
import { PickledTensor } from '../src/torch-files/pickled-tensor.js';
import { assertNear, Golden, goldenFolder } from './models-golden.js';

interface FileJson {
  file: string;
  expect: 'load' | 'reject';
  must_not_create?: string;
  tensors?: Record<string, { dtype: string; shape: number[]; sha256_row_major_le: string; first: number[] }>;
  args?: Record<string, unknown>;
  accuracies?: Record<string, number>;
  rho?: number;
  model_config?: { num_heads: number };
  logits?: Record<string, string>;
}

/** `optimizer/state/0/exp_avg` of nested dictionaries and lists. */
function at(value: PickleValue, place: string): PickleValue | undefined {
  return place.split('/').reduce<PickleValue | undefined>((inner, key) => {
    if (inner instanceof Map) return inner.get(key) ?? inner.get(Number(key));
    return Array.isArray(inner) ? inner[Number(key)] : undefined;
  }, value);
}

/** The tensor's values in order, as the golden files hash them. */
function bytesOf(tensor: torch.Tensor): Uint8Array {
  const file = torch.safetensors.serialize({ tensor });
  const headerLength = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  return file.subarray(8 + headerLength);
}

suite('golden checkpoints', { skip: goldenFolder === undefined && 'no golden files' }, () => {
  if (goldenFolder === undefined) return;
  const golden = new Golden<{ files: FileJson[] }>('checkpoint');
  const { json } = golden;
  const place = (file: string): string => path.join(goldenFolder ?? '', file);
  const student = json.files.find(({ model_config }) => model_config !== undefined)!;
  const sam = json.files.find(({ rho }) => rho !== undefined)!;

  for (const { file, expect, tensors: wanted = {}, must_not_create: marker } of json.files) {
    if (expect === 'load')
      test(`${file}: every tensor to the bit`, async () => {
        using opened = await openTorchFile(place(file));
        for (const [name, { dtype, shape, sha256_row_major_le }] of Object.entries(wanted)) {
          const pickled = at(opened.value, name);
          assert.ok(pickled instanceof PickledTensor, name);
          const tensor = opened.tensor(pickled);
          assert.deepEqual([tensor.dtype, tensor.shape], [dtype, shape], name);
          assert.equal(createHash('sha256').update(bytesOf(tensor)).digest('hex'), sha256_row_major_le, name);
        }
      });
    else
      test(`${file}: refused, nothing is run`, async () => {
        const message = /^[^\n]*(refers to [\w.]+, which has a type that is not allowed|is damaged|is cut off)/;
        await assert.rejects(openTorchFile(place(file)), { code: 'CHECKPOINT', message });
        await assert.rejects(openClassifier(place(file)), { code: 'CHECKPOINT', message });
        assert.equal(marker !== undefined && existsSync(marker), false);
      });
  }

  test('what a script kept beside the weights: options, accuracies, NumPy numbers', async () => {
    using opened = await openTorchFile(place(student.file));
    const { args = {}, accuracies = {} } = student;
    const options = at(opened.value, 'args');
    assert.ok(options instanceof Namespace);
    assert.deepEqual(Object.fromEntries(options.values), args);
    for (const [name, figure] of Object.entries(accuracies)) assert.equal(at(opened.value, name), figure, name);
    using teacher = await openTorchFile(place(sam.file));
    assert.equal(at(teacher.value, 'optimizer/param_groups/0/rho'), sam.rho);
  });

  const heads = `student.model.numHeads=${student.model_config!.num_heads}`;
  const legacy = json.files.filter(({ file }) => /student_legacy/.test(file)); // the same weights in the older container
  const cases = json.files.flatMap(({ file, logits }) => {
    if (logits === undefined) return [];
    const { input, ...outputs } = logits as { input: string } & Record<string, string>;
    const keys = (ema: boolean): string[] =>
      Object.entries(outputs).flatMap(([name, key]) => (name.startsWith('ema_') === ema ? [key] : []));
    const isStudent = file === student.file;
    const each = (name: string, weights: 'raw' | 'ema') => ({
      name,
      weights,
      settings: isStudent ? [heads] : [],
      input,
      logits: keys(weights === 'ema'),
    });
    const averaged = keys(true).length > 0 ? [each(file, 'ema')] : [];
    return [each(file, 'raw'), ...averaged, ...(isStudent ? legacy.map(({ file: older }) => each(older, 'raw')) : [])];
  });
  for (const { name, weights, settings, input, logits } of cases)
    test(`${name}, ${weights} weights: the logits of the model that saved it`, async () => {
      using model = await openClassifier(place(name), {
        weights,
        settings: [...settings, 'precision=float32'],
      });
      const { avg, cls, dist } = model.logits(golden.at(input));
      const found = cls === undefined ? [avg] : [cls, dist];
      for (const [i, key] of logits.entries()) assertNear(found[i], golden.at(key), { atol: 2e-5 }, key);
    });
});
