import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { suite, test } from 'node:test';
import { meetingPlace } from '../src/distributed/meeting-place.js';
import * as torch from '../src/index.js';

// PyTorch logs each attempt to connect; the errors below hold what matters.
process.env.TORCH_CPP_LOG_LEVEL ??= 'FATAL';

const { distributed } = torch;
const child = path.resolve(import.meta.dirname, 'helpers/distributed-child.js');
const python = process.env.PYTHON_TORCH ?? '/usr/bin/python3';
const skip = !distributed.isAvailable() && `no process groups: ${torch.diagnose().distributed.reason}`;

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A port that no program has now. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Starts one process for each command, with the variables that torchrun sets. */
async function startGroup(
  commands: readonly (readonly string[])[],
): Promise<{ processes: ChildProcess[]; ended: Promise<Ended>[] }> {
  const port = await freePort();
  const processes = commands.map(([program = '', ...args], rank) =>
    spawn(program, args, {
      env: {
        ...process.env,
        RANK: String(rank),
        LOCAL_RANK: String(rank),
        WORLD_SIZE: String(commands.length),
        MASTER_ADDR: '127.0.0.1',
        MASTER_PORT: String(port),
        OMP_NUM_THREADS: '1',
      },
    }),
  );
  return { processes, ended: processes.map(endOf) };
}

function endOf(started: ChildProcess): Promise<Ended> {
  let [stdout, stderr] = ['', ''];
  started.stdout?.on('data', (text) => {
    stdout += text;
  });
  started.stderr?.on('data', (text) => {
    stderr += text;
  });
  return new Promise((resolve) => started.once('close', (code) => resolve({ code, stdout, stderr })));
}

const nodes = (count: number, ...args: string[]): string[][] =>
  Array.from({ length: count }, () => [process.execPath, child, ...args]);

/** What each process printed. */
async function results(commands: readonly (readonly string[])[]): Promise<unknown[]> {
  const all = await Promise.all((await startGroup(commands)).ended);
  return all.map(({ code, stdout, stderr }) => {
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as unknown;
  });
}

const hasPythonGloo = (): boolean =>
  spawnSync(python, ['-c', 'import torch, sys; sys.exit(not torch.distributed.is_gloo_available())']).status === 0;

/** Without the running statistics, which are each process's own after the last forward pass. */
const weightsOf = (state: unknown): unknown =>
  Object.entries(state as Record<string, number[]>).filter(([name]) => /weight|bias/.test(name));

