/** Checkpoints inside an epoch: a run that is resumed from any of them has the same bits as one that ran through. */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { claimName } from '../src/runs/claim.js';
import { RunFolder } from '../src/runs/run-folder.js';
import { saveTensors } from '../src/runs/save-tensors.js';
import type { Progress } from '../src/runs/training-state.js';
import { type TrainOptions, type TrainResult, trainStudent, trainTeacher } from '../src/training/train.js';
import { assertSameRun } from './helpers/same-run.js';
import { reporting, tinyDataset, tinyRecipe } from './training-tiny.js';

const root = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-within-'));
after(() => rmSync(root, { recursive: true, force: true }));

type Train = (options: TrainOptions) => Promise<TrainResult>;
/** Epoch and batch, from 1, whose report finds the folder as a kill would leave it. */
type Place = readonly [epoch: number, batch: number];

function placeIn(folder: string): Pick<Progress, 'epoch' | 'batch'> {
  using opened = torch.safetensors.open(new RunFolder(folder).checkpoint('last'));
  const { epoch, batch } = JSON.parse(opened.metadata.progress!) as Progress;
  return { epoch: epoch + 1, batch };
}

/** Trains once, keeps the folder as it is at `places`, and resumes each copy. Gives the places of their checkpoints. */
async function resumed(
  train: Train,
  name: string,
  settings: readonly string[],
  places: readonly Place[],
  change: (folder: string) => void = () => {},
) {
  const whole = path.join(root, name);
  const copyAt = ([epoch, batch]: Place): string => path.join(root, `${name}-${epoch}-${batch}`);
  const options: TrainOptions = { dataset: tinyDataset(), recipe: tinyRecipe(...settings), folder: whole };
  const reporter = reporting({
    step: ({ epoch, batch }) => {
      for (const place of places)
        if (place[0] === epoch + 1 && place[1] === batch)
          cpSync(whole, copyAt(place), { recursive: true, filter: (file) => path.basename(file) !== claimName });
    },
  });
  await train({ ...options, reporter, saveEverySeconds: 0 });
  const found = places.map((place) => placeIn(copyAt(place)));
  for (const place of places) {
    change(copyAt(place));
    await train({ ...options, folder: copyAt(place), resume: true });
    assertSameRun(copyAt(place), whole);
  }
  return found;
}

/** Rewrites `last` as version 0.2.0 did: the parts of the loss beside the other sums. */
function writeAsEarlier(folder: string): void {
  const file = new RunFolder(folder).checkpoint('last');
  torch.tidy(() => {
    const opened = torch.safetensors.open(file);
    const tensors = new Map(opened.names.map((name) => [name, opened.get(name).clone()]));
    const { checksum: _, progress, ...metadata } = { ...opened.metadata };
    opened[Symbol.dispose]();
    const { sums, ...place } = JSON.parse(progress!) as Progress;
    assert.ok(sums !== null && sums.images > 0 && Object.keys(sums.parts).length > 0);
    const { parts, ...others } = sums;
    saveTensors(file, tensors, { ...metadata, progress: JSON.stringify({ ...place, sums: { ...others, ...parts } }) });
  });
}

/** Batches of 9 do not divide the 52 images; the last border of an epoch has fewer batches than the others. */
const teacher = ['teacher.batchSize=9', 'teacher.logGradNorm=true', 'teacher.model.width=4'];
suite('a run that is resumed inside an epoch has the same bits', () => {
  test('as a teacher with SAM, also at the border of the deferred re-weighting', async () => {
    const found = await resumed(trainTeacher, 'ldam', teacher, [
      [1, 2],
      [3, 2],
    ]);
    assert.deepEqual(found, [
      { epoch: 1, batch: 1 },
      { epoch: 3, batch: 1 },
    ]);
  });

  test('as a student with repeated augmentation, several views, averages of each batch and accumulation', async () => {
    const settings = [
      'student.batchSize=7',
      'student.accumulation=3',
      'student.emaStepping=batch',
      'student.multiCrop={ global: 1, local: 1, localSize: 8, localScale: [0.1, 0.2] }',
    ];
    const train: Train = (options) => trainStudent({ ...options, teacher: path.join(root, 'ldam') });
    // 52 images make 8 batches: updates after 3, 6 and 8
    const found = await resumed(train, 'student', settings, [
      [1, 6],
      [2, 5],
      [3, 8],
      [3, 1],
    ]);
    const [first, inWindow, short, border] = found;
    assert.deepEqual(first, { epoch: 1, batch: 3 });
    assert.deepEqual(inWindow, { epoch: 2, batch: 3 });
    assert.deepEqual(short, { epoch: 3, batch: 6 });
    assert.deepEqual(border, { epoch: 3, batch: 0 });
  });

  test('from a checkpoint of an earlier version, with the parts of the loss in the means', async () => {
    const train: Train = (options) => trainStudent({ ...options, teacher: path.join(root, 'ldam') });
    const settings = ['student.epochs=2', 'student.batchSize=9', 'student.logGradNorm=true'];
    assert.deepEqual(await resumed(train, 'earlier', settings, [[2, 4]], writeAsEarlier), [{ epoch: 2, batch: 2 }]);
  });
});
