import assert from 'node:assert/strict';
import os from 'node:os';
import path from 'node:path';
import { suite, test } from 'node:test';
import sharp from 'sharp';
import { temporaryFolder } from '../../../test/helpers/temporary-folder.js';
import { white } from './background.js';
import { DecodeBudget, decodeBudget, defaultBudgetBytes } from './budget.js';
import { decodeOrThrow } from './decode.js';
import { DecodePool } from './decode-pool.js';

const mib = 2 ** 20;

/** Work for a budget: `begun` is resolved when it begins, and it lasts until `end` is called. */
function work() {
  const [begins, ends] = [withResolver(), withResolver()];
  const job = (): Promise<void> => {
    begins.resolve();
    return ends.promise;
  };
  return { job, begun: begins.promise, end: ends.resolve };
}

function withResolver() {
  let resolve = (): void => {};
  const promise = new Promise<void>((resolved) => {
    resolve = resolved;
  });
  return { promise, resolve };
}

suite('DecodeBudget', () => {
  test('lets through what fits, and the rest when there is room again', async () => {
    const budget = new DecodeBudget(10 * mib);
    const works = [work(), work(), work()];
    const begun: number[] = [];
    const all = works.map(({ job }, i) =>
      budget.within(5 * mib, () => {
        begun.push(i);
        return job();
      }),
    );
    await Promise.all([works[0]!.begun, works[1]!.begun]);
    assert.deepEqual([begun, budget.takenBytes], [[0, 1], 10 * mib]);
    works[0]!.end();
    await works[2]!.begun;
    assert.deepEqual([begun, budget.takenBytes], [[0, 1, 2], 10 * mib]);
    for (const { end } of works) end();
    await Promise.all(all);
    assert.equal(budget.takenBytes, 0);
  });

  test('work larger than the whole budget runs on its own', async () => {
    const budget = new DecodeBudget(10 * mib);
    const [first, second] = [work(), work()];
    const small = budget.within(mib, first.job);
    let besides: number | undefined;
    const large = budget.within(50 * mib, () => {
      besides = budget.takenBytes - 10 * mib;
      return second.job();
    });
    await first.begun;
    assert.equal(besides, undefined);
    first.end();
    await Promise.all([small, second.begun]);
    assert.deepEqual([besides, budget.takenBytes], [0, 10 * mib]);
    second.end();
    await large;
    assert.equal(budget.takenBytes, 0);
  });

  test('gives back after an error, and what a thread had that was ended', async () => {
    const budget = new DecodeBudget(10 * mib);
    await assert.rejects(
      budget.within(5 * mib, () => {
        throw new Error('no image');
      }),
      /no image/,
    );
    assert.equal(budget.takenBytes, 0);
    const thread = new DecodeBudget(10 * mib, budget.memory);
    const endless = work();
    void thread.within(7 * mib, endless.job);
    await endless.begun;
    assert.equal(budget.takenBytes, 7 * mib);
    budget.release(thread.own);
    assert.equal(budget.takenBytes, 0);
  });

  test('is at most a gibibyte and an eighth of the memory', () => {
    assert.ok(defaultBudgetBytes() <= 2 ** 30);
    assert.ok(defaultBudgetBytes() <= os.totalmem() / 8);
  });
});

suite('the decoders of a process', () => {
  test('take from one budget, threads too, also when they are ended', async (t) => {
    const file = path.join(temporaryFolder(t), 'large.png');
    await sharp({ create: { width: 3000, height: 3000, channels: 3, background: 'teal' } })
      .png()
      .toFile(file);
    const pixelBytes = 3000 * 3000 * 3;
    let most = 0;
    const watch = setInterval(() => {
      most = Math.max(most, decodeBudget().takenBytes);
    }, 1);
    t.after(() => clearInterval(watch));
    await decodeOrThrow(file);
    assert.ok(most >= pixelBytes && most < 1.1 * pixelBytes, `${most} bytes here`);
    most = 0;
    const pool = new DecodePool({ threads: 2 });
    const window = { x: 0, y: 0, width: 3000, height: 3000, flip: false };
    const cut = () => {
      const target = new Uint8Array(new SharedArrayBuffer(8 * 8 * 3));
      return {
        path: file,
        width: 3000,
        height: 3000,
        background: white,
        cuts: [{ window, size: 8, filter: 'bicubic' as const, target }],
      };
    };
    await Promise.all([pool.decode(cut()), pool.decode(cut())]);
    assert.ok(most >= pixelBytes, `${most} bytes in threads`);
    const ended = [1, 2, 3].map(() => pool.decode(cut()).catch(() => {}));
    while (decodeBudget().takenBytes === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    await pool[Symbol.asyncDispose]();
    await Promise.all(ended);
    assert.equal(decodeBudget().takenBytes, 0);
  });
});
