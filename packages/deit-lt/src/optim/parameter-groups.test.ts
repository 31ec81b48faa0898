import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { parameterGroups } from './parameter-groups.js';

suite('parameterGroups()', () => {
  test('leaves frozen parameters out, and has both groups even when one is empty', () => {
    const model = new torch.nn.Linear(2, 3);
    model.weight.requiresGrad_(false);
    const [undecayed, decayed] = parameterGroups(model, { weightDecay: 0.05 });
    assert.deepEqual([undecayed.params, undecayed.weightDecay], [[model.bias], 0]);
    assert.deepEqual([decayed.params, decayed.weightDecay], [[], 0.05]);
    const optimizer = new torch.optim.AdamW([undecayed, decayed], { lr: 0.1 });
    assert.deepEqual(
      optimizer.paramGroups.map(({ weightDecay, lr }) => [weightDecay, lr]),
      [
        [0, 0.1],
        [0.05, 0.1],
      ],
    );
  });

  test('spares the names that it is given', () => {
    const model = new torch.nn.Linear(2, 3, { bias: false });
    const [undecayed] = parameterGroups(model, { weightDecay: 0.05, undecayed: ['weight'] });
    assert.deepEqual(undecayed.params, [model.weight]);
  });
});
