/** A PaCo teacher's step: what SAM's second pass sees and does not move, and what the options mean. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { createModel } from '../src/models/index.js';
import { createOptimizer } from '../src/optim/optimizer.js';
import { SAM } from '../src/optim/sam.js';
import { stream } from '../src/random/stream.js';
import { type PacoRecipe, pacoOptions } from '../src/tasks/paco-options.js';
import { PacoTask } from '../src/tasks/paco-task.js';
import { learningParameters } from '../src/tasks/task.js';
import { backward, update } from '../src/training/step.js';
import { numbered } from './helpers/by-class.js';
import { assertNear } from './models-golden.js';
import { tinyRecipe } from './training-tiny.js';

const size = 6;
const trainCounts = numbered([9, 6, 3]);

function makeTask(options: Partial<PacoRecipe> = {}): PacoTask {
  torch.manualSeed(3);
  const recipe = { ...pacoOptions.parse({}), queue: 8, embedding: 5, momentum: 0.9, ...options };
  const network = () => createModel('resnet20', { numClasses: 3, width: 4 }) as PacoTask['model'];
  return new PacoTask({
    model: network(),
    keyNetwork: recipe.variant === 'paco' ? network() : null,
    recipe,
    trainCounts,
    device: 'cpu',
  });
}

function makeBatch(seed = 5) {
  torch.manualSeed(seed);
  const view = (): torch.Tensor => torch.randn([size, 3, 12, 12]);
  return {
    images: view(),
    more: [view()],
    labels: Int32Array.of(0, 0, 1, 2, 1, 0),
    epoch: 0,
    random: stream(0, 'mix'),
  };
}

/** One update by the batch, with SAM of a radius that is felt when `rho` is above 0. */
function step(task: PacoTask, rho: number): { first: number; second: number } {
  const learning = { namedParameters: () => learningParameters(task) };
  const { optimizer: recipe } = tinyRecipe().teacher;
  using optimizer = createOptimizer(learning, recipe, 0.1);
  using sam = new SAM(optimizer, { rho });
  const prepared = task.prepare(makeBatch());
  const losses: number[] = [];
  const forward = () => {
    const parts = prepared.loss();
    losses.push(parts.loss.toNumber());
    return parts;
  };
  backward(forward, 1);
  const plan = { sam, rhoAt: () => rho, freezeStatistics: false };
  update({ task, recipe: { optimizer: recipe }, optimizer, sam: plan }, () => backward(forward, 1), 0);
  return { first: losses[0]!, second: losses[1] ?? Number.NaN };
}

const copyOf = (tensors: readonly torch.Tensor[]): torch.Tensor[] => tensors.map((x) => x.detach().clone());

suite("SAM around PaCo's step", () => {
  test('moves the key encoder once, by the weights that are learned and not by those nearby', () => {
    const task = makeTask();
    torch.noGrad(() => {
      for (const parameter of task.model.parameters()) parameter.add_(0.1); // so that queries and keys differ
    });
    const { queries, keys } = task.companion.pairs();
    const [q, k] = [copyOf(queries), copyOf(keys)];
    step(task, 0.5);
    keys.forEach((key, i) => {
      assertNear(key, k[i]!.mul(0.9).add(q[i]!, { alpha: 0.1 }), { atol: 1e-6 }, `key weight ${i}`);
    });
    assert.ok(queries.some((query, i) => !torch.equal(query, q[i]!)));
  });

  test('puts the batch into the queue once, and what it puts there is the same without SAM', () => {
    const [plain, sharp] = [makeTask(), makeTask()];
    step(plain, 0);
    step(sharp, 0.5);
    for (const { companion } of [plain, sharp]) assert.deepEqual(companion.queue.next.toArray(), [size]);
    assert.ok(torch.equal(sharp.companion.queue.embeddings, plain.companion.queue.embeddings));
    assert.deepEqual(sharp.companion.queue.labels.toArray(), plain.companion.queue.labels.toArray());
  });

  for (const variant of ['paco', 'gpaco'] as const) {
    test(`${variant}: both passes are of one loss, with the queue from before the batch`, () => {
      const task = makeTask({ variant });
      const prepared = task.prepare(makeBatch());
      const [first, again] = [prepared.loss().loss.toNumber(), prepared.loss().loss.toNumber()];
      assert.equal(again, first);
      assert.deepEqual(task.companion.queue.next.toArray(), [size]);
      assert.notEqual(task.prepare(makeBatch()).loss().loss.toNumber(), first); // now with the batch in the queue
    });

    test(`${variant}: the second pass is of the worse weights nearby`, () => {
      const { first, second } = step(makeTask({ variant }), 1e-3);
      assert.ok(second > first, `${first}, then ${second}`);
    });
  }
});

