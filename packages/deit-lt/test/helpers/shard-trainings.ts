/** The same small trainings in four shards, for any number of processes. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { type TrainOptions, trainStudent, trainTeacher, trainVit } from '../../src/training/train.js';
import { atBatch, tinyDataset, tinyRecipe } from '../training-tiny.js';
import { abortAt } from './same-run.js';

const teacher = ['teacher.shards=4', 'teacher.batchSize=3', 'teacher.epochs=2', 'teacher.model.width=4'];
const student = ['student.shards=4', 'student.batchSize=3', 'student.epochs=2', 'student.logGradNorm=true'];
const glmc = [
  'teacher.loss=glmc',
  'teacher.model.cosine=false',
  'teacher.drw.epoch=null',
  'teacher.loss.embedding=8',
  'teacher.epochs=1',
  'teacher.model.width=4',
];

const paco = (variant: string): string[] => [
  `teacher.loss={ name: paco, variant: ${variant}, queue: 16, embedding: 8 }`,
  'teacher.model.cosine=false',
  'teacher.drw.epoch=null',
];

/** Without any chance, so that one batch of all images has the losses of two shards together. */
const plain = [
  'teacher.epochs=1',
  'teacher.sampler=sequential',
  'teacher.augment={ preset: eval }',
  'teacher.sam.rho=0',
  'teacher.drw.epoch=null',
  'teacher.dropLast=true',
  'teacher.schedule.warmupEpochs=0',
  'teacher.model.width=4',
  'teacher.optimizer={ name: sgd, lr: 0.01, lrPer: null, momentum: 0.9 }',
];

/** Trains what `kind` names into `folder`; the teacher of a student is the training `ldam` beside it. */
export async function trainKind(kind: string, folder: string, more: Partial<TrainOptions>): Promise<void> {
  const options = (settings: readonly string[]): TrainOptions => ({
    dataset: tinyDataset(),
    recipe: tinyRecipe(...settings),
    folder,
    saveEverySeconds: 0,
    ...more,
  });
  if (kind === 'ldam') await trainTeacher(options(teacher));
  else if (kind === 'glmc') await trainTeacher(options([...teacher, ...glmc]));
  else if (kind === 'paco' || kind === 'gpaco') await trainTeacher(options([...teacher, ...paco(kind)]));
  else if (kind === 'synced')
    await trainTeacher(options([...plain, 'teacher.shards=2', 'teacher.batchSize=6', 'teacher.syncBatchNorm=true']));
  else if (kind === 'together') await trainTeacher(options([...plain, 'teacher.batchSize=12']));
  else if (kind === 'paco-stopped') {
    const stop = abortAt((act) => atBatch(1, 2, act));
    await assert.rejects(trainTeacher({ ...options([...teacher, ...paco('paco')]), ...stop }), { code: 'INTERRUPTED' });
  } else if (kind === 'student') await trainStudent({ ...options(student), teacher: path.join(folder, '../ldam') });
  else if (kind === 'fitted') await trainVit(options([...student, 'student.shards=1', 'student.batchSize=6']));
  else if (kind === 'vit') await trainVit(options(student));
  else if (kind === 'stopped') {
    const stop = abortAt((act) => atBatch(1, 2, act));
    await assert.rejects(trainVit({ ...options(student), ...stop }), { code: 'INTERRUPTED' });
  } else throw new Error(`there is no training "${kind}"`);
}