suite('torch.distributed', { skip, concurrency: 2 }, () => {
  for (const count of [2, 4]) {
    test(`collectives of ${count} processes give each of them the values of all`, async () => {
      const all = await results(nodes(count, 'collectives'));
      const ranks = Array.from({ length: count }, (_, rank) => rank);
      const total = (count * (count + 1)) / 2;
      for (const [rank, result] of all.entries()) {
        const { scattered, ...others } = result as Record<string, unknown>;
        assert.deepEqual(others, {
          sum: [total, total],
          max: [count - 1, count - 1],
          weight: [count + 9, count + 9],
          gathered: ranks,
          exchanged: ranks.flatMap((from) => [0, 1].map((i) => 100 * from + 2 * rank + i)),
          large: [count, count, true, true],
        });
        if (Array.isArray(scattered)) assert.deepEqual(scattered, [rank * count + 10 * (total - count)]);
        else assert.match(String(scattered), /reduceScatter\(\) on rank \d of \d: .*does not support reduce_scatter/);
      }
    });
  }

  test('processes in Node and in Python reduce in one group', async (t) => {
    if (!hasPythonGloo()) return t.skip(`no torch with Gloo in ${python}`);
    const program = [
      'import json, torch, torch.distributed as d',
      'd.init_process_group("gloo")',
      'x = torch.full((3,), d.get_rank() + 1.0)',
      'd.all_reduce(x)',
      'print(json.dumps(x.tolist()))',
      'd.destroy_process_group()',
    ].join('\n');
    const all = await results([...nodes(1, 'sum'), [python, '-c', program]]);
    assert.deepEqual(all, [
      [3, 3, 3],
      [3, 3, 3],
    ]);
  });

  test("DistributedDataParallel has the weights and statistics of Python's after the same steps", async (t) => {
    if (!hasPythonGloo()) return t.skip(`no torch with Gloo in ${python}`);
    const program = [
      'import json, torch, torch.distributed as d',
      'd.init_process_group("gloo")',
      'r, nn = d.get_rank(), torch.nn',
      'net = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 2))',
      'wave = lambda n, start: (torch.arange(n, dtype=torch.float32) + start).sin()',
      'with torch.no_grad():',
      '    for i, p in enumerate(net.parameters()): p.copy_(wave(p.numel(), i).view(p.shape) + 5 * r)',
      'model = nn.parallel.DistributedDataParallel(net)',
      'optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)',
      'learn = lambda batch: model(wave(32, 10 * batch + 100 * r).view(8, 4)).square().mean().backward()',
      'for step in range(3):',
      '    optimizer.zero_grad()',
      '    if step == 1:',
      '        with model.no_sync(): learn(7)',
      '    learn(step)',
      '    optimizer.step()',
      'print(json.dumps({name: t.flatten().tolist() for name, t in net.state_dict().items()}))',
      'd.destroy_process_group()',
    ].join('\n');
    const [ours, theirs] = await Promise.all([
      results(nodes(2, 'data parallel')),
      results([0, 1].map(() => [python, '-c', program])),
    ]);
    for (const rank of [0, 1]) {
      const [own, expected] = [ours, theirs].map((all) => all[rank] as Record<string, number[]>);
      assert.deepEqual(Object.keys(own!), Object.keys(expected!));
      for (const [name, values] of Object.entries(expected!))
        values.forEach((value, i) => {
          assert.ok(
            Math.abs(own![name]![i]! - value) < 1e-5,
            `rank ${rank}, ${name}[${i}]: ${own![name]![i]}, expected ${value}`,
          );
        });
    }
    assert.deepEqual(weightsOf(ours[0]), weightsOf(ours[1]));
  });

  test('DistributedDataParallel refuses modules with other parameters, in every process', async () => {
    for (const message of await results(nodes(2, 'other modules')))
      assert.match(
        String(message),
        /^DistributedDataParallel\(\): the processes have modules with other parameters, here 2 of \d+ numbers/,
      );
  });

  test('synchronised batch norm of 3 processes has the values and gradients of one batch norm of all images', async () => {
    for (const result of await results(nodes(3, 'sync'))) {
      const { differences, own } = result as { differences: [string, number][]; own: number };
      assert.equal(differences.length, 6);
      for (const [name, difference] of differences) assert.ok(difference < 1e-9, `${name}: ${difference}`);
      assert.ok(own > 1e-3, 'the statistics of one process are not those of all');
    }
  });

  test('gradients travel during the backward pass, in buckets, with zeros where there is none', async () => {
    const all = (await results(nodes(2, 'during backward'))) as number[][][][][][];
    const row = (rank: number, times: number): number[][] => [
      [0, 1, 2, 3, 4].map((i) => times * i * (1 + rank)).concat(times), // the last parameter, and its count
      [...Array(3).fill(times * (10 + rank)), 0, 0, times, 0, 0], // the first one, one without a gradient, counts, filling
    ];
    for (const [rank, passes] of all.entries())
      for (const [pass, buckets] of passes.entries())
        for (const [b, received] of buckets.entries())
          for (const sender of [0, 1]) {
            const sent = row(sender, pass + 1)[b]!;
            const half = sent.length / 2;
            const expected = [Array(half).fill(7), sent.slice(rank * half, (rank + 1) * half)];
            assert.deepEqual(received[sender], expected, `pass ${pass}, bucket ${b}, from ${sender} to ${rank}`);
          }
    assert.equal(all.flat(2).length, 8);
  });

  test('a roll call gives each process the answers of all', async () => {
    const roll = { answers: ['rank 0', 'rank 1', 'rank 2'], reached: true };
    assert.deepEqual(await results(nodes(3, 'roll')), [roll, roll, roll]);
  });

  test('a process that exits ends the wait of the others long before the timeout', async () => {
    const { ended } = await startGroup(nodes(2, 'exits'));
    const [first, second] = await Promise.all(ended);
    assert.equal(second?.code, 7);
    const { code, message, seconds, roll } = JSON.parse(String(first?.stdout)) as {
      code: string;
      message: string;
      seconds: number;
      roll: unknown;
    };
    assert.equal(code, 'DISTRIBUTED');
    assert.deepEqual(roll, { answers: ['lost', null], reached: true });
    assert.match(
      message,
      /^allReduce\(\) on rank 0 of 2: another rank has left the group: it ended or its connection broke\. /,
    );
    assert.ok(seconds < 40, `${seconds} s of a timeout of 60`);
  });

  test('a process that hangs ends the wait of the others at the timeout', async () => {
    const { processes, ended } = await startGroup(nodes(2, 'hangs', '6'));
    const first = await ended[0];
    processes[1]?.kill();
    const { code, message, seconds } = JSON.parse(String(first?.stdout)) as {
      code: string;
      message: string;
      seconds: number;
    };
    assert.equal(code, 'DISTRIBUTED');
    assert.match(message, /^allReduce\(\) on rank 0 of 2: another rank did not take part within 6 s: /);
    assert.ok(seconds > 5 && seconds < 40, `${seconds} s`);
  });

  test('Ctrl-C ends a process that waits for others', async () => {
    const { processes, ended } = await startGroup([...nodes(1, 'sum'), [process.execPath, '-e', '']]);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    processes[0]?.kill('SIGINT');
    assert.equal((await ended[0])?.code, null);
  });
});

