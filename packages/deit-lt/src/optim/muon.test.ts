/** Which parameters of the networks here Muon makes orthogonal, and at which rates the others are trained. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type * as torch from '@deit-lt/torch';
import { createModel } from '../models/index.js';
import { createOptimizer } from './optimizer.js';
import type { OptimizerChoice } from './optimizer-entry.js';

const choice: OptimizerChoice = {
  name: 'muon',
  lr: 0.1,
  lrPer: null,
  lrRule: 'effective',
  weightDecay: 0.2,
  clipGradNorm: null,
};

/** Names of the parameters in each group, and the groups' options. */
function groupsOf(model: torch.nn.AnyModule, options: Readonly<Record<string, unknown>> = {}) {
  const optimizer = createOptimizer(model, { ...choice, ...options }, 0.1) as unknown as torch.optim.Muon;
  const names = new Map<torch.Tensor, string>(
    (model.namedParameters() as torch.nn.NamedTensors).map(([name, parameter]) => [parameter, name]),
  );
  return Object.fromEntries(
    optimizer.paramGroups.map((group) => [
      group.name,
      { ...group, names: group.params.map((param) => names.get(param)!) },
    ]),
  );
}

suite('the optimizer muon', () => {
  test('of a student: matrices of blocks and filters of the stem; heads, tokens, biases and norms by AdamW', () => {
    const size = { numClasses: 5, imageSize: 32, embedDim: 32, depth: 1, numHeads: 2, patchEmbed: 'conv' } as const;
    using model = createModel('deit', size);
    const { filters, classifier, vectors } = groupsOf(model, { vectorRatio: 0.1, classifierRatio: 0.2 });
    assert.deepEqual(classifier!.names, ['head.weight', 'head_dist.weight']);
    for (const name of ['blocks.0.attn.qkv.weight', 'blocks.0.mlp.fc1.weight', 'patch_embed.proj.weight'])
      assert.ok(filters!.names.includes(name), name);
    for (const name of ['pos_embed', 'cls_token', 'norm.weight', 'head.bias', 'blocks.0.attn.qkv.bias'])
      assert.ok(vectors!.names.includes(name), name);
    assert.equal(
      filters!.names.length + classifier!.names.length + vectors!.names.length,
      model.namedParameters().length,
    );
    assert.deepEqual(
      [filters!.rule, filters!.weightDecay, filters!.lrRatio, filters!.momentum],
      ['muon', 0.2, 1, 0.95],
    );
    assert.deepEqual([classifier!.rule, classifier!.weightDecay, classifier!.lrRatio], ['adamw', 0, 0.2]);
    assert.deepEqual([vectors!.rule, vectors!.weightDecay, vectors!.lrRatio], ['adamw', 0, 0.1]);
  });

  test('of CNNs: all filters; the classifier under each of its names', () => {
    for (const [name, classifierName] of [
      ['resnet20', 'linear.weight'],
      ['resnet18', 'fc.weight'],
      ['regnety_004', 'head.fc.weight'],
      ['airbench94', 'head.weight'],
    ] as const) {
      using model = createModel(name, { numClasses: 5 });
      const { filters, classifier } = groupsOf(model, { rest: 'sgd', unitRows: true });
      assert.deepEqual(classifier!.names, [classifierName]);
      assert.ok(filters!.params.every((param: torch.Tensor) => param.ndim === 4));
      assert.ok(filters!.unitRows && !classifier!.unitRows);
      assert.equal(classifier!.rule, 'sgd');
    }
  });
});