suite('PacoTask', () => {
  test('gpaco learns from both views by one network, without key encoder and batch norm in the head', () => {
    const { companion } = makeTask({ variant: 'gpaco' });
    assert.equal(companion.keyEncoder, null);
    const names = companion.namedParameters().map(([name]) => name);
    assert.deepEqual(
      names,
      ['0', '2', '4'].flatMap((place) => [`head.${place}.weight`, `head.${place}.bias`]),
    );
  });

  test('each part of a batch has its own batch-norm statistics', () => {
    const losses = [1, 3].map((batchNormParts) =>
      makeTask({ batchNormParts }).prepare(makeBatch()).loss().loss.toNumber(),
    );
    assert.notEqual(losses[0], losses[1]);
    assert.ok(losses.every(Number.isFinite));
  });

  for (const variant of ['paco', 'gpaco'] as const)
    test(`${variant}: images are compared within their part of the batch, and with the whole queue`, () => {
      const whole = makeBatch();
      const half = (from: number) => {
        const of = (view: torch.Tensor): torch.Tensor => view.narrow(0, from, size / 2);
        return {
          ...whole,
          images: of(whole.images),
          more: whole.more.map(of),
          labels: whole.labels.slice(from, from + size / 2),
        };
      };
      const lossOf = (batch: ReturnType<typeof makeBatch>, contrastParts: number): number => {
        const task = makeTask({ variant, contrastParts });
        task.model.eval(); // so that a half has the statistics that it has in the whole
        task.companion.eval();
        return task.prepare(batch).loss().loss.toNumber();
      };
      const onTwoCards = (lossOf(half(0), 1) + lossOf(half(size / 2), 1)) / 2;
      assert.ok(Math.abs(lossOf(whole, 2) - onTwoCards) < 1e-5, `${lossOf(whole, 2)}, expected ${onTwoCards}`);
      assert.ok(Math.abs(lossOf(whole, 1) - onTwoCards) > 1e-3);
    });

  for (const variant of ['paco', 'gpaco'] as const)
    test(`${variant}: two shards have the loss, gradients and queue of one batch in two parts`, () => {
      const whole = makeBatch();
      const half = (from: number) => {
        const of = (view: torch.Tensor): torch.Tensor => view.narrow(0, from, size / 2);
        const labels = whole.labels.slice(from, from + size / 2);
        return { ...whole, images: of(whole.images), more: whole.more.map(of), labels };
      };
      const parts = makeTask({ variant, batchNormParts: 2, contrastParts: 2 });
      const expected = parts.prepare(whole).loss().loss;
      expected.backward();
      const shards = makeTask({ variant });
      const { batches, afterFirstPass } = shards.prepareShards({
        shards: 2,
        own: [0, 1].map((shard) => ({ shard, batch: half((shard * size) / 2) })),
        random: stream(0, 'mix'),
        run: (_, body) => body(),
        gather: (tensors) => [...tensors],
      });
      const loss = batches
        .map((batch) => batch.loss().loss)
        .reduce((a, b) => a.add(b))
        .div(2);
      loss.backward();
      afterFirstPass?.();
      assertNear(loss, expected, { atol: 1e-6 }, 'loss');
      const [wanted, found] = [parts, shards].map((task) => learningParameters(task));
      for (const [i, [name, parameter]] of found!.entries())
        assertNear(parameter.grad!, wanted![i]![1].grad!, { atol: 1e-4 }, `gradient of ${name}`);
      assertNear(shards.companion.queue.embeddings, parts.companion.queue.embeddings, { atol: 1e-6 }, 'queue');
      assert.deepEqual(shards.companion.queue.labels.toArray(), parts.companion.queue.labels.toArray());
    });

  test('a last batch of a single image gives a finite loss', () => {
    const { images, more, ...batch } = makeBatch();
    const one = (view: torch.Tensor): torch.Tensor => view.narrow(0, 0, 1);
    const single = { ...batch, images: one(images), more: more.map(one), labels: batch.labels.slice(0, 1) };
    assert.ok(Number.isFinite(makeTask().prepare(single).loss().loss.toNumber()));
  });

  test('needs a CNN with a linear classifier', () => {
    const make =
      (name: string, options = {}) =>
      () => {
        const model = createModel(name, { numClasses: 3, ...options }) as PacoTask['model'];
        return new PacoTask({ model, keyNetwork: null, recipe: pacoOptions.parse({}), trainCounts, device: 'cpu' });
      };
    const message = /^the loss "paco" needs .* teacher\.model\.cosine=false\.$/;
    assert.throws(make('vit', { depth: 1 }), { code: 'RECIPE', message });
    assert.throws(make('resnet20', { cosine: true }), { code: 'RECIPE', message });
  });
});
