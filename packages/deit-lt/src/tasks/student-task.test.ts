/**
 * Tests how the student's task follows a recipe: how labels are smoothed, mixed and weighted, and which losses learn
 * them.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { numbered } from '../../test/helpers/by-class.js';
import { classWeights } from '../losses/class-weights.js';
import type { ImageModel } from '../models/model.js';
import { VisionTransformer } from '../models/vit.js';
import { stream } from '../random/stream.js';
import { loadRecipe } from '../recipe/load.js';
import { StudentTask } from './student-task.js';
import type { LossParts } from './task.js';

const row = [2, 0, 0, 0];

/** Knows class 0, whatever it sees. */
class Certain extends torch.nn.Module<[torch.Tensor], torch.Tensor> {
  /** First pixel of the last batch that it received. */
  firstPixel = Number.NaN;

  forward(images: torch.Tensor): torch.Tensor {
    this.firstPixel = images.flatten().select(0, 0).toNumber();
    return torch.tensor([row]).expand(images.size(0), -1);
  }
}

/** The same with two heads. */
class Both extends torch.nn.Module<[torch.Tensor], [torch.Tensor, torch.Tensor]> {
  forward(images: torch.Tensor): [torch.Tensor, torch.Tensor] {
    const logits = torch.tensor([row]).expand(images.size(0), -1);
    return [logits, logits];
  }
}

const all = Math.log(Math.exp(2) + 3);
/** Cross-entropy of the logits above for a label. */
const ce = (label: number): number => all - row[label]!;
const trainCounts = numbered([100, 10, 5, 1]);
const weights = classWeights(trainCounts, 0.9999);

interface Trial {
  settings?: readonly string[];
  labels?: Int32Array;
  epoch?: number;
  /** Its logits for every image; then the network has two heads. */
  teacher?: readonly number[];
}

/** The losses of a batch under a recipe that re-weights from epoch 10 and, unless set otherwise, mixes nothing. */
function lossesOf({ settings = [], labels = new Int32Array(2), epoch = 0, teacher }: Trial = {}) {
  const base = ['mixing.probability=0', 'labelSmoothing=0.2', 'drw.epoch=10'];
  const { student } = loadRecipe('default', { settings: [...base, ...settings].map((pair) => `student.${pair}`) });
  const model = (teacher === undefined ? new Certain() : new Both()) as unknown as ImageModel;
  const ask = (images: torch.Tensor): torch.Tensor => torch.tensor([[...teacher!]]).expand(images.size(0), -1);
  const task = new StudentTask({ model, recipe: student, trainCounts, ...(teacher && { teacher: ask }) });
  return torch.tidy(() => numbers(task.prepare(batchOf(labels, epoch)).loss()));
}

const batchOf = (labels: Int32Array, epoch: number) => ({
  images: torch.zeros([labels.length, 3, 4, 4]),
  labels,
  epoch,
  random: stream(0, 'mix', epoch),
});

const numbers = ({ loss, parts }: LossParts) => ({
  loss: loss.toNumber(),
  cls: parts.cls?.toNumber() ?? Number.NaN,
  dist: parts.dist?.toNumber() ?? Number.NaN,
});

function near(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) < 1e-5, `${actual} is not ${expected}`);
}

