/** `nn.Module`: its state, to PyTorch and back, and state dicts that fit or do not. */
import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import * as torch from '../src/index.js';
import { Net, pythonNet } from './helpers/nested-module.js';
import { assertClose, Reference, withoutNormBias } from './reference/reference.js';

const { nn } = torch;

suite('a nested module equals PyTorch', () => {
  const reference = new Reference();
  after(() => reference.stop());
  type Answer = {
    state: Record<string, torch.Tensor>;
    keys: string[];
    y: torch.Tensor;
    text: string;
    named: Record<string, string[]>;
  };

  test('starts with the same weights under the same seed, has the same names in the same order, and the same text', async () => {
    const code = `${pythonNet}
torch.manual_seed(0)
net = Net()
images = torch.randn(2, 3, 8, 8)
out = {"state": dict(net.state_dict()), "keys": list(net.state_dict()), "text": repr(net), "y": net.eval()(images), "images": images,
       "named": {"parameters": [n for n, _ in net.named_parameters()], "buffers": [n for n, _ in net.named_buffers()],
                 "modules": [n for n, _ in net.named_modules()], "children": [n for n, _ in net.named_children()]}}`;
    const expected = await reference.run<Answer & { images: torch.Tensor }>(code);
    torch.manualSeed(0);
    const net = new Net();
    const state = net.stateDict();
    assert.deepEqual([...state.keys()], expected.keys);
    for (const [name, tensor] of state) assertClose(tensor, expected.state[name], {}, name);
    assert.deepEqual(
      net.namedParameters().map(([name]) => name),
      expected.named.parameters,
    );
    assert.deepEqual(
      net.namedBuffers().map(([name]) => name),
      expected.named.buffers,
    );
    assert.deepEqual(
      net.namedModules().map(([name]) => name),
      expected.named.modules,
    );
    assert.deepEqual(
      net.namedChildren().map(([name]) => name),
      expected.named.children,
    );
    const text = String(net);
    assert.equal((await reference.isAtLeast(2, 14)) ? text : withoutNormBias(text), expected.text);
    assertClose(net.eval().call(expected.images), expected.y, { rtol: 1e-5, atol: 1e-6 });
  });

  test('gives its state to PyTorch and takes it back', async () => {
    torch.manualSeed(3);
    const ours = new Net();
    const images = torch.randn([4, 3, 8, 8]);
    ours.call(images); // a batch for the running statistics
    const code = `${pythonNet}
net = Net()
net.load_state_dict(state)
out = {"y": net.eval()(images)}
with torch.no_grad():
    for p in net.parameters(): p.mul_(1.5)
net.norm.num_batches_tracked += 4
out["state"] = dict(net.state_dict())
out["z"] = net(images)`;
    const expected = await reference.run<Answer & { z: torch.Tensor }>(code, {
      images,
      state: Object.fromEntries(ours.stateDict()),
    });
    assertClose(ours.eval().call(images), expected.y, { rtol: 1e-5, atol: 1e-6 });
    assert.deepEqual(ours.loadStateDict(expected.state), { missingKeys: [], unexpectedKeys: [] });
    for (const [name, tensor] of ours.stateDict()) assertClose(tensor, expected.state[name], {}, name);
    assert.equal(ours.norm.numBatchesTracked?.toNumber(), 5);
    assertClose(ours.call(images), expected.z, { rtol: 1e-5, atol: 1e-6 });
  });
});

