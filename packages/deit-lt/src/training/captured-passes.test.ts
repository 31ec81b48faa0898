import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import type { Placement, Precision } from '../recipe/device.js';
import { CapturedPasses, capturedPasses, requireCaptures } from './captured-passes.js';
import { alone } from './processes.js';

const place = (device: string, precision: Precision = 'float32', count = 1) => ({
  placement: { device, precision, autocast: (fn) => fn() } as Placement,
  processes: { ...alone, count },
});

suite('requireCaptures()', () => {
  for (const [where, reason] of [
    [place('cpu'), 'this training runs on the processor'],
    [place('cuda', 'float16'), 'the scale of losses in float16 changes'],
    [place('cuda', 'float32', 2), 'it has several processes'],
  ] as const)
    test(`refuses what cannot be captured: ${reason}`, () => {
      assert.throws(() => requireCaptures({ cudaGraphs: true }, where), {
        code: 'RECIPE',
        message: `cudaGraphs is true, but passes cannot be captured: ${reason}. Use --set cudaGraphs=auto or false.`,
      });
      for (const cudaGraphs of ['auto', false] as const) requireCaptures({ cudaGraphs }, where);
    });
});

suite('capturedPasses()', () => {
  const notes: string[] = [];
  const options = {
    task: { kind: 'teacher' },
    recipe: { batchSize: 4, accumulation: 1, shards: 1 },
    reporter: { note: (note: string) => notes.push(note) },
    ...place('cpu'),
  } as unknown as Parameters<typeof capturedPasses>[0];

  test('there are none without cudaGraphs, and on the CPU', () => {
    assert.equal(capturedPasses({ ...options, cudaGraphs: false }), undefined);
    assert.equal(capturedPasses({ ...options, cudaGraphs: 'auto' }), undefined);
    assert.deepEqual(notes, []);
  });

  test('says why there are none on a card', () => {
    assert.equal(capturedPasses({ ...options, ...place('cuda', 'float16'), cudaGraphs: 'auto' }), undefined);
    assert.deepEqual(notes, [
      'cudaGraphs: the passes of the teacher run kernel by kernel: the scale of losses in float16 changes',
    ]);
  });
});

suite('CapturedPasses', () => {
  test('runs batches of other sizes, and all after a refusal, kernel by kernel', () =>
    torch.tidy(() => {
      const reasons: string[] = [];
      const options = { device: 'cuda', parameters: [], batchSize: 4, accumulates: false };
      using passes = new CapturedPasses({ ...options, refused: (reason) => reasons.push(reason) });
      const losses = { loss: torch.zeros([]), parts: {} };
      const never = (): never => assert.fail('captured');
      const run = (images: number) =>
        passes.run({ kernels: '', inputs: [torch.zeros([images, 3])], eager: () => losses, pass: never });
      assert.equal(run(3), losses);
      for (const _ of [1, 2])
        assert.equal(
          passes.refuse(() => losses),
          losses,
        );
      assert.equal(run(4), losses);
      assert.equal(reasons.length, 1);
    }));
});
