import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { native } from '../src/binding/addon.js';
import { unsafeReason } from '../src/binding/unsafe.js';
import * as torch from '../src/index.js';

type Callable = (...args: readonly unknown[]) => unknown;
const { ops } = torch as unknown as { ops: Record<string, Record<string, Record<string, Callable> & Callable>> };
const names = Object.keys(native().listOperators('aten')).sort();
const refused = names.filter((name) => unsafeReason('aten', name) !== null);

suite('operators that do not check their arguments', () => {
  test('are refused by torch.ops before their arguments are looked at, with the reason and the other way', () => {
    assert.throws(() => ops.aten?._pdist_backward?.default?.(), {
      name: 'TorchError',
      code: 'UNSAFE',
      message:
        'aten::_pdist_backward: this operator does not check its arguments, and wrong ones can end the process: it is a ' +
        'formula of autograd, which trusts that its arguments are what the forward operator saved. If yours are right, ' +
        'call torch.ops.unsafe.aten._pdist_backward',
    });
    assert.throws(() => ops.quantized?.linear_dynamic?.(), {
      code: 'UNSAFE',
      message: /torch\.ops\.unsafe\.quantized/,
    });
  });

  test('are those of the internal, backward, unsafe and backend kinds, and the steps of convolutions', () => {
    for (const name of [
      '_pdist_backward',
      'max_pool2d_with_indices_backward',
      'matrix_exp_backward',
      'thnn_conv2d',
      'slow_conv3d_forward',
      '_sparse_coo_tensor_unsafe',
      '_sparse_compressed_tensor_unsafe',
      '_index_put_impl_',
      'unsafe_chunk',
      'mkldnn_convolution',
      'quantized_gru_cell',
    ]) {
      assert.ok(names.includes(name), `${name} is no operator`);
      assert.throws(() => ops.aten?.[name]?.(), { code: 'UNSAFE' });
    }
  });

  test('are not the public ones, nor those that PyTorch itself calls on users behalf', () => {
    for (const name of [
      'add',
      'conv2d',
      'convolution',
      '_foreach_add',
      '_softmax',
      '_to_copy',
      '__and__',
      'index_put_',
    ])
      assert.equal(unsafeReason('aten', name), null, name);
    assert.equal(unsafeReason('bridge', 'gelu'), null);
    assert.ok(refused.length > 200 && refused.length < names.length / 2, `${refused.length} of ${names.length}`);
  });

  test('are neither functions of the package nor methods', () => {
    const camel = (name: string): string =>
      name.replace(/(?<=\w)_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
    const byHand = new Set(['backward']); // written for this package: the engine's entry, not the operator
    for (const name of refused.map(camel)) {
      assert.ok(!(name in torch), `torch.${name}`);
      assert.ok(byHand.has(name) || !(name in torch.Tensor.prototype), `Tensor.${name}`);
    }
  });

  test('are called at torch.ops.unsafe, by name or overload, like all others', () => {
    const { unsafe } = torch.ops;
    const [gradient, y] = [torch.tensor([2]), torch.tensor([0.5])];
    assert.deepEqual((unsafe.aten.sigmoid_backward.default(gradient, y) as torch.Tensor).toArray(), [0.5]);
    assert.deepEqual((unsafe.aten.sigmoid_backward(gradient, y) as torch.Tensor).toArray(), [0.5]);
    assert.deepEqual((unsafe.aten.add(y, y) as torch.Tensor).toArray(), [1]);
    assert.throws(() => unsafe.aten.sigmoid_backward.default(gradient, 'y' as never), { code: 'ARGUMENT' });
    assert.throws(() => (unsafe.aten as never as typeof ops.aten)?.no_such_operator, { code: 'NO_SUCH_OPERATOR' });
  });

  test('show their schemas without being called', () => {
    const overload = (ops.aten as never as { _pdist_backward: { default: { schema: { name: string } } } })
      ._pdist_backward.default;
    assert.equal(overload.schema.name, 'aten::_pdist_backward');
  });
});
