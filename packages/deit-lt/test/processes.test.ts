/** A training in two and in four processes has the bits of one process with as many shards. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { silentReporter } from '../src/runs/reporter.js';
import { RunFolder, readRunConfig } from '../src/runs/run-folder.js';
import { alone } from '../src/training/processes.js';
import { assertSameRun } from './helpers/same-run.js';
import { trainKind } from './helpers/shard-trainings.js';
import { evaluateShared, type SharedEvaluation } from './helpers/shared-evaluation.js';

const child = path.join(import.meta.dirname, 'helpers/process-child.js');
const root = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-processes-'));
after(() => rmSync(root, { recursive: true, force: true }));
const skip = !torch.distributed.isAvailable() && `no process groups: ${torch.diagnose().distributed.reason}`;

/** Trains `kinds` in `count` processes into `root/count`. */
const trainIn = (count: number, ...kinds: string[]): Promise<void> => trainInto(String(count), count, kinds);

async function trainInto(folder: string, count: number, kinds: readonly string[], more = {}): Promise<void> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  const ends = Array.from({ length: count }, async (_, rank) => {
    const env = {
      ...process.env,
      RANK: String(rank),
      WORLD_SIZE: String(count),
      MASTER_ADDR: '127.0.0.1',
      MASTER_PORT: String(port),
      OMP_NUM_THREADS: '1',
      ...more,
    };
    const started = spawn(process.execPath, [child, path.join(root, folder), ...kinds], {
      env,
      stdio: 'inherit',
    });
    const code = await new Promise((resolve) => started.once('close', resolve));
    assert.equal(code, 0, `process ${rank} of ${count}`);
  });
  await Promise.all(ends);
}

suite('a training in several processes', { skip }, () => {
  const kinds = ['ldam', 'student', 'glmc', 'paco', 'gpaco'];

  test('has the same bits in one, two and four: LDAM, GLMC, PaCo and GPaCo with SAM, a distilled student', async () => {
    for (const kind of kinds) await trainKind(kind, path.join(root, '1', kind), { processes: alone });
    await trainIn(2, ...kinds, 'stopped', 'paco-stopped');
    await trainIn(4, ...kinds);
    for (const kind of kinds)
      for (const count of ['2', '4']) assertSameRun(path.join(root, count, kind), path.join(root, '1', kind));
  });

  test('has the same bits with gradients that travel in buckets during the backward pass, and with accumulation', async () => {
    await trainInto('buckets', 2, ['ldam', 'student'], { BUCKET_BYTES: '20000' });
    for (const kind of ['ldam', 'student']) assertSameRun(path.join(root, 'buckets', kind), path.join(root, '1', kind));
  });

  test('that was stopped in two is resumed in one with the same bits', async () => {
    const stopped = path.join(root, '2', 'stopped');
    await trainKind('vit', stopped, { resume: true });
    await trainKind('vit', path.join(root, '1', 'vit'), {});
    assertSameRun(stopped, path.join(root, '1', 'vit'));
    const paco = path.join(root, '2', 'paco-stopped');
    await trainKind('paco', paco, { resume: true });
    assertSameRun(paco, path.join(root, '1', 'paco'));
  });

  test('with synchronised batch norm has the weights and statistics of one batch of all images', async () => {
    await trainIn(2, 'synced');
    await trainKind('together', path.join(root, '1', 'together'), {});
    const [synced, together] = [path.join(root, '2', 'synced'), path.join(root, '1', 'together')].map((folder) =>
      torch.safetensors.open(new RunFolder(folder).checkpoint('last')),
    );
    const names = together!.names.filter((name) => name.startsWith('model.') && !name.endsWith('num_batches_tracked'));
    assert.ok(names.some((name) => name.endsWith('running_var')) && names.length > 50);
    for (const name of names) {
      const [one, other] = [together!.get(name), synced!.get(name)];
      const difference = one.sub(other).abs().max().toNumber();
      assert.ok(difference < 2e-5 * (1 + one.abs().max().toNumber()), `${name}: ${difference}`);
    }
  });

  test('with synchronised batch norm needs a process for each shard', async () => {
    await assert.rejects(trainKind('synced', path.join(root, '1', 'synced'), {}), {
      code: 'RECIPE',
      message:
        /^teacher\.syncBatchNorm needs a process for each shard, .*: teacher\.shards is 2, and this is a training in 1 process\. Use --procs 2; or .* teacher\.shards=1 teacher\.batchSize=12\.$/,
    });
  });

  test('with --fit-memory takes the batches that fit in each of them', async () => {
    let trials = 0;
    const of = { of: 'training', message: 'no memory is left' };
    const exchange = <T>(own: T): T[] => [own, (trials++ === 0 ? of : null) as T]; // the other one fails at first
    const notes: string[] = [];
    await trainKind('fitted', path.join(root, '1', 'fitted'), {
      fitMemory: true,
      processes: { ...alone, exchange },
      reporter: { ...silentReporter, note: (line) => notes.push(line) },
    });
    const { batchSize, accumulation } = readRunConfig(path.join(root, '1', 'fitted')).recipe.student;
    assert.deepEqual([trials, batchSize, accumulation], [2, 3, 4]);
    assert.ok(
      notes.some((line) => line.includes('student.batchSize=3')),
      notes.join('\n'),
    );
  });

  test('shares the batches of an evaluation, and each process has the figures of one alone', async () => {
    const count = 3;
    mkdirSync(path.join(root, String(count)));
    await trainIn(count, 'evaluation');
    const all = Array.from({ length: count }, (_, rank) => {
      const file = path.join(root, String(count), `evaluation-${count}-${rank}.json`);
      return JSON.parse(readFileSync(file, 'utf8')) as SharedEvaluation[];
    });
    const expected = JSON.parse(JSON.stringify(await evaluateShared(alone))) as SharedEvaluation;
    assert.equal(expected.images, 30);
    assert.deepEqual(
      all.map(([{ images } = expected]) => images),
      [12, 10, 8], // 8 batches, the last one of 2
    );
    for (const [found, stopped] of all) {
      assert.deepEqual({ ...found, images: 30 }, expected);
      assert.equal(stopped?.result, 'StoppedElsewhere');
      assert.ok(stopped!.images <= 8);
    }
  });
});
