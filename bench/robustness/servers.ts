/**
 * Load on the two servers, `deit-lt studio` and `deit-lt demo`, as processes: many clients at once that ask for pages, parts of reports,
 * training images and event streams, send hostile paths and broken requests, read slowly or not at all, and leave early, while a
 * run is written. A server must answer afterwards, without an error 5xx or a crash, and its memory must come back.
 *
 *   npm run robustness:servers -- [--seed 0] [--seconds 20] [--clients 40]
 *
 * Files are in a temporary folder; requests go to this machine only. Exits with 1 on a finding; the same seed draws the same requests.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, readFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RandomStream } from '#deit-lt/random/stream.js';
import { hostileNames } from '#deit-lt-test/helpers/hostile-names.js';
import { startJob, writeTinyJob } from '#deit-lt-test/helpers/killed-training.js';
import { parseOptions } from '../options.js';
import { withScratch } from '../scratch.js';

const { values: options } = parseOptions({
  options: {
    seed: { type: 'string', default: '0' },
    seconds: { type: 'string', default: '20' },
    clients: { type: 'string', default: '40' },
  },
});
const seconds = Number(options.seconds);
const clients = Number(options.clients);

const bin = path.resolve(import.meta.dirname, '../../../packages/deit-lt/bin/deit-lt.mjs');
/** What a server may keep of the load: caches, and memory that Node has not given back yet. */
const mostKeptMib = 200;
/** A request without an answer for so long is a finding. */
const patienceMs = 20_000;

interface Tally {
  requests: number;
  broken: number;
  slow: number;
  statuses: Map<number, number>;
  findings: Set<string>;
}

interface Served {
  readonly process: ChildProcess;
  readonly port: number;
  readonly messages: () => string;
}

/** Starts a command that serves, and waits for its address. */
async function serve(words: readonly string[], folder: string): Promise<Served> {
  const env = { ...process.env, OMP_NUM_THREADS: '1', DEIT_LT_CACHE: path.join(folder, 'cache') };
  const child = spawn(process.execPath, [bin, ...words, '--port', '0'], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let messages = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (messages += text));
  const address = await new Promise<string>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', resolve);
    child.on('exit', () => reject(new Error(`${words.join(' ')} ended: ${messages}`)));
  });
  return { process: child, port: Number(new URL(address.trim()).port), messages: () => messages };
}