suite('StudentTask', () => {
  test('names an epoch of re-weighting only where a loss is re-weighted', () => {
    const epochOf = (taught: boolean, ...settings: string[]): number | null => {
      const { student } = loadRecipe('default', { settings: ['student.drw.epoch=10', ...settings] });
      const model = (taught ? new Both() : new Certain()) as unknown as ImageModel;
      const teacher = (images: torch.Tensor): torch.Tensor => torch.zeros([images.size(0), 4]);
      return new StudentTask({ model, recipe: student, trainCounts, ...(taught && { teacher }) }).drwEpoch;
    };
    assert.equal(epochOf(true), 10);
    assert.equal(epochOf(false), null, 'a plain ViT has no DIST');
    assert.equal(epochOf(false, 'student.clsReweight=drw'), 10);
    for (const reweight of ['never', 'always'])
      assert.equal(epochOf(true, `student.distillation.reweight=${reweight}`), null);
    assert.equal(epochOf(true, 'student.distillation.type=none'), null);
  });

  test("smooths labels by the recipe's value", () => {
    near(lossesOf().loss, 0.85 * ce(0) + 0.15 * ce(1));
  });

  test('does not smooth labels while it re-weights', () => {
    near(lossesOf({ epoch: 10 }).loss, ce(0));
  });

  test('mixes up to mixing.untilEpoch, and smooths on', () => {
    const settings = ['mixing.untilEpoch=3', 'mixing.cutmix=0', 'mixing.mixup=10', 'drw.epoch=null'].map(
      (pair) => `student.${pair}`,
    );
    const { student: recipe } = loadRecipe('default', { settings });
    const model = new Certain();
    const task = new StudentTask({ model: model as unknown as ImageModel, recipe, trainCounts });
    const images = torch.arange(2, { dtype: 'float32' }).view([2, 1, 1, 1]).expand(2, 3, 4, 4);
    const run = (epoch: number): number =>
      torch.tidy(() =>
        task
          .prepare({ ...batchOf(Int32Array.of(0, 1), epoch), images })
          .loss()
          .loss.toNumber(),
      );
    run(2);
    assert.ok(model.firstPixel > 0.1 && model.firstPixel < 0.9, `mixed to ${model.firstPixel}`);
    near(run(3), 0.9 * ((ce(0) + ce(1)) / 2) + 0.1 * ((ce(0) + 3 * ce(1)) / 4));
    assert.equal(model.firstPixel, 0);
  });

  test('weights the CLS loss by class when clsReweight says so, divided by the weights of the batch', () => {
    const labels = Int32Array.of(0, 3);
    const weighted = (weights[0]! * ce(0) + weights[3]! * ce(3)) / (weights[0]! + weights[3]!);
    const plain = (ce(0) + ce(3)) / 2;
    const loss = (clsReweight: string, epoch: number): number =>
      lossesOf({ settings: [`clsReweight=${clsReweight}`, 'labelSmoothing=0'], labels, epoch }).loss;
    near(loss('never', 10), plain);
    near(loss('drw', 9), plain);
    near(loss('drw', 10), weighted);
    near(loss('always', 0), weighted);
  });

  test('weights the DIST loss when distillation.reweight says so, whatever the CLS loss does', () => {
    const labels = Int32Array.of(0, 0);
    const run = (reweight: string, epoch: number) =>
      lossesOf({
        settings: [`distillation.reweight=${reweight}`, 'distillation.type=soft'],
        labels,
        epoch,
        teacher: row,
      });
    for (const [reweight, epoch] of [['never', 10], ['drw', 9]] as const) near(run(reweight, epoch).dist, 0); // biome-ignore format: pairs
    for (const [reweight, epoch] of [['always', 0], ['drw', 10]] as const) // biome-ignore format: pairs
      assert.ok(run(reweight, epoch).dist > 0.01, reweight);
    near(run('always', 0).cls, 0.85 * ce(0) + 0.15 * ce(1));
  });

  test('takes hard labels of the teacher, α and BCE from the recipe', () => {
    const settings = ['distillation.alpha=0.25', 'clsLoss=bce', 'clsLoss.threshold=0.5', 'labelSmoothing=0.2'];
    const { loss, cls, dist } = lossesOf({ settings, teacher: [0, 0, 5, 0] });
    near(dist, ce(2));
    near(cls, (Math.log(1 + Math.exp(-2)) + 3 * Math.log(2)) / 4);
    near(loss, 0.75 * cls + 0.25 * dist);
  });

  test('adds the classes’ shares to DIST alone when distillation.logitAdjustment says so', () => {
    const run = (tau: number) => lossesOf({ settings: [`distillation.logitAdjustment=${tau}`], teacher: [0, 0, 5, 0] });
    const shifted = row.map((x, c) => x + 0.5 * Math.log(trainCounts[c]! / trainCounts.reduce((a, b) => a + b)));
    const total = shifted.reduce((sum, x) => sum + Math.exp(x), 0);
    near(run(0.5).dist, Math.log(total) - shifted[2]!);
    near(run(0).dist, ce(2));
    assert.equal(run(0.5).cls, run(0).cls);
  });

  test('weights the log-probabilities only when distillation.softWeights is "published"', () => {
    const run = (softWeights: string) =>
      lossesOf({
        settings: ['distillation.type=soft', 'distillation.reweight=always', `distillation.softWeights=${softWeights}`],
        teacher: [0, 1, 2, 3],
      }).dist;
    assert.ok(Math.abs(run('published') - run('probabilities')) > 0.1);
  });

  test('without distillation lets DIST learn the true labels, weighted as published', () => {
    const settings = ['distillation.type=none', 'labelSmoothing=0'];
    const { dist } = lossesOf({ settings, labels: Int32Array.of(0, 3), epoch: 10, teacher: row });
    near(dist, (weights[0]! * ce(0) + weights[3]! * ce(3)) / (weights[0]! + weights[3]!));
  });
});

suite('StudentTask with TransMix', () => {
  const vit = () => {
    torch.manualSeed(1);
    return new VisionTransformer({ imageSize: 16, patchSize: 4, embedDim: 16, depth: 2, numHeads: 2, numClasses: 4 });
  };
  const images = torch.randn([4, 3, 16, 16], { generator: new torch.Generator().manualSeed(3) });
  const lossWith = (model: ImageModel, ...settings: string[]): number => {
    const { student } = loadRecipe('default', {
      settings: settings.map((pair) => `student.${pair}`),
    });
    const task = new StudentTask({ model, recipe: student, trainCounts });
    const batch = { images, labels: Int32Array.of(0, 1, 2, 3), epoch: 0, random: stream(5, 'mix') };
    return torch.tidy(() => task.prepare(batch).loss().loss.toNumber());
  };

  test('changes the labels of CutMix, not those of Mixup, and has gradients', () => {
    const model = vit();
    const [cut, mixed] = ['mixing.mixup=0', 'mixing.cutmix=0'];
    assert.notEqual(lossWith(model, cut!, 'mixing.transMix=true'), lossWith(model, cut!));
    assert.throws(() => lossWith(model, mixed!, 'mixing.transMix=true'), { code: 'RECIPE', message: /transMix/ });
    const settings = ['student.mixing.transMix=true', 'student.mixing.mixup=0'];
    const task = new StudentTask({ model, recipe: loadRecipe('default', { settings }).student, trainCounts });
    torch.tidy(() =>
      task
        .prepare({ images, labels: Int32Array.of(0, 1, 2, 3), epoch: 0, random: stream(5, 'mix') })
        .loss()
        .loss.backward(),
    );
    assert.ok(model.parameters().every(({ grad }) => grad !== null));
  });

  test('is refused for a network without attention', () => {
    const settings = ['student.mixing.transMix=true'];
    const { student: recipe } = loadRecipe('default', { settings });
    const model = new Certain() as unknown as ImageModel;
    assert.throws(() => new StudentTask({ model, recipe, trainCounts }), { code: 'RECIPE', message: /transformer/ });
  });
});