suite('initProcessGroup()', { skip }, () => {
  const failsWith = (options: object, message: RegExp): Promise<void> =>
    assert.rejects(distributed.initProcessGroup(options), { name: 'TorchError', code: 'DISTRIBUTED', message });

  test('of one process makes a group that reduces, by a file', async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'torch-group-'));
    try {
      await distributed.initProcessGroup({ initMethod: `file://${folder}/store`, rank: 0, worldSize: 1, timeout: 20 });
      assert.deepEqual([distributed.getRank(), distributed.getWorldSize(), distributed.getBackend()], [0, 1, 'gloo']);
      const values = torch.ones([2, 2]);
      distributed.allReduce(values);
      assert.deepEqual(values.toArray(), [
        [1, 1],
        [1, 1],
      ]);
      await failsWith({}, /is in a group already/);
      assert.throws(() => distributed.allReduce(torch.ones([2, 3]).t()), {
        code: 'ARGUMENT',
        message: /must be contiguous/,
      });
      assert.throws(() => distributed.allGather([], values), { code: 'ARGUMENT', message: /an array of 1 tensors/ });
      assert.throws(() => distributed.broadcast(values, { src: 1 }), {
        code: 'ARGUMENT',
        message: /a rank from 0 to 0/,
      });
      assert.throws(() => distributed.allReduce(values, { op: 'mean' as 'sum' }), {
        code: 'ARGUMENT',
        message: /"sum"/,
      });
      distributed.destroyProcessGroup();
      assert.equal(distributed.isInitialized(), false);
      assert.throws(() => distributed.allReduce(values), { code: 'DISTRIBUTED', message: /there is no process group/ });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('names what is wrong with the address', async () => {
    await failsWith({ initMethod: 'file:///no/such/folder/store', rank: 0, worldSize: 2 }, /cannot be made/);
    await failsWith(
      { initMethod: 'tcp://no-such-host.invalid:29500', rank: 1, worldSize: 2 },
      /host no-such-host\.invalid .*not known/,
    );
    await failsWith({ initMethod: 'somewhere' }, /initMethod must be "env:\/\/", "tcp:/);
    await assert.rejects(distributed.initProcessGroup({ backend: 'mpi' as 'gloo' }), {
      code: 'ARGUMENT',
      message: /backend must be one of "gloo", "nccl", "cpu:gloo,cuda:nccl", got the string "mpi"/,
    });
    const port = await freePort();
    const start = performance.now();
    await failsWith(
      { initMethod: `tcp://127.0.0.1:${port}`, rank: 1, worldSize: 2, timeout: 1 },
      /no route to rank 0 at 127\.0\.0\.1/,
    );
    assert.ok(performance.now() - start < 60_000); // far less than the usual timeout, also on a busy machine
    await failsWith(
      { initMethod: `tcp://127.0.0.1:${await freePort()}`, rank: 0, worldSize: 3, timeout: 1 },
      /not all of the 3 ranks came to 127\.0\.0\.1:\d+ within 1 s \(missing: rank 1, 2\); start the missing ones/,
    );
    const taken = createServer().listen(0);
    await new Promise((resolve) => taken.once('listening', resolve));
    const initMethod = `tcp://127.0.0.1:${(taken.address() as { port: number }).port}`;
    await failsWith({ initMethod, rank: 0, worldSize: 2, timeout: 1 }, /is taken by another program/);
    taken.close();
  });
});

suite('initProcessGroup() with NCCL', { skip: skip || (torch.cuda.isAvailable() && 'there is a card') }, () => {
  for (const backend of ['nccl', 'cpu:gloo,cuda:nccl'] as const)
    test(`"${backend}" says what is missing, a card or NCCL, and that there is Gloo`, async () => {
      const expected = distributed.isNcclAvailable()
        ? /^initProcessGroup\(\): the backend nccl needs an NVIDIA card, and no CUDA device is visible here; use the backend "gloo"$/
        : /^initProcessGroup\(\): the backend nccl is not in this libtorch: .*(without CUDA|header|compile|load)/;
      const initMethod = `tcp://127.0.0.1:${await freePort()}`;
      await assert.rejects(distributed.initProcessGroup({ backend, initMethod, rank: 0, worldSize: 1 }), {
        code: 'DISTRIBUTED',
        message: expected,
      });
      assert.equal(distributed.isInitialized(), false);
    });

  test('is compiled where libtorch has CUDA and its headers', () => {
    const { cuda, distributed: found } = torch.diagnose();
    assert.deepEqual(found.backends, distributed.isNcclAvailable() ? ['gloo', 'nccl'] : ['gloo']);
    if (!cuda.built) assert.match(String(found.nccl), /without CUDA/);
  });
});

suite('meetingPlace()', () => {
  const env = { RANK: '1', WORLD_SIZE: '4', MASTER_ADDR: 'localhost', MASTER_PORT: '29500' };

  test('reads the variables that torchrun sets', () => {
    const place = { rank: 1, worldSize: 4, host: 'localhost', port: 29500, file: '', serves: false, attempt: '' };
    assert.deepEqual(meetingPlace('env://', {}, env), place);
    assert.deepEqual(meetingPlace('env://', {}, { ...env, RANK: '0' }), { ...place, rank: 0, serves: true });
    const agent = { ...env, RANK: '0', TORCHELASTIC_USE_AGENT_STORE: 'True' };
    assert.deepEqual(meetingPlace('env://', {}, agent), { ...place, rank: 0, attempt: '0' });
    const again = { ...agent, TORCHELASTIC_RESTART_COUNT: '2' };
    assert.equal(meetingPlace('env://', {}, again).attempt, '2');
  });

  const wrong: [change: Record<string, string | undefined>, message: RegExp][] = [
    [{ RANK: undefined }, /the environment variable RANK is not set/],
    [{ WORLD_SIZE: '' }, /the environment variable WORLD_SIZE is not set/],
    [{ MASTER_ADDR: undefined }, /the environment variable MASTER_ADDR is not set/],
    [{ RANK: '-1' }, /RANK must be a whole number, got "-1"/],
    [{ RANK: '4' }, /RANK must be from 0 to WORLD_SIZE - 1, which is 3, got 4/],
    [{ WORLD_SIZE: '0', RANK: '0' }, /WORLD_SIZE must be at least 1/],
    [{ MASTER_PORT: '65536' }, /MASTER_PORT must be a port/],
  ];
  for (const [change, message] of wrong)
    test(`throws ${message.source}`, () => {
      assert.throws(() => meetingPlace('env://', {}, { ...env, ...change }), { code: 'DISTRIBUTED', message });
    });
});
