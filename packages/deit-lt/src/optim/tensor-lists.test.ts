import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { addScaled_, copyAll_, lerpAll_, normOfAll } from './tensor-lists.js';

const lists = () => ({
  xs: [torch.tensor([1, 2]), torch.tensor([[3]])],
  ys: [torch.tensor([3, 4]), torch.tensor([[12]])],
});
const values = (xs: readonly torch.Tensor[]): unknown => xs.map((x) => x.toArray());

suite('lists of tensors', () => {
  test('have the norm of one vector', () => {
    assert.equal(normOfAll(lists().ys).toNumber(), 13);
  });

  for (const foreach of [false, true])
    test(`are scaled, mixed and copied ${foreach ? 'by one operator' : 'one by one'}`, () => {
      const { xs, ys } = lists();
      addScaled_(xs, ys, torch.tensor(0.5), { foreach });
      assert.deepEqual(values(xs), [[2.5, 4], [[9]]]);
      lerpAll_(xs, ys, 0.5, { foreach });
      assert.deepEqual(values(xs), [[2.75, 4], [[10.5]]]);
      copyAll_(xs, ys, { foreach });
      assert.deepEqual(values(xs), values(ys));
    });

  test('may be empty where nothing is measured', () => {
    copyAll_([], []);
    lerpAll_([], [], 0.5);
    assert.throws(() => normOfAll([]));
  });
});
