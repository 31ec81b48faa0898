/** `deit-lt serve`: its answers, its bounds, many clients, and how it stops. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { connect } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, suite, type TestContext, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import sharp from 'sharp';
import { DeitLT } from '../src/deit-lt.js';
import type { Opinion } from '../src/evaluation/ranking.js';
import {
  type ClassifyAnswer,
  classifySchema,
  errorSchema,
  healthSchema,
  modelsSchema,
} from '../src/model-server/answer-schema.js';
import { createModel } from '../src/models/index.js';
import { deitLt } from './cli-helpers.js';

torch.setNumThreads(1);
const bin = path.resolve(import.meta.dirname, '../../bin/deit-lt.mjs');
const folder = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-serve-'));
const at = (name: string): string => path.join(folder, name);
const imageCount = 6;
const image = (i: number): Buffer => readFileSync(at(`${i % imageCount}.png`));
const settings = ['--set', 'precision=float32', 'device=cpu'];

function saveModel(file: string, seed: number, numClasses: number): void {
  torch.manualSeed(seed);
  using made = createModel('deit', { numClasses, embedDim: 64, depth: 1 });
  torch.tidy(() => torch.noGrad(() => made.parameters().forEach((each) => void each.mul_(5)))); // answers that differ
  torch.safetensors.save(at(file), made.stateDict());
}

before(async () => {
  saveModel('first.safetensors', 3, 4);
  saveModel('second.safetensors', 4, 3);
  for (let i = 0; i < imageCount; i++) {
    const raw = { width: 40, height: 30 + 7 * i, channels: 3 } as const;
    const pixels = torch.rand([raw.height, 40, 3]).mul(255).to('uint8').toTypedArray<'uint8'>();
    await sharp(pixels, { raw }).toFile(at(`${i}.png`));
  }
});
after(() => rmSync(folder, { recursive: true }));

interface Served {
  readonly url: string;
  readonly child: ChildProcess;
  /** What it printed on the standard error. */
  notes(): string;
}

/** Starts the command and waits for its address. */
async function serve(words: readonly string[], t?: TestContext): Promise<Served> {
  const env = { ...process.env, OMP_NUM_THREADS: '1', npm_command: undefined };
  const args = [bin, 'serve', ...words, '--port', '0', ...settings];
  const child = spawn(process.execPath, args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  t?.after(() => child.kill('SIGKILL'));
  let notes = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    notes += text;
  });
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  const { value: url } = await lines.next();
  assert.match(String(url), /^http:/, notes);
  return { url, child, notes: () => notes };
}

const post = (url: string, body: Uint8Array | FormData | string, headers: Record<string, string> = {}) =>
  fetch(`${url}v1/classify`, { method: 'POST', body, headers: { connection: 'close', ...headers } });

async function classified(response: Response): Promise<ClassifyAnswer> {
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return classifySchema.parse(JSON.parse(text));
}

