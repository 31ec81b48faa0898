/** PaCo's networks, queue and one training pass against the published MoCo wrapper. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import type { ResNetCifar } from '../src/models/index.js';
import { stream } from '../src/random/stream.js';
import { pacoOptions } from '../src/tasks/paco-options.js';
import { PacoTask } from '../src/tasks/paco-task.js';
import { learningParameters } from '../src/tasks/task.js';
import { numbered } from './helpers/by-class.js';
import { assertNear, Golden, goldenFolder, resNetLike } from './models-golden.js';

interface PacoJson {
  num_classes: number;
  moco_dim: number;
  moco_k: number;
  moco_m: number;
  moco_t: number;
  loss: { alpha: number; beta: number; gamma: number; temperature: number; class_counts: number[]; expected: number };
  train_grad_l2_norm: Record<string, number>;
  mathematically_zero_gradients: string[];
}

/** Published names of the tensors under `prefix` as ours: the projection head and the classifier are modules of their own. */
function ofEncoder(golden: Golden<PacoJson>, encoder: 'q' | 'k', classifier: string) {
  const all = [...golden.under(`state.encoder_${encoder}.`)];
  const isHead = (name: string): boolean => name.startsWith('fc.');
  const linear = [...golden.under(`state.${classifier}.`)].map(([name, value]) => [`linear.${name}`, value] as const);
  return {
    network: new Map([...all.filter(([name]) => !isHead(name)), ...linear]),
    head: new Map(all.filter(([name]) => isHead(name)).map(([name, value]) => [name.slice('fc.'.length), value])),
  };
}

/** The published name of a parameter that learns. */
const publishedName = (name: string): string =>
  name.startsWith('linear.') ? name : `encoder_q.${name.replace(/^companion\.head\./, 'fc.')}`;

function load() {
  const golden = new Golden<PacoJson>('paco_moco');
  const { json } = golden;
  const [query, key] = [ofEncoder(golden, 'q', 'linear'), ofEncoder(golden, 'k', 'linear_k')];
  const network = () => resNetLike((name) => query.network.get(name)?.shape);
  const task = new PacoTask({
    model: network(),
    keyNetwork: network(),
    recipe: {
      ...pacoOptions.parse({}),
      ...json.loss,
      embedding: json.moco_dim,
      queue: json.moco_k,
      momentum: json.moco_m,
    },
    trainCounts: numbered(json.loss.class_counts),
    device: 'cpu',
  });
  const { companion } = task;
  task.model.loadStateDict(query.network);
  companion.head.loadStateDict(query.head);
  companion.keyEncoder!.loadStateDict(key.network);
  companion.keyHead!.loadStateDict(key.head);
  companion.queue.loadStateDict(
    new Map([
      ['embeddings', golden.at('state.queue')],
      ['labels', golden.at('state.queue_l')],
      ['next', golden.at('state.queue_ptr')],
    ]),
  );
  const batch = {
    images: golden.at('train.im_q'),
    more: [golden.at('train.im_k')],
    labels: Int32Array.from(golden.at('train.labels').toArray() as number[]),
    epoch: 0,
    random: stream(0, 'mix'),
  };
  return { golden, task, companion, batch };
}

suite('golden PaCo', { skip: goldenFolder === undefined && 'no golden files' }, () => {
  test('evaluation uses only query encoder and classifier', () => {
    const { golden, task } = load();
    const { model } = task;
    model.eval();
    assertNear(task.logits(golden.at('input')).avg, golden.at('eval.logits'), { relative: 5e-6 }, 'logits');
    const features = (model as ResNetCifar).features(golden.at('input'));
    assertNear(features, golden.at('eval.features_after_avgpool'), { relative: 5e-6 }, 'features');
  });

  test('a training pass: what is compared, the loss and every gradient', () => {
    const { golden, task, companion, batch } = load();
    const { json } = golden;
    const before = companion.queue.read();
    const { loss } = task.prepare(batch).loss();
    assert.ok(Math.abs(loss.toNumber() - json.loss.expected) < 5e-6 * json.loss.expected, `loss ${loss.toNumber()}`);
    loss.backward();
    const learned = learningParameters(task);
    assert.deepEqual(
      new Set(learned.map(([name]) => publishedName(name))),
      new Set(Object.keys(json.train_grad_l2_norm)),
    );
    for (const [name, parameter] of learned) {
      const [norm, expected] = [parameter.grad!.norm().toNumber(), json.train_grad_l2_norm[publishedName(name)]!];
      const isZero = json.mathematically_zero_gradients.includes(publishedName(name));
      assert.ok(
        Math.abs(norm - expected) < (isZero ? 5e-5 : 1e-4 * expected),
        `${name}: ${norm}, expected ${expected}`,
      );
    }
    const first = golden.at('state.queue_ptr').toNumber();
    const places = Array.from(batch.labels, (_, i) => (first + i) % json.moco_k);
    const written = companion.queue.embeddings.indexSelect(0, torch.tensor(places, { dtype: 'int64' }));
    const { embeddings, logits } = companion.call(batch.images);
    const compared = torch.cat([embeddings, written, before.embeddings], 0);
    assertNear(compared, golden.at('train.features'), { relative: 5e-6 }, 'embeddings');
    assertNear(logits, golden.at('train.logits_q'), { relative: 5e-6 }, 'logits');
  });

  test('and what it leaves: queue, pointer, key encoder, statistics', () => {
    const { golden, task, companion, batch } = load();
    task.prepare(batch).loss();
    const { queue, keyEncoder } = companion;
    assertNear(queue.embeddings, golden.at('train.after.queue'), { relative: 5e-6 }, 'queue');
    assert.deepEqual(queue.labels.toArray(), golden.at('train.after.queue_l').toArray());
    assert.deepEqual(queue.next.toArray(), golden.at('train.after.queue_ptr').toArray());
    const [query, key] = [task.model.stateDict(), keyEncoder!.stateDict()];
    for (const [name, value] of golden.under('train.after.encoder_k.'))
      assertNear(key.get(name), value, { atol: 1e-6 }, name);
    for (const [name, value] of golden.under('train.after.encoder_q.'))
      assertNear(query.get(name), value, { atol: 1e-6 }, name);
    assertNear(key.get('linear.weight'), golden.at('train.after.linear_k.weight'), { atol: 1e-7 }, 'linear_k');
  });
});