suite('nn.Module.loadStateDict()', () => {
  test('with assign takes the memory that it is given, and stays what an optimizer holds', () => {
    const linear = new nn.Linear(2, 1, { bias: false });
    const { weight } = linear;
    const given = torch.tensor([[1, 2]]);
    linear.loadStateDict({ weight: given }, { assign: true });
    given.mul_(2);
    assert.deepEqual(linear.weight.toArray(), [[2, 4]]);
    assert.equal(linear.weight, weight);
    assert.equal(weight.requiresGrad, true);
    linear.loadStateDict({ weight: torch.tensor([[5n], [6n]]).t() }, { assign: true });
    assert.deepEqual([weight.dtype, weight.toArray(), weight.isContiguous()], ['float32', [[5, 6]], true]);
    given.dispose();
    assert.throws(
      () => linear.loadStateDict({ weight: torch.ones([3]) }, { assign: true }),
      /size mismatch for weight/,
    );
  });

  const values = (module: torch.nn.AnyModule): unknown[] =>
    [...module.stateDict().values()].map((tensor) => tensor.toArray());

  test('lists all that is missing, unexpected and mis-shaped in one error, and changes nothing', () => {
    const net = new Net();
    const before = values(net);
    const dict = new Map([...net.stateDict()].map(([name, tensor]) => [name, torch.zerosLike(tensor)]));
    dict.delete('cls_token');
    dict.delete('norm.running_mean');
    dict.set('norm.extra', torch.zeros([1]));
    dict.set('head.9.weight', torch.zeros([1]));
    dict.set('head.1.bias', torch.zeros([6]));
    dict.set('blocks.0.mlp_hidden.weight', torch.zeros([8, 16]));
    dict.set('norm.weight', 3 as never);
    assert.throws(
      () => net.loadStateDict(dict),
      (error: unknown) => {
        assert.ok(error instanceof torch.TorchError);
        assert.equal(error.code, 'STATE_DICT');
        assert.deepEqual(error.message.split('\n\t'), [
          'Error(s) in loading state_dict for Net:',
          'Missing key(s) in state_dict: "cls_token", "norm.running_mean".',
          'Unexpected key(s) in state_dict: "norm.extra", "head.9.weight".',
          'size mismatch for blocks.0.mlp_hidden.weight: copying a param with shape [8, 16] from checkpoint, the shape in current model is [16, 8].',
          'norm.weight: expected a Tensor, got 3.',
          'size mismatch for head.1.bias: copying a param with shape [6] from checkpoint, the shape in current model is [5].',
        ]);
        return true;
      },
    );
    assert.deepEqual(values(net), before);
    assert.throws(
      () => net.loadStateDict(dict, { strict: false }),
      (error: Error) => !error.message.includes('Missing') && error.message.includes('size mismatch'),
    );
    assert.deepEqual(values(net), before);
  });

  test('not strict, loads what there is and returns the rest', () => {
    const linear = new nn.Linear(2, 1);
    const result = linear.loadStateDict({ weight: torch.ones([1, 2]), scale: torch.ones([1]) }, { strict: false });
    assert.deepEqual(result, { missingKeys: ['bias'], unexpectedKeys: ['scale'] });
    assert.deepEqual(linear.weight.toArray(), [[1, 1]]);
  });

  test('copies in place, converting the dtype, and keeps gradients and identity', () => {
    const linear = new nn.Linear(2, 1);
    const { weight } = linear;
    const source = torch.tensor([[1.5, 2]], { dtype: 'float64' });
    linear.loadStateDict({ weight: source, bias: torch.tensor([3n]) });
    source.zero_();
    assert.equal(linear.weight, weight);
    assert.deepEqual(
      [weight.dtype, weight.toArray(), linear.bias?.toArray(), weight.requiresGrad, weight.isLeaf],
      ['float32', [[1.5, 2]], [3], true, true],
    );
  });

  test('refuses values that are not a dict, and a dict with a disposed tensor, before anything changes', () => {
    const linear = new nn.Linear(2, 1);
    const before = values(linear);
    const gone = torch.zeros([1]);
    gone.dispose();
    assert.throws(() => linear.loadStateDict(null as never), /expected a Map or an object of Tensors, got null/);
    assert.throws(() => linear.loadStateDict({ weight: torch.zeros([1, 2]), bias: gone }), /was released by dispose/);
    assert.deepEqual(values(linear), before);
  });
});

suite('nn.Module.stateDict()', () => {
  test('shares memory with the module, without gradients', () => {
    const linear = new nn.Linear(2, 1);
    const weight = linear.stateDict().get('weight') as torch.Tensor;
    assert.equal(weight.requiresGrad, false);
    weight.fill_(7);
    assert.deepEqual(linear.weight.toArray(), [[7, 7]]);
  });
});