/** Resident memory of a process; 0 where the system does not tell. */
function mibOf({ pid }: ChildProcess): number {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

/** Addresses of a server that work. */
type Pages = readonly string[];

const hostilePaths: readonly string[] = [
  ...[
    '/../../../../etc/passwd',
    '/%2e%2e/%2e%2e/etc/passwd',
    '/..%2f..%2fetc/passwd',
    '/%00',
    '/%',
    '/%ff',
    '//etc/passwd',
  ],
  ...[
    '/\\..\\..',
    '/./././',
    '/?',
    '/?run=',
    '/events?x',
    '/index.html/',
    '/assets',
    '/assets/',
    '/.git/config',
    '/config.json',
  ],
  ...[
    '/parts',
    '/parts?run=..',
    '/parts?run=/etc',
    '/parts?run=%00',
    '/parts?run=run&run=nowhere',
    '/images',
    '/images?run=..',
  ],
  ...[
    '/images?run=run&draw=-1',
    '/images?run=run&draw=1e99',
    '/images?run=run&draw=x',
    '/model.onnx/..',
    '/constructor',
  ],
  ...[
    '/__proto__',
    '/toString',
    `/${'a'.repeat(4000)}`,
    `/?${'run=run&'.repeat(800)}`,
    `/parts?${'run=run&'.repeat(300)}`,
  ],
  ...hostileNames.map((name) => `/${encodeURIComponent(name)}`),
];

const brokenRequests: readonly string[] = [
  ...[
    '',
    '\r\n\r\n',
    'GET',
    'GET /\r\n',
    'GET / HTTP/9.9\r\n\r\n',
    'GET  HTTP/1.1\r\n\r\n',
    'FOO / HTTP/1.1\r\nHost: x\r\n\r\n',
  ],
  ...[
    'GET http://x/ HTTP/1.1\r\nHost: localhost\r\n\r\n',
    'GET * HTTP/1.1\r\nHost: localhost\r\n\r\n',
    'GET / HTTP/1.1\r\n\r\n',
  ],
  ...['CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n', 'GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n'],
  ...[
    'POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  ],
  ...[
    `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'y'.repeat(100_000)}\r\n\r\n`,
    'GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n',
  ],
  ...['GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n', '\0'.repeat(5000)],
  ...[
    'GET / HTTP/1.1\r\nHost: localhost\r\nRange: bytes=5-1\r\n\r\n',
    'GET / HTTP/1.0\r\nHost: localhost\r\nExpect: 100-continue\r\n\r\n',
  ],
];

/** A client that asks until `until`. */
async function client(port: number, pages: Pages, random: RandomStream, until: number, tally: Tally): Promise<void> {
  const one = <T>(from: readonly T[]): T => from[random.int(from.length)]!;
  while (Date.now() < until) {
    const kind = random.random();
    if (kind < 0.5) await ask(port, 'GET', one(pages), tally, random.chance(0.15));
    else if (kind < 0.7) await ask(port, one(['GET', 'HEAD']), one(hostilePaths), tally, false);
    else if (kind < 0.8)
      await ask(
        port,
        one(['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']),
        one(pages),
        tally,
        false,
        'x'.repeat(1 << random.int(20)),
      );
    else if (kind < 0.93) await sendRaw(port, one(brokenRequests), tally);
    else await readSlowly(port, one(pages), 200 + random.int(1500), tally);
  }
}

/** One request; with `leaves` the client closes as soon as it has the headers. */
function ask(
  port: number,
  method: string,
  address: string,
  tally: Tally,
  leaves: boolean,
  body?: string,
): Promise<void> {
  tally.requests++;
  return new Promise((resolve) => {
    const late = setTimeout(() => {
      tally.findings.add(`no answer in ${patienceMs / 1000} s: ${method} ${address.slice(0, 80)}`);
      request.destroy();
    }, patienceMs);
    const done = (): void => {
      clearTimeout(late);
      resolve();
    };
    const request = http.request({ port, method, path: address, host: '127.0.0.1', agent: false }, (response) => {
      const { statusCode = 0 } = response;
      tally.statuses.set(statusCode, (tally.statuses.get(statusCode) ?? 0) + 1);
      if (statusCode >= 500) tally.findings.add(`status ${statusCode}: ${method} ${address.slice(0, 80)}`);
      if (leaves || address.startsWith('/events')) setTimeout(() => request.destroy(), leaves ? 0 : 500);
      response.resume().on('close', done).on('error', done);
    });
    request.on('error', done); // such as the server's answer to a body that it does not want
    request.end(body);
  });
}

/** Bytes that are no request, or one that is not wanted; the server may answer or close. */
function sendRaw(port: number, text: string, tally: Tally): Promise<void> {
  tally.broken++;
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(Buffer.from(text, 'latin1')));
    socket.on('data', (bytes) => {
      const status = /^HTTP\/1\.1 (\d+)/.exec(bytes.toString('latin1'))?.[1];
      if (Number(status ?? 0) >= 500) tally.findings.add(`status ${status} to ${JSON.stringify(text.slice(0, 80))}`);
      socket.end();
    });
    socket.on('error', () => {}).on('close', () => resolve());
    setTimeout(() => socket.destroy(), 400);
  });
}

/** Takes a few bytes now and then, or, of an event stream, none. */
function readSlowly(port: number, address: string, ms: number, tally: Tally): Promise<void> {
  tally.slow++;
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () =>
      socket.write(`GET ${address} HTTP/1.1\r\nHost: localhost\r\n\r\n`),
    );
    socket
      .pause()
      .on('error', () => {})
      .on('close', () => resolve());
    const sips = setInterval(() => socket.read(10), 100);
    setTimeout(() => {
      clearInterval(sips);
      socket.destroy();
    }, ms);
  });
}

