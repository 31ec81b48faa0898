/** Values arrive in order and unchanged, however late they are read. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { Readback } from './readback.js';

/** Adds `count` batches; gives what was received after each of them. */
function receivedAfter(readback: Readback, count: number): number[][] {
  const received: number[] = [];
  return Array.from({ length: count }, (_, batch) => {
    readback.add([torch.tensor(batch)], (values) => received.push(values![0]!));
    return [...received];
  });
}

suite('Readback', () => {
  test('gives values of the CPU at once', () => {
    assert.deepEqual(receivedAfter(new Readback(), 3), [[0], [0, 1], [0, 1, 2]]);
  });

  test('gives those of a device together, ever more of them up to 16', () => {
    const counts = receivedAfter(new Readback(true), 64).map(({ length }) => length);
    assert.deepEqual(
      [1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 47, 48, 64].map((batches) => counts[batches - 1]),
      [1, 2, 2, 4, 4, 8, 8, 16, 16, 32, 32, 48, 64],
    );
  });

  for (const late of [false, true])
    test(`${late ? 'late' : 'early'}: values keep their bits, dtype and order`, () => {
      using readback = new Readback(late);
      const received: unknown[] = [];
      for (let i = 0; i < 3; i++) {
        const floats = torch.tensor([Number.NaN, 0.1, -0, i]);
        const integers = torch.tensor([[i, 2 ** 31 - 1]], { dtype: 'int64' });
        readback.add([floats, integers, torch.tensor(0.5).bfloat16()], (...values) => received.push(values));
        floats.zero_(); // what was added is read, not what it became
      }
      readback.flush();
      const expected = [0, 1, 2].map((i) => [
        Float32Array.of(Number.NaN, 0.1, -0, i),
        Int32Array.of(i, 2 ** 31 - 1),
        Float32Array.of(0.5),
      ]);
      assert.deepEqual(received, expected);
    });

  test('passes on an error, and forgets what came after', () => {
    const readback = new Readback(true);
    receivedAfter(readback, 16);
    const seen: number[] = [];
    for (let i = 0; i < 3; i++)
      readback.add([torch.tensor(i)], (values) => {
        const [value] = values!;
        if (value === 1) throw new Error('not finite');
        seen.push(value!);
      });
    assert.throws(() => readback.flush(), /not finite/);
    readback.flush();
    assert.deepEqual(seen, [0]);
  });
});
