/** Several processes by the real command: one hangs, is killed, or is not like the others; and how the training is resumed. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { freePort } from '../src/cli/free-port.js';
import { bin, deitLt } from './cli-helpers.js';
import { writeTinyJob } from './helpers/killed-training.js';
import { findTorchrun, rankVariables, start, startRanks, tinyTraining, until } from './helpers/several-processes.js';

const skip = !torch.distributed.isAvailable() && `no process groups: ${torch.diagnose().distributed.reason}`;
const torchrun = findTorchrun();

suite('several processes', { skip, concurrency: 2 }, () => {
  const job = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-failures-'));
  const linesOf = (run: string): string[] => {
    const file = path.join(run, 'metrics.jsonl');
    return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
  };
  before(() => writeTinyJob(job));
  after(() => rmSync(job, { recursive: true, force: true }));

  test('one that hangs is named after the timeout, and one process resumes the training', async () => {
    const run = path.join(job, 'hangs');
    const words = tinyTraining(job, run, 16);
    const timeout = { DEIT_LT_PROCESS_TIMEOUT: '8' };
    const [first, second] = await startRanks([words, words], (rank, port) => ({
      ...rankVariables(rank, 2, port),
      ...timeout,
    }));
    await until(() => linesOf(run).length >= 2);
    second!.child.kill('SIGSTOP');
    const { code, stderr } = await first!.ended;
    second!.child.kill('SIGKILL');
    assert.equal(code, 1);
    assert.match(
      stderr,
      /\ndeit-lt: process 1 of 2 \(from 0\) does not answer: it ended, hangs, or its machine cannot be reached; look at its output\. The others waited 8 s for it \(DEIT_LT_PROCESS_TIMEOUT\)\. If a checkpoint was saved, the same command with --resume continues from it, also with another number of processes\.\n$/,
    );
    const resumed = deitLt([...words, '--resume']);
    assert.equal(resumed.status, 0, resumed.stderr);
    assert.match(resumed.stderr, /resumes at epoch/);
    assert.equal(linesOf(run).length, 16);
  });

  test('torchrun starts again after a process was killed, and --resume completes the training', async (t) => {
    if ('reason' in torchrun) return t.skip(torchrun.reason);
    const run = path.join(job, 'killed');
    const die = `if (process.env.RANK === '1' && process.env.TORCHELASTIC_RESTART_COUNT === '0') {
      const { readFileSync } = await import('node:fs');
      const look = () => { try { if (readFileSync(${JSON.stringify(path.join(run, 'metrics.jsonl'))}, 'utf8').split('\\n').length > 3) process.kill(process.pid, 'SIGKILL'); } catch {} };
      setInterval(look, 1).unref();
    }`;
    const preload = `--import=data:text/javascript,${encodeURIComponent(die)}`;
    const words = [
      '--no_python',
      '--nproc_per_node',
      '2',
      '--max_restarts',
      '1',
      '--master_port',
      String(await freePort()),
    ];
    const program = [process.execPath, preload, bin, ...tinyTraining(job, run, 16), '--resume'];
    const { ended } = start(torchrun.file, [...words, ...program], {
      GLOO_SOCKET_IFNAME: 'lo',
      DEIT_LT_PROCESS_TIMEOUT: '60',
    });
    const { code, stderr } = await ended;
    assert.equal(code, 0, stderr);
    assert.match(stderr, /has no run to resume: a new one starts/);
    assert.match(stderr, /resumes at epoch/);
    assert.equal(linesOf(run).length, 16);
  });

  test('of other recipes are refused by name', async () => {
    const run = path.join(job, 'differ');
    const words = tinyTraining(job, run, 2);
    const [first, second] = await startRanks([words, tinyTraining(job, run, 3)]);
    const [{ code, stderr }, other] = await Promise.all([first!.ended, second!.ended]);
    assert.deepEqual([code, other.code], [2, 2]);
    assert.match(
      stderr,
      /process 1 of 2 \(from 0; on .+\) differs from process 0 \(on .+\): --set is student\.epochs=3, and student\.epochs=2 there\. All processes of a training need the same versions, recipe and data/,
    );
    assert.ok(!existsSync(path.join(run, 'config.json')));
  });

  test('Slurm starts them: srun has its own variables', async () => {
    const run = path.join(job, 'slurm');
    const words = tinyTraining(job, run, 2);
    const id = process.pid; // makes the port
    const ranks = await startRanks([words, words], (rank) => ({
      SLURM_PROCID: String(rank),
      SLURM_NTASKS: '2',
      SLURM_LOCALID: String(rank),
      SLURM_STEP_NODELIST: 'localhost',
      SLURM_JOB_ID: String(id),
      GLOO_SOCKET_IFNAME: 'lo',
    }));
    const [first, second] = await Promise.all(ranks.map(({ ended }) => ended));
    assert.deepEqual([first!.code, second!.code], [0, 0], first!.stderr + second!.stderr);
    assert.match(first!.stderr, /^plain ViT: .* × 2 epochs in 2 processes of 1 shard each → /m);
    assert.equal(second!.stderr, '');
    assert.equal(linesOf(run).length, 2);
  });

  test('are refused before they start when they cannot share the shards', () => {
    const words = tinyTraining(job, path.join(job, 'never'), 2);
    const { status, stderr } = deitLt([...words, '--procs', '3']);
    assert.equal(status, 2);
    assert.match(
      stderr,
      /^deit-lt: student\.shards is 2, which 3 processes cannot share: each takes as many shards as the others\. Use 2 processes, or set student\.shards to 3 or a multiple of it/,
    );
    assert.equal(stderr.trim().split('\n').length, 1);
  });

  test('without an address are refused with the ways to start them', () => {
    process.env.RANK = '1';
    process.env.WORLD_SIZE = '2';
    try {
      const { status, stderr } = deitLt(tinyTraining(job, path.join(job, 'never'), 2));
      assert.equal(status, 2);
      assert.match(
        stderr,
        /\(RANK=1, WORLD_SIZE=2\), but MASTER_ADDR is not set\.\nOn this machine: deit-lt vit --procs 2/,
      );
    } finally {
      delete process.env.RANK;
      delete process.env.WORLD_SIZE;
    }
  });
});