/** Loads one server; returns whether there was a finding. */
async function campaign(name: string, served: Served, pages: Pages, meanwhile: () => void): Promise<boolean> {
  const tally: Tally = { requests: 0, broken: 0, slow: 0, statuses: new Map(), findings: new Set() };
  const { process: child, port } = served;
  for (const page of pages) await ask(port, 'GET', page, tally, false); // caches are full before memory is measured
  await sleep(1000);
  const before = mibOf(child);
  const until = Date.now() + seconds * 1000;
  const writing = setInterval(meanwhile, 200);
  let most = before;
  const watching = setInterval(() => {
    most = Math.max(most, mibOf(child));
  }, 200);
  const random = (i: number): RandomStream => new RandomStream(Number(options.seed), i, 0x6c6f6164);
  await Promise.all(Array.from({ length: clients }, (_, i) => client(port, pages, random(i), until, tally)));
  clearInterval(writing);
  clearInterval(watching);
  await sleep(5000);
  const after = mibOf(child);
  const again: Tally = { ...tally, statuses: new Map() };
  await ask(port, 'GET', '/', again, false);
  if (again.statuses.get(200) !== 1) tally.findings.add('does not answer after the load');
  if (child.exitCode !== null || child.signalCode !== null)
    tally.findings.add(`ended with ${child.signalCode ?? child.exitCode}`);
  if (after > before + mostKeptMib) tally.findings.add(`keeps ${(after - before).toFixed(0)} MiB of memory`);
  if (/^\s+at .*:\d+|internal:|Error/m.test(served.messages()))
    tally.findings.add(`messages: ${served.messages().slice(-1500)}`);
  child.kill('SIGTERM');
  const statuses = [...tally.statuses].sort(([a], [b]) => a - b).map(([status, times]) => `${status}: ${times}`);
  const figures = [
    tally.requests,
    tally.broken,
    tally.slow,
    statuses.join(', '),
    ...[before, most, after].map((mib) => mib.toFixed(0)),
  ];
  console.log(`| ${name} | ${figures.join(' | ')} | ${tally.findings.size} |`);
  for (const finding of tally.findings) console.log(`  seed ${options.seed}, ${name}: ${finding}`);
  return tally.findings.size > 0;
}

await withScratch('deit-lt-servers', async (folder) => {
  await writeTinyJob(folder);
  const out = path.join(folder, 'runs', 'run');
  const { status, stderr } = await startJob({ command: 'vit', job: folder, out, resume: false });
  if (status !== 0) throw new Error(stderr);
  const metrics = path.join(out, 'metrics.jsonl');
  const line = readFileSync(metrics, 'utf8').split('\n')[0]!;
  console.log(
    `Node ${process.version}, ${os.cpus()[0]?.model}, seed ${options.seed}, ${clients} clients for ${seconds} s\n`,
  );
  console.log(
    '| server | requests | broken requests | slow clients | answers | MiB before | most | after | findings |',
  );
  console.log('| --- | --- | --- | --- | --- | --- | --- | --- | --- |');
  const studio = await serve(['studio', 'runs'], folder);
  const studioPages = [
    '/',
    '/',
    '/parts?run=run',
    '/parts?run=run',
    '/images?run=run',
    '/images?run=run&draw=3',
    '/events',
    '/events',
  ];
  const demo = await serve(['demo', out], folder);
  const demoPages = ['/', '/', '/model.onnx', '/model.onnx', '/model.json', '/model.json?x'];
  const found = [
    await campaign('studio', studio, studioPages, () => appendFileSync(metrics, `${line}\n`)),
    await campaign('demo', demo, demoPages, () => {}),
  ];
  if (found.includes(true)) process.exitCode = 1;
});
