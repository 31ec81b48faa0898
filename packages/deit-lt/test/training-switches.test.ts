/** Switches of a recipe that only a whole training shows: gradient norms, averages, samplers, TransMix, earlier runs. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { RunFolder } from '../src/runs/run-folder.js';
import { trainTeacher, trainVit } from '../src/training/train.js';
import { temporaryFolder } from './helpers/temporary-folder.js';
import { recording, reporting, tinyDataset, tinyRecipe } from './training-tiny.js';

type Train = typeof trainTeacher;

/** The records of a training of one epoch, and its folder. */
async function run(t: TestContext, train: Train, ...settings: string[]) {
  const folder = path.join(temporaryFolder(t), 'run');
  const reporter = recording();
  const part = train === trainTeacher ? 'teacher' : 'student';
  const recipe = tinyRecipe(`${part}.epochs=1`, ...settings.map((pair) => `${part}.${pair}`));
  const options = { dataset: tinyDataset(), recipe, folder, reporter };
  await train(options);
  return { options, run: new RunFolder(folder), records: reporter.records };
}

suite('the norm of the gradients', () => {
  test('is in metrics.jsonl when the recipe enables it', async (t) => {
    const { run: folder, records } = await run(t, trainTeacher, 'logGradNorm=true');
    const { gradNorm } = folder.readMetrics()[0]!;
    assert.ok(gradNorm! > 0 && Number.isFinite(gradNorm));
    assert.equal(records[0]!.gradNorm, gradNorm);
    assert.deepEqual(records[0]!.parts, {});
  });

  test('is there when gradients are clipped, and else not', async (t) => {
    const [clipped, free] = [await run(t, trainVit), await run(t, trainVit, 'optimizer.clipGradNorm=null')];
    assert.ok(clipped.records[0]!.gradNorm! > 0);
    assert.ok(!('gradNorm' in free.records[0]!));
  });
});

suite('averaged weights', () => {
  test('move with every update or every batch, and wherever they are kept', async (t) => {
    const weightsOf = async (...settings: string[]) => {
      const { run: folder } = await run(t, trainVit, ...settings);
      const tensors = torch.safetensors.load(folder.checkpoint('last'));
      return [tensors.get('model.head.weight')!, tensors.get('ema.head.weight')!].map((x) => x.toArray());
    };
    const [model, average] = await weightsOf();
    assert.deepEqual(await weightsOf('emaDevice=cpu'), [model, average]);
    const [sameModel, moved] = await weightsOf('emaStepping=batch');
    assert.deepEqual(sameModel, model);
    assert.notDeepEqual(moved, average);
  });
});

suite('dropLast', () => {
  test('leaves out a last batch that is not full', async (t) => {
    const batchesOf = async (...settings: string[]): Promise<number[]> => {
      const seen: number[] = [];
      const folder = path.join(temporaryFolder(t), 'run');
      const recipe = tinyRecipe('teacher.epochs=1', ...settings);
      const reporter = reporting({ step: ({ batches, batch }) => void seen.push(batch, batches) });
      await trainTeacher({ dataset: tinyDataset(), recipe, folder, reporter });
      return seen.slice(-2);
    };
    assert.deepEqual(await batchesOf(), [5, 5]); // 52 images in batches of 12
    assert.deepEqual(await batchesOf('teacher.dropLast=true'), [4, 4]);
  });

  test('reports when it leaves nothing', async (t) => {
    const recipe = tinyRecipe('teacher.dropLast=true', 'teacher.batchSize=64');
    const folder = path.join(temporaryFolder(t), 'run');
    const message = /teacher\.dropLast: an epoch has 52 images, fewer than teacher\.batchSize 64/;
    await assert.rejects(trainTeacher({ dataset: tinyDataset(), recipe, folder }), { code: 'RECIPE', message });
  });
});

suite('a training', () => {
  for (const sampler of ['class-balanced', 'square-root', 'effective-number', 'published-shuffle'])
    test(`with sampler ${sampler} and every mode of mixing reaches its end`, async (t) => {
      const settings = [`sampler=${sampler}`, 'mixing.mode=elem', 'mixing.transMix=true', 'clsReweight=always'];
      const { records } = await run(t, trainVit, ...settings);
      assert.ok(Number.isFinite(records[0]!.loss));
    });

  test('of an earlier version, whose recipe had fewer keys, can be resumed', async (t) => {
    const { options, run: folder } = await run(t, trainTeacher);
    const config = JSON.parse(readFileSync(folder.configFile, 'utf8'));
    for (const key of ['samplerPower', 'samplerBeta', 'emaDevice', 'emaStepping', 'logGradNorm', 'external'])
      delete config.recipe.teacher[key];
    for (const key of ['mode', 'transMix', 'untilEpoch']) delete config.recipe.student.mixing[key];
    writeFileSync(folder.configFile, JSON.stringify(config));
    const { evaluation } = await trainTeacher({ ...options, resume: true });
    assert.ok(evaluation !== undefined);
    const other = { ...options, recipe: tinyRecipe('teacher.epochs=1', 'student.mixing.mode=pair'), resume: true };
    await assert.rejects(trainTeacher(other), { code: 'RUN_FOLDER', message: /differs in student\.mixing\.mode/ });
  });
});