async function refusedWith(response: Response, status: number, code: string): Promise<string> {
  const text = await response.text();
  assert.equal(response.status, status, text);
  const { error } = errorSchema.parse(JSON.parse(text));
  assert.equal(error.code, code);
  assert.doesNotMatch(text, /node_modules|\bat .*:\d+|\/tmp\//);
  return error.message;
}

function assertAlike(found: unknown, wanted: Opinion): void {
  const { top, cls, dist } = found as Opinion;
  for (const [a, b] of [
    [top, wanted.top],
    [cls!, wanted.cls!],
    [dist!, wanted.dist!],
  ] as const)
    for (const [i, { class: name, probability }] of b.entries()) {
      assert.equal(a[i]!.class, name);
      assert.ok(Math.abs(a[i]!.probability - probability) < 1e-5);
    }
}

suite('deit-lt serve', () => {
  let shared: Served | undefined;
  before(async () => {
    shared = await serve(['first.safetensors', 'other=second.safetensors']);
  });
  after(() => shared?.child.kill('SIGKILL'));

  test('gives the predictions of classify(), for bodies and forms, of the model that is named', async () => {
    const { url } = shared!;
    using first = await DeitLT.load(at('first.safetensors'), { settings: settings.slice(1) });
    using second = await DeitLT.load(at('second.safetensors'), { settings: settings.slice(1) });
    const body = new Uint8Array(image(0));
    const one = await classified(await fetch(`${url}v1/classify?model=first&top=4`, { method: 'POST', body }));
    assert.equal(one.model, 'first');
    assertAlike(one.predictions[0], await first.classify(image(0), { top: 4 }));

    const form = new FormData();
    for (let i = 0; i < imageCount; i++) form.append('image', new File([new Uint8Array(image(i))], `photo ${i}.png`));
    form.append('model', 'other');
    form.append('top', '2');
    const { model, predictions } = await classified(await post(url, form));
    assert.equal(model, 'other');
    for (const [i, each] of predictions.entries()) {
      assert.equal(each.name, `photo ${i}.png`);
      assertAlike(each, await second.classify(image(i), { top: 2 }));
    }
    const { models } = modelsSchema.parse(await (await fetch(`${url}v1/models`)).json());
    assert.deepEqual(
      models.map(({ name, classes, imageSize }) => [name, classes.length, imageSize]),
      [
        ['first', 4, 32],
        ['other', 3, 32],
      ],
    );
  });

  test('has a page, a description of its routes, and answers for probes', async () => {
    const { url } = shared!;
    const page = await fetch(url);
    assert.match(await page.text(), /<title>deit-lt serve<\/title>/);
    assert.match(page.headers.get('content-security-policy')!, /script-src 'self'/);
    assert.match(await (await fetch(`${url}page.js`)).text(), /v1\/classify/);
    const health = healthSchema.parse(await (await fetch(`${url}healthz`)).json());
    assert.deepEqual([health.status, health.models], ['ok', ['first', 'other']]);
    const { openapi, paths } = (await (await fetch(`${url}openapi.json`)).json()) as { openapi: string; paths: object };
    assert.equal(openapi, '3.1.0');
    const { responses } = (paths as Record<string, { post: { responses: object } }>)['/v1/classify']!.post;
    assert.deepEqual(Object.keys(responses).join(' '), '200 400 403 404 405 413 415 422 429 500 502 503');
    for (const [place, operations] of Object.entries(paths))
      for (const method of Object.keys(operations))
        assert.equal(
          await statusOf(url, place, {}, undefined, method.toUpperCase()),
          method === 'post' ? 400 : 200,
          place,
        );
  });

  test('answers probes of HTTP/1.0 without a host, and what is not HTTP, in JSON', async () => {
    const { url } = shared!;
    for (const place of ['/healthz', '/metrics'])
      assert.match(await raw(url, `GET ${place} HTTP/1.0\r\n\r\n`), /^HTTP\/1\.1 200 /, place);
    for (const place of ['/', '/v1/models', '/healthz/../v1/models'])
      assert.match(await raw(url, `GET ${place} HTTP/1.0\r\n\r\n`), /^HTTP\/1\.1 403 /, place);
    assert.match(await raw(url, 'GET /healthz HTTP/1.0\r\nHost: evil.example\r\n\r\n'), /^HTTP\/1\.1 403 /);
    for (const [text, status] of [
      ['no http\r\n\r\n', 400],
      [`GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
    ] as const) {
      const [head, body] = (await raw(url, text)).split('\r\n\r\n');
      assert.match(head!, new RegExp(`^HTTP/1\\.1 ${status} [\\s\\S]*Content-Type: application/json`));
      assert.match(errorSchema.parse(JSON.parse(body!)).error.message, /^The .*\.$/);
    }
  });

  test('refuses what it cannot do, in a JSON sentence', async (t) => {
    const { url } = await serve(
      ['first.safetensors', '--max-bytes', '20000', '--max-pixels', '1500', '--queue', '4'],
      t,
    );
    const bad = Buffer.from('no image');
    assert.match(
      await refusedWith(await post(url, bad), 422, 'BAD_IMAGE'),
      /not an image in a format that can be read/,
    );
    const cut = image(0).subarray(0, 900);
    assert.match(await refusedWith(await post(url, cut), 422, 'BAD_IMAGE'), /cut off or damaged/);
    await refusedWith(await post(url, new Uint8Array(0)), 400, 'BAD_REQUEST');
    await refusedWith(await post(url, Buffer.alloc(20_001)), 413, 'TOO_LARGE');
    const wide = await sharp({ create: { width: 50, height: 31, channels: 3, background: 'red' } })
      .png()
      .toBuffer();
    assert.match(await refusedWith(await post(url, wide), 413, 'TOO_LARGE'), /50 × 31 pixels; at most 1500/);
    await refusedWith(await post(url, image(0), { 'content-type': 'text/html' }), 415, 'UNSUPPORTED_TYPE');
    const json = { 'content-type': 'application/json' };
    await refusedWith(await post(url, '{"url": "http://127.0.0.1/"}', json), 403, 'FORBIDDEN');
    await refusedWith(await post(url, '{"urls": 1}', json), 400, 'BAD_REQUEST');
    await refusedWith(
      await fetch(`${url}v1/classify?top=0`, { method: 'POST', body: new Uint8Array(image(0)) }),
      400,
      'BAD_REQUEST',
    );
    await refusedWith(
      await fetch(`${url}v1/classify?model=x`, { method: 'POST', body: new Uint8Array(image(0)) }),
      404,
      'NOT_FOUND',
    );
    await refusedWith(await fetch(`${url}v1/classify`), 405, 'METHOD_NOT_ALLOWED');
    await refusedWith(await fetch(`${url}nothing`), 404, 'NOT_FOUND');
    await refusedWith(await post(url, image(0), { 'sec-fetch-site': 'cross-site' }), 403, 'FORBIDDEN');
    const form = (count: number): FormData => {
      const files = new FormData();
      for (let i = 0; i < count; i++)
        files.append('image', new File([i === 1 ? bad : new Uint8Array(image(0))], `${i}`));
      return files;
    };
    await refusedWith(await post(url, form(5)), 413, 'TOO_LARGE');
    const { predictions } = await classified(await post(url, form(3)));
    assert.deepEqual(
      predictions.map((each) => 'error' in each),
      [false, true, false],
    );
    assert.equal(await statusOf(url, '/../../etc/passwd', {}), 404);
    assert.equal(await statusOf(url, '/healthz', { host: 'evil.example' }), 403);
    const metrics = await (await fetch(`${url}metrics`)).text();
    assert.match(metrics, /deit_lt_requests_total\{status="413"\} 3/);
    assert.match(metrics, /deit_lt_images_total\{model="first",result="classified"\} 2/);
    assert.match(metrics, /deit_lt_queue_images 0/);
    assert.match(metrics, /deit_lt_held_bytes 0/);
  });

  test('answers 100 clients at once: each gets its own prediction, or 429 and a time to try again', async (t) => {
    const { url } = await serve(['first.safetensors', '--queue', '24', '--max-batch', '8'], t);
    using model = await DeitLT.load(at('first.safetensors'), { settings: settings.slice(1) });
    const wanted: Opinion[] = [];
    for (let i = 0; i < imageCount; i++) wanted.push(await model.classify(image(i)));
    let refusals = 0;
    const client = async (i: number): Promise<void> => {
      for (let attempt = 0; attempt < 5000; attempt++) {
        const response = await post(url, image(i));
        if (response.status !== 429) {
          const { predictions } = await classified(response);
          return assertAlike(predictions[0], wanted[i % imageCount]!);
        }
        refusals++;
        assert.match(response.headers.get('retry-after') ?? '', /^[1-9]\d*$/);
        await refusedWith(response, 429, 'QUEUE_FULL');
        await new Promise((resolve) => setTimeout(resolve, 20 + (i % 10)));
      }
      assert.fail(`client ${i} was never answered`);
    };
    await Promise.all(Array.from({ length: 100 }, (_, i) => client(i)));
    assert.ok(refusals > 0, 'the queue was never full');
    const metrics = await (await fetch(`${url}metrics`)).text();
    assert.match(metrics, /deit_lt_images_total\{model="first",result="classified"\} 100/);
    const [, batches] = /deit_lt_batch_images_count\{model="first"\} (\d+)/.exec(metrics)!;
    assert.ok(Number(batches) < 100, `${batches} batches`);
  });

  test('finishes what it accepted when it is stopped, and takes nothing more', async (t) => {
    const { url, child, notes } = await serve(['first.safetensors'], t);
    const { hostname, port } = new URL(url);
    const body = image(1);
    const slow = connect(Number(port), hostname);
    slow.write(
      `POST /v1/classify HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`,
    );
    slow.write(body.subarray(0, 100));
    const kept = new http.Agent({ keepAlive: true, maxSockets: 1 });
    assert.equal(await statusOf(url, '/healthz', {}, kept), 200);
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await until(() => notes().includes('accepted request'), notes);
    await assert.rejects(fetch(`${url}healthz`, { headers: { connection: 'close' } }));
    let answer = '';
    slow.setEncoding('utf8').on('data', (text: string) => {
      answer += text;
    });
    const closed = once(slow, 'close');
    slow.write(body.subarray(100));
    await closed;
    assert.match(answer, /^HTTP\/1\.1 200[\s\S]*"predictions":\[\{"top":/);
    assert.deepEqual(await ended, [0, null]);
    kept.destroy();
  });

  test('refuses what is not a model in one line', () => {
    writeFileSync(at('empty.safetensors'), '');
    const { status, stderr } = deitLt(['serve', 'empty.safetensors', '--port', '0'], { cwd: folder });
    assert.deepEqual([status, /^deit-lt: empty\.safetensors .*\n$/.test(stderr)], [1, true], stderr);
    const missing = deitLt(['serve', 'nope', '--port', '0'], { cwd: folder });
    assert.equal(missing.status, 1);
    assert.match(
      missing.stderr,
      /^deit-lt: nope does not exist; expected a run folder, a checkpoint .* \(\.onnx\)\.\n$/,
    );
  });
});

/** All that comes back for `text`, as it is. */
async function raw(url: string, text: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let answer = '';
  socket.setEncoding('utf8').on('data', (piece: string) => {
    answer += piece;
  });
  socket.write(text);
  await once(socket, 'close');
  return answer;
}

/** The path as it is: `fetch` would take out the dots. */
function statusOf(
  url: string,
  place: string,
  headers: Record<string, string>,
  agent?: http.Agent,
  method = 'GET',
): Promise<number | undefined> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    http
      .request({ hostname, port, path: place, headers, method, ...(agent && { agent }) }, (response) => {
        response.resume().on('end', () => resolve(response.statusCode));
      })
      .on('error', reject)
      .end();
  });
}

async function until(is: () => boolean, notes: () => string): Promise<void> {
  for (let waited = 0; !is(); waited += 20) {
    assert.ok(waited < 60_000, notes());
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
