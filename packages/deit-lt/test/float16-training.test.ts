/** Trainings in float16 with scaled losses. No card is needed: libtorch 2 computes float16 on the CPU, slowly. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { placementOf } from '../src/recipe/device.js';
import { RunFolder } from '../src/runs/run-folder.js';
import { trainAll, trainTeacher } from '../src/training/train.js';
import { abortAt, assertSameRun } from './helpers/same-run.js';
import { temporaryFolder } from './helpers/temporary-folder.js';
import { atBatch, tinyDataset, tinyRecipe } from './training-tiny.js';

function hasFloat16(): boolean {
  try {
    return placementOf({ device: 'cpu', precision: 'float16' }).precision === 'float16';
  } catch {
    return false;
  }
}

const skip = !hasFloat16() && 'this libtorch has no float16 on the CPU';
const settings = ['precision=float16', 'teacher.epochs=2', 'student.epochs=2'];
const scaleOf = (run: RunFolder): number => {
  using file = torch.safetensors.open(run.checkpoint('last'));
  return (JSON.parse(file.metadata.scaler!) as { scale: number }).scale;
};

suite('float16', () => {
  test('trains a teacher with SAM and a student to losses near those of float32', { skip }, async (t) => {
    const root = temporaryFolder(t);
    const lossesOf = async (name: string, ...more: string[]): Promise<number[]> => {
      const folder = path.join(root, name);
      const slow = ['teacher.optimizer.lr=0.001', 'student.optimizer.lr=0.001']; // the first updates may be left out
      await trainAll({ dataset: tinyDataset(), recipe: tinyRecipe(...settings, ...slow, ...more), folder });
      return ['teacher', 'student'].flatMap((part) =>
        new RunFolder(path.join(folder, part)).readMetrics().map(({ loss }) => loss),
      );
    };
    const [half, full] = [await lossesOf('half'), await lossesOf('full', 'precision=float32')];
    for (const [i, loss] of half.entries())
      assert.ok(Math.abs(loss / full[i]! - 1) < 0.1, `losses ${half} in float16, ${full} in float32`);
    assert.ok(scaleOf(new RunFolder(path.join(root, 'half/student'))) >= 1);
  });

  test('resumes bit-exactly, with its scale', { skip }, async (t) => {
    const root = temporaryFolder(t);
    const optionsFor = (name: string) => ({
      dataset: tinyDataset(),
      recipe: tinyRecipe(...settings),
      folder: path.join(root, name),
    });
    await trainTeacher(optionsFor('whole'));
    const stopping = { ...optionsFor('stopped'), ...abortAt((act) => atBatch(1, 1, act)) };
    await assert.rejects(trainTeacher(stopping), { code: 'INTERRUPTED' });
    await trainTeacher({ ...optionsFor('stopped'), resume: true });
    assertSameRun(path.join(root, 'stopped'), path.join(root, 'whole'));
    const [stopped, whole] = ['stopped', 'whole'].map((name) => scaleOf(new RunFolder(path.join(root, name))));
    assert.equal(stopped, whole);
  });

  test('is refused on a processor whose libtorch lacks it', { skip: skip === false && 'it has it' }, () => {
    assert.throws(() => placementOf({ device: 'cpu', precision: 'float16' }), {
      code: 'RECIPE',
      message:
        /^precision: float16 was requested, which this libtorch computes on cards only\. Use --set precision=float32 or bfloat16\.$/,
    });
  });
});
