/**
 * Images per second and processor time of one training in 1 process with 2 threads, 2 with 1, and 4 with 1, in turns, with gradients that
 * travel in one piece or in buckets; the time to exchange the gradients; and how that would scale to more cards.
 *
 *   npm run bench:distributed -- [--rounds 5] [--updates 12]
 */
import { spawn } from 'node:child_process';
import os from 'node:os';
import path from 'node:path';
import * as torch from '@deit-lt/torch';
import { freePort } from '#deit-lt/cli/free-port.js';
import { parseOptions } from '../options.js';
import { median, turns, withRange } from '../rounds.js';
import { efficiencyOf } from './scaling.js';

const { values: options } = parseOptions({
  options: { rounds: { type: 'string', default: '5' }, updates: { type: 'string', default: '12' } },
});

interface Found {
  readonly times: readonly number[];
  readonly cpuSeconds: number;
  readonly exchangeSeconds: number;
  readonly parameters: number;
}

/** Processes and threads of each, and the size of the buckets that travel during the backward pass. */
const settings = {
  '1 × 2 threads': [1, 2],
  '2 × 1': [2, 1],
  '2 × 1, buckets of 1 MB': [2, 1, 1e6],
  '4 × 1': [4, 1],
  '4 × 1, buckets of 1 MB': [4, 1, 1e6],
} as const;
type Setting = keyof typeof settings;

async function runOnce([count, threads, bucketBytes]: readonly [number, number, number?]): Promise<Found[]> {
  const port = await freePort();
  const group = (rank: number): NodeJS.ProcessEnv => ({
    RANK: String(rank),
    WORLD_SIZE: String(count),
    LOCAL_RANK: String(rank),
    MASTER_ADDR: '127.0.0.1',
    MASTER_PORT: String(port),
    GLOO_SOCKET_IFNAME: 'lo',
    ...(bucketBytes !== undefined && { BUCKET_BYTES: String(bucketBytes) }),
  });
  return Promise.all(
    Array.from({ length: count }, (_, rank) =>
      resultOf({ ...process.env, OMP_NUM_THREADS: String(threads), ...(count > 1 && group(rank)) }, port),
    ),
  );
}

/** Runs a subject; the processes of one training share a folder. */
async function resultOf(env: NodeJS.ProcessEnv, id: number): Promise<Found> {
  const folder = path.join(os.tmpdir(), `deit-lt-bench-${process.pid}-${id}`);
  const subject = path.join(import.meta.dirname, 'subject.js');
  const child = spawn(process.execPath, [subject, options.updates, folder], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`a process ended with ${code}`);
  return JSON.parse(text) as Found;
}

const names = Object.keys(settings) as Setting[];
const found = new Map<Setting, Found[][]>(names.map((name) => [name, []]));
console.log(
  `${os.cpus()[0]?.model}, ${os.availableParallelism()} cores, load ${os.loadavg()[0]!.toFixed(1)}, libtorch ${torch.diagnose().libtorch.version}, Node ${process.version}`,
);
for (const name of turns(names, Number(options.rounds))) {
  const all = await runOnce(settings[name]);
  found.get(name)!.push(all);
  console.error(`${name}: ${(1 / all[0]!.times[0]!).toFixed(1)} images/s`); // a round takes a minute
}

console.log('\n| processes | images/s | processor seconds per 1000 images | exchange, ms |\n| --- | --- | --- | --- |');
for (const [name, rounds] of found) {
  const speed = rounds.map(([first]) => 1 / first!.times[0]!);
  const cpu = rounds.map((all) => 1000 * all.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0));
  const exchange = rounds.map(([first]) => 1000 * first!.exchangeSeconds);
  console.log(`| ${name} | ${withRange(speed)} | ${withRange(cpu)} | ${withRange(exchange)} |`);
}
const { parameters } = found.get('2 × 1')![0]![0]!;
console.log(`\n${parameters} parameters, ${(4 * parameters) / 1e6} MB of gradients per shard`);
console.log(
  `load ${os.loadavg()[0]!.toFixed(1)} at the end; median exchange of 4 × 1: ${median(found.get('4 × 1')!.map(([first]) => 1000 * first!.exchangeSeconds)).toFixed(1)} ms`,
);

console.log('\nModel, 22 million parameters (ViT-S), one shard of 0.1 s per process:\n');
console.log('| processes | link | in one piece | in buckets, at best |\n| --- | --- | --- | --- |');
for (const cards of [8, 64])
  for (const [link, linkBytes] of [
    ['100 Gbit/s', 12.5e9],
    ['10 Gbit/s', 1.25e9],
  ] as const) {
    const { flat, overlapped } = efficiencyOf({ parameters: 22e6, stepSeconds: 0.1, linkBytes, cards });
    console.log(`| ${cards} | ${link} | ${(100 * flat).toFixed(0)} % | ${(100 * overlapped).toFixed(0)} % |`);
  }
