import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { firstHost, slurmVariables } from './slurm.js';

suite('slurmVariables()', () => {
  const task = {
    SLURM_PROCID: '3',
    SLURM_NTASKS: '4',
    SLURM_LOCALID: '1',
    SLURM_STEP_NODELIST: 'gpu[03-04]',
    SLURM_JOB_ID: '4711',
    SLURM_STEP_ID: '0',
  };

  test("makes torchrun's variables of a task of srun", () => {
    const { MASTER_PORT, ...found } = slurmVariables(task)!;
    assert.deepEqual(found, { RANK: '3', WORLD_SIZE: '4', LOCAL_RANK: '1', MASTER_ADDR: 'gpu03' });
    assert.ok(Number(MASTER_PORT) >= 15_000 && Number(MASTER_PORT) < 30_000);
    assert.equal(slurmVariables({ ...task, SLURM_PROCID: '0' })?.MASTER_PORT, MASTER_PORT);
    assert.notEqual(slurmVariables({ ...task, SLURM_JOB_ID: '4712' })?.MASTER_PORT, MASTER_PORT);
    assert.notEqual(slurmVariables({ ...task, SLURM_STEP_ID: '1' })?.MASTER_PORT, MASTER_PORT);
  });

  test('keeps the address that is given, and counts the tasks of the step', () => {
    const given = { ...task, MASTER_ADDR: '10.0.0.7', MASTER_PORT: '2950', SLURM_STEP_NUM_TASKS: '8' };
    const { MASTER_ADDR, MASTER_PORT, WORLD_SIZE } = slurmVariables(given)!;
    assert.deepEqual([MASTER_ADDR, MASTER_PORT, WORLD_SIZE], ['10.0.0.7', '2950', '8']);
  });

  test('is undefined for one task, in a batch script, and below torchrun', () => {
    const { SLURM_STEP_NODELIST: _, ...batchScript } = task;
    for (const env of [{}, batchScript, { ...task, SLURM_NTASKS: '1' }, { ...task, RANK: '0', WORLD_SIZE: '2' }])
      assert.equal(slurmVariables(env), undefined);
  });

  const lists: readonly (readonly [string, string])[] = [
    ['node7', 'node7'],
    ['node7,node9', 'node7'],
    ['gpu[03-05,9],login1', 'gpu03'],
    ['gpu[9,03-05]', 'gpu9'],
    ['rack[1-2]-n[08-10].local', 'rack1-n08.local'],
  ];
  for (const [list, host] of lists)
    test(`finds ${host} in ${list}`, () => {
      assert.equal(firstHost(list), host);
    });
});
