/** Trainings in virtual shards: what one update adds up, and that such a run resumes bit-exactly. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { z } from 'zod';
import { loadRecipe } from '../src/recipe/load.js';
import { RunFolder } from '../src/runs/run-folder.js';
import { registerTask } from '../src/tasks/registry.js';
import { baseLearningRate } from '../src/training/learning-rate.js';
import { orderedSum } from '../src/training/ordered-sum.js';
import { alone, ownShards } from '../src/training/processes.js';
import { ShardGradients } from '../src/training/shard-gradients.js';
import { type TrainOptions, trainTeacher, trainVit } from '../src/training/train.js';
import { abortAt, assertSameRun } from './helpers/same-run.js';
import { temporaryFolder } from './helpers/temporary-folder.js';
import { atBatch, tinyDataset, tinyRecipe } from './training-tiny.js';

type Train = (options: TrainOptions) => Promise<unknown>;

const options = (folder: string, ...settings: string[]): TrainOptions => ({
  dataset: tinyDataset(),
  recipe: tinyRecipe(...settings),
  folder,
  saveEverySeconds: 0,
});

/** Trains, stops in the middle of an epoch, resumes; and trains without a stop. */
async function stoppedAndWhole(t: TestContext, train: Train, settings: readonly string[]): Promise<[string, string]> {
  const [stopped, whole] = [path.join(temporaryFolder(t), 'stopped'), path.join(temporaryFolder(t), 'whole')];
  await train(options(whole, ...settings));
  const stop = abortAt((act) => atBatch(1, 1, act));
  await assert.rejects(train({ ...options(stopped, ...settings), ...stop }), { code: 'INTERRUPTED' });
  await train({ ...options(stopped, ...settings), resume: true });
  return [stopped, whole];
}

/**
 * The weights of a training without any chance: one epoch, images in their order, no augmentation. With SGD, because AdamW
 * makes steps of full size from gradients of rounding noise.
 */
async function plainWeights(t: TestContext, ...settings: string[]): Promise<torch.Tensor[]> {
  const plain = [
    'epochs=1',
    'sampler=sequential',
    'augment={ preset: eval }',
    'model.dropPathRate=0',
    'model.dropRate=0',
    'accumulation=1',
  ];
  const mixing = ['mixing.mixup=0', 'mixing.cutmix=0', 'labelSmoothing=0', 'dropLast=true', 'schedule.warmupEpochs=0'];
  const sgd = ['optimizer={ name: sgd, lr: 0.05, lrPer: null, clipGradNorm: null }'];
  const folder = path.join(temporaryFolder(t), 'run');
  await trainVit(options(folder, ...[...plain, ...mixing, ...sgd, ...settings].map((setting) => `student.${setting}`)));
  const opened = torch.safetensors.open(new RunFolder(folder).checkpoint('last'));
  return opened.names.filter((name) => name.startsWith('model.')).map((name) => opened.get(name));
}

suite('a training in shards', () => {
  test('with SAM resumes bit-exactly inside an epoch', async (t) => {
    assertSameRun(
      ...(await stoppedAndWhole(t, trainTeacher, ['teacher.shards=2', 'teacher.batchSize=5', 'teacher.epochs=2'])),
    );
  });

  test('with drop path, mixing and accumulation resumes bit-exactly inside an epoch', async (t) => {
    const settings = ['student.shards=2', 'student.batchSize=5', 'student.epochs=2', 'student.accumulation=2'];
    assertSameRun(...(await stoppedAndWhole(t, trainVit, settings)));
  });

  test('takes the step of one batch with the images of all shards', async (t) => {
    const one = await plainWeights(t, 'batchSize=12');
    const [two, four] = [
      await plainWeights(t, 'batchSize=6', 'shards=2'),
      await plainWeights(t, 'batchSize=3', 'shards=4'),
    ];
    assert.ok(one.length > 10);
    for (const [i, weights] of one.entries())
      for (const other of [two[i]!, four[i]!])
        assert.ok(weights.sub(other).abs().max().toNumber() < 1e-5 * (1 + weights.abs().max().toNumber()));
  });

  test('has the learning rate of the batch of all shards', () => {
    const { student } = loadRecipe('default', { settings: ['student.shards=4'] });
    assert.equal(baseLearningRate(student), 4 * baseLearningRate(loadRecipe('default').student));
  });

  test('is refused for a task of a plugin that compares all images of an update', () => {
    registerTask({
      name: 'whole',
      options: z.object({}),
      wholeBatch: true,
      create: () => assert.fail('not made'),
    });
    const settings = ['teacher.loss=whole', 'teacher.drw.epoch=null', 'teacher.model.cosine=false', 'teacher.shards=2'];
    assert.throws(() => loadRecipe('default', { settings }), {
      code: 'RECIPE',
      message: /"whole", which compares all images of an update, but teacher\.shards is 2: set teacher\.shards=1/,
    });
  });
});

suite('ShardGradients', () => {
  /** Random gradients by shard and batch; `null` where the parameter is not used. */
  function sumsOf(shards: number, count: number, accumulation: number): (number[] | null)[] {
    torch.manualSeed(7);
    const gradients = Array.from({ length: shards * accumulation }, () => torch.randn([3]).mul(1e4).tanh());
    const processes = Array.from({ length: count }, (_, rank) => {
      const parameters = [new torch.nn.Parameter(torch.zeros([3])), new torch.nn.Parameter(torch.zeros([2]))];
      return { parameters, own: ownShards(shards, { rank, count }), rows: [] as torch.Tensor[] };
    });
    const adders = processes.map(({ parameters, own }, rank) => {
      const addRows = (rows: torch.Tensor): torch.Tensor => {
        processes[rank]!.rows = [torch.keep(rows.clone())];
        return orderedSum(torch.cat(processes.flatMap((each) => each.rows)));
      };
      return new ShardGradients({ parameters, shards: own.length, accumulation, processes: { count, addRows } });
    });
    for (const [p, { parameters, own }] of processes.entries())
      for (let batch = 0; batch < accumulation; batch++)
        for (const [i, shard] of own.entries()) {
          const gradient = gradients[batch * shards + shard]!;
          const { grad } = parameters[0]!;
          parameters[0]!.grad = grad === null ? gradient.clone() : grad.add(gradient);
          adders[p]!.take(i);
        }
    for (const adder of adders) adder.reduce(); // the last one has the rows of all
    const { parameters } = processes.at(-1)!;
    return parameters.map(({ grad }) => grad && (grad.toArray() as number[]));
  }

  for (const accumulation of [1, 3])
    test(`adds the same bits for 1, 2 and 4 processes, with ${accumulation} batches per update`, () => {
      const expected = sumsOf(4, 1, accumulation);
      assert.ok(expected[0]!.some((value) => value !== 0));
      assert.equal(expected[1], null); // no gradient stays no gradient, which weight decay and momentum see
      assert.deepEqual(sumsOf(4, 2, accumulation), expected);
      assert.deepEqual(sumsOf(4, 4, accumulation), expected);
    });
});

test('ownShards() deals blocks, in the order of the processes', () => {
  assert.deepEqual(ownShards(4, alone), [0, 1, 2, 3]);
  assert.deepEqual(
    [ownShards(4, { rank: 0, count: 2 }), ownShards(4, { rank: 1, count: 2 })],
    [
      [0, 1],
      [2, 3],
    ],
  );
  assert.throws(() => ownShards(3, { rank: 0, count: 2 }), /internal/);
});
