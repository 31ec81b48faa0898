import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { prepareEnvironment } from './process-environment.js';

suite('prepareEnvironment()', () => {
  const several = { RANK: '1', WORLD_SIZE: '2', MASTER_ADDR: 'localhost', MASTER_PORT: '29500' };

  test('accepts no variables, one process, and complete ones', () => {
    for (const env of [{}, { WORLD_SIZE: '1' }, { RANK: '0', WORLD_SIZE: '1' }, { ...several }])
      prepareEnvironment('vit', 1, env);
  });

  test("takes Slurm's variables", () => {
    const env = { SLURM_PROCID: '1', SLURM_NTASKS: '2', SLURM_STEP_NODELIST: 'a[1-2]', SLURM_JOB_ID: '5' };
    prepareEnvironment('vit', 1, env);
    const { RANK, WORLD_SIZE, MASTER_ADDR } = env as NodeJS.ProcessEnv;
    assert.deepEqual([RANK, WORLD_SIZE, MASTER_ADDR], ['1', '2', 'a1']);
  });

  const wrong: readonly (readonly [NodeJS.ProcessEnv, RegExp])[] = [
    [{ ...several, MASTER_ADDR: undefined }, /\(RANK=1, WORLD_SIZE=2\), but MASTER_ADDR is not set\./],
    [{ ...several, MASTER_PORT: '' }, /MASTER_PORT is not set/],
    [{ ...several, MASTER_PORT: '99999' }, /MASTER_PORT is "99999", expected a whole number from 1 to 65535/],
    [{ ...several, RANK: '2' }, /RANK is "2", expected a whole number from 0 to 1/],
    [{ ...several, RANK: 'first' }, /RANK is "first"/],
    [{ ...several, WORLD_SIZE: undefined }, /\(RANK=1\), but WORLD_SIZE is not set/],
    [{ ...several, RANK: undefined }, /\(WORLD_SIZE=2\), but RANK is not set/],
    [{ ...several, WORLD_SIZE: '0' }, /WORLD_SIZE is "0", expected a whole number from 1 on/],
    [
      { DEIT_LT_PROCESS_TIMEOUT: 'long' },
      /DEIT_LT_PROCESS_TIMEOUT must be a number of seconds from 1 to 1e6, found "long"/,
    ],
    [{ DEIT_LT_PROCESS_TIMEOUT: '' }, /DEIT_LT_PROCESS_TIMEOUT must be a number of seconds from 1 to 1e6, found ""/],
    [{ DEIT_LT_BUCKET_MB: '0' }, /DEIT_LT_BUCKET_MB must be a number of megabytes from 0\.01 to 1e4, found "0"/],
  ];
  for (const [env, message] of wrong)
    test(`throws ${message.source}`, () => {
      assert.throws(() => prepareEnvironment('vit', 1, env), { code: 'USAGE', message });
    });

  test('advises the ways of the command line', () => {
    const message =
      /On this machine: (npx )?deit-lt vit --procs 2 …\nWith torchrun: torchrun --no-python --nproc-per-node 2 (npx )?deit-lt vit …\nIn one process: unset RANK and WORLD_SIZE$/;
    assert.throws(() => prepareEnvironment('vit', 1, { RANK: '1', WORLD_SIZE: '2' }), { message });
  });

  test('refuses --procs in a process that something else started', () => {
    const message = /^--procs 2: this process is number 1 of 2 that something else started/;
    assert.throws(() => prepareEnvironment('vit', 2, { ...several }), { code: 'USAGE', message });
    prepareEnvironment('vit', 2, { ...several, DEIT_LT_LAUNCHED: '1' });
  });
});
