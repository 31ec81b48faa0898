/** The precision that a device is given, from what it says of itself. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { cardHardware, placementOf, precisionOn, setKernels } from './device.js';

const cards = {
  'Tesla V100': { name: 'Tesla V100', major: 7, minor: 0 },
  'Tesla T4': { name: 'Tesla T4', major: 7, minor: 5 },
  A100: { name: 'A100', major: 8, minor: 0 },
  'RTX 4090': { name: 'RTX 4090', major: 8, minor: 9 },
  H200: { name: 'H200', major: 9, minor: 0 },
};

suite('the precision of a card', () => {
  for (const [name, card] of Object.entries(cards))
    test(`${name}, compute capability ${card.major}.${card.minor}`, () => {
      const hardware = cardHardware('cuda:1', card);
      const hasBfloat16 = card.major >= 8;
      const automatic = precisionOn(hardware, 'auto');
      assert.equal(automatic.precision, hasBfloat16 ? 'bfloat16' : 'float32');
      assert.deepEqual(precisionOn(hardware, 'float32'), { precision: 'float32' });
      assert.deepEqual(precisionOn(hardware, 'float16'), { precision: 'float16' });
      if (hasBfloat16) {
        assert.equal(automatic.note, undefined);
        assert.deepEqual(precisionOn(hardware, 'bfloat16'), { precision: 'bfloat16' });
        return;
      }
      assert.match(
        automatic.note!,
        /^cuda:1 \((Tesla V100|Tesla T4), compute capability 7\.[05]\) .*in float32; --set precision=float16 is faster/,
      );
      assert.throws(() => precisionOn(hardware, 'bfloat16'), {
        code: 'RECIPE',
        message:
          /^precision: bfloat16 was requested, but cuda:1 \(Tesla .*8\.0 or higher.*precision=float16 or float32\.$/,
      });
    });

  test('of unknown abilities: float32, or the precision of the recipe', () => {
    const hardware = cardHardware('cuda', null);
    const { precision, note } = precisionOn(hardware, 'auto');
    assert.equal(precision, 'float32');
    assert.match(note!, /does not say whether it has bfloat16/);
    assert.deepEqual(precisionOn(hardware, 'bfloat16'), { precision: 'bfloat16' });
  });
});

suite('placementOf()', () => {
  test('uses bfloat16 on a processor that has it, and any precision that is requested', () => {
    const expected = torch.hasNativeBfloat16() ? 'bfloat16' : 'float32';
    const { precision, note } = placementOf({ device: 'cpu', precision: 'auto' });
    assert.deepEqual([precision, note], [expected, undefined]);
    for (const asked of ['float32', 'bfloat16'] as const)
      assert.equal(placementOf({ device: 'cpu', precision: asked }).precision, asked);
  });

  test('refuses devices that are not there', { skip: torch.cuda.isAvailable() && 'there is one' }, () => {
    assert.throws(() => placementOf({ device: 'cuda', precision: 'auto' }), {
      code: 'RECIPE',
      message: /no CUDA device/,
    });
    assert.throws(() => placementOf({ device: 'gpu', precision: 'auto' }), { code: 'RECIPE', message: /found "gpu"/ });
  });
});

suite('setKernels()', () => {
  const { cuda, cudnn } = torch.backends;
  const switches = (): readonly boolean[] => [cuda.matmul.allowTf32, cudnn.allowTf32, cudnn.benchmark];

  test('sets the switches for a card, and leaves them for the CPU', () => {
    const before = switches();
    assert.deepEqual(before, [false, true, false], "PyTorch's defaults");
    setKernels({ tf32: 'all', cudnnBenchmark: true }, 'cpu');
    assert.deepEqual(switches(), before);
    setKernels({ tf32: 'all', cudnnBenchmark: true }, 'cuda:0');
    assert.deepEqual(switches(), [true, true, true]);
    setKernels({ tf32: 'none', cudnnBenchmark: false }, 'cuda:0');
    assert.deepEqual(switches(), [false, false, false]);
    setKernels({ tf32: 'convolutions', cudnnBenchmark: false }, 'cuda:0');
    assert.deepEqual(switches(), before);
  });
});
