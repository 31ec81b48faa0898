/** The switches of kernels. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { backends } from './backends.js';

suite('backends', () => {
  test("begin with PyTorch's defaults, and keep what is set", () => {
    const { cuda, cudnn } = backends;
    assert.deepEqual(
      [cuda.matmul.allowTf32, cudnn.allowTf32, cudnn.benchmark, cudnn.deterministic],
      [false, true, false, false],
    );
    cuda.matmul.allowTf32 = true;
    cudnn.allowTf32 = false;
    cudnn.benchmark = true;
    cudnn.deterministic = true;
    assert.deepEqual(
      [cuda.matmul.allowTf32, cudnn.allowTf32, cudnn.benchmark, cudnn.deterministic],
      [true, false, true, true],
    );
  });

  test('refuse what is not a boolean', () => {
    assert.throws(() => Object.assign(backends.cudnn, { benchmark: 1 }), {
      name: 'TorchError',
      message: 'backends.cudnn.benchmark: expected true or false, got 1',
    });
  });
});
