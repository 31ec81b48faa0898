/** Trainings by the real command, killed at calls of the file system; the whole campaign is `npm run robustness:kills`. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import { KillCampaign, type Tally } from './helpers/kill-campaign.js';
import { type Kill, loggedCalls, startJob, writeTinyJob } from './helpers/killed-training.js';

const at = (call: number, when: 'before' | 'half' | 'after', from?: string): Kill => ({
  at: { call, when, ...(from !== undefined && { from }) },
});

suite('a killed training', { timeout: 120_000 }, () => {
  const job = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-killed-'));
  const reference = path.join(job, 'whole');
  let calls: string[] = [];
  after(() => rmSync(job, { recursive: true, force: true }));

  before(async () => {
    await writeTinyJob(job);
    const log = path.join(job, 'calls');
    const { status, stderr } = await startJob(
      { job, command: 'vit', out: reference },
      { at: { call: 0, when: 'before', log } },
    );
    assert.equal(status, 0, stderr);
    calls = loggedCalls(log);
  });

  const campaign = (name: string) => new KillCampaign({ job, reference, command: 'vit', name });
  const held = ({ tally }: { tally: Tally }, kills: number): void => {
    const { compared, problems, ...counts } = tally;
    assert.deepEqual(problems, []);
    assert.deepEqual(counts, { kills, missed: 0, lost: 0, wrong: 0, stackTraces: 0 });
    assert.ok(compared > 0);
  };

  const callOf = (step: RegExp): number => {
    const found = calls.findIndex((call) => step.test(call));
    assert.ok(found >= 0, `no call ${step}`);
    return found + 1;
  };

  test('without a configuration begins again by the same command, whose first start had no --resume', async () => {
    const killed = campaign('first');
    await killed.atFirstStart([at(callOf(/^rename config/), 'before')], false);
    held(killed, 1);
  });

  test('keeps its last checkpoint and ends with the same bits, killed at each step of what it writes', async () => {
    const killed = campaign('save');
    const opened = callOf(/^open .*last/);
    const inSave = (step: RegExp): number => callOf(step) - opened + 1;
    await killed.inTurn([
      at(callOf(/^rename config/), 'before'),
      at(2, 'half', 'last.safetensors'),
      at(inSave(/^sync .*last/), 'before', 'last.safetensors'),
      at(inSave(/^rename .*last/), 'before', 'last.safetensors'),
      at(inSave(/^rename .*last/), 'after', 'last.safetensors'),
      at(1, 'after', 'best.safetensors'),
      at(2, 'half', 'metrics.jsonl'),
      at(1, 'before', 'evaluation.json'),
    ]);
    held(killed, 8);
  });
});
