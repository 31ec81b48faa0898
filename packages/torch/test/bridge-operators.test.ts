/** The operators of this project (`bridge::`): docs/gpu.md says of each what it does on a card, and those without a kernel for it are not called there. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { native } from '../src/binding/addon.js';
import { distributedNative } from '../src/distributed/native.js';
import * as torch from '../src/index.js';
import { composedAttention } from '../src/nn/functional/attention.js';

const F = torch.nn.functional;
const root = path.resolve(import.meta.dirname, '../..');
const page = path.join(root, '../../docs/gpu.md');
const cpuOnly = ['gelu', 'image_operations', 'scaled_softmax'];

/** The rows of the page's table: the operators, and what they do on a card. */
function rowsOfPage(): [names: string[], onCard: string][] {
  const [, section = ''] = readFileSync(page, 'utf8').split('| `bridge::` | on a card |');
  const rows = section.split('\n\n')[0]!.trim().split('\n').slice(1);
  return rows.map((row) => {
    const [, names = '', onCard = ''] = row.split('|');
    return [[...names.matchAll(/`(\w+)`/g)].map(([, name]) => name!), onCard];
  });
}

suite('operators of bridge::', () => {
  test('are those that docs/gpu.md lists', { skip: !existsSync(page) && 'no docs beside the package' }, () => {
    if (torch.distributed.isAvailable()) distributedNative(); // registers its operators when it is loaded
    const isThere = (name: string) => torch.distributed.isAvailable() || !name.startsWith('c10d_');
    const listed = rowsOfPage().flatMap(([names]) => names);
    assert.deepEqual(listed.filter(isThere).sort(), Object.keys(native().listOperators('bridge')).sort());
    const withoutCardKernel = rowsOfPage().filter(([, onCard]) => onCard.includes('the CPU only'));
    assert.deepEqual(withoutCardKernel.flatMap(([names]) => names).sort(), cpuOnly);
  });

  test('have one function for all devices, but for three with a kernel for the CPU', () => {
    const folder = path.join(root, 'native');
    const texts = readdirSync(folder).filter((name) => name.endsWith('.cc'));
    const sources = texts.map((name) => readFileSync(path.join(folder, name), 'utf8')).join('\n');
    const kernels = [...sources.matchAll(/registrar\.cpu\(\)\.impl\("(\w+)"/g)].map(([, name]) => name);
    const withoutFunction = [...sources.matchAll(/registrar\.define\(\s*"(\w+)\([^"]*"\)/g)].map(([, name]) => name);
    assert.deepEqual(kernels.sort(), cpuOnly);
    assert.deepEqual(withoutFunction.sort(), cpuOnly);
  });

  // A tensor of the device "meta" has no memory, and like one on a card no kernel of ours.
  test('have no kernel for another device, where ATen is called in their place, with gradients', () => {
    const on = (shape: number[]) => torch.empty(shape, { device: 'meta', dtype: 'bfloat16' }).requiresGrad_();
    const x = on([2, 3, 4, 8]);
    assert.throws(() => torch.ops.bridge!.gelu!.default!(x), /bridge::gelu/);
    assert.throws(() => torch.ops.bridge!.scaled_softmax!.default!(x), /bridge::scaled_softmax/);
    const [q, k, v] = [on([2, 3, 4, 8]), on([2, 3, 4, 8]), on([2, 3, 4, 8])];
    for (const [y, input] of [
      [F.gelu(x), x],
      [composedAttention(q, k, v), q],
    ] as const) {
      const [gradient] = torch.autograd.grad([y], [input], { gradOutputs: [torch.emptyLike(y)] });
      assert.deepEqual([y.device, y.dtype, gradient?.shape], ['meta', 'bfloat16', [2, 3, 4, 8]]);
    }
  });
});
