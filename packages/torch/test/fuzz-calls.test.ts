import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { runCampaign } from './helpers/fuzz-campaign.js';

const calls = Number(process.env.FUZZ_CASES ?? 10_000);
const seed = Number(process.env.FUZZ_SEED ?? 1);

suite('all operators on random arguments', () => {
  test(`give a result or a TorchError in ${calls} calls (FUZZ_SEED=${seed}), and never end the process`, async () => {
    const { failures, operators, succeeded, refused, processes, live } = await runCampaign({
      calls,
      seed,
      batch: 5000,
    });
    assert.deepEqual(failures, []);
    assert.equal(processes, Math.ceil(calls / 5000));
    assert.equal(succeeded + refused, calls);
    assert.ok(operators >= 4000, `${operators} ways to call operators`);
    assert.ok(succeeded > calls * 0.25, `${succeeded} of ${calls} succeeded`);
    assert.ok(live < 20, `${live} tensors are left`);
  });

  test('count a call that ends the process, or that does not come back', async () => {
    const deadly = await runCampaign({ calls: 2, seed, probe: 'end' });
    assert.deepEqual(
      deadly.failures.map(({ how }) => how),
      ['SIGSEGV', 'SIGSEGV'],
    );
    assert.match(deadly.failures[1]?.call ?? '', /^\[1,"/);
    const endless = await runCampaign({ calls: 1, seed, probe: 'hang', patience: 1 });
    assert.deepEqual(
      endless.failures.map(({ how }) => how),
      ['no end after 1 s'],
    );
  });
});
