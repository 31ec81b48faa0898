/** Checkpoints that are damaged in every way: an error that says so, never a crash, a hang, or memory beyond the file's size. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { openClassifier } from '../src/classifier/classifier.js';
import { UserError } from '../src/errors.js';
import { stream } from '../src/random/stream.js';
import { openTorchFile } from '../src/torch-files/open.js';
import { temporaryFolder } from './helpers/temporary-folder.js';
import { Golden, goldenFolder } from './models-golden.js';

type Mutate = (bytes: Buffer, draw: (below: number) => number) => Buffer;

const mutations: Record<string, Mutate> = {
  'cut off': (bytes, draw) => bytes.subarray(0, draw(bytes.length)),
  'a bit flipped in every 100 bytes': (bytes, draw) => {
    for (let i = 0; i < bytes.length; i += 100) bytes[Math.min(bytes.length - 1, i + draw(100))]! ^= 1 << draw(8);
    return bytes;
  },
  'a bit flipped in the pickle': (bytes, draw) => {
    const at = draw(Math.min(4000, bytes.length));
    bytes[at]! ^= 1 << draw(8);
    return bytes;
  },
  'numbers made huge': (bytes, draw) => {
    for (let k = 0; k < 8; k++) bytes.writeUInt32LE(0xfffffff0, draw(Math.min(4000, bytes.length - 4)));
    return bytes;
  },
  'directory damaged': (bytes, draw) => {
    for (let k = 0; k < 8; k++) bytes[bytes.length - 1 - draw(600)] = draw(256);
    return bytes;
  },
  'pieces swapped': (bytes, draw) => {
    const middle = draw(bytes.length);
    return Buffer.concat([bytes.subarray(0, 64), bytes.subarray(middle), bytes.subarray(64, middle)]);
  },
};

suite('mutated checkpoints', { skip: goldenFolder === undefined && 'no golden files', timeout: 60_000 }, () => {
  for (const name of goldenFolder === undefined ? [] : smallFiles())
    for (const [what, mutate] of Object.entries(mutations))
      test(`${name}: ${what}`, async (t) => {
        const whole = readFileSync(path.join(goldenFolder ?? '', name));
        const file = path.join(temporaryFolder(t), 'x.pth');
        for (let round = 0; round < 4; round++) {
          const random = stream(round, 'split', 0, whole.length);
          const below = (limit: number): number => Math.floor(random.random() * limit);
          writeFileSync(file, mutate(Buffer.from(whole), below));
          await assertReadOrRefused(() => openTorchFile(file));
          await assertReadOrRefused(() => openClassifier(file, { settings: [`student.model.numHeads=${heads()}`] }));
        }
      });
});

interface Entry {
  file: string;
  bytes: number;
  expect: 'load' | 'reject';
  model_config?: { num_heads: number };
}

function entries(): Entry[] {
  return new Golden<{ files: Entry[] }>('checkpoint').json.files;
}

/** Those that are whole and quickly written again. */
function smallFiles(): string[] {
  return entries().flatMap(({ file, bytes, expect }) => (expect === 'load' && bytes < 400_000 ? [file] : []));
}

function heads(): number {
  return entries().find(({ model_config }) => model_config)!.model_config!.num_heads;
}

/** What is still valid may be read: a flipped bit of a weight is a weight. */
async function assertReadOrRefused(open: () => Promise<Disposable>): Promise<void> {
  try {
    using _ = await open();
  } catch (error) {
    assert.ok(error instanceof UserError, String((error as Error).stack));
    assert.ok(error.code === 'CHECKPOINT' || error.code === 'RECIPE', error.code);
    assert.doesNotMatch(error.message, /\n|internal/);
  }
}
