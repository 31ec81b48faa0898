/** A GLMC teacher's step: what is mixed, which head learns when, and what SAM's two passes are of. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { createModel } from '../src/models/index.js';
import { stream } from '../src/random/stream.js';
import { createTeacherTask } from '../src/tasks/create-teacher-task.js';
import { type GlmcRecipe, glmcOptions } from '../src/tasks/glmc-options.js';
import { GlmcTask } from '../src/tasks/glmc-task.js';
import { learningParameters } from '../src/tasks/task.js';
import { numbered } from './helpers/by-class.js';
import { tinyRecipe } from './training-tiny.js';

const [size, epochs] = [4, 10];
const trainCounts = numbered([9, 6, 3]);

function makeTask(options: Partial<GlmcRecipe> = {}): GlmcTask {
  torch.manualSeed(3);
  const recipe = { ...glmcOptions.parse({}), embedding: 5, ...options };
  const model = createModel('resnet20', { numClasses: 3, width: 4 }) as GlmcTask['model'];
  return new GlmcTask({ model, recipe, epochs, trainCounts, device: 'cpu' });
}

/** Images of one level: view 1 and 2 of the batch, of its partners. */
function makeBatch(epoch = 0, seed = 0) {
  const of = (level: number): torch.Tensor =>
    torch.full([size, 3, 8, 8], level).add(torch.randn([size, 1, 1, 1]).mul(0.01));
  const partners = { images: of(10), more: [of(100)], labels: Int32Array.of(2, 2, 2, 2) };
  return {
    images: of(1),
    more: [of(2)],
    labels: Int32Array.of(0, 0, 1, 2),
    partners,
    epoch,
    random: stream(seed, 'mix'),
  };
}

const gradients = (task: GlmcTask): Map<string, boolean> =>
  new Map(learningParameters(task).map(([name, { grad }]) => [name, grad !== null && grad.abs().max().toNumber() > 0]));

suite('GlmcTask', () => {
  test('mixes the first views by Mixup and the second by CutMix with one λ, which the labels follow', () => {
    const seen: torch.Tensor[] = [];
    const task = makeTask({ correctLambda: false });
    const original = task.companion.call.bind(task.companion);
    task.companion.call = (images) => {
      seen.push(torch.keep(images.clone()));
      return original(images);
    };
    for (let seed = 0; seed < 5; seed++) {
      const { random, ...batch } = makeBatch(0, seed);
      const lambda = stream(seed, 'mix').beta(1, 1);
      task.prepare({ ...batch, random }).loss();
      const [mixup, cutmix] = seen.splice(0).map((images) => images.select(1, 0));
      const expected = batch.images
        .mul(lambda)
        .add(batch.partners.images, { alpha: 1 - lambda })
        .select(1, 0);
      assert.ok(mixup!.sub(expected).abs().max().toNumber() < 1e-5);
      const fromPartner = cutmix!.gt(50).float();
      assert.ok(cutmix!.lt(3).logicalOr(cutmix!.gt(90)).all().item());
      assert.ok(fromPartner.mean().toNumber() <= 1 - lambda + 1e-6); // the border may clip the box
    }
  });

  test('in the first epoch only the plain head learns, later the balanced one too', () => {
    const learns = (epoch: number): boolean[] => {
      const task = makeTask();
      task.prepare(makeBatch(epoch)).loss().loss.backward();
      const learned = gradients(task);
      return ['companion.plain.weight', 'linear.weight'].map((name) => learned.get(name)!);
    };
    assert.deepEqual(learns(0), [true, false]);
    assert.deepEqual(learns(5), [true, true]);
  });

  test('the plain head keeps a share in the epochs of a cooldown', () => {
    const schedule = '{ name: cosine, stepping: update, warmupEpochs: 0, cooldownEpochs: 5 }';
    const { teacher: recipe } = tinyRecipe(
      'teacher.epochs=5',
      'teacher.loss={name: glmc, replace: true}',
      'teacher.model={name: resnet20, width: 4, replace: true}',
      'teacher.drw.epoch=null',
      'teacher.loss.consistency=0',
      `teacher.schedule=${schedule}`,
    );
    const model = createModel('resnet20', { numClasses: 3, width: 4 }) as GlmcTask['model'];
    const task = createTeacherTask({ model, recipe, trainCounts, device: 'cpu' });
    const { loss, parts } = task.prepare(makeBatch(8)).loss();
    const [plain, balanced] = [parts.plain!.toNumber(), parts.balanced!.toNumber()];
    const share = 1 - 0.8 ** 2;
    assert.ok(Math.abs(loss.toNumber() - (share * plain + (1 - share) * balanced)) < 1e-5);
  });

  test('the share of the plain head falls with the square of the epoch', () => {
    const { loss, parts } = makeTask({ consistency: 0 }).prepare(makeBatch(5)).loss();
    const expected = 0.75 * parts.plain!.toNumber() + 0.25 * parts.balanced!.toNumber();
    assert.ok(Math.abs(loss.toNumber() - expected) < 1e-5 * expected);
  });

  test("SAM climbs only by the classifiers' losses, and steps with the consistency", () => {
    const ofPass = (pass?: 'climb' | 'step') => {
      const task = makeTask();
      const { loss, parts } = task.prepare(makeBatch(5)).loss(pass);
      loss.backward();
      const learned = gradients(task);
      return {
        rest: loss.toNumber(),
        consistency: parts.consistency!.toNumber(),
        learns: learned.get('companion.predictor.weight'),
      };
    };
    const [climb, step, alone] = [ofPass('climb'), ofPass('step'), ofPass()];
    assert.deepEqual([climb.learns, step.learns], [false, true]);
    assert.ok(Math.abs(step.rest - climb.rest - 4 * step.consistency) < 1e-4);
    assert.deepEqual(alone, step);
    assert.equal(climb.consistency, step.consistency);
  });

  test('both passes are of the same mixtures', () => {
    const prepared = makeTask().prepare(makeBatch(5));
    assert.equal(prepared.loss().loss.toNumber(), prepared.loss().loss.toNumber());
  });

  test('predicts by the head that counts classes', () => {
    const task = makeTask();
    const { model, companion } = task;
    model.eval();
    const images = torch.randn([2, 3, 8, 8]);
    assert.ok(torch.equal(task.logits(images).avg, companion.call(images).balanced));
  });

  test('draws partners by image as published, by class with a power of 1', () => {
    const labels = Int32Array.from({ length: 180 }, (_, i) => (i < 150 ? 0 : i < 170 ? 1 : 2));
    const shareOfRarest = (partnerPower: number): number => {
      const ids = makeTask({ partnerPower }).partners(labels, 3, { seed: 1 });
      assert.equal(ids.length, labels.length);
      return ids.filter((id) => labels[id] === 2).length / ids.length;
    };
    assert.ok(Math.abs(shareOfRarest(0) - 10 / 180) < 0.05);
    assert.ok(Math.abs(shareOfRarest(1) - 1 / 3) < 0.1);
  });

  test('needs a CNN with a linear classifier', () => {
    const model = createModel('resnet20', { numClasses: 3, cosine: true }) as GlmcTask['model'];
    const make = () => new GlmcTask({ model, recipe: glmcOptions.parse({}), epochs, trainCounts, device: 'cpu' });
    assert.throws(make, { code: 'RECIPE', message: /^the loss "glmc" needs .* teacher\.model\.cosine=false\.$/ });
  });
});
