/** A training on two machines with addresses of their own: the cable is cut, repaired, and the training resumed over a slow link. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { RunFolder } from '../src/runs/run-folder.js';
import { bin, deitLt } from './cli-helpers.js';
import { writeTinyJob } from './helpers/killed-training.js';
import { assertSameRun } from './helpers/same-run.js';
import { findTorchrun, type Started, start, tinyTraining, until } from './helpers/several-processes.js';
import { type Node, skipTwoNodes, twoNodes } from './helpers/two-nodes.js';

const torchrun = findTorchrun();
const skip =
  (!torch.distributed.isAvailable() && `no process groups: ${torch.diagnose().distributed.reason}`) || skipTwoNodes();

suite('a training on two machines', { skip }, () => {
  const job = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-nodes-'));
  before(() => writeTinyJob(job));
  after(() => rmSync(job, { recursive: true, force: true }));

  /** Starts `words` on each node: by torchrun, or with the variables that it sets. */
  function startOn(nodes: readonly Node[], words: readonly string[], port: number, byTorchrun: boolean): Started[] {
    const [first] = nodes;
    return nodes.map(({ name, device }, rank) => {
      const address = ['--master_addr', first!.address, '--master_port', String(port)];
      const nodesOf = ['--nnodes', '2', '--node_rank', String(rank), '--nproc_per_node', '1'];
      const program = [process.execPath, bin, ...words];
      const env = { GLOO_SOCKET_IFNAME: device, DEIT_LT_PROCESS_TIMEOUT: '6', TORCH_CPP_LOG_LEVEL: 'FATAL' };
      const variables = {
        RANK: String(rank),
        WORLD_SIZE: '2',
        LOCAL_RANK: '0',
        MASTER_ADDR: first!.address,
        MASTER_PORT: String(port),
      };
      return byTorchrun && 'file' in torchrun
        ? start('ip', ['netns', 'exec', name, torchrun.file, '--no_python', ...nodesOf, ...address, ...program], env)
        : start('ip', ['netns', 'exec', name, ...program], { ...env, ...variables });
    });
  }

  test('ends on both when the cable is cut, and is resumed over a slow link with the bits of one machine', async (t) => {
    using network = twoNodes();
    const [run, alone] = [path.join(job, 'two'), path.join(job, 'one')];
    const words = tinyTraining(job, run, 8);
    network.slow();
    const cut = startOn(network.nodes, words, 29_517, false);
    await until(() => existsSync(run) && new RunFolder(run).readMetrics().length >= 2);
    network.cable('down');
    const ends = await Promise.all(cut.map(({ ended }) => ended));
    assert.deepEqual(
      ends.map(({ code }) => code),
      [1, 1],
    );
    assert.match(
      ends[0]!.stderr,
      /\ndeit-lt: process 1 of 2 \(from 0\) does not answer: .* The others waited 6 s for it/,
    );
    assert.match(
      ends[1]!.stderr,
      /(^|\n)deit-lt: process 0 of 2 \(from 0\), or torchrun on its machine \(MASTER_ADDR\), does not answer/,
    );
    network.cable('up');
    const byTorchrun = 'file' in torchrun;
    if (!byTorchrun) t.diagnostic(`${torchrun.reason}: the processes have its variables`);
    const resumed = startOn(network.nodes, [...words, '--resume'], 29_518, byTorchrun);
    for (const { code, stderr } of await Promise.all(resumed.map(({ ended }) => ended))) assert.equal(code, 0, stderr);
    const whole = deitLt(tinyTraining(job, alone, 8));
    assert.equal(whole.status, 0, whole.stderr);
    assertSameRun(run, alone);
  });
});
