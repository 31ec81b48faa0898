/**
 * Streams and captured graphs: on a card, on the fake device (fake-cuda/, where libtorch is 1.13 without CUDA), and the errors where there is
 * neither.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { suite, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import * as torch from '../src/index.js';

const hasCard = torch.cuda.isAvailable();
const isFake = hasCard && process.env.FAKE_CUDA !== undefined;
const onCard = { skip: !hasCard && 'there is no card' };
const onFake = { skip: !isFake && 'not the fake device' };
const on = (values: readonly number[]): torch.Tensor => torch.tensor(values, { device: 'cuda' });

suite('cuda.graph()', onCard, () => {
  test('a replay computes with the values of then, and a capture with none', () => {
    const [input, sum] = [on([1, 2]), on([0, 0])];
    const graph = new torch.cuda.CUDAGraph();
    const output = torch.cuda.graph(graph, () => {
      sum.add_(input);
      return torch.keep(input.mul(2));
    });
    assert.deepEqual(sum.toArray(), [0, 0]);
    for (const values of [
      [1, 2],
      [3, 5],
    ]) {
      input.copy_(torch.tensor(values));
      graph.replay();
      assert.deepEqual(
        output.toArray(),
        values.map((value) => 2 * value),
      );
    }
    assert.deepEqual(sum.toArray(), [4, 7]);
  });

  test('a replay draws the random numbers that would come next', () => {
    const draw = (): torch.Tensor => torch.empty([4], { device: 'cuda' }).uniform_();
    torch.manualSeed(3);
    const expected = [draw(), draw()].map((values) => values.toArray());
    const graph = new torch.cuda.CUDAGraph();
    const values = torch.cuda.graph(graph, draw);
    torch.manualSeed(3);
    const actual = [0, 1].map(() => {
      graph.replay();
      return values.toArray();
    });
    assert.deepEqual(actual, expected);
  });

  test('captures forward and backward passes', () => {
    torch.manualSeed(4);
    const layers = new torch.nn.Sequential(new torch.nn.Linear(6, 8), new torch.nn.GELU(), new torch.nn.Linear(8, 3));
    layers.to('cuda');
    const parameters = layers.parameters();
    const labels = torch.tensor([0, 2, 1, 1], { dtype: 'int64' }).to('cuda');
    const batches = [0, 1].map(() => torch.randn([4, 6]).to('cuda'));
    const pass = (xs: torch.Tensor): void =>
      torch.tidy(() => torch.nn.functional.crossEntropy(layers.call(xs), labels).backward());
    const gradients = (): unknown[] => parameters.map(({ grad }) => grad!.toArray());
    const expected = batches.map((xs) => {
      for (const parameter of parameters) parameter.grad = null;
      pass(xs);
      return gradients();
    });
    for (const parameter of parameters) parameter.grad = null;
    const fixed = batches[0]!.clone();
    const graph = new torch.cuda.CUDAGraph();
    torch.cuda.graph(graph, () => pass(fixed));
    for (const [i, xs] of batches.entries()) {
      fixed.copy_(xs);
      graph.replay();
      assert.deepEqual(gradients(), expected[i]);
    }
  });

  test('graphs can share memory, and be captured again after reset()', () => {
    const input = on([1, 2, 3]);
    const [first, second] = [new torch.cuda.CUDAGraph(), new torch.cuda.CUDAGraph()];
    torch.cuda.graph(first, () => torch.keep(input.add(1)));
    const output = torch.cuda.graph(second, () => torch.keep(input.add(2)), { pool: first.pool() });
    second.replay();
    assert.deepEqual(output.toArray(), [3, 4, 5]);
    first.reset();
    const again = torch.cuda.graph(first, () => torch.keep(input.add(3)));
    first.replay();
    assert.deepEqual(again.toArray(), [4, 5, 6]);
  });

  test('does not capture the default stream', () => {
    assert.throws(() => new torch.cuda.CUDAGraph().captureBegin(), /non-default stream/);
  });

  test('refuses reads, copies and other streams in a capture', onFake, () => {
    const input = on([1, 2]);
    const graph = new torch.cuda.CUDAGraph();
    for (const body of [() => input.toArray(), () => on([3]), () => input.sum().toNumber()])
      assert.throws(() => torch.cuda.graph<unknown>(graph, body), /not permitted when stream is capturing/);
    assert.throws(
      () => torch.cuda.graph(graph, () => torch.cuda.stream(new torch.cuda.Stream(), () => input.add(1))),
      /capturing blocking stream/,
    );
    const output = torch.cuda.graph(graph, () => torch.keep(input.add(1)));
    graph.replay();
    assert.deepEqual(output.toArray(), [2, 3]);
  });

  test('the fake device refuses a replay that uses freed memory', onFake, () => {
    const input = on([1, 2]);
    const graph = new torch.cuda.CUDAGraph();
    torch.cuda.graph(graph, () => input.add(1));
    input.dispose();
    assert.throws(() => graph.replay(), /memory that was freed since its capture/);
  });
});

suite('cuda.Stream', onCard, () => {
  test('stream() makes a stream the current one while its body runs', () => {
    const [stream, before] = [new torch.cuda.Stream(), torch.cuda.currentStream()];
    assert.equal(stream.device, 'cuda:0');
    stream.waitStream(before);
    const inside = torch.cuda.stream(stream, () => torch.cuda.currentStream());
    assert.ok(inside.equals(stream) && !inside.equals(before));
    stream.synchronize();
    assert.throws(() =>
      torch.cuda.stream(stream, () => {
        throw new Error('the body');
      }),
    );
    assert.ok(torch.cuda.currentStream().equals(before));
  });
});

suite('without a card', { skip: hasCard && 'there is a card' }, () => {
  for (const [name, call] of [
    ['cuda.CUDAGraph', () => new torch.cuda.CUDAGraph()],
    ['cuda.Stream', () => new torch.cuda.Stream()],
    ['cuda.currentStream', () => torch.cuda.currentStream()],
  ] as const)
    test(`${name} is an error`, () => {
      assert.throws(call, {
        name: 'TorchError',
        code: 'DEVICE',
        message: `${name}: there is no cuda; this process sees 0 CUDA devices`,
      });
    });

  test('the suites above pass on the fake device', async (t) => {
    const folder = path.resolve(import.meta.dirname, '../../test/fake-cuda');
    const { buildFakeCuda } = (await import(pathToFileURL(path.join(folder, 'build.mjs')).href)) as {
      buildFakeCuda: () => Promise<{ file: string } | { reason: string }>;
    };
    const built = await buildFakeCuda();
    if ('reason' in built) return t.skip(built.reason);
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const preload = pathToFileURL(path.join(folder, 'preload.mjs')).href;
    const { status, stdout } = spawnSync(process.execPath, ['--import', preload, import.meta.filename], {
      env: { ...env, FAKE_CUDA: built.file },
      encoding: 'utf8',
    });
    assert.equal(status, 0, stdout);
    assert.match(stdout, /pass 8\n/);
  });
});
